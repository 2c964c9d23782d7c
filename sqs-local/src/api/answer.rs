//! What the operations answer.

use std::collections::BTreeMap;

use serde::Serialize;

use super::message::{MessageId, ReceivedMessage};
use crate::engine::digest::{Hex, Md5};

/// The answer of an operation that was not refused.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Nothing to say: `TagQueue`, `SetQueueAttributes` and others.
    Done,
    /// The URL of a queue: `CreateQueue` and `GetQueueUrl`.
    QueueUrl(String),
    /// A page of queue URLs: `ListQueues`.
    QueueUrls {
        /// The URLs.
        urls: Vec<String>,
        /// Where the next page starts, if there is one.
        next_token: Option<String>,
    },
    /// A page of queue URLs: `ListDeadLetterSourceQueues`.
    DeadLetterSources {
        /// The URLs.
        urls: Vec<String>,
        /// Where the next page starts, if there is one.
        next_token: Option<String>,
    },
    /// Attributes of a queue by name.
    Attributes(BTreeMap<&'static str, String>),
    /// The tags of a queue.
    Tags(BTreeMap<String, String>),
    /// A message was sent.
    Sent(SentMessage),
    /// Some messages of a batch were sent.
    SentBatch {
        /// Those that were.
        successful: Vec<SentEntry>,
        /// Those that were not.
        failed: Vec<FailedEntry>,
    },
    /// Messages, or none.
    Received(Vec<ReceivedMessage>),
    /// A delete or a visibility change of this message, if it was still there. Clients do not see the id.
    Settled(Option<MessageId>),
    /// A delete or a visibility change of several messages.
    SettledBatch {
        /// The ids of entries that succeeded, each with the message if it was still there.
        successful: Vec<(String, Option<MessageId>)>,
        /// The others.
        failed: Vec<FailedEntry>,
    },
    /// A move task was started; its handle.
    MoveStarted(String),
    /// A move task was stopped after so many messages.
    MoveCancelled(u64),
    /// Move tasks, the latest first.
    MoveTasks(Vec<MoveTask>),
}

/// A message that was sent.
#[derive(Debug, Clone)]
pub struct SentMessage {
    /// Its id.
    pub message_id: MessageId,
    /// FIFO: its place in the queue.
    pub sequence_number: Option<u128>,
    /// FIFO: whether the queue had it already, so that nothing was added. Clients do not see this.
    pub duplicate: bool,
    pub(crate) body_md5: Md5,
    pub(crate) attributes_md5: Option<Md5>,
    pub(crate) system_attributes_md5: Option<Md5>,
}

impl SentMessage {
    /// MD5 of the body, in hexadecimal.
    pub fn md5_of_message_body(&self) -> String {
        Hex(self.body_md5).to_string()
    }

    /// MD5 of the attributes, in hexadecimal.
    pub fn md5_of_message_attributes(&self) -> Option<String> {
        self.attributes_md5.map(|md5| Hex(md5).to_string())
    }

    /// MD5 of the system attributes, in hexadecimal.
    pub fn md5_of_message_system_attributes(&self) -> Option<String> {
        self.system_attributes_md5.map(|md5| Hex(md5).to_string())
    }
}

/// An entry of a batch that was sent.
#[derive(Debug, Clone)]
pub struct SentEntry {
    /// The entry's id.
    pub id: String,
    /// What `SendMessage` would have answered.
    pub message: SentMessage,
}

/// An entry of a batch that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct FailedEntry {
    /// The entry's id.
    pub id: String,
    /// Whether the entry is to blame, and not the service.
    pub sender_fault: bool,
    /// The code an error would have.
    pub code: &'static str,
    /// The text an error would have.
    pub message: String,
}

impl FailedEntry {
    /// The entry of this id, refused for this reason.
    pub fn new(id: String, error: &crate::Error) -> Self {
        Self {
            id,
            sender_fault: error.kind().is_sender_fault(),
            code: error.kind().code(),
            message: error.message().to_owned(),
        }
    }
}

/// A move task, running or done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MoveTask {
    /// Names the task while it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_handle: Option<String>,
    /// `RUNNING`, `COMPLETED`, `CANCELLED` or `FAILED`.
    pub status: &'static str,
    /// The dead-letter queue.
    pub source_arn: String,
    /// The queue that takes the messages, if one was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination_arn: Option<String>,
    /// The rate, if one was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_number_of_messages_per_second: Option<i32>,
    /// How many were moved.
    pub approximate_number_of_messages_moved: u64,
    /// How many there were at the start.
    pub approximate_number_of_messages_to_move: u64,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_reason: Option<&'static str>,
    /// When it started, in milliseconds since 1970.
    pub started_timestamp: u64,
}
