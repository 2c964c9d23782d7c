//! The journal: what was asked, what it cost, how it ended.

mod layer;
mod policy;
mod recorder;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::api::MessageId;
use crate::error::ErrorKind;

pub(crate) use self::layer::JournalLayer;
pub use self::policy::IamPolicy;
pub(crate) use self::recorder::Recorder;

/// A record of requests, in the order in which they ended.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Journal {
    /// The requests.
    pub requests: Vec<RequestRecord>,
    /// How many older ones are not here any more, because the journal keeps a limited number.
    pub dropped: u64,
}

impl Journal {
    /// The requests of one action, such as `ReceiveMessage`.
    pub fn of<'a>(&'a self, action: &'a str) -> impl Iterator<Item = &'a RequestRecord> {
        self.requests
            .iter()
            .filter(move |request| request.action == action)
    }

    /// How many requests there were of one action.
    pub fn count(&self, action: &str) -> usize {
        self.of(action).count()
    }

    /// What AWS would charge for, in requests: every 64 KiB of payload that a request carries count as one.
    ///
    /// Source: the SQS pricing page, "every 64 KB chunk of a payload is billed as 1 request".
    pub fn billing_units(&self) -> u64 {
        self.requests.iter().map(|request| request.billing_units).sum()
    }

    /// The least IAM policy that would have allowed all these requests.
    pub fn iam_policy(&self) -> IamPolicy {
        let mut actions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for request in &self.requests {
            actions
                .entry(request.resource.as_str())
                .or_default()
                .push(request.action);
        }
        IamPolicy::new(actions)
    }
}

/// A request in the journal.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RequestRecord {
    /// The action, such as `SendMessageBatch`.
    pub action: &'static str,
    /// The name of the queue it was about, if there was one.
    pub queue: Option<String>,
    /// The ARN of what it was about: a queue, or `*`.
    pub resource: String,
    /// When it began, since the start of the SQS.
    pub began: Duration,
    /// When it ended, since the start of the SQS.
    pub ended: Duration,
    /// Its messages: those of a batch, those received, or the one it was about.
    pub entries: Vec<EntryRecord>,
    /// Bytes of bodies and attributes, sent or received.
    pub bytes: u64,
    /// What AWS would charge for it, in requests: one for every 64 KiB begun, at least one.
    pub billing_units: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether the caller never saw the outcome, because the answer was lost on its way.
    pub lost: bool,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was answered. Entries of a batch may have failed nevertheless.
    Answered,
    /// It was refused.
    Refused(ErrorKind),
    /// The caller went away before there was an answer.
    Abandoned,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered => f.write_str("answered"),
            Self::Refused(kind) => f.write_str(kind.code()),
            Self::Abandoned => f.write_str("abandoned"),
        }
    }
}

/// A message in a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EntryRecord {
    /// Its id in the batch; empty if there was none.
    pub id: String,
    /// The message: the one sent, received, deleted or changed. `None` if the request had no effect on any.
    pub message_id: Option<MessageId>,
    /// Received: how often, this time included. Else 0.
    pub receive_count: u32,
    /// Sent: whether the queue had it already.
    pub duplicate: bool,
    /// The code of its failure.
    pub error: Option<&'static str>,
}
