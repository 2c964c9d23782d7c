//! What must hold for every queue at any time; looked at by tests.

use super::Engine;
use super::queue::{Queue, State};

impl Engine {
    /// Panics if the indexes of any queue do not say what its messages say.
    pub(crate) fn check(&self) {
        for queue in self.registry.all() {
            queue.check();
        }
    }
}

impl Queue {
    fn check(&self) {
        let (mut visible, mut delayed, mut in_flight, mut timers) = (0, 0, 0, 0);
        for (place, entry) in self.iter() {
            match entry.state {
                State::Visible => visible += 1,
                State::Delayed { until } => {
                    delayed += 1;
                    timers += usize::from(self.has_timer(until, entry.serial, place));
                }
                State::InFlight { until } => {
                    in_flight += 1;
                    timers += usize::from(self.has_timer(until, entry.serial, place));
                }
            }
        }
        let counts = self.counts();
        assert_eq!(
            (counts.visible, counts.delayed, counts.in_flight),
            (visible, delayed, in_flight),
            "{}",
            self.name
        );
        assert_eq!(
            timers,
            delayed + in_flight,
            "every hidden message of {} has its timer",
            self.name
        );
        self.check_indexes(visible);
    }
}
