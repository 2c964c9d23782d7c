//! What must hold in every run, whatever went wrong in it. One file for each rule; a new feature brings its own.
//!
//! All are checked from what the SQS saw and what the handlers wrote down. The worker's own word counts only where it
//! is itself on trial, in [`numbers`], [`permits`] and [`shutdown`].

mod deleted;
mod extend;
mod handles;
mod index;
mod intact;
mod known;
mod lease;
mod liveness;
mod lost;
mod numbers;
mod once;
mod order;
mod overlap;
mod permits;
mod rank;
mod reasons;
mod repeats;
mod shutdown;
mod storm;
mod twelve_hours;

use std::{fmt, time::Duration};

use self::index::Index;
use crate::{scenario::Scenario, trace::clock, world::Past};

/// A rule that was broken.
#[derive(Clone, Debug)]
pub(crate) struct Violation {
    pub(crate) rule: &'static str,
    pub(crate) at: Duration,
    pub(crate) what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {} {}", self.rule, clock(self.at), self.what)
    }
}

/// A rule: its name, and how it is checked.
type Rule = (&'static str, fn(&Index<'_>, &mut Found));

const RULES: &[Rule] = &[
    ("no message is lost", lost::check),
    ("nothing is deleted that nobody finished", deleted::check),
    ("a message runs once at a time, under its lease", lease::check),
    (
        "a lease that was extended is as long as SQS hides the message",
        extend::check,
    ),
    ("a group runs in order", order::check),
    (
        "what waits starts by its rank, and does not wait for ever",
        rank::check,
    ),
    ("a deletion uses the newest handle", handles::check),
    ("one call at a time about a message", overlap::check),
    ("what is finished does not run again", repeats::check),
    ("each key runs once", once::check),
    ("every permit comes back, and none is used twice", permits::check),
    ("whatever is left comes to an end", liveness::check),
    ("no storm of requests", storm::check),
    ("no message is hidden past twelve hours", twelve_hours::check),
    (
        "a worker ends in time and gives back what it has",
        shutdown::check,
    ),
    ("body and attributes stay as they are", intact::check),
    (
        "a message is hidden or dead-lettered for a reason",
        reasons::check,
    ),
    ("the worker's numbers are true", numbers::check),
];

/// Where a check puts what it finds.
pub(crate) struct Found {
    rule: &'static str,
    all: Vec<Violation>,
}

impl Found {
    fn add(&mut self, at: Duration, what: impl Into<String>) {
        self.all.push(Violation {
            rule: self.rule,
            at,
            what: what.into(),
        });
    }
}

/// Everything that is wrong with a run, in the order of time.
pub(crate) fn check(scenario: &Scenario, past: &Past) -> Vec<Violation> {
    let index = Index::new(scenario, past);
    let mut found = Found {
        rule: "",
        all: Vec::new(),
    };
    for (rule, check) in RULES {
        found.rule = rule;
        check(&index, &mut found);
    }
    found.all.sort_by_key(|violation| violation.at);
    found.all
}
