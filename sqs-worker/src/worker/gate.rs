//! The gate: how many messages may be in flight, and who holds the permits.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Hands out a fixed number of permits. A message is asked for only with a permit in hand, and keeps it until SQS
/// has confirmed what became of it.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    permits: Arc<Semaphore>,
    size: usize,
}

/// The right to have messages in flight. Dropping it gives it back, so no code path can leak one.
#[derive(Debug)]
pub(crate) struct Permit(OwnedSemaphorePermit);

impl Gate {
    pub(crate) fn new(size: usize) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(size)),
            size,
        }
    }

    /// How many permits there are in all.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// How many are to be had now.
    pub(crate) fn free(&self) -> usize {
        self.permits.available_permits()
    }

    /// Takes `count` permits at once, if there are as many.
    pub(crate) fn try_take(&self, count: usize) -> Option<Permit> {
        let count = u32::try_from(count).ok()?;
        self.permits
            .clone()
            .try_acquire_many_owned(count)
            .ok()
            .map(Permit)
    }
}

impl Permit {
    /// Splits one permit off, or gives itself away if it is the last.
    pub(crate) fn split_one(&mut self) -> Option<Permit> {
        self.0.split(1).map(Permit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_used_comes_back() {
        let gate = Gate::new(10);
        let mut ten = gate.try_take(10).unwrap();
        assert!(gate.try_take(1).is_none());
        let three: Vec<_> = (0..3).map(|_| ten.split_one().unwrap()).collect();
        drop(ten);
        assert_eq!(gate.free(), 7);
        drop(three);
        assert_eq!((gate.free(), gate.size()), (10, 10));
    }
}
