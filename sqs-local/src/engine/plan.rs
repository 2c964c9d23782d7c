//! What a `ReceiveMessage` asks for: how many, for how long, and which attributes.

use super::check;
use super::config::Config;
use super::digest::md5_of;
use super::queue::Entry;
use crate::api::{MessageAttributes, ReceiveMessage, ReceivedMessage};
use crate::error::{Error, ErrorKind};

/// The parameters of a receive, checked, with the queue's settings where it has none of its own.
pub(super) struct Plan {
    pub(super) max: usize,
    /// Seconds.
    pub(super) wait: u32,
    /// Seconds.
    pub(super) visibility: u32,
    pub(super) wanted: Wanted,
}

impl Plan {
    pub(super) fn read(request: &ReceiveMessage, config: &Config) -> Result<Self, Error> {
        if let Some(attempt) = request
            .receive_request_attempt_id
            .as_deref()
            .filter(|_| config.fifo)
        {
            check::id("ReceiveRequestAttemptId", attempt)?;
        }
        Ok(Self {
            max: in_range("MaxNumberOfMessages", request.max_number_of_messages, 1, 10, 1)? as usize,
            wait: in_range("WaitTimeSeconds", request.wait_time_seconds, 0, 20, config.wait)?,
            visibility: in_range(
                "VisibilityTimeout",
                request.visibility_timeout,
                0,
                43_200,
                config.visibility,
            )?,
            wanted: Wanted::new(request)?,
        })
    }
}

/// What a receive wants to know about each message.
pub(super) struct Wanted {
    system: Vec<&'static str>,
    names: Vec<String>,
}

const SYSTEM_ATTRIBUTES: [&str; 9] = [
    "SenderId",
    "SentTimestamp",
    "ApproximateReceiveCount",
    "ApproximateFirstReceiveTimestamp",
    "SequenceNumber",
    "MessageDeduplicationId",
    "MessageGroupId",
    "AWSTraceHeader",
    "DeadLetterQueueSourceArn",
];

impl Wanted {
    fn new(request: &ReceiveMessage) -> Result<Self, Error> {
        let asked = request
            .attribute_names
            .iter()
            .chain(&request.message_system_attribute_names)
            .flatten();
        let mut system = Vec::new();
        for name in asked {
            if name == "All" {
                system = SYSTEM_ATTRIBUTES.to_vec();
                break;
            }
            match SYSTEM_ATTRIBUTES.iter().find(|known| *known == name) {
                Some(known) if !system.contains(known) => system.push(*known),
                Some(_) => {}
                None => {
                    return Err(Error::new(
                        ErrorKind::InvalidAttributeName,
                        format!("Unknown Attribute {name}."),
                    ));
                }
            }
        }
        Ok(Self {
            system,
            names: request.message_attribute_names.clone().unwrap_or_default(),
        })
    }

    pub(super) fn message(&self, entry: &Entry, receipt_handle: String) -> ReceivedMessage {
        let message_attributes = match &entry.payload.attributes {
            Some(attributes) if !self.names.is_empty() => self.filter(attributes),
            _ => MessageAttributes::new(),
        };
        ReceivedMessage {
            attributes: self
                .system
                .iter()
                .filter_map(|name| Some((*name, system_attribute(entry, name)?)))
                .collect(),
            attributes_md5: (!message_attributes.is_empty()).then(|| md5_of(&message_attributes)),
            message_attributes,
            receive_count: entry.receives,
            receipt_handle,
            payload: entry.payload.clone(),
        }
    }

    fn filter(&self, attributes: &MessageAttributes) -> MessageAttributes {
        let wanted = |name: &str| {
            self.names.iter().any(|wanted| {
                wanted == "All"
                    || wanted == "*"
                    || wanted == name
                    || wanted
                        .strip_suffix(".*")
                        .is_some_and(|prefix| name.starts_with(prefix))
            })
        };
        attributes
            .iter()
            .filter(|(name, _)| wanted(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }
}

fn system_attribute(entry: &Entry, name: &str) -> Option<String> {
    let payload = &entry.payload;
    Some(match name {
        "SenderId" => payload.sender.to_string(),
        "SentTimestamp" => entry.sent.to_string(),
        "ApproximateReceiveCount" => entry.receives.to_string(),
        "ApproximateFirstReceiveTimestamp" => entry.first_received?.to_string(),
        "SequenceNumber" => payload.sequence?.to_string(),
        "MessageDeduplicationId" => payload.deduplication_id.as_deref()?.to_owned(),
        "MessageGroupId" => payload.group.as_deref()?.to_owned(),
        "AWSTraceHeader" => payload.trace_header.as_deref()?.to_owned(),
        "DeadLetterQueueSourceArn" => entry.source_arn.as_deref()?.to_owned(),
        _ => return None,
    })
}

fn in_range(name: &str, value: Option<i32>, min: i32, max: i32, default: u32) -> Result<u32, Error> {
    let Some(value) = value else { return Ok(default) };
    if (min..=max).contains(&value) {
        return Ok(value.unsigned_abs());
    }
    let reason = if name == "MaxNumberOfMessages" {
        format!("Must be between {min} and {max}, if provided.")
    } else {
        format!("Must be >= {min} and <= {max}, if provided.")
    };
    Err(Error::invalid_value(name, value, reason))
}
