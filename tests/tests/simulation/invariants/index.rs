//! The events of a run, put together: requests with their effects and answers, runs with their ends.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    history::{Actor, Answer, Asked, Ended, Event, Msg, Run, What},
    scenario::{QueuePlan, Scenario},
    world::Past,
};

/// A run of the simulation, ready to be asked.
#[derive(Debug)]
pub(crate) struct Index<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) past: &'a Past,
    pub(crate) requests: BTreeMap<usize, Request<'a>>,
    pub(crate) runs: BTreeMap<usize, Span<'a>>,
    /// When each message of the scenario first had its key, and when it was first recorded as done.
    pub(crate) claimed: BTreeMap<usize, Duration>,
    pub(crate) recorded: BTreeMap<usize, Duration>,
}

/// One request, from its beginning to its end.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    pub(crate) actor: Actor,
    pub(crate) at: Duration,
    pub(crate) asked: &'a Asked,
    pub(crate) did: Vec<(Duration, &'a Answer)>,
    pub(crate) saw: Option<(Duration, &'a Answer)>,
}

/// One run of a handler.
#[derive(Debug)]
pub(crate) struct Span<'a> {
    pub(crate) actor: Actor,
    pub(crate) run: &'a Run,
    pub(crate) started: Duration,
    pub(crate) ended: Option<(Duration, Ended)>,
}

impl<'a> Index<'a> {
    pub(crate) fn new(scenario: &'a Scenario, past: &'a Past) -> Self {
        let mut index = Self {
            scenario,
            past,
            requests: BTreeMap::new(),
            runs: BTreeMap::new(),
            claimed: BTreeMap::new(),
            recorded: BTreeMap::new(),
        };
        for Event { at, actor, what } in &past.events {
            match what {
                What::Asked(number, asked) => {
                    let request = Request {
                        actor: *actor,
                        at: *at,
                        asked,
                        did: Vec::new(),
                        saw: None,
                    };
                    index.requests.insert(*number, request);
                }
                What::Did(number, answer) => {
                    if let Some(request) = index.requests.get_mut(number) {
                        request.did.push((*at, answer));
                    }
                }
                What::Saw(number, answer) => {
                    if let Some(request) = index.requests.get_mut(number) {
                        request.saw = Some((*at, answer));
                    }
                }
                What::Started(number, run) => {
                    index.runs.insert(
                        *number,
                        Span {
                            actor: *actor,
                            run,
                            started: *at,
                            ended: None,
                        },
                    );
                }
                What::Ended(number, how) => {
                    if let Some(span) = index.runs.get_mut(number) {
                        span.ended = Some((*at, *how));
                    }
                }
                What::Claimed(plan) => {
                    index.claimed.entry(*plan).or_insert(*at);
                }
                What::Recorded(plan) => {
                    index.recorded.entry(*plan).or_insert(*at);
                }
                _ => {}
            }
        }
        index
    }

    /// Whether the key of a message was recorded by then as done, with its body.
    pub(crate) fn is_recorded(&self, message: Msg, by: Duration) -> bool {
        let plan = self.past.messages[message.0].plan;
        self.recorded.get(&plan).is_some_and(|at| *at <= by)
    }

    /// Whether a message with another body had by then had the key of this one.
    pub(crate) fn is_mistaken(&self, plan: usize, by: Duration) -> bool {
        let key = self.scenario.key(plan);
        let others = self.claimed.iter().filter(|(other, _)| **other != plan);
        key.is_some()
            && others
                .into_iter()
                .any(|(other, at)| *at <= by && self.scenario.key(*other) == key)
    }

    pub(crate) fn events(&self) -> impl Iterator<Item = &'a Event> + use<'a> {
        self.past.events.iter()
    }

    /// The plan of the queue that a message was sent to, if workers consume it.
    pub(crate) fn queue_of(&self, message: Msg) -> Option<&'a QueuePlan> {
        self.queue_named(&self.past.messages[message.0].queue)
    }

    pub(crate) fn queue_named(&self, name: &str) -> Option<&'a QueuePlan> {
        let number =
            (0..self.scenario.queues.len()).find(|number| self.scenario.queue_name(*number) == name)?;
        self.scenario.queues.get(number)
    }

    /// The runs of a message by one worker that had ended by then.
    pub(crate) fn ended_runs(
        &self,
        actor: Actor,
        message: Msg,
        by: Duration,
    ) -> impl Iterator<Item = &Span<'a>> {
        self.runs.values().filter(move |span| {
            span.actor == actor && span.run.message == message && span.ended.is_some_and(|(at, _)| at <= by)
        })
    }

    /// Which attempt a run was, counted as the worker does: SQS's count of the receive, and one more for each time that
    /// the message was tried again in place.
    pub(crate) fn attempts(&self, actor: Actor, span: &Span<'_>) -> u32 {
        let delivered = self
            .requests
            .values()
            .filter_map(|request| request.saw)
            .find_map(|(_, answer)| {
                let Answer::Received(messages) = answer else {
                    return None;
                };
                messages
                    .iter()
                    .find(|delivered| delivered.handle == span.run.handle)
            });
        let before = self
            .runs
            .values()
            .filter(|other| {
                other.actor == actor && other.run.handle == span.run.handle && other.started < span.started
            })
            .count();
        delivered.map_or(1, |delivered| delivered.count) + before as u32
    }
}

impl QueuePlan {
    /// After how many attempts a worker gives a message up.
    pub(crate) fn limit(&self) -> u32 {
        self.max_attempts.or(self.max_receives).unwrap_or(u32::MAX)
    }
}
