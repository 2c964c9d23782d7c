//! In a FIFO queue no message starts while an earlier one of its group is still in the queue.

use super::{Found, index::Index};

pub(super) fn check(index: &Index<'_>, found: &mut Found) {
    for span in index.runs.values() {
        if !span.run.overtaken.is_empty() {
            let what = format!(
                "{} starts {:?} before {:?} of its group",
                span.actor, span.run.handle, span.run.overtaken
            );
            found.add(span.started, what);
        }
    }
}
