//! A worker never has more messages at work than it may, and asks for no more than it has room for. Work ends when
//! SQS has confirmed what became of the message, not when its handler ends. After the end nothing is in flight.

use std::{collections::BTreeMap, time::Duration};

use super::{Found, index::Index};
use crate::history::{Actor, Answer, Asked, Handle, Msg, What};

/// A message that a worker has started and not settled, as far as the worker can know.
#[derive(Debug)]
struct AtWork {
    queue: String,
    /// What is heard of an older handle says nothing about it.
    handle: Handle,
    deadline: Duration,
    running: bool,
    /// Its handler ended then.
    ended: Duration,
}

pub(super) fn check(index: &Index<'_>, found: &mut Found) {
    // The newest handle that a worker has of a message, and until when by its receive.
    let mut newest: BTreeMap<(Actor, Msg), (Handle, Duration)> = BTreeMap::new();
    let mut at_work: BTreeMap<(Actor, Msg), AtWork> = BTreeMap::new();
    let mut polls: BTreeMap<(Actor, String), usize> = BTreeMap::new();
    for event in index.events() {
        let (at, actor) = (event.at, event.actor);
        match &event.what {
            What::Asked(_, Asked::Receive { queue, most, .. }) => {
                let Some(plan) = index.queue_named(queue) else {
                    continue;
                };
                let most = usize::try_from(*most).unwrap_or_default();
                let polls = polls.entry((actor, queue.clone())).or_default();
                *polls += most;
                let busy = at_work
                    .iter()
                    .filter(|((who, _), work)| *who == actor && work.queue == *queue && work.deadline > at)
                    .count();
                let ahead = plan.prefetch.unwrap_or(plan.concurrency.max(10));
                if busy + *polls > plan.concurrency + ahead {
                    let what = format!(
                        "{actor} asks {queue} for {most}, in all {polls}, with {busy} at work and room for {}",
                        plan.concurrency + ahead
                    );
                    found.add(at, what);
                }
            }
            What::Saw(number, answer) => {
                let request = &index.requests[number];
                match (request.asked, answer) {
                    (
                        Asked::Receive {
                            queue,
                            most,
                            visibility,
                            ..
                        },
                        _,
                    ) => {
                        let polls = polls.entry((actor, queue.clone())).or_default();
                        *polls -= usize::try_from(*most).unwrap_or_default();
                        if let Answer::Received(messages) = answer {
                            for delivered in messages {
                                let key = (actor, delivered.handle.message);
                                // Answers may overtake each other.
                                if newest
                                    .get(&key)
                                    .is_some_and(|(handle, _)| *handle > delivered.handle)
                                {
                                    continue;
                                }
                                let until = request.at + *visibility;
                                newest.insert(key, (delivered.handle, until));
                                if let Some(work) = at_work.get_mut(&key) {
                                    (work.handle, work.deadline) = (delivered.handle, until);
                                }
                            }
                        }
                    }
                    (Asked::Delete(_), Answer::Settled(entries)) => {
                        for entry in entries.iter().filter(|entry| entry.ok || entry.refused) {
                            at_work.remove(&(actor, entry.handle.message));
                        }
                    }
                    (Asked::Hide(changes), Answer::Settled(entries)) => {
                        for entry in entries {
                            let key = (actor, entry.handle.message);
                            let Some(work) = at_work.get_mut(&key).filter(|work| work.handle == entry.handle)
                            else {
                                continue;
                            };
                            if entry.refused {
                                // Not its any more: nothing will be settled.
                                at_work.remove(&key);
                                continue;
                            }
                            if !entry.ok {
                                continue;
                            }
                            // The second: a renewal that came too late, when the lease was over already.
                            if !work.running && (request.at >= work.ended || at > work.deadline) {
                                at_work.remove(&key);
                            } else if let Some((_, time)) =
                                changes.iter().find(|(handle, _)| *handle == entry.handle)
                                // A handler that tidies up after its lease has none any more.
                                && at <= work.deadline
                            {
                                work.deadline = request.at + *time;
                            }
                        }
                    }
                    _ => {}
                }
            }
            // A batch goes on for the others when the lease of one is lost: what it holds cannot be told from here.
            What::Started(_, run) if !run.batch => {
                let key = (actor, run.message);
                // Received again while it waited: its run is of the older delivery.
                let (handle, deadline) = newest.get(&key).copied().unwrap_or((run.handle, Duration::ZERO));
                let work = AtWork {
                    handle,
                    queue: index.past.messages[run.message.0].queue.clone(),
                    deadline,
                    running: true,
                    ended: Duration::ZERO,
                };
                at_work.insert(key, work);
                let queue = &index.past.messages[run.message.0].queue;
                let Some(plan) = index.queue_named(queue) else {
                    continue;
                };
                let running = |of: &dyn Fn(&AtWork) -> bool| {
                    at_work
                        .iter()
                        .filter(|((who, _), work)| *who == actor && work.running && of(work))
                        .count()
                };
                let here = running(&|work| work.queue == *queue);
                if here > plan.concurrency {
                    found.add(
                        at,
                        format!(
                            "{actor} runs {here} handlers of {queue}, and may {}",
                            plan.concurrency
                        ),
                    );
                }
                let all = running(&|_| true);
                if index.scenario.shared.is_some_and(|shared| all > shared) {
                    found.add(
                        at,
                        format!("{actor} runs {all} handlers, and may {:?}", index.scenario.shared),
                    );
                }
            }
            What::Ended(number, _) => {
                if let Some(span) = index.runs.get(number)
                    && let Some(work) = at_work.get_mut(&(actor, span.run.message))
                {
                    (work.running, work.ended) = (false, at);
                }
            }
            What::WorkerReturned(end)
                if end.stats.running != 0 || end.stats.in_flight != end.report.abandoned as u64 =>
            {
                let what = format!(
                    "{actor} ended with {} running, {} in flight and {} abandoned",
                    end.stats.running, end.stats.in_flight, end.report.abandoned
                );
                found.add(at, what);
            }
            _ => {}
        }
    }
}
