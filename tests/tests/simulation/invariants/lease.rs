//! A message runs at most once at a time in a worker, and only while that worker's lease holds.
//!
//! The lease, as the worker can know it: it begins when the receive that brought the message was *sent*, and lasts for
//! the visibility time-out; every confirmed change of the visibility makes it last for so long from when the change
//! was sent. SQS shows the message to others no earlier, so two workers never run it at once either, unless SQS itself
//! delivers twice.

use std::{collections::BTreeMap, time::Duration};

use super::{Found, index::Index};
use crate::history::{Actor, Answer, Asked, Handle, Msg, What};

/// How long a handler that wants to be told of a lost lease may go on after that. Asking for more time is such a wish.
const TIDYING: Duration = Duration::from_secs(5);

/// Timers tick in milliseconds.
const TICK: Duration = Duration::from_millis(2);

#[derive(Debug, Default)]
struct Held {
    /// The newest receive of it.
    receive: u32,
    /// When the request was sent that the deadline counts from.
    since: Duration,
    deadline: Duration,
    /// The runs on it.
    running: Vec<usize>,
    /// One of them has asked for more time.
    told: bool,
    reported: bool,
}

pub(super) fn check(index: &Index<'_>, found: &mut Found) {
    let mut held: BTreeMap<(Actor, Msg), Held> = BTreeMap::new();
    for event in index.events() {
        let (at, actor) = (event.at, event.actor);
        match &event.what {
            What::Saw(number, answer) => {
                let request = &index.requests[number];
                match (request.asked, answer) {
                    (Asked::Receive { visibility, .. }, Answer::Received(messages)) => {
                        for delivered in messages {
                            let held = held.entry((actor, delivered.handle.message)).or_default();
                            overdue(held, at, actor, delivered.handle.message, found);
                            held.grant(delivered.handle, request.at, *visibility);
                        }
                    }
                    (Asked::Hide(changes), Answer::Settled(entries)) => {
                        for entry in entries.iter().filter(|entry| entry.ok) {
                            let change = changes.iter().find(|(handle, _)| *handle == entry.handle);
                            let Some((handle, time)) = change else { continue };
                            let held = held.entry((actor, handle.message)).or_default();
                            overdue(held, at, actor, handle.message, found);
                            held.renew(*handle, request.at, *time);
                        }
                    }
                    _ => {}
                }
            }
            What::Asked(_, Asked::Hide(changes)) => {
                for (handle, time) in changes {
                    let Some(held) = held.get(&(actor, handle.message)) else {
                        continue;
                    };
                    // Whole seconds, and the twelve-hour limit in whole seconds.
                    let shorter = at + *time + Duration::from_secs(1) < held.deadline;
                    if shorter && !held.running.is_empty() {
                        found.add(
                            at,
                            format!("{actor} shows {handle:?} to others while its handler runs"),
                        );
                    }
                }
            }
            What::Started(number, run) => {
                let held = held.entry((actor, run.message)).or_default();
                if at >= held.deadline {
                    let late = at - held.deadline;
                    found.add(
                        at,
                        format!("{actor} starts {:?} {late:?} after its lease ended", run.handle),
                    );
                    held.reported = true;
                }
                if !held.running.is_empty() {
                    found.add(
                        at,
                        format!("{actor} starts {:?} while it runs already", run.handle),
                    );
                }
                // A batch goes on for the others when the lease of one is lost.
                if !run.batch {
                    held.running.push(*number);
                }
            }
            What::Wished(number, _) => {
                if let Some(span) = index.runs.get(number) {
                    let held = held.entry((actor, span.run.message)).or_default();
                    overdue(held, at, actor, span.run.message, found);
                    held.told |= held.running.contains(number);
                }
            }
            What::Ended(number, _) => {
                let Some(span) = index.runs.get(number) else {
                    continue;
                };
                let held = held.entry((actor, span.run.message)).or_default();
                overdue(held, at, actor, span.run.message, found);
                held.running.retain(|run| run != number);
                held.reported &= !held.running.is_empty();
                held.told &= !held.running.is_empty();
            }
            _ => {}
        }
    }
    for ((actor, message), held) in held {
        if !held.running.is_empty() {
            found.add(
                index.past.lasted,
                format!("a handler of {actor} on {message:?} never ended"),
            );
        }
    }
}

/// Reports a run that goes on although its lease has ended.
fn overdue(held: &mut Held, at: Duration, actor: Actor, message: Msg, found: &mut Found) {
    let patience = if held.told { TIDYING } else { Duration::ZERO };
    if !held.running.is_empty() && at > held.deadline + patience + TICK && !held.reported {
        held.reported = true;
        let late = at - held.deadline;
        found.add(
            at,
            format!("{actor} still runs {message:?} {late:?} after its lease ended"),
        );
    }
}

impl Held {
    /// A new receive replaces whatever there was.
    fn grant(&mut self, handle: Handle, since: Duration, time: Duration) {
        if handle.receive > self.receive {
            (self.receive, self.since, self.deadline) = (handle.receive, since, since + time);
        }
    }

    fn renew(&mut self, handle: Handle, since: Duration, time: Duration) {
        if handle.receive == self.receive && since >= self.since {
            (self.since, self.deadline) = (since, since + time);
        }
    }
}
