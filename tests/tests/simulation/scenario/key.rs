//! Queues in which each key runs once, whatever is sent how often.

use std::time::Duration;

use super::{Kind, Patience, Scenario, generate::Dice};

/// Makes some queues run each key once, and lets producers send more of the same there.
pub(super) fn add(scenario: &mut Scenario) {
    let mut dice = Dice::of(0x6b_6579, scenario.seed);
    for queue in &mut scenario.queues {
        if queue.patience == Patience::Usual && dice.chance(0.4) {
            queue.patience = Patience::Keyed;
        }
    }
    let late = scenario.trouble / 4;
    let mut last = vec![None; scenario.queues.len()];
    for (number, message) in scenario.messages.iter_mut().enumerate() {
        if scenario.queues[message.queue].patience != Patience::Keyed || message.kind != Kind::Task {
            continue;
        }
        if dice.chance(0.3) {
            message.copies = dice.one_of(&[2, 2, 3]);
            message.copies_apart = match dice.weighted(&[4, 4, 2]) {
                0 => Duration::ZERO,
                1 => dice.time(Duration::ZERO, Duration::from_secs(10)),
                _ => dice.time(Duration::ZERO, late),
            };
        }
        // The same key with another body is a mistake of the producer's, which the worker has to see. Without a dead-letter
        // queue such a message stays until the record is forgotten.
        if dice.chance(0.05) && scenario.queues[message.queue].max_receives.is_some() {
            message.key_of = last[message.queue];
        }
        last[message.queue] = Some(number);
    }
}
