//! Bodies that are bytes.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{
    Serialize,
    de::{DeserializeOwned, IntoDeserializer, value},
};

use super::{Codec, CodecError};

/// The body is bytes in base64: for a message that is one `Vec<u8>`.
///
/// ```
/// # #[cfg(feature = "macros")] {
/// use serde::{Deserialize, Serialize};
/// use sqs_worker::{Message, message::Base64};
///
/// #[derive(Serialize, Deserialize, Message)]
/// #[message(name = "images.taken", codec = Base64)]
/// struct Thumbnail(Vec<u8>);
///
/// assert_eq!(Thumbnail(vec![0xff, 0xd8]).encode()?, "/9g=");
/// # }
/// # Ok::<(), sqs_worker::message::EncodeError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Base64;

impl Codec for Base64 {
    const CONTENT_TYPE: &'static str = "application/octet-stream";

    fn encode<T: Serialize + ?Sized>(&self, value: &T) -> Result<String, CodecError> {
        // By way of JSON, which every `Serialize` can do: `[255,216]`.
        let list = serde_json::to_string(value).map_err(CodecError::new)?;
        let bytes: Vec<u8> = serde_json::from_str(&list).map_err(|_| {
            CodecError::new("a message of bytes is one `Vec<u8>`, as in `struct Thumbnail(Vec<u8>)`")
        })?;
        Ok(BASE64_STANDARD.encode(bytes))
    }

    fn decode<T: DeserializeOwned>(&self, body: &str) -> Result<T, CodecError> {
        let bytes = BASE64_STANDARD.decode(body.trim()).map_err(CodecError::new)?;
        T::deserialize(Bytes(bytes)).map_err(CodecError::new)
    }
}

/// Gives bytes to a `Vec<u8>`, which asks for a sequence, to a byte buffer, and to a newtype around either.
struct Bytes(Vec<u8>);

impl<'de> serde::Deserializer<'de> for Bytes {
    type Error = value::Error;

    fn deserialize_any<V: serde::de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_byte_buf(self.0)
    }

    fn deserialize_seq<V: serde::de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        self.0.into_deserializer().deserialize_seq(visitor)
    }

    fn deserialize_newtype_struct<V: serde::de::Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        visitor.visit_newtype_struct(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        tuple tuple_struct map struct enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, serde::Deserialize)]
    struct Blob(Vec<u8>);

    #[test]
    fn bytes_travel_in_base64() {
        let body = Base64.encode(&Blob(vec![0, 255, 7])).unwrap();
        assert_eq!(body, "AP8H");
        assert_eq!(Base64.decode::<Blob>(&body).unwrap(), Blob(vec![0, 255, 7]));
        assert_eq!(Base64.decode::<Vec<u8>>(&body).unwrap(), [0, 255, 7]);
    }

    #[test]
    fn what_is_not_base64_says_where() {
        let error = Base64.decode::<Blob>("AP*H").unwrap_err();
        assert_eq!(error.reason(), "Invalid symbol 42, offset 2.");
    }

    #[test]
    fn what_is_not_bytes_has_no_form() {
        assert!(Base64.encode("text").unwrap_err().reason().contains("Vec<u8>"));
    }
}
