//! The runner of one queue: joins gate, polls, leases, lanes, handlers and settling.
//!
//! One task owns all of a queue's state and makes every decision; only handlers run elsewhere. The loop is: do what
//! is due, sleep until something happens, take it in. What is decided lives in the pure modules beside this one;
//! here is what happens when.

use std::{any::Any, sync::Arc, time::Duration};

use aws_sdk_sqs::types::Message;
use futures_util::{StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use rand::{SeedableRng as _, rngs::StdRng};
use tokio::{select, task::JoinError, time::Instant};
use tokio_util::{sync::CancellationToken, task::JoinMap};
use tower::ServiceExt as _;
use tower_service::Service as _;
use tracing::Instrument as _;

use super::{
    clock::Clock,
    command::Commands,
    gate::{Gate, Permit},
    inflight::{Done, Ending, InFlight, Stage, Table},
    lane::Lanes,
    lease::{Id, Leases},
    options::Settings,
    poll::{Next, PollPlan, Receive, Receiver},
    settle::Settler,
    settling::Commanded,
    shutdown::{Drain, Grace, QueueReport},
    stats::Counters,
    verdict::{Deleted, Hidden, Plan, RELEASE, decide},
};
use crate::{
    error::SqsError,
    handler::{BoxHandler, Delivery, HandlerError, Lease, LeaseState, Outcome},
    queue::Queue,
};

/// What a runner is built from.
pub(crate) struct Parts {
    pub(crate) queue: Queue,
    pub(crate) settings: Settings,
    pub(crate) handler: BoxHandler,
    pub(crate) receiver: Receiver,
    pub(crate) commands: Commands,
    /// The dead-letter queue's name, if there is one.
    pub(crate) dead_letter: Option<String>,
    pub(crate) stats: Arc<Counters>,
    pub(crate) grace: Grace,
    pub(crate) seed: u64,
    pub(crate) clock: Clock,
}

/// A poll that has ended.
pub(super) struct Polled {
    permit: Permit,
    asked: usize,
    sent: Instant,
    result: Result<Vec<Message>, SqsError>,
}

/// What is to be done with a message that was received while it was in flight.
enum Again {
    /// The delivery in flight has the new handle; there is nothing to start.
    Adopted,
    /// The delivery in flight is over; this one starts afresh.
    Fresh,
    /// Its handler is being ended: this one has to come back later.
    Refused,
}

/// One queue's state and its loop.
pub(crate) struct Runner {
    pub(super) queue: Queue,
    pub(super) settings: Settings,
    handler: BoxHandler,
    receiver: Receiver,
    pub(super) commands: Commands,
    pub(super) dead_letter: Option<String>,
    pub(super) stats: Arc<Counters>,
    pub(super) rng: StdRng,
    pub(super) clock: Clock,

    gate: Gate,
    plan: PollPlan,
    pub(super) leases: Leases,
    pub(super) lanes: Lanes,
    pub(super) table: Table,
    pub(super) done: Done,
    pub(super) settler: Settler,
    pub(super) drain: Drain,

    pub(super) polls: FuturesUnordered<BoxFuture<'static, Polled>>,
    pub(super) calls: FuturesUnordered<BoxFuture<'static, Commanded>>,
    pub(super) handlers: JoinMap<Id, Result<Outcome, HandlerError>>,
}

impl Runner {
    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            gate: Gate::new(parts.settings.concurrency),
            plan: PollPlan::new(parts.settings.pollers),
            leases: Leases::new(parts.settings.visibility),
            settler: Settler::new(parts.settings.linger),
            drain: Drain::new(parts.grace),
            queue: parts.queue,
            settings: parts.settings,
            handler: parts.handler,
            receiver: parts.receiver,
            commands: parts.commands,
            dead_letter: parts.dead_letter,
            stats: parts.stats,
            rng: StdRng::seed_from_u64(parts.seed),
            clock: parts.clock,
            lanes: Lanes::default(),
            table: Table::default(),
            done: Done::default(),
            polls: FuturesUnordered::new(),
            calls: FuturesUnordered::new(),
            handlers: JoinMap::new(),
        }
    }

    /// Works until `stop` is cancelled and everything taken in is settled, or the time for that is over.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> QueueReport {
        let timer = tokio::time::sleep_until(Instant::now());
        tokio::pin!(timer);
        loop {
            let now = Instant::now();
            self.leases_due(now);
            self.drain_due(now);
            for id in self.settler.due(now) {
                self.enqueue(id, now);
            }
            let wake = [
                self.poll(now),
                self.flush(now),
                self.leases.next_at(),
                self.drain.next_at(),
            ];
            if self.drain.started() {
                let idle = self.polls.is_empty() && self.table.is_empty() && self.calls.is_empty();
                if idle || self.drain.is_over(now) {
                    return self.report();
                }
            }
            // With nothing to wait for, something else wakes the loop; an hour is only a number.
            let wake = wake
                .into_iter()
                .flatten()
                .min()
                .unwrap_or(now + Duration::from_secs(3_600));
            timer.as_mut().reset(wake);
            select! {
                biased;
                () = stop.cancelled(), if !self.drain.started() => self.start_drain(Instant::now()),
                Some(call) = self.calls.next() => self.commanded(call),
                Some((id, result)) = self.handlers.join_next() => self.handled(id, result),
                Some(polled) = self.polls.next() => self.polled(polled),
                () = &mut timer => {}
            }
        }
    }

    // Taking in.

    /// Sends the polls that make sense now; returns when to look again.
    fn poll(&mut self, now: Instant) -> Option<Instant> {
        if self.drain.started() {
            return None;
        }
        loop {
            match self.plan.next(self.gate.free(), self.gate.size(), now) {
                Next::Idle => return None,
                Next::Wait(at) => return Some(at),
                Next::Poll(asked) => {
                    let permit = self.gate.try_take(asked)?;
                    self.plan.sent();
                    self.stats.receive_requests.one();
                    let call = self.receiver.call(Receive { max: asked });
                    self.polls.push(Box::pin(async move {
                        Polled {
                            permit,
                            asked,
                            sent: now,
                            result: call.await,
                        }
                    }));
                }
            }
        }
    }

    fn polled(&mut self, polled: Polled) {
        let now = Instant::now();
        let Polled {
            mut permit,
            asked,
            sent,
            result,
        } = polled;
        match result {
            Ok(messages) => {
                self.plan.answered(asked, messages.len());
                self.stats.received.add(messages.len());
                if messages.is_empty() {
                    self.stats.empty_receives.one();
                }
                for message in messages {
                    self.take_in(message, permit.split_one(), sent, now);
                }
            }
            Err(error) => {
                self.stats.poll_errors.one();
                let delay = self.plan.failed(error.class(), now, &mut self.rng);
                if !self.drain.started() {
                    tracing::warn!(queue = %self.queue.name, "{error}; the next poll is in {delay:.1?}");
                }
            }
        }
    }

    /// One received message: new, or one we know.
    fn take_in(&mut self, message: Message, permit: Option<Permit>, sent: Instant, now: Instant) {
        let (Some(message_id), Some(handle)) = (message.message_id(), message.receipt_handle()) else {
            tracing::error!(queue = %self.queue.name, "SQS sent a message without id or receipt handle: left alone");
            return;
        };
        let (message_id, handle): (Arc<str>, String) = (message_id.into(), handle.into());
        let mut refuse = self.drain.started();
        if let Some(known) = self.table.by_message(&message_id) {
            self.stats.received_again.one();
            match self.received_again(known, &handle, sent, now) {
                Again::Adopted => return,
                Again::Fresh => {}
                Again::Refused => refuse = true,
            }
        }
        let delivery = Delivery::new(self.queue.name.clone(), message);
        let group: Option<Arc<str>> = self
            .queue
            .fifo
            .then(|| delivery.group().unwrap_or_default().into());
        // Behind a handler that is being ended, nothing of its group may start.
        refuse |= group
            .as_deref()
            .and_then(|group| self.lanes.head(group))
            .is_some_and(|head| {
                self.table
                    .get(head)
                    .is_some_and(|head| matches!(head.stage, Stage::Ending(_)))
            });
        let lease = Arc::new(LeaseState::new(sent + self.settings.visibility));
        let delivery = delivery.with_lease(Lease::new(lease.clone()));
        let id = self.table.insert(InFlight {
            message_id,
            handle,
            group: None,
            delivery,
            lease,
            stage: Stage::Waiting,
            adopted: 0,
            tries: 0,
            permit: None,
        });
        self.stats.in_flight.one();
        self.leases.grant(id, sent);
        if refuse {
            let delay = if self.queue.fifo { Duration::ZERO } else { RELEASE };
            return self.settle(id, Plan::Hide(delay, Hidden::Released), now);
        }
        if let Some(entry) = self.table.get_mut(id) {
            match group {
                None => entry.permit = permit,
                Some(group) => {
                    entry.group = Some(group.clone());
                    if !self.lanes.push(&group, id, permit) {
                        return;
                    }
                }
            }
        }
        self.start(id, now);
    }

    /// A message of ours came once more: its lease had ended for SQS, or SQS delivered it twice. Its newest handle
    /// is the one that counts, and it must not run twice at once.
    fn received_again(&mut self, id: Id, handle: &str, sent: Instant, now: Instant) -> Again {
        let Some(entry) = self.table.get_mut(id) else {
            return Again::Fresh;
        };
        match &entry.stage {
            Stage::Waiting | Stage::Running => {
                entry.adopt(handle);
                entry.lease.extend_to(sent + self.settings.visibility);
                self.leases.grant(id, sent);
                Again::Adopted
            }
            // Done here, but SQS has not seen it: now with a handle that it knows.
            Stage::Settling(Plan::Delete(_) | Plan::Bury(_)) => {
                entry.adopt(handle);
                self.leases.grant(id, sent);
                self.leases.settle(id);
                Again::Adopted
            }
            // It was to be shown again, and was.
            Stage::Settling(Plan::Hide(..)) => {
                self.finish(id, now);
                Again::Fresh
            }
            Stage::Ending(_) => Again::Refused,
        }
    }

    // Running.

    /// Starts the handler of a message that may start; one that is known to be done is only deleted.
    pub(super) fn start(&mut self, id: Id, now: Instant) {
        let Some(entry) = self.table.get_mut(id) else {
            return;
        };
        if self.done.contains(&entry.message_id) {
            return self.settle(id, Plan::Delete(Deleted::Repeat), now);
        }
        entry.stage = Stage::Running;
        self.stats.running.one();
        let handler = self.handler.clone();
        let delivery = entry.delivery.clone();
        let span = tracing::info_span!(
            "process",
            queue = %self.queue.name,
            message_id = %entry.message_id,
            attempt = delivery.receive_count(),
        );
        self.handlers
            .spawn(id, handler.oneshot(delivery).instrument(span));
    }

    fn handled(&mut self, id: Id, result: Result<Result<Outcome, HandlerError>, JoinError>) {
        let now = Instant::now();
        self.stats.running.minus_one();
        self.stats.handled.one();
        let Some(entry) = self.table.get(id) else { return };
        let ending = match entry.stage {
            Stage::Ending(ending) => Some(ending),
            _ => None,
        };
        let result = match result {
            Ok(result) => result,
            Err(error) if error.is_panic() => {
                self.stats.panics.one();
                Err(HandlerError::msg(format!(
                    "handler panicked: {}",
                    panic_text(&*error.into_panic())
                )))
            }
            // Ended by us; the reason is in `ending`.
            Err(_) if ending == Some(Ending::LeaseLost) => return self.finish(id, now),
            Err(_) => return self.settle(id, Plan::Hide(RELEASE, Hidden::Released), now),
        };
        if ending == Some(Ending::LeaseLost) {
            // Too late to settle. What was done stays done: should the message come back, it is only deleted.
            if matches!(result, Ok(Outcome::Ack)) {
                self.done.remember(entry.message_id.clone());
            }
            return self.finish(id, now);
        }
        let policy = self.settings.policy(entry.delivery.name());
        let plan = decide(result, &entry.delivery, policy, &mut self.rng);
        self.settle(id, plan, now);
    }

    /// Ends a running handler: its future is dropped at its next await.
    pub(super) fn end_handler(&mut self, id: Id, ending: Ending) {
        if let Some(entry) = self.table.get_mut(id) {
            entry.stage = Stage::Ending(ending);
            self.handlers.abort(&id);
        }
    }
}

fn panic_text(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}
