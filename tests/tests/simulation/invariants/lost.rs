//! Every message that was sent is deleted, in a queue, or older than its queue keeps messages.

use std::collections::BTreeSet;

use super::{Found, index::Index};
use crate::history::Answer;

pub(super) fn check(index: &Index<'_>, found: &mut Found) {
    let mut gone = BTreeSet::new();
    for request in index.requests.values() {
        for (_, answer) in &request.did {
            if let (crate::history::Asked::Delete(_), Answer::Settled(entries)) = (request.asked, answer) {
                gone.extend(
                    entries
                        .iter()
                        .filter(|entry| entry.effect)
                        .map(|entry| entry.handle.message),
                );
            }
        }
    }
    let past = index.past;
    let there: BTreeSet<_> = past
        .queues
        .values()
        .flat_map(|queue| &queue.messages)
        .filter_map(|message| past.by_id.get(&message.message_id.to_string()).copied())
        .collect();
    for (number, facts) in past.messages.iter().enumerate() {
        let message = crate::history::Msg(number);
        let expired = index
            .queue_named(&facts.queue)
            .is_some_and(|queue| past.lasted >= facts.sent + queue.retention);
        if !gone.contains(&message) && !there.contains(&message) && !expired {
            found.add(
                facts.sent,
                format!("{message:?} was sent to {} and is nowhere", facts.queue),
            );
        }
    }
}
