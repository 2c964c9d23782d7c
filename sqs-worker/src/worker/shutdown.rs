//! Ending well: in this order, under one deadline.
//!
//! 1. No new poll. The long polls that run may end within a short grace, since SQS may already have handed out
//!    messages to them; what they bring is given back at once.
//! 2. Messages that have not started are given back.
//! 3. Handlers finish, their leases renewed as before.
//! 4. At the soft deadline the handlers that still run are ended and their messages given back.
//! 5. What is left to settle has the reserve; then the worker returns, whatever is left.
//!
//! A second signal goes to step 4 at once.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    control::QueueStatus,
    inflight::{Ending, Stage},
    lease::Id,
    runner::Runner,
    stats::StatsSnapshot,
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

/// How long a handler that wants to be told of the shutdown may go on before it is dropped.
const AFTER_STOP: Duration = Duration::from_secs(1);

/// Where a queue stands in its shutdown.
#[derive(Debug)]
pub(crate) struct Drain {
    grace: Grace,
    until: Option<Deadlines>,
    polls_given_up: bool,
    handlers_ended: bool,
    hurried: bool,
    pub(crate) interrupted: usize,
}

/// The instants at which something ends, once the shutdown has begun.
#[derive(Clone, Copy, Debug)]
struct Deadlines {
    polls: Instant,
    handlers: Instant,
    end: Instant,
}

impl Drain {
    pub(crate) fn new(grace: Grace) -> Self {
        Self {
            grace,
            until: None,
            polls_given_up: false,
            handlers_ended: false,
            hurried: false,
            interrupted: 0,
        }
    }

    pub(crate) fn started(&self) -> bool {
        self.until.is_some()
    }

    pub(crate) fn is_hurried(&self) -> bool {
        self.hurried
    }

    /// Whether the time is up.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now >= until.end)
    }

    /// The next instant at which something is due.
    pub(crate) fn next_at(&self) -> Option<Instant> {
        let until = self.until?;
        let polls = (!self.polls_given_up).then_some(until.polls);
        let handlers = (!self.handlers_ended).then_some(until.handlers);
        [polls, handlers, Some(until.end)].into_iter().flatten().min()
    }

    fn start(&mut self, now: Instant) {
        self.until = Some(Deadlines {
            polls: now + self.grace.polls,
            handlers: now + (self.grace.total - self.grace.reserve),
            end: now + self.grace.total,
        });
    }

    /// How long handlers that want to be told may go on when their time is over: what they leave has to be settled too.
    pub(crate) fn farewell(&self) -> Duration {
        AFTER_STOP.min(self.grace.reserve / 2)
    }

    /// Handlers have no more time; the reserve for settling stays.
    fn hurry(&mut self, now: Instant) {
        self.hurried = true;
        if let Some(until) = &mut self.until {
            until.handlers = until.handlers.min(now);
            until.end = until.end.min(now + self.grace.reserve);
        }
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
        self.drain.start(now);
        tracing::info!(
            queue = %self.queue.name,
            running = self.handlers.len(),
            in_flight = self.table.len(),
            "no more polls: finishing what is in flight"
        );
        self.give_back_waiting(now);
    }

    /// Asked a second time: handlers are ended now.
    pub(super) fn hurry(&mut self, now: Instant) {
        if !self.drain.started() {
            self.start_drain(now);
        }
        self.drain.hurry(now);
    }

    /// Gives up polls and ends handlers when their time is over.
    pub(super) fn drain_due(&mut self, now: Instant) {
        let Some(until) = self.drain.until else { return };
        if !self.drain.polls_given_up && now >= until.polls {
            self.drain.polls_given_up = true;
            self.polls.clear();
        }
        if !self.drain.handlers_ended && now >= until.handlers {
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
            // Those that tidy up after a lost lease have no more time than the others.
            let last = now + self.drain.farewell();
            for (_, id) in self.stopping.split_off(&(last, Id::MIN)) {
                self.stopping.insert((last, id));
            }
            for id in running {
                self.end_handler(id, Ending::Shutdown, now);
            }
        }
    }

    pub(super) fn report(&self) -> QueueReport {
        self.panel.status(QueueStatus::Ended);
        QueueReport {
            interrupted: self.drain.interrupted,
            abandoned: self.table.len(),
        }
    }
}
