//! Deliveries that no queue delivered, for tests.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use aws_sdk_sqs::{
    primitives::Blob,
    types::{
        Message as SdkMessage, MessageAttributeValue, MessageSystemAttributeName as System,
        builders::MessageBuilder,
    },
};

use super::{Delivery, Lease};
use crate::message::{
    CONTENT_TYPE_ATTRIBUTE, Codec, EncodeError, HEADERS_ATTRIBUTE, Headers, Json, Message, NAME_ATTRIBUTE,
};

/// Builds a [`Delivery`] by hand: what SQS would say about a message, said by the test.
///
/// ```
/// use sqs_worker::Delivery;
///
/// let delivery = Delivery::fake(r#"{"id": 7}"#)
///     .queue("orders.fifo")
///     .name("orders.placed")
///     .group("customer-3")
///     .receive_count(2)
///     .attribute("tenant", "acme")
///     .build();
/// assert_eq!(delivery.group(), Some("customer-3"));
/// ```
#[derive(Debug, Clone)]
#[must_use = "call `build` to get the delivery"]
pub struct FakeDelivery {
    queue: String,
    message: MessageBuilder,
    headers: Headers,
    lease: Lease,
}

impl Delivery {
    /// A delivery that no queue delivered: this body, received once, from a queue named `fake`.
    pub fn fake(body: impl Into<String>) -> FakeDelivery {
        FakeDelivery {
            queue: "fake".to_owned(),
            message: SdkMessage::builder()
                .message_id("fake-message")
                .receipt_handle("fake-handle")
                .body(body),
            headers: Headers::default(),
            lease: Lease::detached(),
        }
    }

    /// A fake delivery of this message as a producer of ours would send it: body, name, version, group and
    /// deduplication id.
    ///
    /// # Errors
    ///
    /// When the message's own `Serialize` fails.
    pub fn fake_of<M: Message>(message: &M) -> Result<FakeDelivery, EncodeError> {
        let mut fake = Self::fake(message.encode()?)
            .name(message.name())
            .version(message.version());
        if message.content_type() != Json::CONTENT_TYPE {
            fake = fake.content_type(message.content_type());
        }
        if let Some(group) = message.group() {
            fake = fake.group(group);
        }
        if let Some(id) = message.deduplication_id() {
            fake = fake.deduplication_id(id);
        }
        Ok(fake)
    }
}

impl FakeDelivery {
    /// Sets the queue's name, `fake` unless set.
    pub fn queue(mut self, queue: impl Into<String>) -> Self {
        self.queue = queue.into();
        self
    }

    /// Sets the id of the message, `fake-message` unless set.
    pub fn message_id(mut self, id: impl Into<String>) -> Self {
        self.message = self.message.message_id(id);
        self
    }

    /// Sets the wire name.
    pub fn name(self, name: impl Into<String>) -> Self {
        self.attribute(NAME_ATTRIBUTE, name)
    }

    /// Sets the version of the payload's shape.
    pub fn version(mut self, version: u32) -> Self {
        self.headers.version = Some(version);
        self
    }

    /// Sets the media type of the body.
    pub fn content_type(self, content_type: impl Into<String>) -> Self {
        self.attribute(CONTENT_TYPE_ATTRIBUTE, content_type)
    }

    /// Sets the message group.
    pub fn group(self, group: impl Into<String>) -> Self {
        self.system(System::MessageGroupId, group)
    }

    /// Sets the deduplication id.
    pub fn deduplication_id(self, id: impl Into<String>) -> Self {
        self.system(System::MessageDeduplicationId, id)
    }

    /// Sets the sequence number within the group.
    pub fn sequence_number(self, number: impl Into<String>) -> Self {
        self.system(System::SequenceNumber, number)
    }

    /// Sets how often it has been received, this time included; 1 unless set.
    pub fn receive_count(self, count: u32) -> Self {
        self.system(System::ApproximateReceiveCount, count.to_string())
    }

    /// Sets when it was sent.
    pub fn sent_at(self, time: SystemTime) -> Self {
        self.system(System::SentTimestamp, millis(time))
    }

    /// Sets when it was received for the first time.
    pub fn first_received_at(self, time: SystemTime) -> Self {
        self.system(System::ApproximateFirstReceiveTimestamp, millis(time))
    }

    /// Adds a `String` attribute of the sender.
    pub fn attribute(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let value = MessageAttributeValue::builder()
            .data_type("String")
            .string_value(value);
        self.raw_attribute(name, value)
    }

    /// Adds a `Number` attribute of the sender.
    #[allow(clippy::needless_pass_by_value)] // so that a test can say `number("count", 7)`
    pub fn number(self, name: impl Into<String>, value: impl ToString) -> Self {
        let value = MessageAttributeValue::builder()
            .data_type("Number")
            .string_value(value.to_string());
        self.raw_attribute(name, value)
    }

    /// Adds a `Binary` attribute of the sender.
    pub fn binary(self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        let value = MessageAttributeValue::builder()
            .data_type("Binary")
            .binary_value(Blob::new(value));
        self.raw_attribute(name, value)
    }

    /// Sets the framework's headers, in place of what was set before.
    pub fn headers(mut self, headers: Headers) -> Self {
        self.headers = headers;
        self
    }

    /// Sets what ties a reply to its request.
    pub fn correlation_id(mut self, id: impl Into<String>) -> Self {
        self.headers.correlation_id = Some(id.into());
        self
    }

    /// Sets when the answer stops being useful.
    pub fn deadline(mut self, deadline: SystemTime) -> Self {
        self.headers.deadline = Some(deadline);
        self
    }

    /// Sets the lease, [detached](Lease::detached) unless set.
    pub fn lease(mut self, lease: Lease) -> Self {
        self.lease = lease;
        self
    }

    /// The delivery.
    #[must_use]
    pub fn build(self) -> Delivery {
        let packed = (!self.headers.is_empty()).then(|| self.headers.encode());
        let fake = match packed {
            Some(packed) => self.attribute(HEADERS_ATTRIBUTE, packed),
            None => self,
        };
        Delivery::new(Arc::from(fake.queue), fake.message.build()).with_lease(fake.lease)
    }

    fn raw_attribute(
        mut self,
        name: impl Into<String>,
        value: aws_sdk_sqs::types::builders::MessageAttributeValueBuilder,
    ) -> Self {
        // `build` fails only where the data type is missing, and every caller gives one.
        if let Ok(value) = value.build() {
            self.message = self.message.message_attributes(name, value);
        }
        self
    }

    fn system(mut self, name: System, value: impl Into<String>) -> Self {
        self.message = self.message.attributes(name, value);
        self
    }
}

fn millis(time: SystemTime) -> String {
    time.duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis()
        .to_string()
}
