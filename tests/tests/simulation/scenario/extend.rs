//! Attempts that ask for more time.

use std::time::Duration;

use super::{
    Extension, Scenario,
    generate::{Dice, affordable},
};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);

/// Lets some attempts of some scenarios ask for more time.
pub(super) fn add(scenario: &mut Scenario) {
    let mut dice = Dice::of(0x6578_7465_6e64, scenario.seed);
    if !dice.chance(0.35) {
        return;
    }
    // What a killed worker has asked for stays hidden for so long, while everybody polls.
    let few = scenario.queues.len() == 1 && scenario.workers.len() <= 2;
    let long = few && scenario.queues[0].visibility >= 20 * SECOND && dice.chance(0.1);
    let most = affordable(&scenario.queues, scenario.workers.len()).max(2 * SECOND);
    let often = dice.one_of(&[0.1, 0.4, 0.8]);
    for message in &mut scenario.messages {
        for attempt in &mut message.attempts {
            if !dice.chance(often) {
                continue;
            }
            let after = match dice.weighted(&[4, 3, 3]) {
                0 => Duration::ZERO,
                1 => attempt.takes / 2,
                _ => attempt.takes,
            };
            let time = match dice.weighted(&[3, 5, 2]) {
                0 => dice.time(SECOND, 10 * SECOND),
                1 => dice.time(SECOND, most),
                _ if long => dice.time(HOUR, 15 * HOUR),
                _ => dice.time(most / 2, most),
            };
            attempt.extend = Some(Extension { after, time });
        }
    }
}
