//! What a worker has finished, and SQS has not confirmed to be deleted, does not run again in that worker: should it
//! come back, it is only deleted.

use std::collections::BTreeSet;

use super::{Found, index::Index};
use crate::history::{Actor, Answer, Asked, Ended, Msg, What};

pub(super) fn check(index: &Index<'_>, found: &mut Found) {
    let mut finished: BTreeSet<(Actor, Msg)> = BTreeSet::new();
    for event in index.events() {
        let actor = event.actor;
        match &event.what {
            What::Ended(number, Ended::Succeeded) => {
                // The rest of a batch goes on when the lease of one is lost, and nobody hears how that one ended.
                if let Some(span) = index.runs.get(number).filter(|span| !span.run.batch) {
                    finished.insert((actor, span.run.message));
                }
            }
            What::Saw(number, Answer::Settled(entries)) => {
                // SQS may say so and deliver it again all the same.
                if matches!(index.requests[number].asked, Asked::Delete(_)) {
                    for entry in entries.iter().filter(|entry| entry.ok) {
                        finished.remove(&(actor, entry.handle.message));
                    }
                }
            }
            What::Started(_, run) if finished.contains(&(actor, run.message)) => {
                found.add(
                    event.at,
                    format!("{actor} runs {:?} again, which it has finished", run.handle),
                );
            }
            _ => {}
        }
    }
}
