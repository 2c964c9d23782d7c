//! How many messages to receive ahead of the handlers.

use std::time::Duration;

/// A message that is received ahead should start within this time; one that would wait longer is better left in its
/// queue, where another worker can have it.
const AHEAD: Duration = Duration::from_millis(500);

/// How much the newest handler time counts in the average.
const NEWEST: f64 = 0.05;

/// Decides how many messages may be held beyond those that run.
///
/// Without any, a handler that ends waits for a round trip to SQS; and at a concurrency of one every message costs a
/// receive of its own. Unless the number is fixed, it follows the handlers: as many as would start within half a second,
/// at most as many as run at once, or ten.
#[derive(Debug)]
pub(crate) struct Prefetch {
    fixed: Option<usize>,
    /// Seconds, once a handler has ended.
    average: Option<f64>,
}

impl Prefetch {
    pub(crate) fn new(fixed: Option<usize>) -> Self {
        Self { fixed, average: None }
    }

    /// A handler ended after so long.
    pub(crate) fn handled(&mut self, time: Duration) {
        let time = time.as_secs_f64();
        // Slow ones are believed at once: ten messages too many wait for them.
        self.average = Some(match self.average {
            Some(average) if time < average => average + (time - average) * NEWEST,
            _ => time,
        });
    }

    /// How many to hold ahead of `concurrency` handlers.
    pub(crate) fn ahead(&self, concurrency: usize) -> usize {
        if let Some(fixed) = self.fixed {
            return fixed;
        }
        let Some(average) = self.average else { return 0 };
        let most = concurrency.max(crate::batch::MAX_ENTRIES);
        let startable = concurrency as f64 * AHEAD.as_secs_f64() / average;
        if startable >= most as f64 {
            most
        } else {
            startable as usize
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(millis: &[u64]) -> Prefetch {
        let mut prefetch = Prefetch::new(None);
        for millis in millis {
            prefetch.handled(Duration::from_millis(*millis));
        }
        prefetch
    }

    #[test]
    fn quick_handlers_have_a_batch_ahead_and_slow_ones_nothing() {
        assert_eq!(after(&[]).ahead(10), 0);
        assert_eq!(after(&[0]).ahead(1), 10);
        assert_eq!(after(&[50]).ahead(1), 10);
        assert_eq!(after(&[50]).ahead(1_000), 1_000);
        assert_eq!(after(&[1_000]).ahead(10), 5);
        assert_eq!(after(&[600_000]).ahead(100), 0);
    }

    #[test]
    fn one_slow_handler_is_enough_to_hold_less() {
        let prefetch = after(&[10, 10, 10, 10, 5_000]);
        assert_eq!(prefetch.ahead(10), 1);
    }

    #[test]
    fn a_fixed_number_stays() {
        let mut prefetch = Prefetch::new(Some(3));
        prefetch.handled(Duration::from_secs(60));
        assert_eq!(prefetch.ahead(10), 3);
    }
}
