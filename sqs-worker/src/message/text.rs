//! Bodies that are one string.

use serde::{Serialize, de::DeserializeOwned};

use super::{Codec, CodecError};

/// The body is the text itself, without quotes: for a message that is one string.
///
/// ```
/// # #[cfg(feature = "macros")] {
/// use serde::{Deserialize, Serialize};
/// use sqs_worker::{Message, message::Text};
///
/// #[derive(Serialize, Deserialize, Message)]
/// #[message(name = "notes.written", codec = Text)]
/// struct Note(String);
///
/// assert_eq!(Note("buy milk".to_owned()).encode()?, "buy milk");
/// assert_eq!(Note::CONTENT_TYPE, "text/plain");
/// # }
/// # Ok::<(), sqs_worker::message::EncodeError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Text;

impl Codec for Text {
    const CONTENT_TYPE: &'static str = "text/plain";

    fn encode<T: Serialize + ?Sized>(&self, value: &T) -> Result<String, CodecError> {
        match serde_json::to_value(value) {
            Ok(serde_json::Value::String(text)) => Ok(text),
            Ok(_) => Err(CodecError::new(
                "a text message is one string, as in `struct Note(String)`",
            )),
            Err(error) => Err(CodecError::new(error)),
        }
    }

    fn decode<T: DeserializeOwned>(&self, body: &str) -> Result<T, CodecError> {
        T::deserialize(serde_json::Value::String(body.to_owned())).map_err(CodecError::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, serde::Deserialize)]
    struct Note(String);

    #[test]
    fn the_body_is_the_text_itself() {
        assert_eq!(Text.encode(&Note("{x}".into())).unwrap(), "{x}");
        assert_eq!(Text.decode::<Note>("{x}").unwrap(), Note("{x}".into()));
    }

    #[test]
    fn what_is_not_one_string_has_no_text() {
        assert!(Text.encode(&7).unwrap_err().reason().contains("one string"));
    }
}
