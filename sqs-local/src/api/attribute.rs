//! Message attributes: name, type, value.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The attributes of a message by name.
pub type MessageAttributes = BTreeMap<String, MessageAttribute>;

/// A message attribute's type and value.
///
/// The type is `String`, `Number` or `Binary`, with an optional label after a dot (`Number.int`). `Binary` types have
/// a [`binary_value`](Self::binary_value), the others a [`string_value`](Self::string_value).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct MessageAttribute {
    /// The value of a `String` or a `Number`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub string_value: Option<String>,
    /// The value of a `Binary`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binary_value: Option<Blob>,
    /// The type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_type: Option<String>,
    /// Not supported by SQS: a request that has any is refused.
    #[serde(
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "super::request::or_default"
    )]
    pub string_list_values: Vec<String>,
    /// Not supported by SQS: a request that has any is refused.
    #[serde(
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "super::request::or_default"
    )]
    pub binary_list_values: Vec<Blob>,
}

impl MessageAttribute {
    /// A `String` attribute.
    pub fn string(value: impl Into<String>) -> Self {
        Self {
            data_type: Some("String".into()),
            string_value: Some(value.into()),
            ..Self::default()
        }
    }

    /// A `Binary` attribute.
    pub fn binary(value: impl Into<Vec<u8>>) -> Self {
        Self {
            data_type: Some("Binary".into()),
            binary_value: Some(Blob(value.into())),
            ..Self::default()
        }
    }

    /// The value's bytes as they are counted and hashed.
    pub(crate) fn bytes(&self) -> &[u8] {
        match (&self.string_value, &self.binary_value) {
            (Some(text), _) => text.as_bytes(),
            (None, Some(Blob(bytes))) => bytes,
            (None, None) => &[],
        }
    }
}

/// Bytes that travel as Base64.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Blob(pub Vec<u8>);

impl Blob {
    pub(crate) fn decode(text: &str) -> Option<Self> {
        STANDARD.decode(text).ok().map(Self)
    }

    pub(crate) fn encode(&self) -> String {
        STANDARD.encode(&self.0)
    }
}

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.encode())
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::decode(&text).ok_or_else(|| serde::de::Error::custom("a blob must be Base64"))
    }
}
