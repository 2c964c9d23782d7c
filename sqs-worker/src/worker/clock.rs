//! The wall clock, as the engine sees it: a base read once, and tokio's clock from there.

use std::time::SystemTime;

use tokio::time::Instant;

/// Tells the time of day without looking at the system's clock again, so that a run under paused time is the same
/// every time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    base: SystemTime,
    at: Instant,
}

impl Clock {
    /// A clock that shows `base` now.
    pub(crate) fn starting_at(base: SystemTime) -> Self {
        Self {
            base,
            at: Instant::now(),
        }
    }

    /// The time of day at an instant.
    pub(crate) fn at(&self, now: Instant) -> SystemTime {
        self.base + now.saturating_duration_since(self.at)
    }
}
