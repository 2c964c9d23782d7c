//! Messages that are more important than others.

use super::{Scenario, generate::Dice};

/// Lets messages of some queues start in the order of a rank that some of them have.
pub(super) fn add(scenario: &mut Scenario) {
    let mut dice = Dice::of(0x7261_6e6b, scenario.seed);
    for queue in &mut scenario.queues {
        queue.ranked = dice.chance(0.3);
    }
    let ranks: &[i8] = if dice.chance(0.5) { &[9] } else { &[-1, 1, 2, 3, 9] };
    for message in &mut scenario.messages {
        if scenario.queues[message.queue].ranked && dice.chance(0.5) {
            message.rank = Some(dice.one_of(ranks));
        }
    }
}
