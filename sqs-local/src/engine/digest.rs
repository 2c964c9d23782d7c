//! Sizes and MD5 digests of bodies and attributes.
//!
//! Source: SQS Developer Guide, "Calculating the MD5 message digest for message attributes".

use std::fmt;

use md5::{Digest, Md5 as Hasher};
use serde::{Serialize, Serializer};

use crate::api::{MessageAttribute, MessageAttributes};

/// An MD5 digest.
pub(crate) type Md5 = [u8; 16];

/// A digest as SQS writes it: lower-case hexadecimal.
pub(crate) struct Hex(pub(crate) Md5);

impl Hex {
    fn digits(&self) -> [u8; 32] {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut out = [0; 32];
        for (pair, byte) in out.chunks_exact_mut(2).zip(self.0) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        out
    }
}

impl fmt::Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.digits()).unwrap_or_default())
    }
}

impl Serialize for Hex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(std::str::from_utf8(&self.digits()).unwrap_or_default())
    }
}

/// The digest of a body.
pub(crate) fn md5(body: &[u8]) -> Md5 {
    Hasher::digest(body).into()
}

/// The digest of attributes: names in order, each with its type and value, every part after its length.
pub(crate) fn md5_of<'a>(attributes: impl IntoIterator<Item = (&'a String, &'a MessageAttribute)>) -> Md5 {
    let mut hasher = Hasher::new();
    for (name, attribute) in attributes {
        let data_type = attribute.data_type.as_deref().unwrap_or_default();
        for bytes in [name.as_bytes(), data_type.as_bytes()] {
            update(&mut hasher, bytes);
        }
        hasher.update([if attribute.string_value.is_some() { 1 } else { 2 }]);
        update(&mut hasher, attribute.bytes());
    }
    hasher.finalize().into()
}

fn update(hasher: &mut Hasher, bytes: &[u8]) {
    hasher.update(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    hasher.update(bytes);
}

/// What attributes add to a message's size: names, types and values.
pub(crate) fn attributes_size(attributes: &MessageAttributes) -> usize {
    attributes
        .iter()
        .map(|(name, value)| {
            name.len() + value.data_type.as_deref().map_or(0, str::len) + value.bytes().len()
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_an_attribute_as_aws_recorded_it() {
        let attributes = MessageAttributes::from([("Foo".to_owned(), MessageAttribute::string("Bar"))]);
        assert_eq!(
            Hex(md5_of(&attributes)).to_string(),
            "ae7155c6026991b6d54b11589678bf9c"
        );
    }

    #[test]
    fn hashes_a_binary_attribute_as_aws_recorded_it() {
        let value = b"traceparent\x1e00-774062d6c37081a5a0b9b5b88e30627c-2d2482211f6489da-01";
        let attributes = MessageAttributes::from([("attr1".to_owned(), MessageAttribute::binary(*value))]);
        assert_eq!(
            Hex(md5_of(&attributes)).to_string(),
            "8cbe4db156db8a94db8b801b7addb984"
        );
    }
}
