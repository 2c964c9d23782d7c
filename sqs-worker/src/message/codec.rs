//! Bodies: the trait that writes and reads them, and its error.

use std::fmt;

use serde::{Serialize, de::DeserializeOwned};

/// Writes payloads into message bodies and reads them back.
///
/// A body of SQS is text: a binary format has to be wrapped, usually in base64.
///
/// ```
/// use serde::{Serialize, de::DeserializeOwned};
/// use sqs_worker::message::{Codec, CodecError};
///
/// /// JSON that people read: one field a line.
/// struct PrettyJson;
///
/// impl Codec for PrettyJson {
///     const CONTENT_TYPE: &'static str = "application/json";
///
///     fn encode<T: Serialize + ?Sized>(&self, value: &T) -> Result<String, CodecError> {
///         serde_json::to_string_pretty(value).map_err(CodecError::new)
///     }
///
///     fn decode<T: DeserializeOwned>(&self, body: &str) -> Result<T, CodecError> {
///         serde_json::from_str(body).map_err(CodecError::new)
///     }
/// }
///
/// assert_eq!(PrettyJson.encode(&[1]).unwrap(), "[\n  1\n]");
/// ```
pub trait Codec: Send + Sync + 'static {
    /// The media type of the bodies it writes, for example `application/json`.
    const CONTENT_TYPE: &'static str;

    /// Writes a body.
    ///
    /// # Errors
    ///
    /// When the value's own `Serialize` fails, or the format has no form for it.
    fn encode<T: Serialize + ?Sized>(&self, value: &T) -> Result<String, CodecError>;

    /// Reads a body.
    ///
    /// # Errors
    ///
    /// When the body is not in this format, or is not a `T`.
    fn decode<T: DeserializeOwned>(&self, body: &str) -> Result<T, CodecError>;
}

/// Why a [`Codec`] could not write or read a body, and where in the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodecError {
    reason: String,
    path: Option<String>,
    position: Option<(usize, usize)>,
}

impl CodecError {
    /// An error with this reason and no place.
    pub fn new(reason: impl fmt::Display) -> Self {
        Self {
            reason: reason.to_string(),
            path: None,
            position: None,
        }
    }

    /// Names the value that is wrong, for example `lines[2].sku`.
    #[must_use]
    pub fn at_path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Names the place in the body, both counted from 1.
    #[must_use]
    pub fn at_position(mut self, line: usize, column: usize) -> Self {
        self.position = Some((line, column));
        self
    }

    /// What is wrong, without the place.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The value that is wrong, for example `lines[2].sku`; `None` when it is the body as a whole.
    pub fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }

    /// Line and column in the body, both counted from 1; `None` when the format has none.
    pub fn position(&self) -> Option<(usize, usize)> {
        self.position
    }
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = &self.path {
            write!(f, "at `{path}`: ")?;
        }
        f.write_str(&self.reason)?;
        if let Some((line, column)) = self.position {
            write!(f, " (line {line}, column {column})")?;
        }
        Ok(())
    }
}

impl std::error::Error for CodecError {}
