//! The messages of one queue that are taken in and not settled yet.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use tokio::{
    task::{self, AbortHandle},
    time::Instant,
};

use super::{
    gate::Permit,
    ids::{Id, IdHash, IdMap},
    verdict::Plan,
};
use crate::handler::{Delivery, LeaseState};

/// How many finished messages are remembered whose deletion SQS did not confirm.
const REMEMBERED: usize = 10_000;

/// One message in flight.
#[derive(Debug)]
pub(crate) struct InFlight {
    pub(crate) message_id: Arc<str>,
    /// The newest receipt handle, where it is not the delivery's own: older ones may no longer count.
    pub(crate) newer: Option<String>,
    /// Which receive the newest handle is of, by SQS's count, and when that was asked for.
    pub(crate) received: (u32, Instant),
    /// How often a newer handle replaced an older one.
    pub(crate) adopted: u32,
    /// Its message group, in a FIFO queue.
    pub(crate) group: Option<Arc<str>>,
    pub(crate) delivery: Delivery,
    /// What its handler sees of the lease.
    pub(crate) lease: Arc<LeaseState>,
    pub(crate) stage: Stage,
    /// How often its settling has been tried.
    pub(crate) tries: u32,
    /// Its place among those that wait: the higher, the sooner.
    pub(crate) rank: i64,
    /// The tenant whose handlers are counted, where they are.
    pub(crate) tenant: Option<Arc<str>>,
    /// When it is tried again in place, while it waits for that.
    pub(crate) rests_until: Option<Instant>,
    /// When its handler was started, and how to end it.
    pub(crate) run: Option<(Instant, AbortHandle)>,
    /// Held until the message is settled. In a FIFO queue the lane holds one for all its messages.
    pub(crate) permit: Option<Permit>,
}

impl InFlight {
    /// Takes the handle of a newer delivery of the same message.
    pub(crate) fn adopt(&mut self, handle: &str, received: (u32, Instant)) {
        self.received = received;
        self.newer = Some(handle.to_owned());
        self.adopted += 1;
    }

    /// The newest receipt handle.
    pub(crate) fn handle(&self) -> &str {
        let own = || self.delivery.sdk_message().receipt_handle().unwrap_or_default();
        self.newer.as_deref().unwrap_or_else(own)
    }
}

/// Where a message stands.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Behind others of its group, for a free handler, or for its next attempt.
    Waiting,
    /// Its handler runs.
    Running,
    /// Its handler has been told to end.
    Ending(Ending),
    /// Its handler is done; this is to be done with SQS.
    Settling(Plan),
}

/// Why a handler was ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The message may be with somebody else by now.
    LeaseLost,
    /// The worker's time to finish is over.
    Shutdown,
}

/// All of them, by id and by SQS's message id.
#[derive(Debug, Default)]
pub(crate) struct Table {
    entries: IdMap<InFlight>,
    by_message: HashMap<Arc<str>, Id, IdHash>,
    next: Id,
}

impl Table {
    /// The id that the next message will have.
    pub(crate) fn next_id(&self) -> Id {
        self.next + 1
    }

    pub(crate) fn insert(&mut self, entry: InFlight) -> Id {
        self.next += 1;
        self.by_message.insert(entry.message_id.clone(), self.next);
        self.entries.insert(self.next, entry);
        self.next
    }

    pub(crate) fn get(&self, id: Id) -> Option<&InFlight> {
        self.entries.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: Id) -> Option<&mut InFlight> {
        self.entries.get_mut(&id)
    }

    /// The message whose handler is this task. It looks through all of them: tasks that tell their message themselves do
    /// not need it.
    pub(crate) fn by_task(&self, task: task::Id) -> Option<Id> {
        let is_it = |entry: &InFlight| entry.run.as_ref().is_some_and(|(_, run)| run.id() == task);
        let mut entries = self.entries.iter();
        entries.find(|(_, entry)| is_it(entry)).map(|(id, _)| *id)
    }

    pub(crate) fn by_message(&self, message_id: &str) -> Option<Id> {
        self.by_message.get(message_id).copied()
    }

    pub(crate) fn remove(&mut self, id: Id) -> Option<InFlight> {
        let entry = self.entries.remove(&id)?;
        // A later delivery of the same message may have taken the place.
        if self.by_message.get(&entry.message_id) == Some(&id) {
            self.by_message.remove(&entry.message_id);
        }
        Some(entry)
    }

    /// The ids at one stage, oldest first.
    pub(crate) fn at(&self, stage: &Stage) -> Vec<Id> {
        let entries = self.entries.iter();
        let mut ids: Vec<Id> = entries
            .filter(|(_, entry)| entry.stage == *stage)
            .map(|(id, _)| *id)
            .collect();
        ids.sort_unstable();
        ids
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// The messages that were handled but whose deletion was never confirmed: should one come back, it is deleted and
/// not run again. Bounded; the oldest is forgotten first.
#[derive(Debug, Default)]
pub(crate) struct Done {
    ids: HashMap<Arc<str>, u64, IdHash>,
    order: VecDeque<(u64, Arc<str>)>,
    next: u64,
}

impl Done {
    pub(crate) fn remember(&mut self, message_id: Arc<str>) {
        self.next += 1;
        self.ids.insert(message_id.clone(), self.next);
        self.order.push_back((self.next, message_id));
        while self.order.len() > REMEMBERED {
            self.forget_oldest();
        }
    }

    pub(crate) fn contains(&self, message_id: &str) -> bool {
        self.ids.contains_key(message_id)
    }

    pub(crate) fn forget(&mut self, message_id: &str) {
        self.ids.remove(message_id);
    }

    fn forget_oldest(&mut self) {
        if let Some((number, message_id)) = self.order.pop_front()
            // It may have been remembered again since.
            && self.ids.get(&message_id) == Some(&number)
        {
            self.ids.remove(&message_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_is_remembered_until_there_are_too_many() {
        let mut done = Done::default();
        (0..=REMEMBERED).for_each(|n| done.remember(n.to_string().into()));
        assert!(!done.contains("0"));
        assert!(done.contains("1"));
        assert!(done.contains(&REMEMBERED.to_string()));
        done.forget("1");
        assert!(!done.contains("1"));
    }

    #[test]
    fn remembering_again_makes_it_young_again() {
        let mut done = Done::default();
        done.remember("a".into());
        (1..REMEMBERED).for_each(|n| done.remember(n.to_string().into()));
        done.remember("a".into());
        done.remember("b".into());
        assert!(done.contains("a"));
    }
}
