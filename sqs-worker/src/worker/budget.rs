//! Several queues, one limit: which queue starts its next handler.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// The handlers that all queues of a worker may run together.
///
/// Only running handlers count: an empty queue that waits for messages takes nothing from the others. A queue with a
/// higher priority goes first for as long as it has something to start; queues of the same priority share by weight,
/// by stride scheduling: each start moves a queue on by the inverse of its weight, and the one that is furthest behind
/// is next.
#[derive(Debug)]
pub(crate) struct Budget(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    free: usize,
    shares: Vec<Line>,
}

/// One queue's place in the budget.
#[derive(Debug)]
struct Line {
    priority: i32,
    /// What a start costs: the inverse of its weight.
    stride: u64,
    /// What its starts have cost so far.
    pass: u64,
    /// How many messages could start now.
    waiting: usize,
    /// How many of those may.
    granted: usize,
    wake: Arc<Notify>,
}

/// A queue's end of the budget.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Arc<Budget>,
    index: usize,
}

const STRIDE: u64 = 1 << 20;

impl Budget {
    pub(crate) fn new(size: usize) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Inner {
            free: size,
            shares: Vec::new(),
        })))
    }

    /// A place for one more queue; `wake` is notified when it may start something.
    pub(crate) fn share(self: &Arc<Self>, priority: i32, weight: u32, wake: Arc<Notify>) -> Share {
        let mut inner = self.lock();
        inner.shares.push(Line {
            priority,
            stride: STRIDE / u64::from(weight.max(1)),
            pass: 0,
            waiting: 0,
            granted: 0,
            wake,
        });
        Share {
            budget: self.clone(),
            index: inner.shares.len() - 1,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// Says how many messages could start now.
    pub(crate) fn waiting(&self, messages: usize) {
        let mut inner = self.budget.lock();
        let pass = inner.pass();
        let line = &mut inner.shares[self.index];
        if line.waiting == 0 {
            // A queue that had nothing to do has not saved up for later.
            line.pass = line.pass.max(pass);
        }
        line.waiting = messages;
        let too_many = line.granted.saturating_sub(messages);
        line.granted -= too_many;
        inner.free += too_many;
        inner.grant();
    }

    /// Takes the right to start one message, if there is one.
    pub(crate) fn take(&self) -> bool {
        let mut inner = self.budget.lock();
        let line = &mut inner.shares[self.index];
        if line.granted == 0 {
            return false;
        }
        line.granted -= 1;
        line.waiting -= 1;
        true
    }

    /// So many handlers have ended. They are given to others when the queue has said what it has [`waiting`](Self::waiting)
    /// itself: before that it would be passed over.
    pub(crate) fn ended(&self, handlers: usize) {
        self.budget.lock().free += handlers;
    }

    /// How many more messages could start at once if they came now: none while a queue of higher priority has any
    /// waiting.
    pub(crate) fn room(&self) -> Room {
        let inner = self.budget.lock();
        let own = inner.shares[self.index].priority;
        if inner
            .shares
            .iter()
            .any(|line| line.priority > own && line.waiting > 0)
        {
            return Room::Outranked;
        }
        Room::Free(inner.free)
    }
}

/// What a queue may count on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// So many handlers are free.
    Free(usize),
    /// A queue of higher priority waits for handlers.
    Outranked,
}

impl Inner {
    /// Gives what is free to those who wait.
    fn grant(&mut self) {
        while self.free > 0 {
            let next = self
                .shares
                .iter_mut()
                .filter(|line| line.waiting > line.granted)
                .min_by_key(|line| (std::cmp::Reverse(line.priority), line.pass));
            let Some(line) = next else { return };
            line.granted += 1;
            line.pass += line.stride;
            line.wake.notify_one();
            self.free -= 1;
        }
    }

    /// Where the queues that have something to start are.
    fn pass(&self) -> u64 {
        let busy = self.shares.iter().filter(|line| line.waiting > 0);
        busy.map(|line| line.pass).min().unwrap_or(0)
    }
}

impl Drop for Share {
    /// A queue that has ended starts nothing any more; what was granted is for the others.
    fn drop(&mut self) {
        self.waiting(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(size: usize, queues: &[(i32, u32)]) -> Vec<Share> {
        let budget = Budget::new(size);
        queues
            .iter()
            .map(|(priority, weight)| budget.share(*priority, *weight, Arc::default()))
            .collect()
    }

    /// Starts as many as may start.
    fn start(share: &Share) -> usize {
        std::iter::from_fn(|| share.take().then_some(())).count()
    }

    #[test]
    fn an_empty_queue_takes_nothing_from_the_others() {
        let shares = shares(10, &[(1, 1), (0, 1)]);
        shares[1].waiting(50);
        assert_eq!(start(&shares[1]), 10);
    }

    #[test]
    fn a_higher_priority_goes_first_for_as_long_as_it_has_something() {
        let shares = shares(4, &[(0, 1), (1, 1)]);
        shares[0].waiting(10);
        assert_eq!(start(&shares[0]), 4);
        shares[1].waiting(6);
        assert_eq!(shares[0].room(), Room::Outranked);
        shares[0].ended(4);
        shares[0].waiting(6);
        assert_eq!((start(&shares[0]), start(&shares[1])), (0, 4));
        shares[1].ended(4);
        shares[1].waiting(2);
        assert_eq!((start(&shares[0]), start(&shares[1])), (2, 2));
        assert_eq!(shares[0].room(), Room::Free(0));
    }

    #[test]
    fn equals_share_by_weight() {
        let shares = shares(1, &[(0, 3), (0, 1)]);
        let mut started = [0, 0];
        for round in 0..400 {
            for (share, started) in shares.iter().zip(&mut started) {
                share.waiting(10);
                let now = start(share);
                *started += now;
                if round > 0 || now > 0 {
                    share.ended(now);
                }
            }
        }
        let total = started[0] + started[1];
        assert!(
            (total * 7 / 10..=total * 8 / 10).contains(&started[0]),
            "{started:?}"
        );
    }

    #[test]
    fn a_queue_that_was_idle_has_not_saved_up() {
        let shares = shares(1, &[(0, 1), (0, 1)]);
        for _ in 0..100 {
            shares[0].waiting(1);
            assert_eq!(start(&shares[0]), 1);
            shares[0].ended(1);
        }
        let mut first = 0;
        for _ in 0..10 {
            for (index, share) in shares.iter().enumerate() {
                share.waiting(5);
                let now = start(share);
                first += now * usize::from(index == 0);
                share.ended(now);
            }
        }
        assert!(first >= 4, "{first} of 20");
    }

    #[test]
    fn what_was_granted_and_is_not_used_goes_to_the_others() {
        let shares = shares(2, &[(0, 1), (0, 1)]);
        shares[0].waiting(2);
        shares[1].waiting(2);
        assert_eq!(start(&shares[1]), 0);
        shares[0].waiting(0);
        assert_eq!(start(&shares[1]), 2);
    }

    #[test]
    fn a_queue_that_ended_leaves_its_part_behind() {
        let mut shares = shares(2, &[(0, 1), (0, 1)]);
        shares[0].waiting(2);
        shares[1].waiting(2);
        drop(shares.remove(0));
        assert_eq!(start(&shares[0]), 2);
    }
}
