//! Bodies, attributes and groups come out as they went in: in receives, in handlers, in dead-letter copies.

use super::{Found, index::Index};
use crate::history::{Actor, Answer, Asked, What};

pub(super) fn check(index: &Index<'_>, found: &mut Found) {
    for event in index.events() {
        match &event.what {
            What::Did(_, Answer::Received(messages)) => {
                for delivered in messages.iter().filter(|delivered| !delivered.intact) {
                    found.add(event.at, format!("SQS delivers {:?} changed", delivered.handle));
                }
            }
            What::Started(_, run) if !run.intact => {
                found.add(
                    event.at,
                    format!("the handler of {:?} sees it changed", run.handle),
                );
            }
            What::Asked(_, Asked::Send(queue, copies)) if event.actor != Actor::World => {
                for copy in copies.iter().filter(|copy| !copy.intact) {
                    found.add(
                        event.at,
                        format!("{} sends message {} to {queue} changed", event.actor, copy.plan),
                    );
                }
            }
            _ => {}
        }
    }
    let past = index.past;
    for queue in past.queues.values() {
        for message in &queue.messages {
            let Some(known) = past.by_id.get(&message.message_id.to_string()) else {
                continue;
            };
            let plan = &index.scenario.messages[past.messages[known.0].plan];
            let group = plan.group.map(|group| format!("g{group}"));
            if message.group != group {
                found.add(
                    past.lasted,
                    format!(
                        "{known:?} of group {group:?} is in {} as {:?}",
                        queue.name, message.group
                    ),
                );
            }
        }
    }
}
