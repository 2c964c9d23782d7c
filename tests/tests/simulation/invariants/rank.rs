//! Of the messages that wait for a handler the one of the highest rank starts, of equals the one that came first, and
//! before all of them one that has waited for a visibility time-out and was there first.
//!
//! What waited can only be told of a message that was started later under the same receive: it was neither refused nor
//! given back meanwhile. Only first attempts are looked at, and in a FIFO queue only the first message that a worker ever
//! had of a group, because any other may have stood behind another one; how long the message that overtakes it has
//! waited is counted from its receive, which is the most that it may be. Tenants at their limit are passed over, and a
//! batch is noted when it is full, so neither says anything.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{Found, index::Index};
use crate::{
    history::{Actor, Answer, Handle, What},
    scenario::{MessagePlan, Patience},
};

/// A message that waited for a handler.
#[derive(Debug)]
struct Waited {
    handle: Handle,
    rank: i8,
    received: Duration,
    started: Duration,
    /// It could have started all the while.
    startable: bool,
}

pub(super) fn check(index: &Index<'_>, found: &mut Found) {
    let plan_of = |handle: Handle| -> &MessagePlan {
        &index.scenario.messages[index.past.messages[handle.message.0].plan]
    };
    // When a worker received something, and whether that was its first of the group.
    let mut received: BTreeMap<(Actor, Handle), (Duration, bool)> = BTreeMap::new();
    let mut groups: BTreeSet<(Actor, usize, Option<u8>)> = BTreeSet::new();
    let mut lines: BTreeMap<(Actor, usize), Vec<Waited>> = BTreeMap::new();
    for event in index.events() {
        let (at, actor) = (event.at, event.actor);
        match &event.what {
            What::Saw(_, Answer::Received(messages)) => {
                for delivered in messages {
                    let plan = plan_of(delivered.handle);
                    let first = groups.insert((actor, plan.queue, plan.group));
                    received.insert((actor, delivered.handle), (at, first));
                }
            }
            What::Started(_, run) => {
                let Some((since, first)) = received.remove(&(actor, run.handle)) else {
                    continue;
                };
                let plan = plan_of(run.handle);
                let queue = &index.scenario.queues[plan.queue];
                let limited = queue.tenant_limit.is_some() && plan.group.is_some();
                lines.entry((actor, plan.queue)).or_default().push(Waited {
                    handle: run.handle,
                    rank: plan.rank.unwrap_or_default(),
                    received: since,
                    started: at,
                    startable: if queue.fifo { first } else { !limited },
                });
            }
            _ => {}
        }
    }
    for ((actor, queue), line) in lines {
        let queue = &index.scenario.queues[queue];
        if queue.patience == Patience::Batch {
            continue;
        }
        for (place, started) in line.iter().enumerate() {
            let now = started.started;
            let is_patient = now < started.received + queue.visibility;
            // The list is in the order of starts.
            let overtaken = line[place + 1..].iter().find(|other| {
                let there = other.startable && other.received < now && other.started > now;
                let earlier = other.received < started.received;
                let patient = now < other.received + queue.visibility;
                there
                    && (other.rank > started.rank && (is_patient || earlier)
                        || earlier && (other.rank == started.rank || !patient))
            });
            if let Some(other) = overtaken {
                let what = format!(
                    "{actor} starts {:?} of rank {}, received {:?} ago, before {:?} of rank {}, received {:?} ago",
                    started.handle,
                    started.rank,
                    now - started.received,
                    other.handle,
                    other.rank,
                    now - other.received
                );
                found.add(now, what);
            }
        }
    }
}
