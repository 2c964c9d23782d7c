//! The rate limit: how many messages may be asked for.

use std::time::Duration;

use tokio::time::Instant;

use crate::batch::MAX_ENTRIES;

/// A token bucket that holds what a second allows. It is asked before each poll, so that nothing is received that
/// could not start: it never holds a message that has been received.
#[derive(Debug)]
pub(crate) struct Pacer {
    /// Messages a second.
    rate: f64,
    tokens: f64,
    at: Instant,
}

impl Pacer {
    /// A full bucket. `rate` is positive and finite.
    pub(crate) fn new(rate: f64, now: Instant) -> Self {
        Self {
            rate,
            tokens: rate.max(1.0),
            at: now,
        }
    }

    /// How many messages a poll may ask for: none until a worthwhile number may, which is ten, or what a second
    /// allows where that is less. A slow rate then costs one request a second at most.
    pub(crate) fn available(&mut self, now: Instant) -> usize {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.tokens = (self.tokens + passed * self.rate).min(self.capacity());
        self.at = now;
        // A hair's breadth of rounding must not cost a wake-up.
        let whole = (self.tokens + 1e-6) as usize;
        if whole < self.worthwhile() { 0 } else { whole }
    }

    /// The least that [`available`](Self::available) gives.
    pub(crate) fn worthwhile(&self) -> usize {
        (self.capacity() as usize).clamp(1, MAX_ENTRIES)
    }

    /// When there will be something available.
    pub(crate) fn next_at(&self) -> Instant {
        let missing = (self.worthwhile() as f64 - self.tokens).max(0.0);
        // Timers count milliseconds, and must not ring too early.
        let pause = Duration::from_secs_f64(missing / self.rate) + Duration::from_millis(1);
        self.at + pause
    }

    /// A poll asked for so many.
    pub(crate) fn take(&mut self, messages: usize) {
        self.tokens -= messages as f64;
    }

    /// So many that were asked for did not come.
    pub(crate) fn give_back(&mut self, messages: usize) {
        self.tokens = (self.tokens + messages as f64).min(self.capacity());
    }

    fn capacity(&self) -> f64 {
        self.rate.max(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many messages a greedy consumer gets in `seconds`, and with how many polls.
    fn run(rate: f64, seconds: u64) -> (usize, usize) {
        let start = Instant::now();
        let mut pacer = Pacer::new(rate, start);
        let (mut now, mut messages, mut polls) = (start, 0, 0);
        while now < start + Duration::from_secs(seconds) {
            match pacer.available(now).min(MAX_ENTRIES) {
                0 => now = pacer.next_at(),
                some => {
                    pacer.take(some);
                    messages += some;
                    polls += 1;
                }
            }
        }
        (messages, polls)
    }

    #[test]
    fn the_rate_is_kept_over_time_with_a_second_of_burst_at_most() {
        for rate in [0.5, 1.0, 7.0, 100.0, 2_500.0] {
            let (messages, _) = run(rate, 100);
            let (least, most) = (rate * 98.0, rate * 101.0 + 10.0);
            assert!(
                (least..=most).contains(&(messages as f64)),
                "{rate} a second: {messages} messages"
            );
        }
    }

    #[test]
    fn a_slow_rate_polls_once_a_second_at_most_and_a_fast_one_for_full_batches() {
        assert!(run(5.0, 100).1 <= 102);
        let (messages, polls) = run(200.0, 100);
        assert_eq!(messages, polls * MAX_ENTRIES);
    }

    #[test]
    fn what_did_not_come_may_be_asked_for_again() {
        let now = Instant::now();
        let mut pacer = Pacer::new(10.0, now);
        pacer.take(10);
        assert_eq!(pacer.available(now), 0);
        pacer.give_back(10);
        assert_eq!(pacer.available(now), 10);
    }
}
