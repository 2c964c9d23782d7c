//! Makes a failing scenario smaller: takes things out for as long as it still breaks the same rule.

use std::time::{Duration, Instant};

use crate::{
    campaign::try_scenario,
    scenario::{Scenario, Then},
};

/// At most so many runs, and so much real time.
const TRIALS: usize = 600;
const TIME: Duration = Duration::from_secs(40);

/// The smallest scenario found that breaks `rule`.
pub(crate) fn shrink(scenario: &Scenario, rule: &str) -> Scenario {
    let mut shrinker = Shrinker {
        best: scenario.clone(),
        rule,
        left: TRIALS,
        until: Instant::now() + TIME,
    };
    while shrinker.round() {}
    shrinker.best
}

struct Shrinker<'a> {
    best: Scenario,
    rule: &'a str,
    left: usize,
    until: Instant,
}

impl Shrinker<'_> {
    /// Tries every way to make it smaller; whether one worked.
    fn round(&mut self) -> bool {
        let mut smaller = false;
        smaller |= self.thin_out(|scenario| &mut scenario.messages);
        smaller |= self.thin_out(|scenario| &mut scenario.faults);
        smaller |= self.thin_out(|scenario| &mut scenario.workers);
        smaller |= self.thin_out(|scenario| &mut scenario.pauses);
        for worker in 0..self.best.workers.len() {
            smaller |= self.thin_out(move |scenario| &mut scenario.workers[worker].lives);
        }
        for message in 0..self.best.messages.len() {
            smaller |= self.thin_out(move |scenario| &mut scenario.messages[message].attempts);
            smaller |= self.attempt(move |scenario| {
                let message = &mut scenario.messages[message];
                let changed = message.filler > 0 || message.attributes > 0 || message.copies > 1;
                (message.filler, message.attributes, message.copies) = (0, 0, 1);
                changed
            });
            smaller |= self.attempt(move |scenario| {
                let message = &mut scenario.messages[message];
                let extended = message.attempts.iter().any(|attempt| attempt.extend.is_some());
                let changed = extended || message.rank.is_some() || message.key_of.is_some();
                (message.rank, message.key_of) = (None, None);
                message
                    .attempts
                    .iter_mut()
                    .for_each(|attempt| attempt.extend = None);
                changed
            });
            smaller |= self.attempt(move |scenario| {
                let attempts = &mut scenario.messages[message].attempts;
                let changed = attempts.iter().any(|attempt| attempt.then == Then::Detach);
                attempts
                    .iter_mut()
                    .filter(|attempt| attempt.then == Then::Detach)
                    .for_each(|attempt| {
                        attempt.then = Then::Succeed;
                    });
                changed
            });
        }
        smaller |= self.attempt(|scenario| {
            scenario.trouble /= 2;
            scenario.trouble > Duration::from_secs(10)
        });
        smaller |= self.attempt(|scenario| {
            let changed = !scenario.latency.is_zero() || scenario.shared.is_some();
            (scenario.latency, scenario.shared) = (Duration::ZERO, None);
            changed
        });
        smaller && self.may_go_on()
    }

    /// Takes out halves, then quarters, then single elements of a list.
    fn thin_out<T>(&mut self, list: impl Fn(&mut Scenario) -> &mut Vec<T> + Copy) -> bool {
        let mut smaller = false;
        let mut size = list(&mut self.best).len().div_ceil(2);
        while size > 0 {
            let mut start = 0;
            while start < list(&mut self.best).len() {
                let worked = self.attempt(move |scenario| {
                    let list = list(scenario);
                    let end = (start + size).min(list.len());
                    list.drain(start..end).count() > 0
                });
                smaller |= worked;
                if !worked {
                    start += size;
                }
            }
            size = if size == 1 { 0 } else { size.div_ceil(2) };
        }
        smaller
    }

    /// Keeps a change if the rule is still broken with it.
    fn attempt(&mut self, change: impl FnOnce(&mut Scenario) -> bool) -> bool {
        if !self.may_go_on() {
            return false;
        }
        let mut candidate = self.best.clone();
        if !change(&mut candidate) {
            return false;
        }
        self.left -= 1;
        let broken = try_scenario(&candidate)
            .violations
            .iter()
            .any(|violation| violation.rule == self.rule);
        if broken {
            self.best = candidate;
        }
        broken
    }

    fn may_go_on(&self) -> bool {
        self.left > 0 && Instant::now() < self.until
    }
}
