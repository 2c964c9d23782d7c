//! A worker deletes a message only after a handler of its own finished it or said to drop it, after SQS confirmed
//! that it took the dead-letter copy, or when the record of its key says that a message with this body is done.

use super::{Found, index::Index};
use crate::history::{Actor, Answer, Asked, Ended, Msg};

pub(super) fn check(index: &Index<'_>, found: &mut Found) {
    for request in index.requests.values() {
        let Asked::Delete(handles) = request.asked else {
            continue;
        };
        for handle in handles {
            let message = handle.message;
            let finished = index
                .ended_runs(request.actor, message, request.at)
                .any(|span| matches!(span.ended, Some((_, Ended::Succeeded | Ended::Dropped))));
            if !finished
                && !index.is_recorded(message, request.at)
                && !was_buried(index, request.actor, message, request.at)
            {
                let what = format!(
                    "{} deletes {handle:?}, which it neither finished nor dead-lettered",
                    request.actor
                );
                found.add(request.at, what);
            }
        }
    }
}

/// Whether a worker had been told by then that its copy of a message is in a dead-letter queue.
fn was_buried(index: &Index<'_>, actor: Actor, message: Msg, by: std::time::Duration) -> bool {
    let plan = index.past.messages[message.0].plan;
    index.requests.values().any(|request| {
        let (Asked::Send(_, copies), Some((at, Answer::Sent(stored)))) = (request.asked, request.saw) else {
            return false;
        };
        let is_copy =
            |copy: &crate::history::Sent| copy.copy_of.map_or(copy.plan == plan, |of| of == message);
        request.actor == actor
            && at <= by
            && copies.iter().any(is_copy)
            && stored
                .iter()
                .flatten()
                .any(|stored| index.past.messages[stored.message.0].plan == plan)
    })
}
