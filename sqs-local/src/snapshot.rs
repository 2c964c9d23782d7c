//! Snapshots of queues, for assertions.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use crate::api::{MessageAttributes, MessageId};

/// A queue and everything in it at one moment, made by [`SqsLocal::queue`](crate::SqsLocal::queue).
///
/// A snapshot is a copy: it does not change when the queue does.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct QueueSnapshot {
    /// The queue's name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The account that owns it.
    pub account: String,
    /// Its region.
    pub region: String,
    /// Its settings, as `GetQueueAttributes` would show them.
    pub attributes: BTreeMap<&'static str, String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// All its messages in the order in which they came.
    pub messages: Vec<MessageView>,
}

impl QueueSnapshot {
    /// The messages that a receive could return now, FIFO group locks aside.
    pub fn available(&self) -> Vec<&MessageView> {
        self.of(|standing| matches!(standing, Standing::Available))
    }

    /// The messages that were received and are hidden.
    pub fn in_flight(&self) -> Vec<&MessageView> {
        self.of(|standing| matches!(standing, Standing::InFlight { .. }))
    }

    /// The messages that may not be received yet.
    pub fn delayed(&self) -> Vec<&MessageView> {
        self.of(|standing| matches!(standing, Standing::Delayed { .. }))
    }

    /// Whether there is no message at all.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// The bodies of all messages, in the order in which they came.
    pub fn bodies(&self) -> Vec<&str> {
        self.messages
            .iter()
            .map(|message| message.body.as_str())
            .collect()
    }

    fn of(&self, standing: impl Fn(Standing) -> bool) -> Vec<&MessageView> {
        self.messages
            .iter()
            .filter(|message| standing(message.standing))
            .collect()
    }
}

/// Where a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It can be received.
    Available,
    /// It can be received after this time.
    Delayed {
        /// The rest of its delay.
        left: Duration,
    },
    /// It was received, and others can receive it after this time.
    InFlight {
        /// The rest of its visibility timeout.
        left: Duration,
    },
}

/// A message as it lies in a queue.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct MessageView {
    /// Its id.
    pub message_id: MessageId,
    /// Its text.
    pub body: String,
    /// Its attributes.
    pub attributes: MessageAttributes,
    /// Its `AWSTraceHeader`.
    pub trace_header: Option<String>,
    /// Its group (FIFO) or tenant (standard).
    pub group: Option<String>,
    /// FIFO: its deduplication id, also if the queue made it from the body.
    pub deduplication_id: Option<String>,
    /// FIFO: its place in the order.
    pub sequence_number: Option<u128>,
    /// How often it was received.
    pub receive_count: u32,
    /// When it was sent.
    pub sent: SystemTime,
    /// When it was first received.
    pub first_received: Option<SystemTime>,
    /// In a dead-letter queue: the ARN of the queue it comes from.
    pub source_arn: Option<String>,
    /// The receipt handle that its last receive gave out.
    pub last_receipt_handle: Option<String>,
    /// Where it stands.
    pub standing: Standing,
}
