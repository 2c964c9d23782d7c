//! From a body and its attributes to a payload, and the errors on the way.

use std::fmt;

use super::{Codec, CodecError, Json, Message};

/// What a payload is decoded from: the body, and what the attributes say about it.
///
/// ```
/// use sqs_worker::message::{Incoming, Json};
/// # #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
/// # struct Ping { n: u32 }
/// # impl sqs_worker::Message for Ping { const NAME: &'static str = "ping"; }
///
/// let incoming = Incoming::new("orders", r#"{"n": 1}"#).name("ping");
/// let ping: Ping = incoming.decode_with(&Json)?;
/// assert_eq!(ping, Ping { n: 1 });
/// # Ok::<(), sqs_worker::message::DecodeError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Incoming<'a> {
    queue: &'a str,
    body: &'a str,
    name: Option<&'a str>,
    version: Option<u32>,
    content_type: Option<&'a str>,
}

impl<'a> Incoming<'a> {
    /// A body received from this queue, with no attributes.
    pub fn new(queue: &'a str, body: &'a str) -> Self {
        Self {
            queue,
            body,
            name: None,
            version: None,
            content_type: None,
        }
    }

    /// Sets the wire name.
    #[must_use]
    pub fn name(mut self, name: impl Into<Option<&'a str>>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets the version of the payload's shape.
    #[must_use]
    pub fn version(mut self, version: impl Into<Option<u32>>) -> Self {
        self.version = version.into();
        self
    }

    /// Sets the media type of the body.
    #[must_use]
    pub fn content_type(mut self, content_type: impl Into<Option<&'a str>>) -> Self {
        self.content_type = content_type.into();
        self
    }

    /// The queue it came from.
    pub fn queue(&self) -> &'a str {
        self.queue
    }

    /// The body, as received.
    pub fn body(&self) -> &'a str {
        self.body
    }

    /// The wire name, when the sender gave one.
    pub fn sent_name(&self) -> Option<&'a str> {
        self.name
    }

    /// The version, when the sender gave one.
    pub fn sent_version(&self) -> Option<u32> {
        self.version
    }

    /// The media type, when the sender gave one.
    pub fn sent_content_type(&self) -> Option<&'a str> {
        self.content_type
    }

    /// Reads the body with this codec, or as JSON when the content type says that it is JSON.
    ///
    /// A message without a content type is taken to be in the codec's own format.
    ///
    /// # Errors
    ///
    /// When the content type is neither, or the body is not an `M`.
    pub fn decode_with<M: Message, C: Codec>(&self, codec: &C) -> Result<M, DecodeError> {
        let decoded = match self.content_type {
            None => codec.decode(self.body),
            Some(sent) if same_media_type(sent, C::CONTENT_TYPE) => codec.decode(self.body),
            Some(sent) if same_media_type(sent, Json::CONTENT_TYPE) => Json.decode(self.body),
            Some(sent) => Err(unreadable(sent, C::CONTENT_TYPE)),
        };
        decoded.map_err(|cause| self.error::<M>(cause))
    }

    /// An error about this body, for a [`Message::decode`] written by hand.
    pub fn error<M: Message>(&self, cause: CodecError) -> DecodeError {
        let newer = self
            .version
            .filter(|sent| *sent > M::VERSION)
            .map(|sent| (sent, M::VERSION));
        let message = self.name.unwrap_or(M::NAME).to_owned();
        DecodeError(Box::new(Undecoded {
            message,
            queue: self.queue.to_owned(),
            newer,
            cause,
        }))
    }
}

fn same_media_type(sent: &str, ours: &str) -> bool {
    sent.split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .eq_ignore_ascii_case(ours)
}

fn unreadable(sent: &str, ours: &str) -> CodecError {
    let ours = if ours == Json::CONTENT_TYPE {
        String::new()
    } else {
        format!("`{ours}` or ")
    };
    CodecError::new(format_args!(
        "its content type is `{sent}`, and this type reads {ours}`{}`; name the codec on the type, \
         `#[message(codec = ..)]`, or send another content type",
        Json::CONTENT_TYPE
    ))
}

/// A body that is not the payload its handler asked for.
///
/// A second try would fail the same way, so the message goes to the dead-letter queue at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeError(Box<Undecoded>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Undecoded {
    message: String,
    queue: String,
    newer: Option<(u32, u32)>,
    cause: CodecError,
}

impl DecodeError {
    /// The message's wire name: as sent, or the handler's own when the sender gave none.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The queue it came from.
    pub fn queue(&self) -> &str {
        &self.0.queue
    }

    /// What is wrong and where in the body.
    pub fn cause(&self) -> &CodecError {
        &self.0.cause
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Undecoded {
            message,
            queue,
            newer,
            cause,
        } = &*self.0;
        write!(f, "cannot decode message `{message}` of queue `{queue}`: {cause}")?;
        match newer {
            Some((sent, known)) => {
                write!(
                    f,
                    "; it was sent as version {sent} and this worker knows version {known}"
                )
            }
            None => Ok(()),
        }
    }
}

impl std::error::Error for DecodeError {}

/// A payload that could not be written into a body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot encode message `{message}`: {cause}")]
pub struct EncodeError {
    message: &'static str,
    cause: CodecError,
}

impl EncodeError {
    /// An error about the message of this wire name.
    pub fn new(message: &'static str, cause: CodecError) -> Self {
        Self { message, cause }
    }

    /// The message's wire name.
    pub fn message(&self) -> &str {
        self.message
    }

    /// What is wrong and where in the payload.
    pub fn cause(&self) -> &CodecError {
        &self.cause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Serialize, serde::Deserialize)]
    struct Ping {
        n: u32,
    }

    impl Message for Ping {
        const NAME: &'static str = "ping";
    }

    fn decode(incoming: Incoming<'_>) -> Result<Ping, String> {
        incoming.decode_with(&Json).map_err(|error| error.to_string())
    }

    #[test]
    fn an_error_names_the_queue_the_message_and_the_place() {
        assert_eq!(
            decode(Incoming::new("orders", "{}")).unwrap_err(),
            "cannot decode message `ping` of queue `orders`: missing field `n` (line 1, column 2)"
        );
    }

    #[test]
    fn a_content_type_is_compared_without_case_and_parameters() {
        let incoming = Incoming::new("orders", r#"{"n": 1}"#);
        assert_eq!(
            decode(incoming.content_type("Application/JSON; charset=utf-8"))
                .unwrap()
                .n,
            1
        );
    }

    #[test]
    fn another_content_type_is_refused_and_named() {
        let error = decode(Incoming::new("orders", "").content_type("application/xml")).unwrap_err();
        assert!(
            error.contains("its content type is `application/xml`, and this type reads `application/json`")
        );
    }

    #[test]
    fn a_newer_version_that_fails_is_said_to_be_newer() {
        let error = decode(Incoming::new("orders", "{}").version(3)).unwrap_err();
        assert!(
            error.ends_with("it was sent as version 3 and this worker knows version 1"),
            "{error}"
        );
        let same = decode(Incoming::new("orders", "{}").version(1)).unwrap_err();
        assert!(same.ends_with("(line 1, column 2)"), "{same}");
    }
}
