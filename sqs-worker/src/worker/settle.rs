//! Settling: gathering what is to be done into batch calls, and trying again what failed.
//!
//! A pure state machine over ids; the runner knows the messages behind them and makes the calls.

use std::{collections::BTreeSet, time::Duration};

use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use rand::Rng;
use tokio::time::Instant;

use super::{burial::entry_bytes, lease::Id};
use crate::{backoff::Schedule, batch::Batcher};

/// The pauses between tries of one entry, within its lease.
const AGAIN: Schedule = Schedule::new(Duration::from_millis(200), Duration::from_secs(5));

/// The pauses before the entries of one call are tried again. Those that have been tried equally often wait equally
/// long, so that they share the next call as they shared this one.
#[derive(Debug, Default)]
pub(crate) struct Pauses(Vec<(u32, Duration)>);

impl Pauses {
    pub(crate) fn after<R: Rng + ?Sized>(&mut self, tries: u32, rng: &mut R) -> Duration {
        if let Some((_, pause)) = self.0.iter().find(|(known, _)| *known == tries) {
            return *pause;
        }
        let pause = AGAIN.jittered(tries, rng);
        self.0.push((tries, pause));
        pause
    }
}

/// How long the acknowledgement of a FIFO message lingers while others of its group wait for it.
const AWAITED: Duration = Duration::from_millis(5);

/// One entry of a `ChangeMessageVisibilityBatch` call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) id: Id,
    pub(crate) timeout: Duration,
    /// A renewal of a lease; otherwise it ends one.
    pub(crate) renewal: bool,
}

/// A batch that is ready to be sent.
#[derive(Debug, PartialEq)]
pub(crate) enum Batch {
    Delete(Vec<Id>),
    Hide(Vec<Change>),
    Bury(Vec<Burial>),
}

/// A message on its way to the dead-letter queue.
#[derive(Debug, PartialEq)]
pub(crate) struct Burial {
    pub(crate) id: Id,
    pub(crate) copy: SendMessageBatchRequestEntry,
}

/// The three batchers of a queue, and the entries that wait for another try.
#[derive(Debug)]
pub(crate) struct Settler {
    deletes: Batcher<Id>,
    changes: Batcher<Change>,
    burials: Batcher<Burial>,
    again: BTreeSet<(Instant, Id)>,
}

impl Settler {
    pub(crate) fn new(linger: Duration) -> Self {
        Self {
            deletes: Batcher::new(linger),
            changes: Batcher::new(linger),
            burials: Batcher::new(linger),
            again: BTreeSet::new(),
        }
    }

    /// `awaited` says that others wait for it, so that it may linger for a moment only.
    pub(crate) fn delete(&mut self, id: Id, awaited: bool, now: Instant, deadline: Option<Instant>) {
        let soon = awaited.then(|| now + 2 * AWAITED);
        let deadline = [deadline, soon].into_iter().flatten().min();
        self.deletes.push(id, 0, now, deadline);
    }

    pub(crate) fn hide(&mut self, id: Id, timeout: Duration, now: Instant, deadline: Option<Instant>) {
        self.changes.push(
            Change {
                id,
                timeout,
                renewal: false,
            },
            0,
            now,
            deadline,
        );
    }

    /// A renewal does not linger: those that share a call come due together.
    pub(crate) fn renew(&mut self, id: Id, extension: Duration, now: Instant) {
        self.changes.push(
            Change {
                id,
                timeout: extension,
                renewal: true,
            },
            0,
            now,
            Some(now),
        );
    }

    pub(crate) fn bury(&mut self, burial: Burial, now: Instant, deadline: Option<Instant>) {
        let bytes = entry_bytes(&burial.copy);
        self.burials.push(burial, bytes, now, deadline);
    }

    /// An entry failed and may be tried again: it comes back from [`due`](Self::due) after this pause.
    pub(crate) fn try_again(&mut self, id: Id, pause: Duration, now: Instant) {
        self.again.insert((now + pause, id));
    }

    /// The entries whose pause is over.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<Id> {
        let mut due = Vec::new();
        while let Some(&(at, id)) = self.again.first() {
            if at > now {
                break;
            }
            self.again.pop_first();
            due.push(id);
        }
        due
    }

    /// The next batch to send. With `flush`, nothing lingers: no other entry will come.
    pub(crate) fn take(&mut self, now: Instant, flush: bool) -> Option<Batch> {
        if let Some(ids) = self.deletes.take(now, flush) {
            return Some(Batch::Delete(ids));
        }
        if let Some(changes) = self.changes.take(now, flush) {
            return Some(Batch::Hide(changes));
        }
        self.burials.take(now, flush).map(Batch::Bury)
    }

    /// When [`take`](Self::take) or [`due`](Self::due) has something next by itself.
    pub(crate) fn next_at(&self) -> Option<Instant> {
        let batches = [
            self.deletes.ready_at(),
            self.changes.ready_at(),
            self.burials.ready_at(),
        ];
        let again = self.again.first().map(|(at, _)| *at);
        batches.into_iter().chain([again]).flatten().min()
    }

    /// Forgets everything about a message whose lease is over.
    pub(crate) fn forget(&mut self, id: Id) {
        self.deletes.remove_if(|entry| *entry == id);
        self.changes.remove_if(|change| change.id == id);
        self.burials.remove_if(|burial| burial.id == id);
        self.again.retain(|(_, entry)| *entry != id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINGER: Duration = Duration::from_millis(50);

    #[test]
    fn acknowledgements_wait_for_company_and_renewals_do_not() {
        let now = Instant::now();
        let mut settler = Settler::new(LINGER);
        settler.delete(1, false, now, None);
        assert_eq!(settler.take(now, false), None);
        settler.renew(2, Duration::from_secs(30), now);
        let renewal = Change {
            id: 2,
            timeout: Duration::from_secs(30),
            renewal: true,
        };
        assert_eq!(settler.take(now, false), Some(Batch::Hide(vec![renewal])));
        assert_eq!(settler.next_at(), Some(now + LINGER));
        assert_eq!(settler.take(now + LINGER, false), Some(Batch::Delete(vec![1])));
    }

    #[test]
    fn an_acknowledgement_that_others_wait_for_hardly_lingers() {
        let now = Instant::now();
        let mut settler = Settler::new(LINGER);
        settler.delete(1, true, now, Some(now + Duration::from_secs(30)));
        assert_eq!(settler.next_at(), Some(now + AWAITED));
    }

    #[test]
    fn entries_that_failed_together_are_tried_again_together() {
        let mut rng = <rand::rngs::StdRng as rand::SeedableRng>::seed_from_u64(0);
        let mut pauses = Pauses::default();
        let first = pauses.after(1, &mut rng);
        assert_eq!(pauses.after(1, &mut rng), first);
        assert!(first <= Duration::from_millis(200) && !first.is_zero());
        assert!(pauses.after(9, &mut rng) >= Duration::from_millis(2_500));
    }

    #[test]
    fn what_failed_comes_back_after_a_pause() {
        let now = Instant::now();
        let mut settler = Settler::new(LINGER);
        settler.try_again(7, Duration::from_millis(200), now);
        assert!(settler.due(now).is_empty());
        let at = settler.next_at().unwrap();
        assert_eq!(at, now + Duration::from_millis(200));
        assert_eq!(settler.due(at), [7]);
    }

    #[test]
    fn a_forgotten_message_is_in_no_batch() {
        let now = Instant::now();
        let mut settler = Settler::new(LINGER);
        settler.delete(1, false, now, None);
        settler.hide(1, Duration::ZERO, now, None);
        let copy = SendMessageBatchRequestEntry::builder()
            .id("0")
            .message_body("{}")
            .build()
            .unwrap();
        settler.bury(Burial { id: 1, copy }, now, None);
        settler.try_again(1, LINGER, now);
        settler.forget(1);
        assert_eq!((settler.take(now, true), settler.next_at()), (None, None));
    }
}
