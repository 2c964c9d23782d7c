//! Why a request was not answered.

use std::time::Duration;

use thiserror::Error;

use crate::{error::SqsError, message::DecodeError, producer::SendError, queue::QueueRefError};

/// Why [`ask`](super::Requester::ask) has no reply.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AskError {
    /// The request was not sent: no such queue, too large, not allowed.
    #[error("the request was not sent: {0}")]
    Send(#[from] SendError),
    /// The queue for replies cannot be created or found.
    #[error("there is no queue for the reply: {0}")]
    ReplyQueue(#[from] SqsError),
    /// The name of the queue for replies cannot be one.
    #[error("there is no queue for the reply: {0}")]
    ReplyQueueName(#[from] QueueRefError),
    /// No reply came in time. Whether the request was or will be handled is not known: a worker handles it only if it
    /// comes to it before the time is over.
    #[error("no reply to `{request}` from queue `{queue}` within {timeout:?}: {}", hint(*sent))]
    TimedOut {
        /// The request's wire name.
        request: &'static str,
        /// The queue it was sent to.
        queue: String,
        /// The time it had.
        timeout: Duration,
        /// Whether SQS had taken the request.
        sent: bool,
    },
    /// The worker gave the request up for good, and said why.
    #[error("request `{request}` was refused by the worker of queue `{queue}`: {reason}")]
    Refused {
        /// The request's wire name.
        request: &'static str,
        /// The queue it was sent to.
        queue: String,
        /// The error of the handler, or of what stands before it.
        reason: String,
    },
    /// What came is not the reply that the request names.
    #[error("the reply cannot be read: {0}")]
    Reply(#[from] DecodeError),
    /// The queue for replies was deleted while this request waited. There is a new one: ask again.
    #[error(
        "the reply to `{request}` from queue `{queue}` is lost: the queue for replies was deleted; ask again"
    )]
    ReplyQueueLost {
        /// The request's wire name.
        request: &'static str,
        /// The queue it was sent to.
        queue: String,
    },
    /// The requester was [closed](super::Requester::close).
    #[error("the requester was closed")]
    Closed,
}

impl AskError {
    /// Whether the same request may be answered later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::TimedOut { .. } | Self::ReplyQueueLost { .. } => true,
            Self::Send(SendError::Sqs(error)) | Self::ReplyQueue(error) => error.class().is_transient(),
            _ => false,
        }
    }
}

fn hint(sent: bool) -> &'static str {
    if sent {
        "the request was sent; is a worker running, and does it get through its queue in time?"
    } else {
        "it could not even be sent in that time; is SQS within reach?"
    }
}
