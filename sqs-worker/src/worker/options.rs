//! What a user may set for a queue, and what comes of it together with the handlers' attributes.

use std::time::Duration;

use super::{error::WorkerError, lease::MAX_VISIBILITY, poll::wait_for};
use crate::{
    backoff::Schedule,
    handler::HandlerSpec,
    queue::{Queue, QueueRef},
};

/// As many handlers at once as one full receive brings.
const CONCURRENCY: usize = 10;

/// SQS's own default, for a role that may not read the queue's attributes ([CreateQueue]).
///
/// [CreateQueue]: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html
const VISIBILITY: Duration = Duration::from_secs(30);

/// Below this a lease cannot be kept over a network.
const MIN_VISIBILITY: Duration = Duration::from_secs(2);

/// First retry after two seconds, none later than five minutes.
const RETRY: Schedule = Schedule::new(Duration::from_secs(2), Duration::from_secs(300));

/// How long an acknowledgement waits for nine others.
const LINGER: Duration = Duration::from_millis(50);

/// Settings of one queue, given to [`Worker::queue`](crate::Worker::queue). What is set here goes before what the
/// handlers' attributes say; what is set in neither place has the default named at each setter.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use sqs_worker::QueueOptions;
///
/// let options = QueueOptions::named("orders")
///     .source("https://sqs.eu-west-1.amazonaws.com/123456789012/orders-blue")
///     .concurrency(64)
///     .visibility(Duration::from_secs(60));
/// ```
#[derive(Clone, Debug)]
pub struct QueueOptions {
    pub(super) name: String,
    pub(super) source: Option<String>,
    pub(super) dead_letter: Option<String>,
    concurrency: Option<usize>,
    pollers: Option<usize>,
    visibility: Option<Duration>,
    linger: Option<Duration>,
    retry: Option<Schedule>,
    max_attempts: Option<u32>,
    pub(super) unnamed: Option<&'static str>,
}

impl QueueOptions {
    /// Settings for the queue that handlers call `name`.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            source: None,
            dead_letter: None,
            concurrency: None,
            pollers: None,
            visibility: None,
            linger: None,
            retry: None,
            max_attempts: None,
            unnamed: None,
        }
    }

    /// The queue to poll in its place, by name, URL or ARN. Default: the name itself.
    pub fn source(mut self, queue: impl Into<String>) -> Self {
        self.source = Some(queue.into());
        self
    }

    /// Where messages go that cannot be handled, by name, URL or ARN. Default: the target of the queue's redrive
    /// policy.
    pub fn dead_letter(mut self, queue: impl Into<String>) -> Self {
        self.dead_letter = Some(queue.into());
        self
    }

    /// The most messages in flight at once, from 1 on; in a FIFO queue, the most groups. Default: the largest that a
    /// handler of this queue asks for, or 10.
    pub fn concurrency(mut self, messages: usize) -> Self {
        self.concurrency = Some(messages);
        self
    }

    /// The most long polls at once, from 1 on; an idle queue has one. Default: one for every ten of
    /// [`concurrency`](Self::concurrency), at most four.
    pub fn pollers(mut self, polls: usize) -> Self {
        self.pollers = Some(polls);
        self
    }

    /// The visibility time-out that receives ask for and renewals extend by: 2 seconds to 12 hours, in whole seconds.
    /// It bounds how long a message stays hidden after a crash, not how long a handler may take. Default: the longest
    /// that a handler asks for, or the queue's own attribute.
    pub fn visibility(mut self, timeout: Duration) -> Self {
        self.visibility = Some(timeout);
        self
    }

    /// How long an acknowledgement waits for others to share its call. Default: 50 ms (as long as no other handler
    /// runs, it does not wait).
    pub fn linger(mut self, linger: Duration) -> Self {
        self.linger = Some(linger);
        self
    }

    /// The delays between attempts. Default: 2 seconds, doubled at each attempt, up to 5 minutes, with jitter.
    pub fn retry(mut self, schedule: Schedule) -> Self {
        self.retry = Some(schedule);
        self
    }

    /// After how many attempts a message that still fails is dead-lettered, from 1 on. Default: the largest that a
    /// handler asks for, or the redrive policy's `maxReceiveCount`, or no limit.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = Some(attempts);
        self
    }

    /// The message that a body is taken for when it carries no name, for senders that know nothing of ours. Default:
    /// the message of the queue's only handler; with several handlers such a message is dead-lettered.
    pub fn unnamed<M: crate::Message>(mut self) -> Self {
        self.unnamed = Some(M::NAME);
        self
    }
}

/// How one queue is worked on: options, attributes and the queue itself taken together.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) concurrency: usize,
    pub(crate) pollers: usize,
    pub(crate) visibility: Duration,
    pub(crate) wait: Duration,
    pub(crate) linger: Duration,
    /// One for each handler of the queue.
    handlers: Vec<Policy>,
    /// For messages that no handler takes.
    fallback: Policy,
}

/// What happens when one handler's messages fail.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    /// The handler, where one takes the message.
    pub(crate) handler: Option<&'static str>,
    messages: Vec<&'static str>,
    pub(crate) retry: Schedule,
    pub(crate) max_attempts: Option<u32>,
}

impl Settings {
    pub(crate) fn resolve(
        options: &QueueOptions,
        specs: &[HandlerSpec],
        queue: &Queue,
    ) -> Result<Self, WorkerError> {
        let invalid = |parameter, value: String, rule| WorkerError::Setting {
            queue: options.name.clone(),
            parameter,
            value,
            rule,
        };
        let largest = specs.iter().filter_map(|spec| spec.concurrency).max();
        let concurrency = options.concurrency.or(largest).unwrap_or(CONCURRENCY);
        let pollers = options
            .pollers
            .unwrap_or_else(|| concurrency.div_ceil(10).clamp(1, 4));
        for (parameter, value) in [
            ("concurrency", Some(concurrency)),
            ("pollers", Some(pollers)),
            (
                "max_attempts",
                options.max_attempts.map(|attempts| attempts as usize),
            ),
        ] {
            if value == Some(0) {
                return Err(invalid(parameter, "0".into(), "it must be at least 1"));
            }
        }
        let asked = options
            .visibility
            .or_else(|| specs.iter().filter_map(|spec| spec.visibility).max());
        let visibility = match asked {
            Some(visibility) if !(MIN_VISIBILITY..=MAX_VISIBILITY).contains(&visibility) => {
                let value = format!("{visibility:?}");
                return Err(invalid(
                    "visibility",
                    value,
                    "it must be between 2 seconds and 12 hours",
                ));
            }
            Some(visibility) => visibility,
            None => queue
                .visibility
                .filter(|queue| *queue >= MIN_VISIBILITY)
                .unwrap_or(VISIBILITY),
        };
        let policy = |spec: Option<&HandlerSpec>| {
            let of_spec = spec.map(|spec| spec.retry);
            let base = of_spec.and_then(|retry| retry.base).unwrap_or(RETRY.base());
            let cap = of_spec.and_then(|retry| retry.cap).unwrap_or(RETRY.cap());
            Policy {
                handler: spec.map(|spec| spec.name),
                messages: spec.map(|spec| spec.names().collect()).unwrap_or_default(),
                retry: options.retry.unwrap_or_else(|| Schedule::new(base, cap)),
                max_attempts: options
                    .max_attempts
                    .or(of_spec.and_then(|retry| retry.max))
                    .or(queue.redrive.as_ref().map(|redrive| redrive.max_receive_count)),
            }
        };
        let handlers: Vec<Policy> = specs.iter().map(|spec| policy(Some(spec))).collect();
        let unnamed = match (options.unnamed, &handlers[..]) {
            (Some(name), _) => handlers.iter().find(|policy| policy.messages.contains(&name)),
            (None, [only]) => Some(only),
            _ => None,
        };
        let fallback = unnamed.cloned().unwrap_or_else(|| policy(None));
        let linger = options.linger.unwrap_or(LINGER);
        let wait = wait_for(visibility);
        Ok(Self {
            concurrency,
            pollers,
            visibility,
            wait,
            linger,
            handlers,
            fallback,
        })
    }

    /// The policy for a message of this name.
    pub(crate) fn policy(&self, name: Option<&str>) -> &Policy {
        let Some(name) = name else { return &self.fallback };
        self.handlers
            .iter()
            .find(|policy| policy.messages.contains(&name))
            .unwrap_or(&self.fallback)
    }
}

impl QueueOptions {
    /// The queue to poll.
    pub(super) fn target(&self) -> Result<QueueRef, WorkerError> {
        Ok(self.source.as_deref().unwrap_or(&self.name).parse()?)
    }
}
