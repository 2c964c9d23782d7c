//! What a user may set for a queue, and what comes of it together with the handlers' attributes.

use std::time::Duration;

use super::{breaker::CircuitBreaker, error::WorkerError, lease::MAX_VISIBILITY, poll::wait_for};
use crate::{
    backoff::Schedule,
    handler::HandlerSpec,
    queue::{Queue, QueueRef},
};

/// As many handlers at once as one full receive brings.
const CONCURRENCY: usize = 10;

/// The most polls at once unless set. Only as many run as bring full batches.
const POLLERS: usize = 32;

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
    prefetch: Option<usize>,
    rate_limit: Option<f64>,
    breaker: Option<CircuitBreaker>,
    tenant_limit: Option<usize>,
    priority_attribute: Option<String>,
    priority: i32,
    weight: u32,
    verify: bool,
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
            prefetch: None,
            rate_limit: None,
            breaker: None,
            tenant_limit: None,
            priority_attribute: None,
            priority: 0,
            weight: 1,
            verify: true,
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

    /// The most handlers at once, from 1 on; of batch handlers, the most messages in their hands. In a FIFO queue that is
    /// the most groups at once. Default: the largest that a handler of this queue asks for, or 10. It can be changed
    /// while the worker runs, with [`QueueControl`](super::QueueControl).
    pub fn concurrency(mut self, messages: usize) -> Self {
        self.concurrency = Some(messages);
        self
    }

    /// How many messages to receive ahead of the handlers, so that the next is there when one ends. They are kept alive
    /// like those that run. Default: as many as would start within half a second by the handlers' own times, at most
    /// [`concurrency`](Self::concurrency) or ten; 0 receives nothing that cannot start at once.
    pub fn prefetch(mut self, messages: usize) -> Self {
        self.prefetch = Some(messages);
        self
    }

    /// The most messages a second that are asked for: above 0, any fraction. A second's worth may come at once. It holds
    /// the polls back, never a message that has been received. Default: no limit.
    pub fn rate_limit(mut self, messages_a_second: f64) -> Self {
        self.rate_limit = Some(messages_a_second);
        self
    }

    /// Stops asking for messages while handlers fail. Default: none.
    pub fn circuit_breaker(mut self, breaker: CircuitBreaker) -> Self {
        self.breaker = Some(breaker);
        self
    }

    /// The most handlers at once for one tenant, from 1 on: for messages of a standard queue that carry the same
    /// `MessageGroupId`, as fair queues have them. As many again may wait here; what comes beyond that is hidden for the
    /// next delay of its retry schedule. SQS counts each of those receives: leave `maxReceiveCount` room for them.
    /// Default: no limit.
    pub fn tenant_concurrency(mut self, handlers: usize) -> Self {
        self.tenant_limit = Some(handlers);
        self
    }

    /// Messages already received start in the order of this message attribute, a whole number as text: the highest first,
    /// 0 for those without it. One that has waited for a whole visibility time-out goes first all the same. Combine it
    /// with [`prefetch`](Self::prefetch): only what waits here can be put in order. Default: the order of receipt.
    pub fn priority_attribute(mut self, name: impl Into<String>) -> Self {
        self.priority_attribute = Some(name.into());
        self
    }

    /// Where the queues share a [limit](crate::Worker::shared_concurrency): for as long as a queue of higher priority has
    /// messages, this one starts none. Default: 0.
    pub fn priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    /// Where the queues share a [limit](crate::Worker::shared_concurrency): how many messages this one starts for each
    /// that a queue of weight 1 and the same priority starts, while both have enough. From 1 on. Default: 1.
    pub fn weight(mut self, weight: u32) -> Self {
        self.weight = weight;
        self
    }

    /// Whether to check the MD5 that SQS sends of each body and its attributes. A message that does not match is given
    /// back and not handled. Default: true; it costs about two microseconds a KiB.
    pub fn verify_checksums(mut self, verify: bool) -> Self {
        self.verify = verify;
        self
    }

    /// The most long polls at once, from 1 on; an idle queue has one. Default: one for every ten of
    /// [`concurrency`](Self::concurrency), at most 32.
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
    pub(crate) prefetch: Option<usize>,
    pub(crate) rate_limit: Option<f64>,
    pub(crate) breaker: Option<CircuitBreaker>,
    pub(crate) tenant_limit: Option<usize>,
    pub(crate) priority_attribute: Option<String>,
    pub(crate) priority: i32,
    pub(crate) weight: u32,
    pub(crate) verify: bool,
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
        let largest = specs.iter().filter_map(messages_at_once).max();
        let concurrency = options.concurrency.or(largest).unwrap_or(CONCURRENCY);
        let pollers = options
            .pollers
            .unwrap_or_else(|| concurrency.div_ceil(10).clamp(1, POLLERS));
        for (parameter, value) in [
            ("concurrency", Some(concurrency)),
            ("pollers", Some(pollers)),
            (
                "max_attempts",
                options.max_attempts.map(|attempts| attempts as usize),
            ),
            ("tenant_concurrency", options.tenant_limit),
            ("weight", Some(options.weight as usize)),
            (
                "circuit_breaker.window",
                options.breaker.map(|breaker| breaker.window),
            ),
        ] {
            if value == Some(0) {
                return Err(invalid(parameter, "0".into(), "it must be at least 1"));
            }
        }
        let fullest = specs
            .iter()
            .filter_map(|spec| spec.batch)
            .map(|batch| batch.size)
            .max();
        if fullest.is_some_and(|size| concurrency < size) {
            let rule = "it must be at least the size of its handler's batches";
            return Err(invalid("concurrency", concurrency.to_string(), rule));
        }
        if let Some(rate) = options.rate_limit
            && !(rate > 0.0 && rate.is_finite())
        {
            let rule = "it must be a number of messages a second above 0";
            return Err(invalid("rate_limit", rate.to_string(), rule));
        }
        if let Some(breaker) = options.breaker {
            if !(breaker.rate > 0.0 && breaker.rate <= 1.0) {
                let rule = "it must be above 0 and at most 1";
                return Err(invalid(
                    "circuit_breaker.failure_rate",
                    breaker.rate.to_string(),
                    rule,
                ));
            }
            if breaker.cooldown < Duration::from_secs(1) {
                let value = format!("{:?}", breaker.cooldown);
                return Err(invalid(
                    "circuit_breaker.cooldown",
                    value,
                    "it must be at least 1 second",
                ));
            }
        }
        if options.tenant_limit.is_some() && queue.fifo {
            let value = format!("{}", options.tenant_limit.unwrap_or_default());
            let rule = "in a FIFO queue a group has one handler at a time as it is: leave it out";
            return Err(invalid("tenant_concurrency", value, rule));
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
            prefetch: options.prefetch,
            rate_limit: options.rate_limit,
            breaker: options.breaker,
            tenant_limit: options.tenant_limit,
            priority_attribute: options.priority_attribute.clone(),
            priority: options.priority,
            weight: options.weight,
            verify: options.verify,
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

/// How many messages a handler takes at once, if it says so: a batch handler, so many batches.
fn messages_at_once(spec: &HandlerSpec) -> Option<usize> {
    match spec.batch {
        Some(batch) => Some(batch.size * spec.concurrency.unwrap_or(1)),
        None => spec.concurrency,
    }
}

impl QueueOptions {
    /// The queue to poll.
    pub(super) fn target(&self) -> Result<QueueRef, WorkerError> {
        Ok(self.source.as_deref().unwrap_or(&self.name).parse()?)
    }
}
