//! Why a worker could not start.

use thiserror::Error;

use crate::{error::SqsError, queue::QueueRefError};

/// A worker that cannot be started, and why. Once it runs, a worker does not end with an error: it keeps trying, and
/// says so in its log.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WorkerError {
    /// Nothing to do.
    #[error("the worker has no handlers: mount one with `.handler::<my_handler>()`")]
    NoHandlers,
    /// A handler that does not say where its messages come from.
    #[error(
        "handler `{handler}` names no queue: write `#[handler(queue = \"..\")]`, or mount it with \
         `.handler_on::<{handler}>(\"..\")`"
    )]
    NoQueue {
        /// The handler's name.
        handler: &'static str,
    },
    /// Options or a control for a queue that no handler consumes.
    #[error(
        "the worker was given options or asked for a control of queue `{queue}`, but no handler consumes it; the handlers' \
         queues are: {known}"
    )]
    UnknownQueue {
        /// The name that was given.
        queue: String,
        /// The queues that the handlers name.
        known: String,
    },
    /// A text that cannot name a queue.
    #[error(transparent)]
    QueueRef(#[from] QueueRefError),
    /// A setting out of its range.
    #[error("`{parameter}` of queue `{queue}` cannot be {value}: {rule}")]
    Setting {
        /// The queue, as the handlers name it.
        queue: String,
        /// The setting.
        parameter: &'static str,
        /// What it was set to.
        value: String,
        /// What it may be.
        rule: &'static str,
    },
    /// SQS did not answer for a queue, or refused it.
    #[error(transparent)]
    Sqs(#[from] SqsError),
    /// Two handlers for the same message on one queue.
    #[error(transparent)]
    Router(#[from] crate::handler::RouterError),
    /// Two handlers whose idempotency keys are the same, so that only one of them would run.
    #[error(
        "handlers `{first}` and `{second}` are `idempotent` in the same scope `{scope}`: what one has handled the other \
         would skip; give one another scope, `idempotent(scope = \"..\")`"
    )]
    SharedScope {
        /// The handler that was mounted first.
        first: &'static str,
        /// The handler that was mounted second.
        second: &'static str,
        /// What their keys are unique within.
        scope: &'static str,
    },
    /// A handler that needs what this worker does not have.
    #[error("handler `{handler}` cannot be mounted: {why}")]
    Unsupported {
        /// The handler's name.
        handler: &'static str,
        /// What is missing, and what to write.
        why: &'static str,
    },
}
