//! The copy of a message that goes to the dead-letter queue.

use std::{collections::HashMap, time::SystemTime};

use aws_sdk_sqs::types::{MessageAttributeValue, SendMessageBatchRequestEntry};

use super::verdict::Failure;
use crate::{
    batch::MAX_BYTES,
    handler::Delivery,
    message::{FailureRecord, HEADERS_ATTRIBUTE, Headers},
};

/// SQS takes at most ten attributes a message.
const MAX_ATTRIBUTES: usize = 10;

/// The longest text of a failure that is recorded, in bytes: the record must not push a message over its size limit,
/// and whoever reads it has the message itself.
const MAX_TEXT: usize = 2_048;

/// Builds the copy: the body byte for byte, every attribute, and a record of what failed.
///
/// `now` comes from the caller. In a FIFO queue the group is kept and the message's id becomes the deduplication id,
/// as SQS does it itself: two messages with the same deduplication id, sent more than five minutes apart, must not
/// swallow each other here.
pub(crate) fn entry(
    delivery: &Delivery,
    failure: &Failure,
    queue: &str,
    handler: Option<&str>,
    fifo: bool,
    now: SystemTime,
) -> SendMessageBatchRequestEntry {
    let message = delivery.sdk_message();
    let mut attributes = message.message_attributes().cloned().unwrap_or_default();
    let record = FailureRecord {
        error: failure.chain.iter().map(|text| shorten(text)).collect(),
        attempts: delivery.attempt(),
        first_received: delivery.first_received_at(),
        handler: handler.map(str::to_owned),
        message_id: delivery.message_id().to_owned(),
        dedup_id: delivery.deduplication_id().map(str::to_owned),
        ..FailureRecord::new(shorten(&failure.reason), queue, now)
    };
    let headers = Headers {
        failure: Some(record),
        ..delivery.headers().clone()
    };
    add_record(&mut attributes, delivery, &headers);
    let group = delivery.group().map(str::to_owned);
    SendMessageBatchRequestEntry::builder()
        .id("0")
        .message_body(delivery.body())
        .set_message_attributes((!attributes.is_empty()).then_some(attributes))
        .set_message_group_id(if fifo {
            Some(group.unwrap_or_else(|| "none".into()))
        } else {
            group
        })
        .set_message_deduplication_id(fifo.then(|| delivery.message_id().to_owned()))
        .build()
        .unwrap_or_else(|_| unreachable!("id and body are set"))
}

/// Adds the record where it fits. The sender's attributes come first: none is ever left out for it.
fn add_record(
    attributes: &mut HashMap<String, MessageAttributeValue>,
    delivery: &Delivery,
    headers: &Headers,
) {
    let value = headers.encode();
    let full = attributes.len() >= MAX_ATTRIBUTES && !attributes.contains_key(HEADERS_ATTRIBUTE);
    let had = attributes
        .get(HEADERS_ATTRIBUTE)
        .map_or(0, |old| attribute_bytes(HEADERS_ATTRIBUTE, old));
    let Ok(value) = MessageAttributeValue::builder()
        .data_type("String")
        .string_value(value)
        .build()
    else {
        return;
    };
    let bytes = message_bytes(delivery.body(), attributes) - had + attribute_bytes(HEADERS_ATTRIBUTE, &value);
    if full || bytes > MAX_BYTES {
        tracing::warn!(
            queue = delivery.queue_name(),
            message_id = delivery.message_id(),
            "the dead-letter copy carries no failure record: the message has no room for it"
        );
        return;
    }
    attributes.insert(HEADERS_ATTRIBUTE.to_owned(), value);
}

/// What SQS counts of an entry: UTF-8 bytes of the body and of all attribute names, types and values.
pub(crate) fn entry_bytes(entry: &SendMessageBatchRequestEntry) -> usize {
    let attributes = entry.message_attributes();
    entry.message_body().len()
        + attributes
            .into_iter()
            .flatten()
            .map(|(name, value)| attribute_bytes(name, value))
            .sum::<usize>()
}

fn message_bytes(body: &str, attributes: &HashMap<String, MessageAttributeValue>) -> usize {
    body.len()
        + attributes
            .iter()
            .map(|(name, value)| attribute_bytes(name, value))
            .sum::<usize>()
}

fn attribute_bytes(name: &str, value: &MessageAttributeValue) -> usize {
    name.len()
        + value.data_type().len()
        + value.string_value().map_or(0, str::len)
        + value.binary_value().map_or(0, |blob| blob.as_ref().len())
}

fn shorten(text: &str) -> String {
    if text.len() <= MAX_TEXT {
        return text.to_owned();
    }
    let end = (0..=MAX_TEXT)
        .rev()
        .find(|end| text.is_char_boundary(*end))
        .unwrap_or(0);
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn failure() -> Failure {
        Failure {
            reason: "card declined".into(),
            chain: vec!["charge failed".into(), "card declined".into()],
        }
    }

    fn bury(delivery: &Delivery, fifo: bool) -> SendMessageBatchRequestEntry {
        let now = UNIX_EPOCH + Duration::from_secs(1_000);
        entry(delivery, &failure(), "orders", Some("charge"), fifo, now)
    }

    #[test]
    fn body_and_attributes_stay_and_a_record_is_added() {
        let delivery = Delivery::fake(" {\"id\" : 1}\n")
            .name("orders.placed")
            .attribute("tenant", "acme")
            .build();
        let copy = bury(&delivery, false);
        assert_eq!(copy.message_body(), " {\"id\" : 1}\n");
        let attributes = copy.message_attributes().unwrap();
        assert_eq!(attributes["tenant"].string_value(), Some("acme"));
        assert_eq!(attributes["message-name"].string_value(), Some("orders.placed"));
        let record = Headers::parse(attributes[HEADERS_ATTRIBUTE].string_value().unwrap())
            .unwrap()
            .failure;
        let record = record.unwrap();
        assert_eq!(
            (record.reason.as_str(), record.queue.as_str()),
            ("card declined", "orders")
        );
        assert_eq!(
            (record.handler.as_deref(), record.error.len()),
            (Some("charge"), 2)
        );
    }

    #[test]
    fn ten_attributes_of_the_sender_are_all_kept() {
        let fake = (0..10).fold(Delivery::fake("{}"), |fake, n| {
            fake.attribute(format!("a{n}"), "x")
        });
        let attributes = bury(&fake.build(), false).message_attributes.unwrap();
        assert_eq!(attributes.len(), 10);
        assert!(!attributes.contains_key(HEADERS_ATTRIBUTE));
    }

    #[test]
    fn a_body_without_room_for_the_record_is_copied_without_it() {
        let copy = bury(&Delivery::fake("x".repeat(MAX_BYTES)).build(), false);
        assert_eq!(entry_bytes(&copy), MAX_BYTES);
    }

    #[test]
    fn in_a_fifo_queue_the_group_stays_and_the_message_id_deduplicates() {
        let delivery = Delivery::fake("{}").message_id("m-1").group("customer-7").build();
        let copy = bury(&delivery, true);
        assert_eq!(copy.message_group_id(), Some("customer-7"));
        assert_eq!(copy.message_deduplication_id(), Some("m-1"));
    }

    #[test]
    fn long_errors_are_cut_at_a_character() {
        let text = "ä".repeat(MAX_TEXT);
        let short = shorten(&text);
        assert!(short.len() <= MAX_TEXT + "…".len() && short.ends_with('…'));
    }
}
