//! One batcher for every kind of batch: acknowledgements, visibility changes, sends.
//!
//! [`Batcher`] is a pure state machine: it is told the time, holds no timer and makes no call. Whoever owns it asks
//! [`Batcher::take`] for what is ready and sleeps until [`Batcher::ready_at`].

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

/// SQS takes at most ten entries a batch call ([quotas]).
///
/// [quotas]: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
pub(crate) const MAX_ENTRIES: usize = 10;

/// SQS takes at most 1 MiB a batch call: the sum of all bodies and attributes ([quotas]).
///
/// [quotas]: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
pub(crate) const MAX_BYTES: usize = 1_048_576;

/// Gathers entries into batches of at most [`MAX_ENTRIES`] entries and [`MAX_BYTES`] bytes.
#[derive(Debug)]
pub(crate) struct Batcher<T> {
    waiting: VecDeque<Waiting<T>>,
    /// Whether they must leave in the order in which they came: then the first of them says when that is.
    in_order: bool,
    linger: Duration,
}

#[derive(Debug)]
struct Waiting<T> {
    entry: T,
    bytes: usize,
    /// When this entry must leave at the latest, however small its batch is.
    by: Instant,
}

impl<T> Batcher<T> {
    /// A batcher whose entries wait at most `linger` for company.
    pub(crate) fn new(linger: Duration) -> Self {
        Self {
            waiting: VecDeque::new(),
            in_order: true,
            linger,
        }
    }

    /// Adds an entry of `bytes` bytes (zero where the API counts none). It leaves within the linger, or half way to
    /// `deadline` if that is sooner, so that a call that fails can still be tried again.
    pub(crate) fn push(&mut self, entry: T, bytes: usize, now: Instant, deadline: Option<Instant>) {
        let mut by = now + self.linger;
        if let Some(deadline) = deadline.filter(|deadline| *deadline < by + self.linger) {
            by = now + deadline.saturating_duration_since(now) / 2;
        }
        self.in_order = self
            .waiting
            .back()
            .is_none_or(|last| self.in_order && last.by <= by);
        self.waiting.push_back(Waiting { entry, bytes, by });
    }

    /// The next batch, if one is full, has waited long enough, or `flush` says that no company will come.
    ///
    /// An entry larger than a batch may hold travels alone, and SQS says what is wrong with it.
    pub(crate) fn take(&mut self, now: Instant, flush: bool) -> Option<Vec<T>> {
        let first = self.ready_at()?;
        let (count, full) = self.fitting();
        if !(full || flush || first <= now) {
            return None;
        }
        Some(self.waiting.drain(..count).map(|waiting| waiting.entry).collect())
    }

    /// How many entries from the front fit into one batch, and whether another could not join them.
    fn fitting(&self) -> (usize, bool) {
        let mut bytes = 0;
        for (count, waiting) in self.waiting.iter().enumerate() {
            bytes += waiting.bytes;
            if count == MAX_ENTRIES || (count > 0 && bytes > MAX_BYTES) {
                return (count, true);
            }
        }
        (self.waiting.len(), self.waiting.len() == MAX_ENTRIES)
    }

    /// When [`take`](Self::take) will next have something by itself; `None` while nothing waits.
    pub(crate) fn ready_at(&self) -> Option<Instant> {
        if self.in_order {
            return self.waiting.front().map(|first| first.by);
        }
        self.waiting.iter().map(|waiting| waiting.by).min()
    }

    /// Removes the entries that `stale` picks.
    pub(crate) fn remove_if(&mut self, mut stale: impl FnMut(&T) -> bool) {
        self.waiting.retain(|waiting| !stale(&waiting.entry));
    }
}

/// Sorts a batch answer by the position of its entries, whose ids are their positions: one result for each of the
/// `count` entries, in order. An entry that the answer does not mention gets `missing`.
pub(crate) fn by_position<'a, T, E>(
    count: usize,
    successful: impl Iterator<Item = (&'a str, T)>,
    failed: impl Iterator<Item = (&'a str, E)>,
    missing: impl Fn() -> E,
) -> Vec<Result<T, E>> {
    let mut results: Vec<Option<Result<T, E>>> = (0..count).map(|_| None).collect();
    let answers = successful
        .map(|(id, value)| (id, Ok(value)))
        .chain(failed.map(|(id, error)| (id, Err(error))));
    for (id, result) in answers {
        if let Some(slot) = id
            .parse()
            .ok()
            .and_then(|position: usize| results.get_mut(position))
        {
            *slot = Some(result);
        }
    }
    results
        .into_iter()
        .map(|result| result.unwrap_or_else(|| Err(missing())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_gets_its_own_result_in_order() {
        let results = by_position(
            4,
            [("2", 'c'), ("0", 'a'), ("9", 'x'), ("", 'y')].into_iter(),
            [("1", "throttled")].into_iter(),
            || "not mentioned",
        );
        assert_eq!(
            results,
            [Ok('a'), Err("throttled"), Ok('c'), Err("not mentioned")]
        );
    }

    const LINGER: Duration = Duration::from_millis(50);

    fn batcher(entries: usize, bytes: usize, now: Instant) -> Batcher<usize> {
        let mut batcher = Batcher::new(LINGER);
        for entry in 0..entries {
            batcher.push(entry, bytes, now, None);
        }
        batcher
    }

    #[test]
    fn ten_entries_leave_at_once_and_the_eleventh_waits() {
        let now = Instant::now();
        let mut batcher = batcher(11, 0, now);
        assert_eq!(batcher.take(now, false), Some((0..10).collect()));
        assert_eq!(batcher.take(now, false), None);
        assert_eq!(batcher.take(now + LINGER, false), Some(vec![10]));
    }

    #[test]
    fn a_batch_never_passes_the_byte_limit() {
        let now = Instant::now();
        let mut batcher = batcher(5, 400_000, now);
        assert_eq!(batcher.take(now, false), Some(vec![0, 1]));
        assert_eq!(batcher.take(now, false), Some(vec![2, 3]));
        assert_eq!(batcher.take(now, false), None);
        assert_eq!(batcher.take(now, true), Some(vec![4]));
    }

    #[test]
    fn exactly_the_byte_limit_fits() {
        let now = Instant::now();
        let mut batcher = batcher(2, MAX_BYTES / 2, now);
        assert_eq!(batcher.take(now, true), Some(vec![0, 1]));
    }

    #[test]
    fn an_entry_larger_than_a_batch_travels_alone() {
        let now = Instant::now();
        let mut batcher = batcher(2, MAX_BYTES + 1, now);
        assert_eq!(batcher.take(now, false), Some(vec![0]));
    }

    #[test]
    fn an_entry_leaves_half_way_to_its_deadline_when_that_comes_before_the_linger() {
        let now = Instant::now();
        let mut batcher = Batcher::new(LINGER);
        batcher.push('a', 0, now, None);
        batcher.push('b', 0, now, Some(now + Duration::from_millis(20)));
        assert_eq!(batcher.ready_at(), Some(now + Duration::from_millis(10)));
        assert_eq!(
            batcher.take(now + Duration::from_millis(10), false),
            Some(vec!['a', 'b'])
        );
    }

    #[test]
    fn the_first_to_leave_is_known_in_whatever_order_they_came() {
        let now = Instant::now();
        let mut batcher = Batcher::new(LINGER);
        for (entry, deadline) in [(0, 80), (1, 20), (2, 60), (3, 500)] {
            batcher.push(entry, 0, now, Some(now + Duration::from_millis(deadline)));
        }
        let mut left = Vec::new();
        for _ in 0..3 {
            left.push(batcher.ready_at().map(|at| at - now));
            let first = [1, 2, 0][left.len() - 1];
            batcher.remove_if(|entry| *entry == first);
        }
        assert_eq!(left, [10, 30, 40].map(|ms| Some(Duration::from_millis(ms))));
        assert_eq!(batcher.ready_at(), Some(now + LINGER));
        assert_eq!(batcher.take(now + LINGER, false), Some(vec![3]));
    }

    #[test]
    fn an_empty_batcher_is_never_ready() {
        let mut batcher = Batcher::<u8>::new(LINGER);
        assert_eq!(
            (batcher.take(Instant::now(), true), batcher.ready_at()),
            (None, None)
        );
    }
}
