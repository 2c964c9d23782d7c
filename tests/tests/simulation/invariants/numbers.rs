//! What a worker says it did is what was seen of it.

use super::{Found, index::Index};
use crate::history::{Actor, Answer, Asked, Ended, What};

/// What was seen of one worker.
#[derive(Debug, Default)]
struct Seen {
    received: u64,
    receives: u64,
    empty: u64,
    failed_polls: u64,
    abandoned_polls: u64,
    deletes: u64,
    changes: u64,
    burials: u64,
    deleted: u64,
    changed: u64,
    buried: u64,
    runs: u64,
    succeeded: u64,
    panicked: u64,
    panicked_in_batches: u64,
}

pub(super) fn check(index: &Index<'_>, found: &mut Found) {
    for event in index.events() {
        let What::WorkerReturned(end) = &event.what else {
            continue;
        };
        let (stats, seen) = (&end.stats, Seen::of(index, event.actor));
        let mut claim = |true_: bool, what: &str| {
            if !true_ {
                found.add(
                    event.at,
                    format!("{}: {what}: {stats:?} and {seen:?}", event.actor),
                );
            }
        };
        claim(stats.received == seen.received, "messages received");
        claim(stats.receive_requests == seen.receives, "receive requests");
        claim(stats.empty_receives == seen.empty, "empty receives");
        let errors = seen.failed_polls..=seen.failed_polls + seen.abandoned_polls;
        claim(errors.contains(&stats.poll_errors), "poll errors");
        // What was abandoned at the end may have been counted in the instant in which time was up, and not sent.
        let same = |says: u64, seen: u64| says == seen || (stats.in_flight > 0 && says > seen);
        claim(same(stats.delete_requests, seen.deletes), "delete requests");
        claim(
            same(stats.visibility_requests, seen.changes),
            "visibility requests",
        );
        claim(
            same(stats.dead_letter_requests, seen.burials),
            "dead-letter requests",
        );
        claim(stats.handled >= seen.runs, "handlers that ended");
        // Of a batch that panics, those whose leases were lost before are not there any more.
        let panics = seen.panicked..=seen.panicked + seen.panicked_in_batches;
        claim(panics.contains(&stats.panics), "panics");
        claim(
            stats.acked <= seen.succeeded + stats.duplicates,
            "acknowledged, and handlers that succeeded or had done so before",
        );
        let gone = stats.acked + stats.dropped + stats.dead_lettered + stats.repeats_deleted;
        claim(gone <= seen.deleted, "messages deleted");
        claim(stats.dead_lettered <= seen.buried, "messages dead-lettered");
        let shown = stats.retried + stats.released + stats.left_to_redrive;
        claim(shown + stats.renewals <= seen.changed, "visibility changes");
    }
}

impl Seen {
    fn of(index: &Index<'_>, actor: Actor) -> Self {
        let mut seen = Self::default();
        for request in index.requests.values().filter(|request| request.actor == actor) {
            let answer = request.saw.map(|(_, answer)| answer);
            let entries = match answer {
                Some(Answer::Settled(entries)) => entries.iter().filter(|entry| entry.ok).count() as u64,
                _ => 0,
            };
            match request.asked {
                Asked::Receive { .. } => {
                    seen.receives += 1;
                    match answer {
                        Some(Answer::Received(messages)) => {
                            seen.received += messages.len() as u64;
                            seen.empty += u64::from(messages.is_empty());
                        }
                        Some(Answer::Abandoned) | None => seen.abandoned_polls += 1,
                        _ => seen.failed_polls += 1,
                    }
                }
                Asked::Delete(_) => {
                    seen.deletes += 1;
                    seen.deleted += entries;
                }
                Asked::Hide(_) => {
                    seen.changes += 1;
                    seen.changed += entries;
                }
                Asked::Send(..) => {
                    seen.burials += 1;
                    if let Some(Answer::Sent(stored)) = answer {
                        seen.buried += stored.iter().flatten().count() as u64;
                    }
                }
                Asked::Other(_) => {}
            }
        }
        for span in index.runs.values().filter(|span| span.actor == actor) {
            seen.runs += 1;
            match span.ended {
                Some((_, Ended::Succeeded)) => seen.succeeded += 1,
                Some((_, Ended::Panicked)) if span.run.batch => seen.panicked_in_batches += 1,
                Some((_, Ended::Panicked)) => seen.panicked += 1,
                _ => {}
            }
        }
        seen
    }
}
