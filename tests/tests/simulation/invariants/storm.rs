//! Requests are bounded by the work there is: an idle worker, or one for which everything fails, is quiet.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{Found, index::Index};
use crate::history::{Actor, Answer, Asked, Msg};

/// What one worker did about one queue in one minute.
#[derive(Debug, Default)]
struct Minute {
    /// Polls that brought nothing, by whatever reason.
    fruitless: usize,
    /// Batch calls.
    commands: usize,
    /// The messages that they were about.
    messages: BTreeSet<Msg>,
    brought: usize,
}

pub(super) fn check(index: &Index<'_>, found: &mut Found) {
    if index.past.storm {
        return found.add(index.past.lasted, "so many requests that the run was ended");
    }
    let mut minutes: BTreeMap<(Actor, &str, u64), Minute> = BTreeMap::new();
    for request in index.requests.values() {
        let number = request.at.as_secs() / 60;
        let mut commands = |messages: Vec<Msg>| {
            let Some(first) = messages.first() else { return };
            let queue = index.past.messages[first.0].queue.as_str();
            let minute = minutes.entry((request.actor, queue, number)).or_default();
            minute.commands += 1;
            minute.messages.extend(messages);
        };
        match request.asked {
            Asked::Delete(handles) => commands(handles.iter().map(|handle| handle.message).collect()),
            Asked::Hide(changes) => commands(changes.iter().map(|(handle, _)| handle.message).collect()),
            Asked::Receive { queue, .. } => {
                let minute = minutes.entry((request.actor, queue, number)).or_default();
                match request.saw {
                    Some((_, Answer::Received(messages))) if !messages.is_empty() => {
                        minute.brought += messages.len();
                    }
                    _ => minute.fruitless += 1,
                }
            }
            _ => {}
        }
    }
    for ((actor, queue, number), minute) in minutes {
        let Some(plan) = index.queue_named(queue) else {
            continue;
        };
        let at = Duration::from_secs(number * 60);
        let visibility = plan.visibility.as_secs();
        // A poll waits for two thirds of the visibility time-out, 20 s at most. What comes ends it earlier, and what
        // was taken by others leaves it empty.
        let wait = (visibility * 2 / 3).clamp(1, 20);
        let polls = 60 / wait + 20 + 2 * plan.pollers as u64 + minute.brought as u64;
        if minute.fruitless as u64 > polls {
            found.add(
                at,
                format!(
                    "{actor} polled {queue} {} times for nothing in a minute: {minute:?}",
                    minute.fruitless
                ),
            );
        }
        // A renewal every two thirds of the time-out, each tried a few times; a deletion tried again and again; and each
        // delivery is settled, which may take a second try.
        let each = 400 / visibility + 30;
        let most = each * minute.messages.len() as u64 + 2 * minute.brought as u64;
        if minute.commands as u64 > most {
            found.add(
                at,
                format!(
                    "{actor} sent {} commands to {queue} in a minute: {minute:?}",
                    minute.commands
                ),
            );
        }
    }
}
