//! Why a message was not sent.

use std::time::Duration;

use thiserror::Error;

use crate::{error::SqsError, message::EncodeError, queue::QueueRefError};

/// Why one message was not sent.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SendError {
    /// The payload has no form in its codec.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// A text that cannot name a queue.
    #[error(transparent)]
    Queue(#[from] QueueRefError),
    /// More than SQS takes.
    #[error(
        "message `{message}` for queue `{queue}` has {bytes} bytes, attributes included; SQS takes 1048576: send a \
         smaller one, or store the content elsewhere and send a reference"
    )]
    TooLarge {
        /// The queue.
        queue: String,
        /// The message's wire name.
        message: &'static str,
        /// What SQS would count.
        bytes: usize,
    },
    /// More attributes than SQS takes.
    #[error(
        "message `{message}` for queue `{queue}` has {count} attributes, the framework's own included; SQS takes 10: \
         put the others into the payload"
    )]
    TooManyAttributes {
        /// The queue.
        queue: String,
        /// The message's wire name.
        message: &'static str,
        /// How many there are.
        count: usize,
    },
    /// A FIFO queue needs to know the group.
    #[error(
        "message `{message}` for FIFO queue `{queue}` has no group: mark a field with `#[message(group)]`, or set it \
         with `.group(..)`"
    )]
    NoGroup {
        /// The queue.
        queue: String,
        /// The message's wire name.
        message: &'static str,
    },
    /// A delay that SQS does not do.
    #[error("message `{message}` for queue `{queue}` cannot be delayed by {delay:?}: {rule}")]
    Delay {
        /// The queue.
        queue: String,
        /// The message's wire name.
        message: &'static str,
        /// The delay asked for.
        delay: Duration,
        /// What SQS does.
        rule: &'static str,
    },
    /// SQS did not take it.
    #[error(transparent)]
    Sqs(#[from] SqsError),
    /// An earlier message of its group could not be sent, so that this one would be out of order.
    #[error(
        "not sent to queue `{queue}`: an earlier message of group `{group}` failed, and the group's order must hold; \
         send both again"
    )]
    Behind {
        /// The queue.
        queue: String,
        /// The message group.
        group: String,
    },
}

impl SendError {
    /// The same error for another message of the same call.
    pub(super) fn duplicate(&self) -> Self {
        match self {
            Self::Sqs(error) => Self::Sqs(error.duplicate()),
            Self::Queue(error) => Self::Queue(error.clone()),
            // Only the two above concern a call as a whole.
            other => Self::Sqs(SqsError::local(
                "SendMessage",
                "",
                crate::error::ErrorClass::Rejected,
                other.to_string(),
            )),
        }
    }
}
