//! A worker dead-letters only what failed for good or too often, and hides what failed for as long as it was told to.

use std::{collections::BTreeMap, time::Duration};

use super::{Found, index::Index};
use crate::{
    history::{Actor, Answer, Asked, Ended, Msg, What},
    scenario::Kind,
};

/// The last that a worker did with a message.
#[derive(Clone, Copy, Debug, Default)]
struct Last {
    ended: Option<Ended>,
    count: u32,
}

pub(super) fn check(index: &Index<'_>, found: &mut Found) {
    let mut last: BTreeMap<(Actor, Msg), Last> = BTreeMap::new();
    for event in index.events() {
        let (at, actor) = (event.at, event.actor);
        match &event.what {
            What::Saw(_, Answer::Received(messages)) => {
                for delivered in messages {
                    let last = last.entry((actor, delivered.handle.message)).or_default();
                    last.count = last.count.max(delivered.count);
                }
            }
            What::Ended(number, how) => {
                if let Some(span) = index.runs.get(number) {
                    last.entry((actor, span.run.message)).or_default().ended = Some(*how);
                }
            }
            What::Asked(_, Asked::Send(_, copies)) if actor != Actor::World => {
                for copy in copies {
                    let Some(message) = copy.copy_of else { continue };
                    let last = last.get(&(actor, message)).copied().unwrap_or_default();
                    let plan = &index.scenario.messages[copy.plan];
                    let queue = &index.scenario.queues[plan.queue];
                    let limit = queue.max_attempts.or(queue.max_receives);
                    let too_often = limit.is_some_and(|limit| last.count >= limit);
                    let reason = match last.ended {
                        _ if matches!(plan.kind, Kind::Garbage | Kind::Unknown) => true,
                        Some(Ended::FailedForEver) => true,
                        Some(Ended::Failed(_) | Ended::Panicked | Ended::Cancelled) => too_often,
                        _ => false,
                    };
                    if !reason {
                        found.add(at, format!("{actor} dead-letters {message:?} after {last:?}"));
                    }
                }
            }
            _ => {}
        }
    }
    hidden_long_enough(index, found);
}

/// The first change of visibility after a failure hides the message for at least half of the schedule's first delay.
fn hidden_long_enough(index: &Index<'_>, found: &mut Found) {
    let mut failed: BTreeMap<(Actor, Msg), Duration> = BTreeMap::new();
    for event in index.events() {
        match &event.what {
            What::Started(_, run) => {
                failed.remove(&(event.actor, run.message));
            }
            What::Ended(number, how) => {
                let Some(span) = index.runs.get(number) else { continue };
                let key = (event.actor, span.run.message);
                let Some(queue) = index.queue_of(span.run.message) else { continue };
                let least = match how {
                    // Without a dead-letter queue, what was tried too often goes by the schedule.
                    Ended::Failed(Some(_)) if queue.max_receives.is_none() && queue.max_attempts.is_some() => {
                        queue.retry.0 / 2
                    }
                    Ended::Failed(Some(delay)) => *delay,
                    Ended::Failed(None) | Ended::Panicked => queue.retry.0 / 2,
                    _ => {
                        failed.remove(&key);
                        continue;
                    }
                };
                // Renewals under way have counted from before.
                failed.insert(key, least.min(Duration::from_secs(11 * 3_600)));
            }
            // What could not be dead-lettered is hidden by the schedule.
            What::Asked(_, Asked::Send(_, copies)) => {
                for message in copies.iter().filter_map(|copy| copy.copy_of) {
                    failed.remove(&(event.actor, message));
                }
            }
            What::Asked(_, Asked::Hide(changes)) => {
                for (handle, time) in changes {
                    if let Some(least) = failed.remove(&(event.actor, handle.message))
                        && *time < least
                    {
                        let what = format!("{} hides {handle:?} for {time:?}, and not {least:?}", event.actor);
                        found.add(event.at, what);
                    }
                }
            }
            _ => {}
        }
    }
}
