//! Answers as JSON.

use serde::ser::{SerializeMap, SerializeStruct};
use serde::{Serialize, Serializer};

use crate::api::{Answer, FailedEntry, SentMessage};
use crate::engine::digest::Hex;

/// An answer in the form in which the JSON protocol sends it. What is empty is left out, as AWS does.
pub(super) struct Rendered<'a>(pub(super) &'a Answer);

impl Serialize for Rendered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self.0 {
            Answer::Done | Answer::Settled(_) => {}
            Answer::QueueUrl(url) => map.serialize_entry("QueueUrl", url)?,
            Answer::QueueUrls { urls, next_token } => {
                if !urls.is_empty() {
                    map.serialize_entry("QueueUrls", urls)?;
                }
                if let Some(token) = next_token {
                    map.serialize_entry("NextToken", token)?;
                }
            }
            Answer::DeadLetterSources { urls, next_token } => {
                map.serialize_entry("queueUrls", urls)?;
                if let Some(token) = next_token {
                    map.serialize_entry("NextToken", token)?;
                }
            }
            Answer::Attributes(attributes) => {
                if !attributes.is_empty() {
                    map.serialize_entry("Attributes", attributes)?;
                }
            }
            Answer::Tags(tags) => {
                if !tags.is_empty() {
                    map.serialize_entry("Tags", tags)?;
                }
            }
            Answer::Sent(message) => sent(&mut map, message)?,
            Answer::SentBatch { successful, failed } => {
                if !successful.is_empty() {
                    let entries: Vec<_> = successful
                        .iter()
                        .map(|entry| Sent(&entry.id, &entry.message))
                        .collect();
                    map.serialize_entry("Successful", &entries)?;
                }
                write_failed(&mut map, failed)?;
            }
            Answer::Received(messages) => {
                if !messages.is_empty() {
                    map.serialize_entry("Messages", messages)?;
                }
            }
            Answer::SettledBatch { successful, failed } => {
                if !successful.is_empty() {
                    let entries: Vec<_> = successful.iter().map(|(id, _)| Id(id)).collect();
                    map.serialize_entry("Successful", &entries)?;
                }
                write_failed(&mut map, failed)?;
            }
            Answer::MoveStarted(handle) => map.serialize_entry("TaskHandle", handle)?,
            Answer::MoveCancelled(moved) => map.serialize_entry("ApproximateNumberOfMessagesMoved", moved)?,
            Answer::MoveTasks(tasks) => map.serialize_entry("Results", tasks)?,
        }
        map.end()
    }
}

fn write_failed<M: SerializeMap>(map: &mut M, failed: &[FailedEntry]) -> Result<(), M::Error> {
    if failed.is_empty() {
        Ok(())
    } else {
        map.serialize_entry("Failed", failed)
    }
}

fn sent<M: SerializeMap>(map: &mut M, message: &SentMessage) -> Result<(), M::Error> {
    map.serialize_entry("MessageId", &message.message_id)?;
    map.serialize_entry("MD5OfMessageBody", &Hex(message.body_md5))?;
    if let Some(md5) = message.attributes_md5 {
        map.serialize_entry("MD5OfMessageAttributes", &Hex(md5))?;
    }
    if let Some(md5) = message.system_attributes_md5 {
        map.serialize_entry("MD5OfMessageSystemAttributes", &Hex(md5))?;
    }
    if let Some(sequence) = message.sequence_number {
        map.serialize_entry("SequenceNumber", &sequence.to_string())?;
    }
    Ok(())
}

struct Sent<'a>(&'a str, &'a SentMessage);

impl Serialize for Sent<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("Id", self.0)?;
        sent(&mut map, self.1)?;
        map.end()
    }
}

struct Id<'a>(&'a str);

impl Serialize for Id<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut entry = serializer.serialize_struct("Entry", 1)?;
        entry.serialize_field("Id", self.0)?;
        entry.end()
    }
}
