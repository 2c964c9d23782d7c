//! A message as SQS will see it.

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_sqs::types::{MessageAttributeValue, SendMessageBatchRequestEntry};

use super::SendError;
use crate::{
    batch::MAX_BYTES,
    handler::ReplyMessage,
    message::{CONTENT_TYPE_ATTRIBUTE, Codec, HEADERS_ATTRIBUTE, Headers, Json, Message, NAME_ATTRIBUTE},
    queue::QueueRef,
};

/// SQS takes at most ten attributes a message, and delays of at most fifteen minutes.
const MAX_ATTRIBUTES: usize = 10;
const MAX_DELAY: Duration = Duration::from_secs(900);

/// A message with everything that goes with it.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    name: &'static str,
    body: String,
    attributes: BTreeMap<String, String>,
    headers: Headers,
    pub(super) group: Option<String>,
    pub(crate) deduplication_id: Option<String>,
    pub(super) delay: Option<Duration>,
}

impl Outgoing {
    pub(crate) fn of<M: Message>(message: &M) -> Result<Self, SendError> {
        let mut attributes = BTreeMap::from([(NAME_ATTRIBUTE.to_owned(), message.name().to_owned())]);
        if message.content_type() != Json::CONTENT_TYPE {
            attributes.insert(
                CONTENT_TYPE_ATTRIBUTE.to_owned(),
                message.content_type().to_owned(),
            );
        }
        let mut outgoing = Self {
            name: message.name(),
            body: message.encode()?,
            attributes,
            headers: Headers::default(),
            group: message.group(),
            deduplication_id: message.deduplication_id(),
            delay: None,
        };
        outgoing.version(message.version());
        Ok(outgoing)
    }

    /// A reply with these headers. In a FIFO queue each is alone in its group, and sent once.
    pub(crate) fn reply(reply: &ReplyMessage, headers: Headers) -> Self {
        let mut attributes = BTreeMap::from([(NAME_ATTRIBUTE.to_owned(), reply.name.to_string())]);
        if reply.content_type != Json::CONTENT_TYPE {
            attributes.insert(CONTENT_TYPE_ATTRIBUTE.to_owned(), reply.content_type.to_string());
        }
        let alone = headers.correlation_id.clone();
        let mut outgoing = Self {
            name: "reply",
            body: reply.body.clone(),
            attributes,
            headers: Headers::default(),
            group: alone.clone(),
            deduplication_id: alone,
            delay: None,
        };
        outgoing.edit_headers(|own| *own = headers);
        outgoing.version(reply.version);
        outgoing
    }

    /// Version 1 goes without saying.
    fn version(&mut self, version: u32) {
        if version != 1 {
            self.edit_headers(|headers| headers.version = Some(version));
        }
    }

    /// Changes what the framework says about the message.
    pub(crate) fn edit_headers(&mut self, change: impl FnOnce(&mut Headers)) {
        change(&mut self.headers);
        if !self.headers.is_empty() {
            self.attributes
                .insert(HEADERS_ATTRIBUTE.to_owned(), self.headers.encode());
        }
    }

    pub(super) fn attribute(&mut self, name: String, value: String) {
        self.attributes.insert(name, value);
    }

    /// Refuses what SQS would refuse, before anything is sent.
    pub(super) fn checked(mut self, queue: &QueueRef) -> Result<Self, SendError> {
        let (message, fifo) = (self.name, queue.is_fifo());
        let queue = || queue.name().to_owned();
        if self.attributes.len() > MAX_ATTRIBUTES {
            return Err(SendError::TooManyAttributes {
                queue: queue(),
                message,
                count: self.attributes.len(),
            });
        }
        let bytes = self.bytes();
        if bytes > MAX_BYTES {
            return Err(SendError::TooLarge {
                queue: queue(),
                message,
                bytes,
            });
        }
        if fifo && self.group.is_none() {
            return Err(SendError::NoGroup {
                queue: queue(),
                message,
            });
        }
        if let Some(delay) = self.delay {
            let rule = if fifo {
                "a FIFO queue has one delay for all its messages, set on the queue"
            } else if delay > MAX_DELAY {
                "SQS delays by 15 minutes at most"
            } else {
                ""
            };
            if !rule.is_empty() {
                return Err(SendError::Delay {
                    queue: queue(),
                    message,
                    delay,
                    rule,
                });
            }
        }
        if !fifo {
            self.deduplication_id = None;
        }
        Ok(self)
    }

    /// What SQS counts: UTF-8 bytes of the body and of all attribute names, types and values.
    pub(super) fn bytes(&self) -> usize {
        let attribute = |(name, value): (&String, &String)| name.len() + "String".len() + value.len();
        self.body.len() + self.attributes.iter().map(attribute).sum::<usize>()
    }

    /// The entry of a batch call at this position.
    pub(super) fn entry(&self, position: usize) -> SendMessageBatchRequestEntry {
        let mut entry = SendMessageBatchRequestEntry::builder()
            .id(position.to_string())
            .message_body(&self.body)
            .set_message_group_id(self.group.clone())
            .set_message_deduplication_id(self.deduplication_id.clone())
            .set_delay_seconds(self.delay.map(whole_seconds_up));
        for (name, value) in &self.attributes {
            let value = MessageAttributeValue::builder()
                .data_type("String")
                .string_value(value)
                .build();
            entry = entry.message_attributes(name, value.unwrap_or_else(|_| unreachable!("the type is set")));
        }
        entry
            .build()
            .unwrap_or_else(|_| unreachable!("id and body are set"))
    }
}

fn whole_seconds_up(delay: Duration) -> i32 {
    i32::try_from(delay.as_secs() + u64::from(delay.subsec_nanos() > 0)).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Note(String);

    impl Message for Note {
        const NAME: &'static str = "note";
        const VERSION: u32 = 3;

        fn key(&self) -> Option<String> {
            Some("k".into())
        }
    }

    fn note(text: &str) -> Outgoing {
        Outgoing::of(&Note(text.into())).unwrap()
    }

    fn refused(outgoing: Outgoing, queue: &str) -> String {
        outgoing.checked(&queue.parse().unwrap()).unwrap_err().to_string()
    }

    #[test]
    fn name_and_version_travel_as_attributes() {
        let entry = note("hello").entry(4);
        assert_eq!((entry.id(), entry.message_body()), ("4", "\"hello\""));
        let attributes = entry.message_attributes().unwrap();
        assert_eq!(attributes["message-name"].string_value(), Some("note"));
        assert_eq!(attributes["sqs-worker"].string_value(), Some(r#"{"version":3}"#));
    }

    #[test]
    fn a_reply_travels_with_its_name_its_content_type_and_the_id_of_its_request() {
        let reply = ReplyMessage {
            name: "quoted".into(),
            version: 2,
            content_type: "application/msgpack".into(),
            body: "gQ==".into(),
        };
        let headers = Headers {
            correlation_id: Some("c-1".into()),
            ..Headers::default()
        };
        let entry = Outgoing::reply(&reply, headers).entry(0);
        let attributes = entry.message_attributes().unwrap();
        assert_eq!(attributes["message-name"].string_value(), Some("quoted"));
        assert_eq!(
            attributes["content-type"].string_value(),
            Some("application/msgpack")
        );
        assert_eq!(
            attributes["sqs-worker"].string_value(),
            Some(r#"{"version":2,"correlation-id":"c-1"}"#)
        );
        assert_eq!(
            (entry.message_body(), entry.message_group_id()),
            ("gQ==", Some("c-1"))
        );
    }

    #[test]
    fn the_size_counts_attribute_names_types_and_values() {
        let framework = "message-name".len()
            + "String".len()
            + "note".len()
            + "sqs-worker".len()
            + "String".len()
            + r#"{"version":3}"#.len();
        assert_eq!(note("ä").bytes(), "\"ä\"".len() + framework);
    }

    #[test]
    fn the_largest_message_passes_and_one_byte_more_is_refused() {
        let overhead = note("").bytes();
        assert!(
            note(&"x".repeat(MAX_BYTES - overhead))
                .checked(&"notes".parse().unwrap())
                .is_ok()
        );
        let error = refused(note(&"x".repeat(MAX_BYTES - overhead + 1)), "notes");
        assert!(
            error.contains("1048577 bytes") && error.contains("`notes`"),
            "{error}"
        );
    }

    #[test]
    fn an_eleventh_attribute_is_refused_before_the_call() {
        let mut outgoing = note("x");
        (0..9).for_each(|n| outgoing.attribute(format!("a{n}"), "v".into()));
        let error = refused(outgoing, "notes");
        assert!(error.contains("11 attributes"), "{error}");
    }

    #[test]
    fn a_fifo_queue_needs_a_group_and_takes_no_delay() {
        assert!(refused(note("x"), "notes.fifo").contains("#[message(group)]"));
        let mut outgoing = note("x");
        outgoing.group = Some("g".into());
        outgoing.delay = Some(Duration::from_secs(1));
        assert!(refused(outgoing, "notes.fifo").contains("set on the queue"));
    }

    #[test]
    fn a_delay_over_fifteen_minutes_is_refused() {
        let mut outgoing = note("x");
        outgoing.delay = Some(Duration::from_secs(901));
        assert!(refused(outgoing, "notes").contains("15 minutes"));
    }

    #[test]
    fn a_standard_queue_gets_no_deduplication_id() {
        let outgoing = note("x").checked(&"notes".parse().unwrap()).unwrap();
        assert_eq!(outgoing.entry(0).message_deduplication_id(), None);
    }

    #[test]
    fn a_delay_is_rounded_up_to_whole_seconds() {
        assert_eq!(whole_seconds_up(Duration::from_millis(1_001)), 2);
        assert_eq!(whole_seconds_up(Duration::from_secs(2)), 2);
    }
}
