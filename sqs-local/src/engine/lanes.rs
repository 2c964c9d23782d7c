//! Which message of a FIFO queue is next: each group keeps its order, one group is emptied before the next begins.
//!
//! A group can be received from while its oldest message is visible. A receive takes the group's messages in order up
//! to the first that is hidden. Groups take turns in the order in which they became receivable.
//!
//! Source: SQS Developer Guide, "FIFO queue delivery logic"; the order among groups and the rule of the oldest hidden
//! message follow answers recorded on AWS.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use super::slab::Slab;

/// The groups of a FIFO queue.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    groups: Slab<Group>,
    by_name: HashMap<Arc<str>, u32>,
    /// Receivable groups by the ticket they drew when they became so.
    open: BTreeMap<u64, u32>,
    tickets: u64,
}

#[derive(Debug)]
struct Group {
    name: Arc<str>,
    /// All messages: serial to place.
    messages: BTreeMap<u64, u32>,
    ticket: Option<u64>,
}

impl Lanes {
    /// How many groups can be received from.
    pub(crate) fn open(&self) -> usize {
        self.open.len()
    }

    /// Adds a message at the end of its group; returns the group.
    pub(crate) fn enter(&mut self, name: &Arc<str>, serial: u64, place: u32) -> u32 {
        let group = *self.by_name.entry(Arc::clone(name)).or_insert_with(|| {
            self.groups.insert(Group {
                name: Arc::clone(name),
                messages: BTreeMap::new(),
                ticket: None,
            })
        });
        if let Some(group) = self.groups.get_mut(group) {
            group.messages.insert(serial, place);
        }
        group
    }

    /// Takes a message out of its group. Call [`refresh`](Self::refresh) after it.
    pub(crate) fn leave(&mut self, group: u32, serial: u64) {
        let Some(found) = self.groups.get_mut(group) else {
            return;
        };
        found.messages.remove(&serial);
        if found.messages.is_empty()
            && let Some(gone) = self.groups.remove(group)
        {
            self.by_name.remove(&gone.name);
            if let Some(ticket) = gone.ticket {
                self.open.remove(&ticket);
            }
        }
    }

    /// The place of a group's oldest message.
    pub(crate) fn head(&self, group: u32) -> Option<u32> {
        self.groups
            .get(group)?
            .messages
            .first_key_value()
            .map(|(_, place)| *place)
    }

    /// The message after this one in its group.
    pub(crate) fn after(&self, group: u32, serial: Option<u64>) -> Option<(u64, u32)> {
        let from = serial.map_or(Bound::Unbounded, Bound::Excluded);
        let group = self.groups.get(group)?;
        group
            .messages
            .range((from, Bound::Unbounded))
            .next()
            .map(|(serial, place)| (*serial, *place))
    }

    /// The group's head changed: opens or closes the group. A group that stays open keeps its turn.
    pub(crate) fn refresh(&mut self, group: u32, head_is_visible: bool) {
        let Some(found) = self.groups.get_mut(group) else {
            return;
        };
        match (found.ticket, head_is_visible) {
            (None, true) => {
                self.tickets += 1;
                found.ticket = Some(self.tickets);
                self.open.insert(self.tickets, group);
            }
            (Some(ticket), false) => {
                found.ticket = None;
                self.open.remove(&ticket);
            }
            _ => {}
        }
    }

    /// Closes the group whose turn it is and returns it.
    pub(crate) fn take_turn(&mut self) -> Option<u32> {
        let (_, group) = self.open.pop_first()?;
        if let Some(found) = self.groups.get_mut(group) {
            found.ticket = None;
        }
        Some(group)
    }

    /// Panics unless exactly the groups whose head is visible are open.
    #[cfg(test)]
    pub(crate) fn check(&self, is_visible: impl Fn(u32) -> bool) {
        for (group, found) in self.groups.iter() {
            let head = self.head(group).expect("a group without messages is gone");
            assert_eq!(found.ticket.is_some(), is_visible(head), "group {}", found.name);
            assert!(
                found
                    .ticket
                    .is_none_or(|ticket| self.open.get(&ticket) == Some(&group))
            );
        }
        assert_eq!(self.by_name.len(), self.groups.len());
    }
}
