//! What workers can know of their leases.

use std::{collections::BTreeMap, time::Duration};

use super::index::Index;
use crate::history::{Actor, Answer, Asked, Event, Msg, What};

/// The leases of all workers, by what they were told. A deadline counts from when its request was sent.
#[derive(Debug, Default)]
pub(super) struct Known(BTreeMap<(Actor, Msg), Lease>);

/// A lease, as its worker can know it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lease {
    /// The newest receive.
    pub(super) receive: u32,
    /// When that was sent, and the request that the deadline counts from.
    pub(super) received: Duration,
    since: Duration,
    pub(super) deadline: Duration,
    /// When it was over last.
    pub(super) lost: Duration,
}

impl Known {
    /// The lease of a message at a time.
    pub(super) fn lease(&mut self, actor: Actor, message: Msg, at: Duration) -> &mut Lease {
        let lease = self.0.entry((actor, message)).or_default();
        if at >= lease.deadline {
            lease.lost = lease.deadline;
        }
        lease
    }

    /// Takes in what an actor is told.
    pub(super) fn hear(&mut self, index: &Index<'_>, event: &Event) {
        let (at, actor) = (event.at, event.actor);
        let What::Saw(number, answer) = &event.what else {
            return;
        };
        let request = &index.requests[number];
        match (request.asked, answer) {
            (Asked::Receive { visibility, .. }, Answer::Received(messages)) => {
                for delivered in messages {
                    let lease = self.lease(actor, delivered.handle.message, at);
                    if delivered.handle.receive > lease.receive {
                        lease.receive = delivered.handle.receive;
                        (lease.received, lease.since) = (request.at, request.at);
                        lease.deadline = request.at + *visibility;
                    }
                }
            }
            (Asked::Hide(changes), Answer::Settled(entries)) => {
                for entry in entries {
                    let change = changes.iter().find(|(handle, _)| *handle == entry.handle);
                    let Some((handle, time)) = change else { continue };
                    let lease = self.lease(actor, handle.message, at);
                    if handle.receive == lease.receive && entry.refused {
                        (lease.lost, lease.deadline) = (at, at);
                    } else if handle.receive == lease.receive && entry.ok && request.at >= lease.since {
                        (lease.since, lease.deadline) = (request.at, request.at + *time);
                    }
                }
            }
            _ => {}
        }
    }
}
