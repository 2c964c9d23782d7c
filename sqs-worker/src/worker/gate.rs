//! The gate: how many messages may be in flight, and who holds the permits.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Hands out permits up to a limit that may change while it works. A message is asked for only with a permit in hand,
/// and keeps it until SQS has confirmed what became of it.
#[derive(Debug)]
pub(crate) struct Gate {
    held: Arc<AtomicUsize>,
    size: usize,
}

/// The right to have messages in flight. Dropping it gives it back, so no code path can leak one.
#[derive(Debug)]
pub(crate) struct Permit {
    held: Arc<AtomicUsize>,
    count: usize,
}

impl Gate {
    pub(crate) fn new(size: usize) -> Self {
        Self {
            held: Arc::default(),
            size,
        }
    }

    /// How many permits there are in all.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// How many are to be had now. None, while more are held than a limit that was lowered allows.
    pub(crate) fn free(&self) -> usize {
        self.size.saturating_sub(self.held.load(Ordering::Relaxed))
    }

    /// Changes the limit. Permits that are held stay.
    pub(crate) fn resize(&mut self, size: usize) {
        self.size = size;
    }

    /// Takes `count` permits at once, if there are as many.
    pub(crate) fn try_take(&self, count: usize) -> Option<Permit> {
        (count <= self.free()).then(|| {
            self.held.fetch_add(count, Ordering::Relaxed);
            Permit {
                held: self.held.clone(),
                count,
            }
        })
    }
}

impl Permit {
    /// Splits one permit off.
    pub(crate) fn split_one(&mut self) -> Option<Permit> {
        self.count = self.count.checked_sub(1)?;
        Some(Permit {
            held: self.held.clone(),
            count: 1,
        })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.held.fetch_sub(self.count, Ordering::Relaxed);
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

    #[test]
    fn a_permit_has_no_more_than_it_took() {
        let gate = Gate::new(10);
        let mut one = gate.try_take(1).unwrap();
        let first = one.split_one();
        assert!(first.is_some() && one.split_one().is_none());
        drop((one, first));
        assert_eq!(gate.free(), 10);
    }

    #[test]
    fn a_lowered_limit_counts_what_is_still_held() {
        let mut gate = Gate::new(10);
        let eight = gate.try_take(8).unwrap();
        gate.resize(5);
        assert_eq!(gate.free(), 0);
        drop(eight);
        assert_eq!(gate.free(), 5);
        gate.resize(20);
        assert_eq!(gate.free(), 20);
    }
}
