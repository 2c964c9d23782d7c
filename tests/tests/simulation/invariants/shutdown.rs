//! A worker that is asked to stop returns in time, lets its long polls bring what SQS has handed out, and gives back
//! what it does not finish.

use std::{collections::BTreeMap, time::Duration};

use super::{Found, index::Index};
use crate::history::{Actor, Answer, Asked, Handle, Msg, What};

/// Timers tick in milliseconds.
const TICK: Duration = Duration::from_millis(20);

pub(super) fn check(index: &Index<'_>, found: &mut Found) {
    let mut stopped: BTreeMap<Actor, Duration> = BTreeMap::new();
    for event in index.events() {
        let (at, actor) = (event.at, event.actor);
        match &event.what {
            What::WorkerStopped => {
                stopped.insert(actor, at);
            }
            What::WorkerReturned(end) => {
                if let Some(since) = stopped.remove(&actor)
                    && at - since > deadline(index, actor) + TICK
                {
                    found.add(at, format!("{actor} took {:?} to end", at - since));
                }
                if end.report.abandoned == 0 {
                    kept(index, actor, at, found);
                }
            }
            What::WorkerFailed(text) => {
                stopped.remove(&actor);
                if text.contains("panicked") || text.contains("by itself") {
                    found.add(at, format!("{actor}: {text}"));
                }
            }
            What::Saw(number, Answer::Abandoned) => {
                let request = &index.requests[number];
                if let (Asked::Receive { wait, .. }, Some(since)) = (request.asked, stopped.get(&actor)) {
                    let grace = (deadline(index, actor) / 5).min(Duration::from_secs(2));
                    let timed_out =
                        at >= request.at + Duration::from_secs(u64::from(wait.unsigned_abs()) + 5);
                    if at + TICK < *since + grace && !timed_out {
                        found.add(
                            at,
                            format!(
                                "{actor} gave up a long poll {:?} after it was asked to stop",
                                at - *since
                            ),
                        );
                    }
                }
            }
            _ => {}
        }
    }
    for (actor, since) in stopped {
        found.add(since, format!("{actor} was asked to stop and never did"));
    }
}

fn deadline(index: &Index<'_>, actor: Actor) -> Duration {
    let plan = match actor {
        Actor::Worker(number, _) => index.scenario.workers.get(usize::from(number)),
        Actor::World => None,
    };
    plan.map_or(Duration::from_secs(25), |plan| plan.shutdown)
}

/// Reports what a worker that says it settled everything still hides from others.
fn kept(index: &Index<'_>, actor: Actor, end: Duration, found: &mut Found) {
    // The newest handle of each message, and until when it hides the message.
    let mut hidden: BTreeMap<Msg, (Handle, Duration)> = BTreeMap::new();
    for event in index
        .events()
        .filter(|event| event.actor == actor && event.at <= end)
    {
        let What::Saw(number, answer) = &event.what else {
            continue;
        };
        let request = &index.requests[number];
        match (request.asked, answer) {
            (Asked::Receive { visibility, .. }, Answer::Received(messages)) => {
                for delivered in messages {
                    hidden.insert(
                        delivered.handle.message,
                        (delivered.handle, request.at + *visibility),
                    );
                }
            }
            (Asked::Delete(_), Answer::Settled(entries)) => {
                entries.iter().filter(|entry| entry.ok).for_each(|entry| {
                    hidden.remove(&entry.handle.message);
                });
            }
            (Asked::Hide(changes), Answer::Settled(entries)) => {
                for entry in entries.iter().filter(|entry| entry.ok || entry.refused) {
                    let Some((_, time)) = changes.iter().find(|(handle, _)| *handle == entry.handle) else {
                        continue;
                    };
                    // What is heard of an older handle says nothing.
                    if hidden
                        .get(&entry.handle.message)
                        .is_some_and(|(newest, _)| *newest > entry.handle)
                    {
                        continue;
                    }
                    // The rest of a batch goes on when one of its messages is given back.
                    let renewed = index
                        .queue_of(entry.handle.message)
                        .is_some_and(|queue| *time >= queue.visibility);
                    let running = index.runs.values().any(|span| {
                        span.actor == actor
                            && span.run.message == entry.handle.message
                            && (renewed || !span.run.batch)
                            && span.started <= request.at
                            && span.ended.is_none_or(|(at, _)| at > request.at)
                    });
                    // An answer that comes when the lease is over changes nothing any more.
                    let in_time = hidden
                        .get(&entry.handle.message)
                        .is_some_and(|(_, until)| event.at <= *until);
                    if running && entry.ok && in_time {
                        hidden.insert(entry.handle.message, (entry.handle, request.at + *time));
                    } else {
                        hidden.remove(&entry.handle.message);
                    }
                }
            }
            _ => {}
        }
    }
    for (handle, until) in hidden.into_values() {
        if until > end {
            found.add(
                end,
                format!(
                    "{actor} ended and left {handle:?} hidden for {:?} more",
                    until - end
                ),
            );
        }
    }
}
