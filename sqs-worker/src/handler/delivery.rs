//! One received message, as the layers and the handler see it.

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_sdk_sqs::types::{Message as SdkMessage, MessageSystemAttributeName as System};

use super::{Extensions, Lease};
use crate::message::{
    Attributes, CONTENT_TYPE_ATTRIBUTE, DecodeError, HEADERS_ATTRIBUTE, Headers, Incoming, Message,
    NAME_ATTRIBUTE,
};

/// A received message on its way through the layers to its handler.
///
/// A clone is cheap: it shares the SDK's message, which is kept as it came and parsed only where somebody asks.
/// Only the [extensions](Self::extensions) are a clone's own. Its `Debug` leaves the body out: bodies are nobody's
/// business in a log.
///
/// ```
/// use sqs_worker::Delivery;
///
/// let delivery = Delivery::fake(r#"{"id": 1}"#).queue("orders").receive_count(3).build();
/// assert_eq!(delivery.queue_name(), "orders");
/// assert_eq!(delivery.receive_count(), 3);
/// ```
#[derive(Clone)]
pub struct Delivery {
    shared: Arc<Shared>,
    extensions: Extensions,
    lease: Lease,
    /// How often it was tried again without being received anew.
    repeats: u32,
}

struct Shared {
    queue: Arc<str>,
    message: SdkMessage,
    headers: OnceLock<Headers>,
}

impl Delivery {
    /// Wraps a message that the SDK received from the queue of this name.
    pub fn new(queue: Arc<str>, message: SdkMessage) -> Self {
        Self {
            shared: Arc::new(Shared {
                queue,
                message,
                headers: OnceLock::new(),
            }),
            extensions: Extensions::default(),
            lease: Lease::detached(),
            repeats: 0,
        }
    }

    /// The same delivery, tried once more.
    #[must_use]
    pub(crate) fn again(mut self) -> Self {
        self.repeats += 1;
        self
    }

    /// The same delivery, held by this lease.
    #[must_use]
    pub fn with_lease(mut self, lease: Lease) -> Self {
        self.lease = lease;
        self
    }

    /// The name of the queue it came from.
    pub fn queue_name(&self) -> &str {
        &self.shared.queue
    }

    /// The body as received, empty when SQS sent none.
    pub fn body(&self) -> &str {
        self.shared.message.body().unwrap_or_default()
    }

    /// The id SQS gave it, empty when SQS sent none.
    pub fn message_id(&self) -> &str {
        self.shared.message.message_id().unwrap_or_default()
    }

    /// How often it has been received, this time included; 1 when SQS was not asked for the count.
    pub fn receive_count(&self) -> u32 {
        self.system(&System::ApproximateReceiveCount)
            .and_then(|count| count.parse().ok())
            .unwrap_or(1)
    }

    /// Which attempt this is, from 1 on: the [receive count](Self::receive_count), and one more for each time that the
    /// worker tried the message again in place, as it does in FIFO queues.
    pub fn attempt(&self) -> u32 {
        self.receive_count().saturating_add(self.repeats)
    }

    /// When it was sent, by the clock of SQS.
    pub fn sent_at(&self) -> Option<SystemTime> {
        self.system_time(&System::SentTimestamp)
    }

    /// When it was received for the first time, by the clock of SQS.
    pub fn first_received_at(&self) -> Option<SystemTime> {
        self.system_time(&System::ApproximateFirstReceiveTimestamp)
    }

    /// The message group: what a FIFO queue keeps in order, or the tenant of a fair queue.
    pub fn group(&self) -> Option<&str> {
        self.system(&System::MessageGroupId)
    }

    /// The deduplication id; FIFO queues only.
    pub fn deduplication_id(&self) -> Option<&str> {
        self.system(&System::MessageDeduplicationId)
    }

    /// The sequence number within its group; FIFO queues only.
    pub fn sequence_number(&self) -> Option<&str> {
        self.system(&System::SequenceNumber)
    }

    /// The wire name that routes it, when the sender gave one.
    pub fn name(&self) -> Option<&str> {
        self.attribute(NAME_ATTRIBUTE)
    }

    /// The media type of the body, when the sender gave one.
    pub fn content_type(&self) -> Option<&str> {
        self.attribute(CONTENT_TYPE_ATTRIBUTE)
    }

    /// The sender's own attributes.
    pub fn attributes(&self) -> Attributes<'_> {
        Attributes::new(self.shared.message.message_attributes())
    }

    /// The framework's headers, parsed at the first call.
    ///
    /// Empty when there are none. A packed attribute that does not parse, which is to say that something else
    /// wrote it, counts as none and is logged as a warning.
    pub fn headers(&self) -> &Headers {
        self.shared.headers.get_or_init(|| {
            let Some(packed) = self.attribute(HEADERS_ATTRIBUTE) else {
                return Headers::default();
            };
            Headers::parse(packed).unwrap_or_else(|error| {
                let (queue, message_id) = (self.queue_name(), self.message_id());
                tracing::warn!(queue, message_id, error = %error, "headers ignored");
                Headers::default()
            })
        })
    }

    /// What layers left for the handler.
    pub fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// What layers left for the handler, to add to it.
    pub fn extensions_mut(&mut self) -> &mut Extensions {
        &mut self.extensions
    }

    /// The lease that keeps the message invisible to other consumers.
    pub fn lease(&self) -> &Lease {
        &self.lease
    }

    /// The message as the SDK received it.
    pub fn sdk_message(&self) -> &SdkMessage {
        &self.shared.message
    }

    /// What a payload is decoded from.
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming::new(self.queue_name(), self.body())
            .name(self.name())
            .content_type(self.content_type())
            .version(self.headers().version)
    }

    /// The payload.
    ///
    /// # Errors
    ///
    /// When the body is not an `M`; the error names the queue, the message and the place in the body.
    pub fn decode<M: Message>(&self) -> Result<M, DecodeError> {
        M::decode(&self.incoming())
    }

    // There are ten at most of one kind and hardly more of the other: looking at each is quicker than hashing.
    fn attribute(&self, name: &str) -> Option<&str> {
        let mut attributes = self.shared.message.message_attributes()?.iter();
        attributes.find(|(other, _)| *other == name)?.1.string_value()
    }

    fn system(&self, name: &System) -> Option<&str> {
        let mut attributes = self.shared.message.attributes()?.iter();
        Some(attributes.find(|(other, _)| *other == name)?.1)
    }

    fn system_time(&self, name: &System) -> Option<SystemTime> {
        UNIX_EPOCH.checked_add(Duration::from_millis(self.system(name)?.parse().ok()?))
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("queue", &self.queue_name())
            .field("message_id", &self.message_id())
            .field("name", &self.name())
            .field("receive_count", &self.receive_count())
            .field("group", &self.group())
            .field("lease", &self.lease)
            .field("extensions", &self.extensions)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_has_no_body() {
        let text = format!("{:?}", Delivery::fake("secret").queue("orders").build());
        assert!(text.contains("\"orders\"") && !text.contains("secret"), "{text}");
    }

    #[test]
    fn a_clone_has_extensions_of_its_own() {
        let first = Delivery::fake("{}").build();
        let mut second = first.clone();
        second.extensions_mut().insert(7_u32);
        assert_eq!(first.extensions().get::<u32>(), None);
        assert_eq!(second.extensions().get::<u32>(), Some(&7));
    }
}
