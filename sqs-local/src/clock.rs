//! The one clock: tokio's, from a point in the calendar on, plus what was skipped.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::engine::Millis;

/// Tells the engine's time and turns it back into moments that tokio can sleep until.
#[derive(Debug)]
pub(crate) struct Clock {
    base: Millis,
    start: Instant,
    skipped: AtomicU64,
}

impl Clock {
    pub(crate) fn new(epoch: SystemTime) -> Self {
        let base = epoch.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self {
            base: millis(base),
            start: Instant::now(),
            skipped: AtomicU64::new(0),
        }
    }

    pub(crate) fn now(&self) -> Millis {
        self.base + millis(self.since_start())
    }

    /// Time since the start, skipped time included.
    pub(crate) fn since_start(&self) -> Duration {
        let skipped = Duration::from_millis(self.skipped.load(Ordering::Relaxed));
        Instant::now().saturating_duration_since(self.start) + skipped
    }

    /// When tokio's clock will show this time, if nothing is skipped until then.
    pub(crate) fn instant(&self, at: Millis) -> Instant {
        let skipped = self.skipped.load(Ordering::Relaxed);
        self.start + Duration::from_millis(at.saturating_sub(self.base).saturating_sub(skipped))
    }

    pub(crate) fn skip(&self, by: Duration) {
        self.skipped.fetch_add(millis(by), Ordering::Relaxed);
    }
}

fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX)
}
