//! A handler that asked for more time and was told that it has it has it: SQS hides its message for at least that
//! long, and for as long as was asked for, up to the twelve hours. That the lease is lost is said only when it is.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{Found, index::Index, known::Known};
use crate::history::{Actor, Answer, Asked, Msg, What};

/// Twelve hours from the receive; SQS counts whole seconds, and the last one may be missing.
const LONGEST: Duration = Duration::from_secs(12 * 3_600 - 1);
/// Timers tick in milliseconds.
const TICK: Duration = Duration::from_millis(2);

pub(super) fn check(index: &Index<'_>, found: &mut Found) {
    let mut hidden: BTreeMap<Msg, Duration> = BTreeMap::new();
    // What SQS delivers twice it hides from nobody, and one that has lost it may still change it by an older handle.
    let mut shown: BTreeSet<Msg> = BTreeSet::new();
    let mut newest: BTreeMap<Msg, u32> = BTreeMap::new();
    // The handlers of a worker that is killed may hear of it before they are dropped.
    let mut gone: BTreeSet<Actor> = BTreeSet::new();
    let mut known = Known::default();
    let mut wishes: BTreeMap<usize, (Duration, Duration)> = BTreeMap::new();
    for event in index.events() {
        let (at, actor) = (event.at, event.actor);
        known.hear(index, event);
        match &event.what {
            What::Did(_, Answer::ShownAgain(messages)) => shown.extend(messages),
            What::Did(number, answer) => match (index.requests[number].asked, answer) {
                (Asked::Receive { visibility, .. }, Answer::Received(messages)) => {
                    hidden.extend(messages.iter().map(|one| (one.handle.message, at + *visibility)));
                    newest.extend(
                        messages
                            .iter()
                            .map(|one| (one.handle.message, one.handle.receive)),
                    );
                }
                (Asked::Hide(changes), Answer::Settled(entries)) => {
                    for entry in entries.iter().filter(|entry| entry.effect) {
                        let change = changes.iter().find(|(handle, _)| *handle == entry.handle);
                        if newest.get(&entry.handle.message) != Some(&entry.handle.receive) {
                            shown.insert(entry.handle.message);
                        }
                        hidden.extend(change.map(|(handle, time)| (handle.message, at + *time)));
                    }
                }
                _ => {}
            },
            What::WorkerKilled => {
                gone.insert(actor);
            }
            What::Wished(number, time) => {
                wishes.insert(*number, (at, *time));
            }
            What::Granted(number, answer) => {
                let (Some(span), Some((asked, time))) = (index.runs.get(number), wishes.get(number)) else {
                    continue;
                };
                let held = known.lease(actor, span.run.message, at);
                let Some(granted) = answer else {
                    if held.lost < span.started && !gone.contains(&actor) {
                        let left = held.deadline - at;
                        found.add(
                            at,
                            format!("run {number} hears that its lease is lost, which has {left:?}"),
                        );
                    }
                    continue;
                };
                let until = at.saturating_add(*granted);
                let truth = hidden.get(&span.run.message).copied().unwrap_or(Duration::MAX);
                if truth < until && !shown.contains(&span.run.message) {
                    let much = until - truth;
                    found.add(
                        at,
                        format!("run {number} is told {granted:?}, {much:?} more than SQS granted"),
                    );
                }
                let least = (*asked + *time).min(held.received + LONGEST);
                if until + TICK < least && held.receive == span.run.handle.receive {
                    let less = least - until;
                    found.add(
                        at,
                        format!("run {number} asked for {time:?} and is told {granted:?}, {less:?} less"),
                    );
                }
            }
            _ => {}
        }
    }
}
