//! Messages as the queues keep them and as receivers see them.

use std::fmt;
use std::sync::Arc;

use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::attribute::{MessageAttribute, MessageAttributes};
use crate::engine::digest::{Hex, Md5};

/// A message's id: a UUID, kept through a move to the dead-letter queue.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(pub(crate) uuid::Uuid);

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Serialize for MessageId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(
            self.0
                .hyphenated()
                .encode_lower(&mut [0; uuid::fmt::Hyphenated::LENGTH]),
        )
    }
}

impl<'de> Deserialize<'de> for MessageId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        uuid::Uuid::parse_str(&text)
            .map(Self)
            .map_err(serde::de::Error::custom)
    }
}

/// What never changes about a message: shared between its queue and the answers that carry it.
#[derive(Debug, Clone)]
pub(crate) struct Payload {
    pub(crate) id: MessageId,
    pub(crate) body: Box<str>,
    pub(crate) body_md5: Md5,
    pub(crate) attributes: Option<Box<MessageAttributes>>,
    pub(crate) trace_header: Option<Box<str>>,
    pub(crate) group: Option<Arc<str>>,
    pub(crate) deduplication_id: Option<Arc<str>>,
    pub(crate) sequence: Option<u128>,
    pub(crate) sender: Arc<str>,
}

impl Payload {
    /// Bytes of the body and of names, types and values of the attributes.
    pub(crate) fn size(&self) -> usize {
        self.body.len()
            + self
                .attributes
                .as_deref()
                .map_or(0, crate::engine::digest::attributes_size)
    }
}

/// A message in a `ReceiveMessage` answer.
#[derive(Clone)]
pub struct ReceivedMessage {
    pub(crate) payload: Arc<Payload>,
    pub(crate) receipt_handle: String,
    pub(crate) receive_count: u32,
    pub(crate) attributes: Vec<(&'static str, String)>,
    pub(crate) message_attributes: MessageAttributes,
    pub(crate) attributes_md5: Option<Md5>,
}

impl ReceivedMessage {
    /// The id.
    pub fn message_id(&self) -> MessageId {
        self.payload.id
    }

    /// The text.
    pub fn body(&self) -> &str {
        &self.payload.body
    }

    /// The handle of this receive.
    pub fn receipt_handle(&self) -> &str {
        &self.receipt_handle
    }

    /// How often it has been received, this time included, whether or not the receiver asked to know.
    pub fn receive_count(&self) -> u32 {
        self.receive_count
    }

    /// The group, whether or not the receiver asked to know.
    pub fn group(&self) -> Option<&str> {
        self.payload.group.as_deref()
    }

    /// The system attributes that the receiver asked for.
    pub fn system_attributes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.attributes
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
    }

    /// The message attributes that the receiver asked for.
    pub fn message_attributes(&self) -> impl Iterator<Item = (&str, &MessageAttribute)> {
        self.message_attributes
            .iter()
            .map(|(name, value)| (name.as_str(), value))
    }
}

impl fmt::Debug for ReceivedMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceivedMessage")
            .field("message_id", &self.payload.id)
            .field("receipt_handle", &self.receipt_handle)
            .field("receive_count", &self.receive_count)
            .field("body", &self.payload.body)
            .finish_non_exhaustive()
    }
}

impl Serialize for ReceivedMessage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut message = serializer.serialize_struct("Message", 7)?;
        message.serialize_field("MessageId", &self.payload.id)?;
        message.serialize_field("ReceiptHandle", &self.receipt_handle)?;
        message.serialize_field("MD5OfBody", &Hex(self.payload.body_md5))?;
        message.serialize_field("Body", &*self.payload.body)?;
        if !self.attributes.is_empty() {
            message.serialize_field("Attributes", &SystemAttributes(&self.attributes))?;
        }
        if let Some(md5) = self.attributes_md5 {
            message.serialize_field("MD5OfMessageAttributes", &Hex(md5))?;
        }
        if !self.message_attributes.is_empty() {
            message.serialize_field("MessageAttributes", &self.message_attributes)?;
        }
        message.end()
    }
}

struct SystemAttributes<'a>(&'a [(&'static str, String)]);

impl Serialize for SystemAttributes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}
