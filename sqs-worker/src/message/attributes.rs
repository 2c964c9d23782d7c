//! The attributes beside a body.

use std::{collections::HashMap, str::FromStr};

use aws_sdk_sqs::types::MessageAttributeValue;

/// The attribute that carries the message's wire name, so that consumers other than ours can route by it.
pub const NAME_ATTRIBUTE: &str = "message-name";

/// The attribute that carries the body's media type, when it is not JSON.
pub const CONTENT_TYPE_ATTRIBUTE: &str = "content-type";

/// The one attribute that carries everything else the framework has to say; see [`Headers`](super::Headers).
pub const HEADERS_ATTRIBUTE: &str = "sqs-worker";

/// The sender's own attributes: what came with the message, without the three that belong to the framework.
///
/// It borrows from the delivery. A handler takes [`Header`](crate::handler::Header) for one value it names, or
/// [`SentAttributes`](crate::handler::SentAttributes) for all of them.
///
/// ```
/// use sqs_worker::Delivery;
///
/// let delivery = Delivery::fake("{}").name("orders.placed").attribute("tenant", "acme").build();
/// assert_eq!(delivery.attributes().get_str("tenant"), Some("acme"));
/// assert_eq!(delivery.attributes().len(), 1);
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Attributes<'a> {
    map: Option<&'a HashMap<String, MessageAttributeValue>>,
}

impl<'a> Attributes<'a> {
    /// A view over the SDK's map.
    pub fn new(map: Option<&'a HashMap<String, MessageAttributeValue>>) -> Self {
        Self { map }
    }

    /// The attribute of this name, whatever its type.
    pub fn get(&self, name: &str) -> Option<&'a MessageAttributeValue> {
        if is_ours(name) { None } else { self.map?.get(name) }
    }

    /// The text of a `String` or `Number` attribute.
    pub fn get_str(&self, name: &str) -> Option<&'a str> {
        self.get(name)?.string_value()
    }

    /// The value of a `Number` attribute; `None` when it is absent, of another type, or not a `T`.
    pub fn get_number<T: FromStr>(&self, name: &str) -> Option<T> {
        let value = self.get(name).filter(|value| is_type(value, "Number"))?;
        value.string_value()?.parse().ok()
    }

    /// The bytes of a `Binary` attribute.
    pub fn get_binary(&self, name: &str) -> Option<&'a [u8]> {
        Some(self.get(name)?.binary_value()?.as_ref())
    }

    /// Every attribute of the sender, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a MessageAttributeValue)> + use<'a> {
        let all = self.map.into_iter().flatten();
        all.map(|(name, value)| (name.as_str(), value))
            .filter(|(name, _)| !is_ours(name))
    }

    /// How many attributes the sender gave.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether the sender gave none.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}

fn is_ours(name: &str) -> bool {
    matches!(name, NAME_ATTRIBUTE | CONTENT_TYPE_ATTRIBUTE | HEADERS_ATTRIBUTE)
}

/// A data type may carry a custom label: `Number.float` is a `Number`.
fn is_type(value: &MessageAttributeValue, base: &str) -> bool {
    value.data_type().split('.').next() == Some(base)
}
