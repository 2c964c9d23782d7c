//! The handlers: each does what the scenario says for this attempt, and writes down what it did.

use std::{sync::Arc, time::Duration};

use sqs_local::SqsLocal;
use sqs_worker::{Delivery, HandlerError, Lease, Outcome, State, handler};
use tokio::time::sleep;

use crate::{
    history::{Actor, Ended, Handle, History, Msg, Run, What},
    scenario::{Attempt, Extension, Scenario, Then},
    wire::{self, Note, Task},
};

/// The state of a worker's handlers: where they write, and what they are to do.
#[derive(Clone, Debug)]
pub(crate) struct Desk {
    pub(crate) actor: Actor,
    pub(crate) history: History,
    pub(crate) scenario: Arc<Scenario>,
    pub(crate) sqs: SqsLocal,
}

#[handler(timeout = "30s")]
pub(crate) async fn brief(
    _: Task,
    State(desk): State<Desk>,
    delivery: Delivery,
) -> Result<Outcome, HandlerError> {
    desk.run(&delivery).await
}

#[handler]
pub(crate) async fn usual(
    _: Task,
    State(desk): State<Desk>,
    delivery: Delivery,
) -> Result<Outcome, HandlerError> {
    desk.run(&delivery).await
}

#[handler(timeout = "12h")]
pub(crate) async fn long(
    _: Task,
    State(desk): State<Desk>,
    delivery: Delivery,
) -> Result<Outcome, HandlerError> {
    desk.run(&delivery).await
}

#[handler(idempotent(key = |task: &Task| task.key(), ttl = "1h"))]
pub(crate) async fn keyed(
    _: Task,
    State(desk): State<Desk>,
    delivery: Delivery,
) -> Result<Outcome, HandlerError> {
    desk.run(&delivery).await
}

#[handler(timeout = "1m")]
pub(crate) async fn note(
    _: Note,
    State(desk): State<Desk>,
    delivery: Delivery,
) -> Result<Outcome, HandlerError> {
    desk.run(&delivery).await
}

#[handler(batch(size = 5, linger = "200ms"))]
pub(crate) async fn batch(_: Vec<Task>, State(desk): State<Desk>, deliveries: Vec<Delivery>) -> Vec<Outcome> {
    desk.run_batch(&deliveries).await
}

impl Desk {
    /// All together take as long as the longest, and panic or hang if one of them does.
    async fn run_batch(&self, deliveries: &[Delivery]) -> Vec<Outcome> {
        let mut runs: Vec<OpenRun> = deliveries
            .iter()
            .map(|delivery| self.start(delivery, true))
            .collect();
        let any = |runs: &[OpenRun], then| runs.iter().any(|run| run.attempt.then == then);
        if any(&runs, Then::Hang) {
            return std::future::pending().await;
        }
        for (run, delivery) in runs.iter().zip(deliveries) {
            run.ask(delivery.lease()).await;
        }
        sleep(runs.iter().map(|run| run.attempt.takes).max().unwrap_or_default()).await;
        if any(&runs, Then::Panic) {
            runs.iter_mut().for_each(|run| run.ends(Ended::Panicked));
            std::panic::resume_unwind(Box::new("as the scenario says"));
        }
        let outcomes = runs.iter_mut().map(|run| {
            let (ended, outcome) = match run.attempt.then {
                Then::Fail => (Ended::Failed(None), Outcome::retry()),
                Then::FailFor(delay) => (Ended::Failed(Some(delay)), Outcome::retry_after(delay)),
                Then::FailForEver => (Ended::FailedForEver, Outcome::dead_letter("never")),
                Then::Release => (Ended::Released, Outcome::release()),
                _ => (Ended::Succeeded, Outcome::ack()),
            };
            run.ends(ended);
            outcome
        });
        outcomes.collect()
    }

    async fn run(&self, delivery: &Delivery) -> Result<Outcome, HandlerError> {
        let mut run = self.start(delivery, false);
        if run.attempt.then == Then::Hang {
            return std::future::pending().await;
        }
        run.work(delivery.lease()).await;
        match run.attempt.then {
            Then::Succeed => {
                run.ends(Ended::Succeeded);
                Ok(Outcome::ack())
            }
            Then::Detach => {
                let (history, actor, number) = (self.history.clone(), self.actor, run.number);
                tokio::spawn(async move {
                    sleep(Duration::from_secs(60)).await;
                    history.add(actor, What::DetachedEnded(number));
                });
                run.ends(Ended::Succeeded);
                Ok(Outcome::ack())
            }
            Then::Fail => {
                run.ends(Ended::Failed(None));
                Err(HandlerError::msg("not this time"))
            }
            Then::FailFor(delay) => {
                run.ends(Ended::Failed(Some(delay)));
                Err(HandlerError::retry_after("not for a while", delay))
            }
            Then::FailForEver => {
                run.ends(Ended::FailedForEver);
                Err(HandlerError::dead_letter("never"))
            }
            Then::Drop => {
                run.ends(Ended::Dropped);
                Err(HandlerError::drop("it does not matter"))
            }
            Then::Panic => {
                run.ends(Ended::Panicked);
                // As `panic!`, without its text on the screen.
                std::panic::resume_unwind(Box::new("as the scenario says"))
            }
            Then::Release => {
                run.ends(Ended::Released);
                Ok(Outcome::release())
            }
            Then::Hang => unreachable!("handled above"),
        }
    }

    /// Writes down that a handler starts, and finds out what it is to do.
    fn start(&self, delivery: &Delivery, batch: bool) -> OpenRun {
        let message = delivery.sdk_message();
        let mut book = self.history.book();
        let handle = book.handles[message.receipt_handle().unwrap_or_default()];
        let plan = book.messages[handle.message.0].plan;
        let attempts = book.attempts.entry(plan).or_default();
        let attempt = *attempts;
        *attempts += 1;
        book.runs += 1;
        let (number, calm) = (book.runs, book.calm);
        drop(book);
        let run = Run {
            message: handle.message,
            handle,
            intact: wire::is_intact_in_handler(
                &self.scenario,
                plan,
                delivery.body(),
                message.message_attributes(),
            ),
            batch,
            overtaken: self.overtaken(delivery, handle),
        };
        self.history.add(self.actor, What::Started(number, run));
        OpenRun {
            actor: self.actor,
            history: self.history.clone(),
            number,
            attempt: self
                .scenario
                .attempt(plan, if calm { usize::MAX } else { attempt }),
            ended: Ended::Cancelled,
        }
    }

    /// FIFO: the earlier messages of this one's group that are still in the queue.
    fn overtaken(&self, delivery: &Delivery, handle: Handle) -> Vec<Msg> {
        if !delivery.queue_name().ends_with(".fifo") {
            return Vec::new();
        }
        let Some(queue) = self.sqs.queue(delivery.queue_name()) else {
            return Vec::new();
        };
        let book = self.history.book();
        let earlier = queue
            .messages
            .iter()
            .filter(|other| other.group.as_deref() == delivery.group())
            .filter_map(|other| book.by_id.get(&other.message_id.to_string()).copied())
            .filter(|other| *other < handle.message);
        earlier.collect()
    }
}

/// A run under way; its end is written down when it is dropped.
struct OpenRun {
    actor: Actor,
    history: History,
    number: usize,
    attempt: Attempt,
    ended: Ended,
}

impl OpenRun {
    /// Takes its time, and asks for more lease on the way if it is to. Whatever it hears, it goes on.
    async fn work(&self, lease: &Lease) {
        let Attempt { takes, extend, .. } = self.attempt;
        let before = extend.map_or(takes, |extend| extend.after.min(takes));
        sleep(before).await;
        self.ask(lease).await;
        sleep(takes - before).await;
    }

    async fn ask(&self, lease: &Lease) {
        let Some(Extension { time, .. }) = self.attempt.extend else {
            return;
        };
        self.history.add(self.actor, What::Wished(self.number, time));
        let granted = lease.extend(time).await.ok();
        self.history.add(self.actor, What::Granted(self.number, granted));
    }

    fn ends(&mut self, how: Ended) {
        self.ended = how;
    }
}

impl Drop for OpenRun {
    fn drop(&mut self) {
        self.history.add(self.actor, What::Ended(self.number, self.ended));
    }
}
