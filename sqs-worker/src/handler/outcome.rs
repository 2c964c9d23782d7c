//! What becomes of a message.

use std::{borrow::Cow, time::Duration};

use super::ReplyMessage;

/// What a handler decided about its message.
///
/// ```
/// use std::time::Duration;
/// use sqs_worker::Outcome;
///
/// const LATER: Outcome = Outcome::retry_after(Duration::from_secs(300));
/// assert_eq!(LATER, Outcome::Retry { after: Some(Duration::from_secs(300)) });
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "an outcome does nothing until the worker has it: return it from the handler"]
#[non_exhaustive]
pub enum Outcome {
    /// Done: the message is deleted.
    Ack,
    /// Not done: the message becomes visible again and is received once more.
    Retry {
        /// How long it stays hidden, at most what is left of its 12 hours; `None` takes the delay of the
        /// handler's retry schedule.
        after: Option<Duration>,
    },
    /// Never to be done: the message is sent to the dead-letter queue, then deleted.
    DeadLetter {
        /// Why, in one sentence: it is kept in the message's failure record.
        reason: Cow<'static, str>,
    },
    /// Not tried: the message is given back for another worker, as at shutdown. It counts as no failure here;
    /// SQS counts the receive all the same.
    Release,
    /// Not tried, because it cannot be yet: the message is hidden for this long. It counts as no failure here; SQS
    /// counts the receive all the same.
    Defer {
        /// How long it stays hidden, at most what is left of its 12 hours.
        after: Duration,
    },
    /// Done, and answered: the reply is sent, then the message is deleted.
    Reply(ReplyMessage),
}

impl Outcome {
    /// Done: delete the message.
    pub const fn ack() -> Self {
        Self::Ack
    }

    /// Try again, after the delay of the handler's retry schedule.
    pub const fn retry() -> Self {
        Self::Retry { after: None }
    }

    /// Try again after this long, at most what is left of the message's 12 hours.
    pub const fn retry_after(delay: Duration) -> Self {
        Self::Retry { after: Some(delay) }
    }

    /// Give the message up for this reason.
    pub fn dead_letter(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::DeadLetter {
            reason: reason.into(),
        }
    }

    /// Give the message back untried.
    pub const fn release() -> Self {
        Self::Release
    }

    /// Hide the message untried for this long, at most what is left of its 12 hours.
    pub const fn defer(after: Duration) -> Self {
        Self::Defer { after }
    }
}
