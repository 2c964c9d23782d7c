//! Queues: how they are named, and what is known of one once SQS has been asked.

mod reference;
mod resolve;

use std::{sync::Arc, time::Duration};

pub use reference::{QueueRef, QueueRefError};
pub(crate) use resolve::{resolve, url_of};

/// A queue that SQS has answered for.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    /// The last part of its URL or ARN: what logs and errors call it.
    pub(crate) name: Arc<str>,
    pub(crate) url: String,
    pub(crate) fifo: bool,
    /// The queue's own visibility time-out, where the role may read it.
    pub(crate) visibility: Option<Duration>,
    /// Where SQS itself moves messages, and after how many receives.
    pub(crate) redrive: Option<Redrive>,
}

/// A queue's redrive policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Redrive {
    pub(crate) target: QueueRef,
    pub(crate) max_receive_count: u32,
}
