//! Group lanes: inside a FIFO queue each message group runs one message at a time, in order.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use super::{gate::Permit, lease::Id};

/// The lanes of one queue, one for each group that has messages here.
///
/// A whole lane takes one permit, however many of its messages wait: only its head can run. SQS hands out no more
/// than ten of a group while any of them is in flight, so a lane stays short.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    lanes: BTreeMap<Arc<str>, Lane>,
}

#[derive(Debug)]
struct Lane {
    /// The head is the message that runs or is about to.
    messages: VecDeque<Id>,
    permit: Option<Permit>,
}

impl Lanes {
    /// Puts a message at the end of its group's lane. Returns whether it is the head and may start when a handler is free. The permit stays
    /// with a new lane; a lane that has one already gives this one back.
    pub(crate) fn push(&mut self, group: &Arc<str>, id: Id, permit: Option<Permit>) -> bool {
        if let Some(lane) = self.lanes.get_mut(group) {
            lane.messages.push_back(id);
            return false;
        }
        self.lanes.insert(
            group.clone(),
            Lane {
                messages: VecDeque::from([id]),
                permit,
            },
        );
        true
    }

    /// The message of this group that runs, or is being settled.
    pub(crate) fn head(&self, group: &str) -> Option<Id> {
        self.lanes.get(group)?.messages.front().copied()
    }

    /// Whether messages wait behind the head.
    pub(crate) fn has_waiting(&self, group: &str) -> bool {
        self.lanes.get(group).is_some_and(|lane| lane.messages.len() > 1)
    }

    /// The head is done with, and SQS has confirmed it: the next message, which may start now.
    pub(crate) fn advance(&mut self, group: &str, done: Id) -> Option<Id> {
        let lane = self.lanes.get_mut(group)?;
        if lane.messages.front() != Some(&done) {
            // Not the head: it left early, the head stays where it is.
            lane.messages.retain(|id| *id != done);
            return None;
        }
        lane.messages.pop_front();
        let next = lane.messages.front().copied();
        if next.is_none() {
            self.lanes.remove(group);
        }
        next
    }

    /// A message that has not started leaves, wherever it stands. The last one takes the lane's permit with it: what is
    /// done with it has to be confirmed too.
    pub(crate) fn leave(&mut self, group: &str, id: Id) -> Option<Permit> {
        let lane = self.lanes.get_mut(group)?;
        lane.messages.retain(|message| *message != id);
        if !lane.messages.is_empty() {
            return None;
        }
        self.lanes.remove(group)?.permit
    }

    /// Takes everything behind the head out of the lane, in order: none of it may start any more.
    pub(crate) fn cut(&mut self, group: &str) -> Vec<Id> {
        let Some(lane) = self.lanes.get_mut(group) else {
            return Vec::new();
        };
        let tail = lane.messages.len().min(1);
        lane.messages.split_off(tail).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::gate::Gate;

    fn lanes_of(messages: &[(&str, Id)]) -> (Lanes, Vec<Id>, Gate) {
        let gate = Gate::new(10);
        let mut lanes = Lanes::default();
        let ready = messages
            .iter()
            .filter(|(group, id)| lanes.push(&Arc::from(*group), *id, gate.try_take(1)))
            .map(|(_, id)| *id)
            .collect();
        (lanes, ready, gate)
    }

    #[test]
    fn the_first_of_each_group_may_start_and_the_others_wait() {
        let (_, ready, _) = lanes_of(&[("a", 1), ("a", 2), ("b", 3), ("a", 4), ("b", 5)]);
        assert_eq!(ready, [1, 3]);
    }

    #[test]
    fn a_group_takes_one_permit_until_its_last_message_is_done() {
        let (mut lanes, _, gate) = lanes_of(&[("a", 1), ("a", 2), ("b", 3)]);
        assert_eq!(gate.free(), 8);
        assert_eq!(lanes.advance("a", 1), Some(2));
        assert_eq!(gate.free(), 8);
        assert_eq!(lanes.advance("a", 2), None);
        assert_eq!(gate.free(), 9);
    }

    #[test]
    fn cutting_a_lane_leaves_its_head() {
        let (mut lanes, ..) = lanes_of(&[("a", 1), ("a", 2), ("a", 3)]);
        assert_eq!(lanes.cut("a"), [2, 3]);
        assert!(lanes.cut("a").is_empty());
        assert_eq!(lanes.advance("a", 1), None);
        assert!(lanes.lanes.is_empty());
    }

    #[test]
    fn the_last_that_leaves_takes_the_permit_along() {
        let (mut lanes, _, gate) = lanes_of(&[("a", 1), ("a", 2)]);
        assert!(lanes.leave("a", 1).is_none());
        let permit = lanes.leave("a", 2);
        assert_eq!((gate.free(), lanes.lanes.len()), (9, 0));
        drop(permit);
        assert_eq!(gate.free(), 10);
    }

    #[test]
    fn a_message_that_leaves_from_behind_does_not_start_anything() {
        let (mut lanes, ..) = lanes_of(&[("a", 1), ("a", 2), ("a", 3)]);
        assert_eq!(lanes.advance("a", 2), None);
        assert_eq!(lanes.advance("a", 1), Some(3));
    }
}
