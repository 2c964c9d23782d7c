//! `MessagePack` bodies: how a binary format of your own becomes a codec.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Serialize, de::DeserializeOwned};

use super::{Codec, CodecError};

/// `MessagePack` in base64, with field names, so that fields can be added: smaller than JSON where messages hold
/// numbers, not where they hold text.
///
/// ```
/// # #[cfg(feature = "macros")] {
/// use serde::{Deserialize, Serialize};
/// use sqs_worker::{Message, message::MessagePack};
///
/// #[derive(Serialize, Deserialize, Message)]
/// #[message(name = "meters.read", codec = MessagePack)]
/// struct Reading { watts: Vec<f64> }
///
/// assert_eq!(Reading { watts: vec![0.5] }.encode()?, "gaV3YXR0c5HLP+AAAAAAAAA=");
/// # }
/// # Ok::<(), sqs_worker::message::EncodeError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MessagePack;

impl Codec for MessagePack {
    const CONTENT_TYPE: &'static str = "application/msgpack";

    fn encode<T: Serialize + ?Sized>(&self, value: &T) -> Result<String, CodecError> {
        rmp_serde::to_vec_named(value)
            .map(|bytes| BASE64_STANDARD.encode(bytes))
            .map_err(CodecError::new)
    }

    fn decode<T: DeserializeOwned>(&self, body: &str) -> Result<T, CodecError> {
        let bytes = BASE64_STANDARD.decode(body.trim()).map_err(CodecError::new)?;
        rmp_serde::from_slice(&bytes).map_err(CodecError::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, serde::Deserialize)]
    struct Reading {
        watts: Vec<u16>,
    }

    #[test]
    fn what_is_written_is_read_back() {
        let reading = Reading {
            watts: vec![1, 40_000],
        };
        let body = MessagePack.encode(&reading).unwrap();
        assert_eq!(MessagePack.decode::<Reading>(&body).unwrap(), reading);
    }

    #[test]
    fn bytes_of_another_shape_are_an_error() {
        let body = MessagePack.encode(&7).unwrap();
        assert!(MessagePack.decode::<Reading>(&body).is_err());
    }
}
