//! All attributes of the sender.

use std::{convert::Infallible, str::FromStr};

use super::FromDelivery;
use crate::{handler::Delivery, message::Attributes};

/// The sender's own attributes, for a handler that does not know beforehand which ones there are; take
/// [`Header`](super::Header) for one that it does.
///
/// ```
/// use sqs_worker::{Delivery, handler::SentAttributes};
///
/// let attributes = SentAttributes::from(Delivery::fake("{}").attribute("tenant", "acme").build());
/// assert_eq!(attributes.get_str("tenant"), Some("acme"));
/// assert_eq!(attributes.all().len(), 1);
/// ```
#[derive(Debug, Clone)]
pub struct SentAttributes(Delivery);

impl SentAttributes {
    /// All of them.
    pub fn all(&self) -> Attributes<'_> {
        self.0.attributes()
    }

    /// The text of a `String` or `Number` attribute.
    pub fn get_str(&self, name: &str) -> Option<&str> {
        self.all().get_str(name)
    }

    /// The value of a `Number` attribute; `None` when it is absent, of another type, or not a `T`.
    pub fn get_number<T: FromStr>(&self, name: &str) -> Option<T> {
        self.all().get_number(name)
    }

    /// The bytes of a `Binary` attribute.
    pub fn get_binary(&self, name: &str) -> Option<&[u8]> {
        self.all().get_binary(name)
    }
}

impl From<Delivery> for SentAttributes {
    fn from(delivery: Delivery) -> Self {
        Self(delivery)
    }
}

impl<S: Sync> FromDelivery<S> for SentAttributes {
    type Rejection = Infallible;

    async fn from_delivery(delivery: &Delivery, _state: &S) -> Result<Self, Infallible> {
        Ok(Self(delivery.clone()))
    }
}
