//! A worker dead-letters only what failed for good or too often, and hides what failed for as long as it was told to.

use std::{collections::BTreeMap, time::Duration};

use super::{Found, index::Index};
use crate::{
    history::{Actor, Answer, Asked, Ended, Handle, Msg, What},
    scenario::Kind,
};

/// The last that a worker did with a message.
#[derive(Clone, Copy, Debug, Default)]
struct Last {
    ended: Option<Ended>,
    /// The newest receive, how often SQS had delivered it then, and how often it has run since.
    receive: u32,
    count: u32,
    runs: u32,
}

pub(super) fn check(index: &Index<'_>, found: &mut Found) {
    let mut last: BTreeMap<(Actor, Msg), Last> = BTreeMap::new();
    for event in index.events() {
        let (at, actor) = (event.at, event.actor);
        match &event.what {
            What::Saw(_, Answer::Received(messages)) => {
                for delivered in messages {
                    let last = last.entry((actor, delivered.handle.message)).or_default();
                    if delivered.handle.receive > last.receive {
                        (last.receive, last.count, last.runs) =
                            (delivered.handle.receive, delivered.count, 0);
                    }
                }
            }
            What::Ended(number, how) => {
                if let Some(span) = index.runs.get(number) {
                    let last = last.entry((actor, span.run.message)).or_default();
                    last.ended = Some(*how);
                    last.runs += 1;
                }
            }
            What::Asked(_, Asked::Send(_, copies)) if actor != Actor::World => {
                for copy in copies {
                    let Some(message) = copy.copy_of else { continue };
                    let last = last.get(&(actor, message)).copied().unwrap_or_default();
                    let plan = &index.scenario.messages[copy.plan];
                    let queue = &index.scenario.queues[plan.queue];
                    let too_often = last.count + last.runs.saturating_sub(1) >= queue.limit();
                    let reason = match last.ended {
                        _ if matches!(plan.kind, Kind::Garbage | Kind::Unknown) => true,
                        _ if index.is_mistaken(copy.plan, at) => true,
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

/// After a failure the message is hidden, or rests, for as long as was asked for, or for at least half of the
/// schedule's first delay.
fn hidden_long_enough(index: &Index<'_>, found: &mut Found) {
    // Of which receive, when it failed, and until when it is hidden at least.
    let mut failed: BTreeMap<(Actor, Msg), (Handle, Duration, Duration)> = BTreeMap::new();
    for event in index.events() {
        match &event.what {
            What::Started(_, run) => {
                if let Some((handle, _, least)) = failed.remove(&(event.actor, run.message))
                    && handle == run.handle
                    && event.at < least
                {
                    let early = least - event.at;
                    found.add(
                        event.at,
                        format!("{} tries {handle:?} again {early:?} too early", event.actor),
                    );
                }
            }
            What::Ended(number, how) => {
                let Some(span) = index.runs.get(number) else {
                    continue;
                };
                let key = (event.actor, span.run.message);
                let Some(queue) = index.queue_of(span.run.message) else {
                    continue;
                };
                let schedule = queue.retry.0 / 2;
                let least = match how {
                    // What was tried too often and cannot be dead-lettered goes by the schedule.
                    Ended::Failed(Some(delay)) => {
                        let too_often = index.attempts(event.actor, span) >= queue.limit();
                        if too_often { schedule.min(*delay) } else { *delay }
                    }
                    Ended::Failed(None) | Ended::Panicked => schedule,
                    _ => {
                        failed.remove(&key);
                        continue;
                    }
                };
                // Twelve hours are the limit of everything.
                let least = least.min(Duration::from_secs(11 * 3_600));
                failed.insert(key, (span.run.handle, event.at, event.at + least));
            }
            // What could not be dead-lettered is hidden by the schedule.
            What::Asked(_, Asked::Send(_, copies)) => {
                for message in copies.iter().filter_map(|copy| copy.copy_of) {
                    failed.remove(&(event.actor, message));
                }
            }
            What::Asked(_, Asked::Hide(changes)) => {
                for (handle, time) in changes {
                    let key = (event.actor, handle.message);
                    // With a newer handle it is another story.
                    let Some((_, ended, least)) = failed.get(&key).filter(|(failed, ..)| failed == handle)
                    else {
                        continue;
                    };
                    let queue = index.queue_of(handle.message);
                    // A renewal that came due in the very instant in which the handler ended: the hiding follows.
                    if event.at == *ended && queue.is_some_and(|queue| queue.visibility == *time) {
                        continue;
                    }
                    // In a FIFO queue it may be kept and tried again in place: then it is renewed meanwhile.
                    let kept = queue.is_some_and(|queue| queue.fifo);
                    if !kept && event.at + *time < *least {
                        let least = *least - event.at;
                        let what =
                            format!("{} hides {handle:?} for {time:?}, and not {least:?}", event.actor);
                        found.add(event.at, what);
                    }
                    if !kept {
                        failed.remove(&key);
                    }
                }
            }
            _ => {}
        }
    }
}
