//! Delay schedules: how long to wait before the next attempt.
//!
//! The curve comes from the `backoff` crate, kept behind [`Schedule`] so that nothing else sees it; the jitter is
//! drawn here, from the caller's seeded generator, so that a simulated run can be replayed.

use std::time::Duration;

use backoff::backoff::Backoff as _;
use rand::{Rng, RngExt as _};

/// An exponential schedule: `base`, doubled at each further attempt, never above `cap`.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use sqs_worker::Schedule;
///
/// let retries = Schedule::new(Duration::from_secs(2), Duration::from_secs(300));
/// assert_eq!(retries.delay(1), Duration::from_secs(2));
/// assert_eq!(retries.delay(3), Duration::from_secs(8));
/// assert_eq!(retries.delay(40), Duration::from_secs(300));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    base: Duration,
    cap: Duration,
}

impl Schedule {
    /// A schedule that starts at `base` and ends at `cap`; a `cap` below `base` is raised to it.
    pub const fn new(base: Duration, cap: Duration) -> Self {
        let cap = if cap.as_nanos() < base.as_nanos() {
            base
        } else {
            cap
        };
        Self { base, cap }
    }

    /// The first delay.
    pub const fn base(&self) -> Duration {
        self.base
    }

    /// The longest delay.
    pub const fn cap(&self) -> Duration {
        self.cap
    }

    /// The delay after attempt number `attempt`, counted from 1, without jitter.
    pub fn delay(&self, attempt: u32) -> Duration {
        if self.base.is_zero() {
            return Duration::ZERO;
        }
        let mut curve = backoff::ExponentialBackoffBuilder::new()
            .with_initial_interval(self.base)
            .with_max_interval(self.cap)
            .with_multiplier(2.0)
            .with_randomization_factor(0.0)
            .with_max_elapsed_time(None)
            .build();
        let mut delay = self.base;
        // Past 64 doublings any schedule stands at its cap.
        for _ in 0..attempt.clamp(1, 64) {
            delay = curve.next_backoff().unwrap_or(self.cap);
            if delay >= self.cap {
                return self.cap;
            }
        }
        delay
    }

    /// The delay after `attempt`, drawn from its upper half (`delay / 2 ..= delay`), so that workers that failed
    /// together do not come back together and yet nobody comes back at once.
    pub fn jittered<R: Rng + ?Sized>(&self, attempt: u32, rng: &mut R) -> Duration {
        let full = self.delay(attempt);
        full.mul_f64(rng.random_range(0.5..=1.0))
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    const SCHEDULE: Schedule = Schedule::new(Duration::from_secs(1), Duration::from_secs(60));

    #[test]
    fn each_attempt_waits_twice_as_long_up_to_the_cap() {
        let delays: Vec<u64> = (1..=8).map(|attempt| SCHEDULE.delay(attempt).as_secs()).collect();
        assert_eq!(delays, [1, 2, 4, 8, 16, 32, 60, 60]);
    }

    #[test]
    fn attempt_zero_and_attempt_max_are_in_range() {
        assert_eq!(SCHEDULE.delay(0), Duration::from_secs(1));
        assert_eq!(SCHEDULE.delay(u32::MAX), Duration::from_secs(60));
    }

    #[test]
    fn a_zero_base_never_waits() {
        assert_eq!(
            Schedule::new(Duration::ZERO, Duration::from_secs(9)).delay(7),
            Duration::ZERO
        );
    }

    #[test]
    fn jitter_stays_in_the_upper_half_and_repeats_from_its_seed() {
        let draw = |seed| {
            let mut rng = StdRng::seed_from_u64(seed);
            (0..100)
                .map(|_| SCHEDULE.jittered(3, &mut rng))
                .collect::<Vec<_>>()
        };
        assert!(
            draw(7)
                .iter()
                .all(|d| (Duration::from_secs(2)..=Duration::from_secs(4)).contains(d))
        );
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }
}
