//! Ending well: in this order, under one deadline.
//!
//! 1. No new poll. The long polls that run may end within a short grace, since SQS may already have handed out
//!    messages to them; what they bring is given back at once.
//! 2. Messages that have not started are given back.
//! 3. Handlers finish, their leases renewed as before.
//! 4. At the soft deadline the handlers that still run are ended and their messages given back.
//! 5. What is left to settle has the reserve; then the worker returns, whatever is left.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    inflight::{Ending, Stage},
    runner::Runner,
    stats::StatsSnapshot,
    verdict::{Hidden, Plan, RELEASE},
};

/// How much time there is for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grace {
    /// Until the worker returns.
    pub(crate) total: Duration,
    /// Of which this much is kept for settling, at the end.
    pub(crate) reserve: Duration,
    /// Until long polls are given up.
    pub(crate) polls: Duration,
}

impl Grace {
    /// A fifth of the time, five seconds at most, is kept for settling; polls have two seconds at most.
    pub(crate) fn of(total: Duration) -> Self {
        let reserve = (total / 5).min(Duration::from_secs(5));
        Self {
            total,
            reserve,
            polls: (total / 5).min(Duration::from_secs(2)),
        }
    }
}

/// Where a queue stands in its shutdown.
#[derive(Debug)]
pub(crate) struct Drain {
    grace: Grace,
    since: Option<Instant>,
    polls_given_up: bool,
    handlers_ended: bool,
    pub(crate) interrupted: usize,
}

impl Drain {
    pub(crate) fn new(grace: Grace) -> Self {
        Self {
            grace,
            since: None,
            polls_given_up: false,
            handlers_ended: false,
            interrupted: 0,
        }
    }

    pub(crate) fn started(&self) -> bool {
        self.since.is_some()
    }

    /// Whether the time is up.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        self.since.is_some_and(|since| now >= since + self.grace.total)
    }

    /// The next instant at which something is due.
    pub(crate) fn next_at(&self) -> Option<Instant> {
        let since = self.since?;
        let polls = (!self.polls_given_up).then_some(self.grace.polls);
        let handlers = (!self.handlers_ended).then_some(self.grace.total - self.grace.reserve);
        [polls, handlers, Some(self.grace.total)]
            .into_iter()
            .flatten()
            .min()
            .map(|after| since + after)
    }
}

/// What became of one queue at the end.
#[derive(Debug, Default)]
pub(crate) struct QueueReport {
    pub(crate) interrupted: usize,
    pub(crate) abandoned: usize,
}

/// How a worker ended; what [`Worker::run_until`](crate::Worker::run_until) returns.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// Everything that it did.
    pub stats: StatsSnapshot,
    /// Handlers that were ended because the time to finish was over; their messages were given back.
    pub interrupted: usize,
    /// Messages that were not settled in time. They come back when their visibility time-out ends.
    pub abandoned: usize,
}

impl Report {
    /// Whether every message taken in was settled, and no handler interrupted.
    pub fn is_clean(&self) -> bool {
        self.interrupted == 0 && self.abandoned == 0
    }
}

impl Runner {
    pub(super) fn start_drain(&mut self, now: Instant) {
        self.drain.since = Some(now);
        tracing::info!(
            queue = %self.queue.name,
            running = self.handlers.len(),
            in_flight = self.table.len(),
            "no more polls: finishing what is in flight"
        );
        for id in self.table.at(&Stage::Waiting) {
            if let Some(group) = self.table.get(id).and_then(|entry| entry.group.clone()) {
                self.lanes.advance(&group, id);
            }
            let delay = if self.queue.fifo { Duration::ZERO } else { RELEASE };
            self.settle(id, Plan::Hide(delay, Hidden::Released), now);
        }
    }

    /// Gives up polls and ends handlers when their time is over.
    pub(super) fn drain_due(&mut self, now: Instant) {
        let Some(since) = self.drain.since else { return };
        if !self.drain.polls_given_up && now >= since + self.drain.grace.polls {
            self.drain.polls_given_up = true;
            self.polls.clear();
        }
        if !self.drain.handlers_ended && now >= since + self.drain.grace.total - self.drain.grace.reserve {
            self.drain.handlers_ended = true;
            let running = self.table.at(&Stage::Running);
            if !running.is_empty() {
                tracing::warn!(
                    queue = %self.queue.name,
                    running = running.len(),
                    "the time to finish is over: ending the handlers that still run and giving back their messages"
                );
            }
            self.drain.interrupted = running.len();
            for id in running {
                self.end_handler(id, Ending::Shutdown);
            }
        }
    }

    pub(super) fn report(&self) -> QueueReport {
        QueueReport {
            interrupted: self.drain.interrupted,
            abandoned: self.table.len(),
        }
    }
}
