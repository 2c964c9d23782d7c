//! Where each key runs once: none of its messages runs after one of them has been recorded as done, for as long as the
//! record lives, and no two run at the same time while the lease of the first holds. A handler that succeeds leaves a
//! record.

use std::{collections::BTreeMap, time::Duration};

use super::{Found, index::Index, known::Known};
use crate::history::{Ended, What};

/// The life of a record, by the handler's `ttl`.
const LIFE: Duration = Duration::from_secs(3_600);
/// Timers tick in milliseconds.
const TICK: Duration = Duration::from_millis(2);

pub(super) fn check(index: &Index<'_>, found: &mut Found) {
    let mut known = Known::default();
    let mut recorded: BTreeMap<usize, Duration> = BTreeMap::new();
    let mut running: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for event in index.events() {
        let (at, actor) = (event.at, event.actor);
        known.hear(index, event);
        match &event.what {
            What::Recorded(plan) => {
                recorded.extend(index.scenario.key(*plan).map(|key| (key, at)));
            }
            What::Started(number, run) => {
                let plan = index.past.messages[run.message.0].plan;
                let Some(key) = index.scenario.key(plan) else {
                    continue;
                };
                if let Some(since) = recorded.get(&key).filter(|since| at < **since + LIFE) {
                    let what = format!(
                        "{actor} runs {:?}, whose key {key} is done since {:?}",
                        run.handle,
                        at - *since
                    );
                    found.add(at, what);
                }
                let running = running.entry(key).or_default();
                for other in running.iter() {
                    let span = &index.runs[other];
                    let lease = known.lease(span.actor, span.run.message, at);
                    if lease.deadline > at + TICK && lease.lost < span.started {
                        let what = format!(
                            "{actor} runs {:?}, while {} runs {:?} of the same key {key}",
                            run.handle, span.actor, span.run.handle
                        );
                        found.add(at, what);
                    }
                }
                running.push(*number);
            }
            What::Ended(number, how) => {
                let Some(span) = index.runs.get(number) else {
                    continue;
                };
                let plan = index.past.messages[span.run.message.0].plan;
                let Some(key) = index.scenario.key(plan) else {
                    continue;
                };
                running.entry(key).or_default().retain(|run| run != number);
                let held = known.lease(actor, span.run.message, at).lost < span.started;
                let done = index.past.events.iter().any(|other| {
                    other.at == at
                        && other.actor == actor
                        && matches!(other.what, What::Recorded(of) if of == plan)
                });
                if *how == Ended::Succeeded && held && !done {
                    found.add(
                        at,
                        format!("run {number} of key {key} succeeded, and left no record"),
                    );
                }
            }
            _ => {}
        }
    }
}
