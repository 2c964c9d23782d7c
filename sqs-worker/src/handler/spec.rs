//! What a handler says about itself: data, for the worker to act on and to print.

use std::time::Duration;

use super::{Delivery, HandlerError};

/// The settings of one handler. `None` leaves a setting to the worker.
///
/// ```
/// use std::time::Duration;
/// use sqs_worker::handler::HandlerSpec;
///
/// const SPEC: HandlerSpec =
///     HandlerSpec::new("charge", "orders.placed").queue("orders").concurrency(32).timeout(Duration::from_secs(600));
/// assert_eq!(SPEC.queue, Some("orders"));
/// ```
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct HandlerSpec {
    /// The function's name.
    pub name: &'static str,
    /// The module it is in, empty when unknown.
    pub module: &'static str,
    /// The source file it is in, empty when unknown.
    pub file: &'static str,
    /// The line in the file, 0 when unknown.
    pub line: u32,
    /// [`Message::NAME`](crate::Message::NAME) of its payload.
    pub message: &'static str,
    /// Every wire name it takes: [`Message::NAMES`](crate::Message::NAMES) of its payload.
    pub messages: &'static [&'static str],
    /// The version of the payload's shape.
    pub version: u32,
    /// The queue it listens to.
    pub queue: Option<&'static str>,
    /// How many of its messages run at a time; of a batch handler, how many batches.
    pub concurrency: Option<usize>,
    /// For how long SQS hides a message at a time, 0 s to 12 h; the worker extends it while the handler runs.
    pub visibility: Option<Duration>,
    /// How long one run may take; [`DEFAULT_TIMEOUT`](super::DEFAULT_TIMEOUT), 15 minutes, if it says nothing.
    pub timeout: Option<Duration>,
    /// How often and how soon a failed message is tried again.
    pub retry: RetrySpec,
    /// Whether a message with the same key runs once only.
    pub idempotent: bool,
    /// The particulars of [`idempotent`](Self::idempotent).
    pub idempotency: Option<IdempotencySpec>,
    /// Where messages go that are given up; the queue's own dead-letter queue unless set.
    pub dead_letter: Option<&'static str>,
    /// How messages are gathered for a handler that takes many at a time.
    pub batch: Option<BatchSpec>,
    /// Whether it answers: its payload is a [`Request`](crate::message::Request) and it returns a reply.
    pub replies: bool,
}

/// How often and how soon a failed message is tried again. `None` leaves it to the worker.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetrySpec {
    /// How many tries there are, the first included.
    pub max: Option<u32>,
    /// The delay after the first failure.
    pub base: Option<Duration>,
    /// The longest delay.
    pub cap: Option<Duration>,
}

/// How a handler's messages are kept from running twice.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct IdempotencySpec {
    /// What keys are unique within; the message's wire name unless set.
    pub scope: Option<&'static str>,
    /// How long a finished key is remembered.
    pub ttl: Option<Duration>,
    /// Computes the key, before the handler runs.
    pub key: fn(&Delivery) -> Result<Option<String>, HandlerError>,
}

/// How messages are gathered into a batch: until the first of the three is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BatchSpec {
    /// The most messages of a batch.
    pub size: usize,
    /// The longest wait for a batch to fill.
    pub linger: Option<Duration>,
    /// The most bytes of a batch, bodies only.
    pub bytes: Option<usize>,
}

impl HandlerSpec {
    /// A handler of this name for the message of this wire name, with nothing set.
    pub const fn new(name: &'static str, message: &'static str) -> Self {
        Self {
            name,
            module: "",
            file: "",
            line: 0,
            message,
            messages: &[],
            version: 1,
            queue: None,
            concurrency: None,
            visibility: None,
            timeout: None,
            retry: RetrySpec::new(),
            idempotent: false,
            idempotency: None,
            dead_letter: None,
            batch: None,
            replies: false,
        }
    }

    /// Sets where the function is.
    #[must_use]
    pub const fn at(mut self, module: &'static str, file: &'static str, line: u32) -> Self {
        self.module = module;
        self.file = file;
        self.line = line;
        self
    }

    /// Sets every wire name it takes.
    #[must_use]
    pub const fn messages(mut self, names: &'static [&'static str]) -> Self {
        self.messages = names;
        self
    }

    /// Sets the version of the payload's shape.
    #[must_use]
    pub const fn version(mut self, version: u32) -> Self {
        self.version = version;
        self
    }

    /// Sets the queue it listens to.
    #[must_use]
    pub const fn queue(mut self, queue: &'static str) -> Self {
        self.queue = Some(queue);
        self
    }

    /// Sets how many of its messages run at a time.
    #[must_use]
    pub const fn concurrency(mut self, concurrency: usize) -> Self {
        self.concurrency = Some(concurrency);
        self
    }

    /// Sets for how long SQS hides a message at a time, 0 s to 12 h.
    #[must_use]
    pub const fn visibility(mut self, visibility: Duration) -> Self {
        self.visibility = Some(visibility);
        self
    }

    /// Sets how long one run may take.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets how often and how soon a failed message is tried again.
    #[must_use]
    pub const fn retry(mut self, retry: RetrySpec) -> Self {
        self.retry = retry;
        self
    }

    /// Makes it run once only for each key.
    #[must_use]
    pub const fn idempotent(mut self, idempotency: IdempotencySpec) -> Self {
        self.idempotent = true;
        self.idempotency = Some(idempotency);
        self
    }

    /// Sets where messages go that are given up.
    #[must_use]
    pub const fn dead_letter(mut self, queue: &'static str) -> Self {
        self.dead_letter = Some(queue);
        self
    }

    /// Makes it take many messages at a time.
    #[must_use]
    pub const fn batch(mut self, batch: BatchSpec) -> Self {
        self.batch = Some(batch);
        self
    }

    /// Says that it answers requests.
    #[must_use]
    pub const fn replies(mut self, replies: bool) -> Self {
        self.replies = replies;
        self
    }

    /// Every wire name it takes: [`messages`](Self::messages), or [`message`](Self::message) alone when that is
    /// empty.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        let alone = self.messages.is_empty().then_some(self.message);
        self.messages.iter().copied().chain(alone)
    }
}

impl RetrySpec {
    /// Nothing set.
    pub const fn new() -> Self {
        Self {
            max: None,
            base: None,
            cap: None,
        }
    }

    /// Sets how many tries there are, the first included.
    #[must_use]
    pub const fn max(mut self, tries: u32) -> Self {
        self.max = Some(tries);
        self
    }

    /// Sets the delay after the first failure.
    #[must_use]
    pub const fn base(mut self, delay: Duration) -> Self {
        self.base = Some(delay);
        self
    }

    /// Sets the longest delay.
    #[must_use]
    pub const fn cap(mut self, delay: Duration) -> Self {
        self.cap = Some(delay);
        self
    }
}

impl IdempotencySpec {
    /// Keys computed by this function.
    pub const fn new(key: fn(&Delivery) -> Result<Option<String>, HandlerError>) -> Self {
        Self {
            scope: None,
            ttl: None,
            key,
        }
    }

    /// Sets what keys are unique within.
    #[must_use]
    pub const fn scope(mut self, scope: &'static str) -> Self {
        self.scope = Some(scope);
        self
    }

    /// Sets how long a finished key is remembered.
    #[must_use]
    pub const fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }
}

impl BatchSpec {
    /// Batches of at most this many messages.
    pub const fn new(size: usize) -> Self {
        Self {
            size,
            linger: None,
            bytes: None,
        }
    }

    /// Sets the longest wait for a batch to fill.
    #[must_use]
    pub const fn linger(mut self, linger: Duration) -> Self {
        self.linger = Some(linger);
        self
    }

    /// Sets the most bytes of a batch, bodies only.
    #[must_use]
    pub const fn bytes(mut self, bytes: usize) -> Self {
        self.bytes = Some(bytes);
        self
    }
}
