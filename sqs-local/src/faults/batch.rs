//! Batches of which some entries fail.

use std::collections::BTreeSet;

use rand::RngExt as _;
use rand::rngs::StdRng;

use crate::api::{Answer, FailedEntry, Operation};
use crate::engine::BatchEntry;
use crate::error::{Error, ErrorKind};

/// Takes out of a batch what is to fail; returns the ids.
pub(super) fn take_out(operation: &mut Operation, share: f64, rng: &mut StdRng) -> BTreeSet<String> {
    match operation {
        Operation::SendMessageBatch(request) => choose(&mut request.entries, share, rng),
        Operation::DeleteMessageBatch(request) => choose(&mut request.entries, share, rng),
        Operation::ChangeMessageVisibilityBatch(request) => choose(&mut request.entries, share, rng),
        _ => BTreeSet::new(),
    }
}

fn choose<E: BatchEntry>(entries: &mut Option<Vec<E>>, share: f64, rng: &mut StdRng) -> BTreeSet<String> {
    let mut failing = BTreeSet::new();
    if let Some(entries) = entries.as_mut().filter(|entries| entries.len() <= 10) {
        entries.retain(|entry| {
            let fails = rng.random_bool(share);
            if fails {
                failing.insert(entry.id().to_owned());
            }
            !fails
        });
    }
    failing
}

/// Whether nothing is left of a batch.
pub(super) fn is_empty(operation: &Operation) -> bool {
    match operation {
        Operation::SendMessageBatch(request) => request.entries.as_ref().is_some_and(Vec::is_empty),
        Operation::DeleteMessageBatch(request) => request.entries.as_ref().is_some_and(Vec::is_empty),
        Operation::ChangeMessageVisibilityBatch(request) => {
            request.entries.as_ref().is_some_and(Vec::is_empty)
        }
        _ => false,
    }
}

/// The answer of a batch of which nothing was left.
pub(super) fn nothing(operation: &Operation) -> Answer {
    match operation {
        Operation::SendMessageBatch(_) => Answer::SentBatch {
            successful: Vec::new(),
            failed: Vec::new(),
        },
        _ => Answer::SettledBatch {
            successful: Vec::new(),
            failed: Vec::new(),
        },
    }
}

/// Adds what was taken out to the entries that failed.
pub(super) fn put_back(answer: &mut Answer, failing: BTreeSet<String>) {
    if let Answer::SentBatch { failed, .. } | Answer::SettledBatch { failed, .. } = answer {
        let error = Error::new(
            ErrorKind::InternalError,
            "We encountered an internal error. Please try again.",
        );
        failed.extend(failing.into_iter().map(|id| FailedEntry::new(id, &error)));
    }
}
