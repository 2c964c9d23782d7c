//! The circuit breaker: stops taking messages in while handlers fail.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

/// When a queue stops being polled because its handlers fail, given to
/// [`QueueOptions::circuit_breaker`](crate::QueueOptions::circuit_breaker).
///
/// It watches the last outcomes. When too many of them failed it opens: nothing is asked for, what has not started is
/// given back, and running handlers go on. After the cool-down, and when those have ended, one message is asked for as a
/// probe: if it succeeds, the queue is polled as before; if it fails, the cool-down starts again.
///
/// Errors that are tried again, panics and time-outs count as failures. A message that is dead-lettered or dropped by
/// its handler does not: it is the message that is wrong, not what the handler depends on.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use sqs_worker::{QueueOptions, worker::CircuitBreaker};
///
/// let breaker = CircuitBreaker::new().window(50).failure_rate(0.8).cooldown(Duration::from_secs(10));
/// let options = QueueOptions::named("orders").circuit_breaker(breaker);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CircuitBreaker {
    pub(super) window: usize,
    pub(super) rate: f64,
    pub(super) cooldown: Duration,
}

impl CircuitBreaker {
    /// Opens when half of the last 20 failed, for 30 seconds.
    pub const fn new() -> Self {
        Self {
            window: 20,
            rate: 0.5,
            cooldown: Duration::from_secs(30),
        }
    }

    /// How many of the last outcomes it looks at, from 1 on. With fewer than that it never opens. Default: 20.
    pub const fn window(mut self, outcomes: usize) -> Self {
        self.window = outcomes;
        self
    }

    /// The share of failures among them at which it opens: above 0, at most 1. Default: 0.5.
    pub const fn failure_rate(mut self, share: f64) -> Self {
        self.rate = share;
        self
    }

    /// How long it stays open before it asks for a probe, from 1 second on. Default: 30 seconds.
    pub const fn cooldown(mut self, time: Duration) -> Self {
        self.cooldown = time;
        self
    }
}

impl Default for CircuitBreaker {
    fn default() -> Self {
        Self::new()
    }
}

/// The state of one queue's breaker.
#[derive(Debug)]
pub(crate) struct Breaker {
    options: CircuitBreaker,
    /// The last outcomes, oldest first: whether they failed.
    outcomes: VecDeque<bool>,
    failures: usize,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed,
    Open {
        until: Instant,
    },
    /// One message is asked for, and what becomes of it decides.
    Probing,
}

/// What may be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Allows {
    Everything,
    /// One message at a time.
    OneProbe,
    /// Nothing before this instant.
    NothingUntil(Instant),
}

/// What an outcome changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Opened,
    Closed,
}

impl Breaker {
    pub(crate) fn new(options: CircuitBreaker) -> Self {
        Self {
            options,
            outcomes: VecDeque::with_capacity(options.window),
            failures: 0,
            state: State::Closed,
        }
    }

    /// What may be asked for now.
    pub(crate) fn allows(&mut self, now: Instant) -> Allows {
        match self.state {
            State::Closed => Allows::Everything,
            State::Open { until } if now < until => Allows::NothingUntil(until),
            State::Open { .. } | State::Probing => {
                self.state = State::Probing;
                Allows::OneProbe
            }
        }
    }

    /// Whether what has been received must not start.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, State::Open { .. })
    }

    /// A handler ended. What began before the breaker opened says nothing about whether to close it.
    pub(crate) fn record(&mut self, failed: bool, now: Instant) -> Option<Change> {
        match self.state {
            State::Open { .. } => None,
            State::Probing if failed => {
                self.open(now);
                Some(Change::Opened)
            }
            State::Probing => {
                self.state = State::Closed;
                Some(Change::Closed)
            }
            State::Closed => {
                if self.outcomes.len() == self.options.window && self.outcomes.pop_front() == Some(true) {
                    self.failures -= 1;
                }
                self.outcomes.push_back(failed);
                self.failures += usize::from(failed);
                let full = self.outcomes.len() == self.options.window;
                let limit = self.options.rate * self.options.window as f64;
                if full && self.failures as f64 >= limit {
                    self.open(now);
                    return Some(Change::Opened);
                }
                None
            }
        }
    }

    fn open(&mut self, now: Instant) {
        self.outcomes.clear();
        self.failures = 0;
        self.state = State::Open {
            until: now + self.options.cooldown,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COOLDOWN: Duration = Duration::from_secs(30);

    fn breaker() -> Breaker {
        Breaker::new(CircuitBreaker::new().window(4))
    }

    fn opened(now: Instant) -> Breaker {
        let mut breaker = breaker();
        let changes: Vec<_> = [true, false, true, false]
            .into_iter()
            .map(|failed| breaker.record(failed, now))
            .collect();
        assert_eq!(changes, [None, None, None, Some(Change::Opened)]);
        breaker
    }

    #[test]
    fn it_opens_when_enough_of_the_last_failed_and_not_before_there_are_enough() {
        let now = Instant::now();
        let mut breaker = opened(now);
        assert!(breaker.is_open());
        assert_eq!(breaker.allows(now), Allows::NothingUntil(now + COOLDOWN));
    }

    #[test]
    fn old_failures_are_forgotten() {
        let now = Instant::now();
        let mut breaker = breaker();
        for failed in [true, false, false, false, true, false, false, false, true] {
            assert_eq!(breaker.record(failed, now), None);
        }
        assert_eq!(breaker.allows(now), Allows::Everything);
    }

    #[test]
    fn a_probe_that_succeeds_closes_it() {
        let now = Instant::now();
        let mut breaker = opened(now);
        assert_eq!(breaker.allows(now + COOLDOWN), Allows::OneProbe);
        assert!(!breaker.is_open());
        assert_eq!(breaker.record(false, now + COOLDOWN), Some(Change::Closed));
        assert_eq!(breaker.allows(now + COOLDOWN), Allows::Everything);
    }

    #[test]
    fn a_probe_that_fails_opens_it_again() {
        let now = Instant::now();
        let mut breaker = opened(now);
        breaker.allows(now + COOLDOWN);
        assert_eq!(breaker.record(true, now + COOLDOWN), Some(Change::Opened));
        assert_eq!(
            breaker.allows(now + COOLDOWN),
            Allows::NothingUntil(now + COOLDOWN * 2)
        );
    }

    #[test]
    fn handlers_that_end_while_it_is_open_change_nothing() {
        let now = Instant::now();
        let mut breaker = opened(now);
        assert_eq!(breaker.record(false, now), None);
        assert!(breaker.is_open());
    }
}
