//! When to look at handlers now and then, rather than to wake and be woken for each of them.

use std::time::Duration;

use tokio::time::Instant;

/// How often to look, in a rush. It is what tokio's timers resolve.
const TICK: Duration = Duration::from_millis(1);

/// With so many handlers ending between two looks, waking somebody for each of them costs more than it gains.
const ENDED: usize = 8;

/// In a rush the engine looks once a millisecond which handlers have ended, and starts all the next ones together.
///
/// Only where handlers run on other threads than the engine: there, every wake-up of a thread is several calls into the
/// system, and a rush of quick handlers would have some for every few messages, in either direction.
#[derive(Debug)]
pub(crate) struct Rush {
    possible: bool,
    next: Option<Instant>,
    /// How many have ended since it last decided.
    ended: usize,
}

impl Rush {
    /// `possible` says that handlers run on other threads.
    pub(crate) fn new(possible: bool) -> Self {
        Self {
            possible,
            next: None,
            ended: 0,
        }
    }

    /// So many handlers had ended since the last look.
    pub(crate) fn ended(&mut self, ended: usize, now: Instant) {
        self.ended += ended;
        if self.next.is_some_and(|next| now < next) {
            return;
        }
        let rush = self.possible && self.ended >= ENDED;
        self.next = rush.then(|| now + TICK);
        self.ended = 0;
    }

    /// Whether to look now and then, rather than to be woken.
    pub(crate) fn is_on(&self) -> bool {
        self.next.is_some()
    }

    /// When to look next.
    pub(crate) fn next_at(&self) -> Option<Instant> {
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rush_is_many_that_end_at_once_and_it_ends_with_them() {
        let now = Instant::now();
        let mut rush = Rush::new(true);
        rush.ended(ENDED - 1, now);
        assert!(!rush.is_on());
        rush.ended(ENDED, now);
        assert_eq!(rush.next_at(), Some(now + TICK));
        rush.ended(1, now + TICK / 2);
        assert!(rush.is_on(), "it is too early to say");
        rush.ended(1, now + TICK);
        assert!(!rush.is_on());
    }

    #[test]
    fn what_ended_between_two_looks_counts() {
        let now = Instant::now();
        let mut rush = Rush::new(true);
        rush.ended(ENDED, now);
        rush.ended(ENDED, now + TICK / 2);
        rush.ended(0, now + TICK);
        assert!(rush.is_on());
    }

    #[test]
    fn on_one_thread_there_is_none() {
        let mut rush = Rush::new(false);
        rush.ended(100, Instant::now());
        assert!(!rush.is_on());
    }
}
