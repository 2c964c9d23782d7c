//! What goes wrong, and when.

use std::time::Duration;

use rand::RngExt as _;

use super::State;
use crate::api::Operation;
use crate::error::{Error, ErrorKind};

/// Something that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Fault {
    /// `RequestThrottled`, without effect.
    Throttle,
    /// HTTP 500, without effect.
    InternalError,
    /// HTTP 503, without effect.
    Unavailable,
    /// `OverLimit`, without effect.
    OverLimit,
    /// `ExpiredToken`: the caller's temporary credentials are over.
    ExpiredCredentials,
    /// `AccessDenied`: the caller's policy does not allow it.
    AccessDenied,
    /// `RequestExpired`: the caller's clock is wrong.
    ClockSkew,
    /// The connection ends before the request has any effect.
    Disconnect,
    /// The request has its effect; then the connection ends without an answer.
    LoseAnswer,
    /// The request is never answered, and has no effect.
    Hang,
    /// The request takes effect later, by the rule's [`delay`](Rule::delay).
    SlowRequest,
    /// The answer comes later, by the rule's [`delay`](Rule::delay).
    SlowAnswer,
    /// Standard queues: received messages stay visible, or deleted ones stay, so that they are delivered again.
    Duplicate,
    /// Standard queues: received messages come in another order.
    Reorder,
    /// Received bodies have lost their last character on the way, while their MD5 is still that of what was sent.
    Damage,
    /// A short poll finds nothing although there is something, as when it asks servers that have nothing.
    EmptyReceive,
    /// Each entry of a batch fails with the rule's [`share`](Rule::share), without effect and not by its own fault.
    PartialBatch,
}

impl Fault {
    /// The error that takes the place of any effect, for faults that are such.
    pub(super) fn refusal(self) -> Option<Error> {
        let (kind, text) = match self {
            Self::Throttle => (
                ErrorKind::RequestThrottled,
                "The request was denied due to request throttling.",
            ),
            Self::InternalError => (ErrorKind::InternalFailure, "The request processing has failed."),
            Self::Unavailable => (
                ErrorKind::ServiceUnavailable,
                "The service is unavailable. Try again later.",
            ),
            Self::OverLimit => (ErrorKind::OverLimit, "Too many messages in flight."),
            Self::ExpiredCredentials => (
                ErrorKind::ExpiredToken,
                "The security token included in the request is expired.",
            ),
            Self::AccessDenied => (ErrorKind::AccessDenied, "Access to the resource is denied."),
            Self::ClockSkew => (
                ErrorKind::RequestExpired,
                "Signature expired: the request was made too long ago.",
            ),
            Self::Disconnect => (ErrorKind::Disconnected, "The connection was closed."),
            _ => return None,
        };
        Some(Error::new(kind, text))
    }
}

/// A [`Fault`] and when it happens: by default always.
#[derive(Debug, Clone)]
pub struct Rule {
    pub(super) fault: Fault,
    action: Option<String>,
    queue: Option<String>,
    from: Duration,
    until: Option<Duration>,
    chance: f64,
    skip: u64,
    times: Option<u64>,
    delay: (Duration, Duration),
    share: f64,
}

/// A fault that is to happen to a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Planned {
    pub(super) fault: Fault,
    pub(super) delay: Duration,
    pub(super) share: f64,
}

impl Rule {
    /// This fault, for every request.
    pub fn new(fault: Fault) -> Self {
        Self {
            fault,
            action: None,
            queue: None,
            from: Duration::ZERO,
            until: None,
            chance: 1.0,
            skip: 0,
            times: None,
            delay: (Duration::from_secs(1), Duration::from_secs(1)),
            share: 0.5,
        }
    }

    /// Only for requests of this action, such as `ReceiveMessage`. `SendMessage` and `SendMessageBatch` are two.
    #[must_use]
    pub fn action(mut self, action: impl Into<String>) -> Self {
        self.action = Some(action.into());
        self
    }

    /// Only for requests about the queue of this name.
    #[must_use]
    pub fn queue(mut self, name: impl Into<String>) -> Self {
        self.queue = Some(name.into());
        self
    }

    /// Only from this time on, counted from when the SQS was built.
    #[must_use]
    pub fn from(mut self, time: Duration) -> Self {
        self.from = time;
        self
    }

    /// Only before this time, counted from when the SQS was built.
    #[must_use]
    pub fn until(mut self, time: Duration) -> Self {
        self.until = Some(time);
        self
    }

    /// With this probability, 0 to 1. Default: 1.
    #[must_use]
    pub fn chance(mut self, probability: f64) -> Self {
        self.chance = probability.clamp(0.0, 1.0);
        self
    }

    /// Not for the first so many requests that would match. Default: 0.
    #[must_use]
    pub fn skip(mut self, requests: u64) -> Self {
        self.skip = requests;
        self
    }

    /// At most so many times. Default: no limit.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    /// How long [`Fault::SlowRequest`] and [`Fault::SlowAnswer`] take: a time between these two. Default: 1 s.
    #[must_use]
    pub fn delay(mut self, least: Duration, most: Duration) -> Self {
        self.delay = (least, most.max(least));
        self
    }

    /// The probability with which [`Fault::PartialBatch`] fails each entry, 0 to 1. Default: 0.5.
    #[must_use]
    pub fn share(mut self, probability: f64) -> Self {
        self.share = probability.clamp(0.0, 1.0);
        self
    }

    fn matches(&self, operation: &Operation, elapsed: Duration) -> bool {
        self.times != Some(0)
            && elapsed >= self.from
            && self.until.is_none_or(|until| elapsed < until)
            && self
                .action
                .as_deref()
                .is_none_or(|action| action == operation.name())
            && self
                .queue
                .as_deref()
                .is_none_or(|queue| operation.queue_name() == Some(queue))
    }
}

impl State {
    /// What is to happen to this request.
    pub(super) fn plan(&mut self, operation: &Operation) -> Vec<Planned> {
        let elapsed = self.start.map(|start| start.elapsed()).unwrap_or_default();
        let mut planned = Vec::new();
        for rule in &mut self.rules {
            if !rule.matches(operation, elapsed) {
                continue;
            }
            if rule.skip > 0 {
                rule.skip -= 1;
                continue;
            }
            if rule.chance < 1.0 && !self.rng.random_bool(rule.chance) {
                continue;
            }
            if let Some(times) = &mut rule.times {
                *times -= 1;
            }
            let (least, most) = rule.delay;
            let delay = if least == most {
                least
            } else {
                self.rng.random_range(least..most)
            };
            planned.push(Planned {
                fault: rule.fault,
                delay,
                share: rule.share,
            });
        }
        planned
    }

    pub(super) fn note(&mut self, fault: Fault) {
        *self.injected.entry(fault).or_default() += 1;
    }
}
