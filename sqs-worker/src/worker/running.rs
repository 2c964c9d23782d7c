//! The runner's handlers: started when one is free, watched, ended early when they must.

use std::{collections::BTreeMap, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt as _;

use tokio::{
    sync::{mpsc, oneshot},
    task::JoinError,
    time::Instant,
};
use tower::ServiceExt as _;
use tracing::Instrument as _;

use super::{
    breaker::Change,
    inflight::{Ending, InFlight, Stage},
    lease::Id,
    runner::Runner,
    verdict::{Hidden, Plan, RELEASE, decide},
};
use crate::{
    __private::panic_text,
    handler::{Disposition, HandlerError, Lease, LeaseState, Outcome, Wish},
};

/// How long a handler that wants to be told of a lost lease may go on before it is dropped.
const AFTER_LOSS: Duration = Duration::from_secs(5);

/// Up to this delay a FIFO message is tried again in place. It is what the default schedule goes up to; for a longer
/// time another worker may as well have the group.
const IN_PLACE: Duration = Duration::from_secs(300);

/// A handler's task that came to its end: whose it is, and what the handler returned.
pub(super) struct Ended {
    id: Id,
    how: How,
}

/// How a handler ended.
enum How {
    Returned(Result<Outcome, HandlerError>),
    Panicked(HandlerError),
    /// It was dropped before its end.
    Dropped,
}

/// What handlers have asked of their leases.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    pub(super) sender: Option<mpsc::UnboundedSender<Wish>>,
    /// In order, since those who wait here wake in that order when the engine is dropped.
    waiting: BTreeMap<Id, Vec<(Instant, oneshot::Sender<()>)>>,
}

impl Runner {
    /// Starts as many of those that may start as there are handlers free.
    pub(super) fn start_ready(&mut self, now: Instant) {
        let free = self.concurrency.saturating_sub(self.handlers.len());
        let startable = self.ready.startable().min(free);
        if let Some(share) = &self.share {
            share.waiting(startable);
        }
        let mut unused = 0;
        for _ in 0..startable {
            if self.share.as_ref().is_some_and(|share| !share.take()) {
                break;
            }
            let started = self.ready.pop(now).is_some_and(|id| self.start(id, now));
            unused += usize::from(!started);
        }
        if let Some(share) = self.share.as_ref().filter(|_| unused > 0) {
            share.ended(unused);
            let free = self.concurrency.saturating_sub(self.handlers.len());
            share.waiting(self.ready.startable().min(free));
        }
    }

    /// Starts the handler of a message. That it is still ours has been seen before: leases are looked at first.
    fn start(&mut self, id: Id, now: Instant) -> bool {
        let Some(entry) = self.table.get_mut(id) else {
            return false;
        };
        entry.stage = Stage::Running;
        self.stats.running.one();
        let handler = self.handler.clone();
        let delivery = entry.delivery.clone();
        let span = tracing::info_span!(
            "process",
            queue = %self.queue.name,
            message_id = %entry.message_id,
            attempt = delivery.attempt(),
        );
        let run = AssertUnwindSafe(handler.oneshot(delivery)).catch_unwind();
        let run = async move {
            let how = match run.await {
                Ok(result) => How::Returned(result),
                Err(panic) => How::Panicked(HandlerError::msg(format!(
                    "handler panicked: {}",
                    panic_text(&*panic)
                ))),
            };
            Ended { id, how }
        };
        let task = self.handlers.spawn_on(run.instrument(span), &self.spawner);
        entry.run = Some((now, task));
        true
    }

    /// Takes in all handlers that have ended; `before` have been already.
    pub(super) fn take_ended(&mut self, before: usize, now: Instant) {
        let mut ended = before;
        while let Some(joined) = self.handlers.try_join_next() {
            ended += 1;
            self.ended(joined, now);
        }
        self.rush.ended(ended, now);
    }

    pub(super) fn ended(&mut self, joined: Result<Ended, JoinError>, now: Instant) {
        match joined {
            Ok(Ended { id, how }) => self.handled(id, how, now),
            // Only a task that was ended does not say whose it was.
            Err(error) => {
                if let Some(id) = self.table.by_task(error.id()) {
                    self.handled(id, How::Dropped, now);
                }
            }
        }
    }

    fn handled(&mut self, id: Id, how: How, now: Instant) {
        self.stats.running.minus_one();
        self.stats.handled.one();
        if let Some(share) = &self.share {
            share.ended(1);
        }
        let Some(entry) = self.table.get_mut(id) else {
            return;
        };
        if let Some(tenant) = &entry.tenant {
            self.ready.ended(tenant);
        }
        let run = entry.run.take();
        let ending = match entry.stage {
            Stage::Ending(ending) => Some(ending),
            _ => None,
        };
        // Lost, unless the message has been received again meanwhile.
        let lost = ending == Some(Ending::LeaseLost) && self.leases.deadline(id).is_none();
        let result = match how {
            How::Returned(result) => result,
            How::Panicked(error) => {
                self.stats.panics.one();
                Err(error)
            }
            How::Dropped if lost => return self.finish(id, now),
            How::Dropped => return self.settle(id, Plan::Hide(RELEASE, Hidden::Released), now),
        };
        if lost {
            // Too late to settle. What was done stays done: should the message come back, it is only deleted.
            if matches!(result, Ok(Outcome::Ack)) {
                self.done.remember(entry.message_id.clone());
            }
            return self.finish(id, now);
        }
        if let Some((started, _)) = run {
            self.prefetch.handled(now - started);
        }
        let failed = result.as_ref().is_err_and(is_transient);
        let plan = decide(result, &entry.delivery, &self.settings, &mut self.rng);
        match plan {
            Plan::Hide(delay, Hidden::Retry) if self.may_rest(id, delay, now) => self.rest(id, delay, now),
            plan => self.settle(id, plan, now),
        }
        self.watch(failed, now);
    }

    /// Tells the breaker how a handler ended.
    fn watch(&mut self, failed: bool, now: Instant) {
        let Some(breaker) = &mut self.breaker else { return };
        match breaker.record(failed, now) {
            Some(Change::Opened) => {
                tracing::warn!(
                    queue = %self.queue.name,
                    "handlers fail: the circuit breaker is open, and nothing is taken in"
                );
                self.give_back_waiting(now);
            }
            Some(Change::Closed) => {
                tracing::info!(queue = %self.queue.name, "the circuit breaker is closed again");
            }
            None => {}
        }
    }

    /// Whether a failed message can be tried again under the lease that it has: its group waits for it either way, and
    /// neither it nor those behind it have to be received once more, which SQS would count.
    fn may_rest(&self, id: Id, delay: Duration, now: Instant) -> bool {
        let needed = delay + 2 * self.settings.visibility;
        self.queue.fifo && delay <= IN_PLACE && !self.is_closed() && self.leases.budget(id, now) > needed
    }

    /// The message stays, with its lease renewed, until it is tried again.
    fn rest(&mut self, id: Id, delay: Duration, now: Instant) {
        let Some(entry) = self.table.get_mut(id) else {
            return;
        };
        self.stats.retried_in_place.one();
        entry.stage = Stage::Waiting;
        // What the last attempt was told of its lease, and wanted to be told, is not the next one's business.
        let deadline = self.leases.deadline(id).unwrap_or(now);
        entry.lease = Arc::new(LeaseState::new(deadline, id, self.wishes.sender.clone()));
        let lease = Lease::new(entry.lease.clone());
        entry.delivery = entry.delivery.clone().again().with_lease(lease);
        entry.rests_until = Some(now + delay);
        self.resting.insert((now + delay, id));
    }

    /// Those whose rest is over may start; those that were told to end and did not are dropped.
    pub(super) fn running_due(&mut self, now: Instant) {
        while let Some(&(at, id)) = self.resting.first()
            && at <= now
        {
            self.resting.pop_first();
            self.make_ready(id, now);
        }
        while let Some(&(at, id)) = self.stopping.first()
            && at <= now
        {
            self.stopping.pop_first();
            self.drop_handler(id);
        }
    }

    /// Gives back everything that has not started: the order of groups holds, for what is behind a message goes with it.
    pub(super) fn give_back_waiting(&mut self, now: Instant) {
        for id in self.table.at(&Stage::Waiting) {
            // It may have gone already, along with the one that it was behind.
            let waits = |entry: &&mut InFlight| entry.stage == Stage::Waiting;
            let Some(entry) = self.table.get_mut(id).filter(waits) else {
                continue;
            };
            let plan = match entry.rests_until.take() {
                Some(at) => {
                    self.resting.remove(&(at, id));
                    Plan::Hide(at - now, Hidden::Retry)
                }
                None if self.queue.fifo => Plan::Hide(Duration::ZERO, Hidden::Released),
                None => Plan::Hide(RELEASE, Hidden::Released),
            };
            let rank = entry.rank;
            if let Some(group) = &entry.group {
                entry.permit = self.lanes.leave(group, id);
            }
            self.ready.remove(id, rank);
            self.settle(id, plan, now);
        }
    }

    /// Ends a running handler: its future is dropped at its next await, at once or, if it wants to be told, a little
    /// later.
    pub(super) fn end_handler(&mut self, id: Id, ending: Ending, now: Instant) {
        let Some(entry) = self.table.get_mut(id) else {
            return;
        };
        entry.stage = Stage::Ending(ending);
        entry.lease.cancel();
        if entry.lease.has_listener() {
            let grace = match ending {
                Ending::LeaseLost => AFTER_LOSS,
                Ending::Shutdown => self.drain.farewell(),
            };
            self.stopping.insert((now + grace, id));
        } else {
            self.drop_handler(id);
        }
    }

    /// When a handler that is being ended is dropped at the latest, if this one is.
    pub(super) fn ends_at(&self, id: Id) -> Option<Instant> {
        let entry = self.table.get(id)?;
        let (Stage::Ending(_), Some((started, _))) = (&entry.stage, &entry.run) else {
            return None;
        };
        let told = self.stopping.iter().find(|(_, other)| *other == id);
        Some(told.map_or(*started, |(at, _)| *at))
    }

    fn drop_handler(&self, id: Id) {
        if let Some((_, run)) = self.table.get(id).and_then(|entry| entry.run.as_ref()) {
            run.abort();
        }
    }

    /// A handler asks that its message stay hidden for longer.
    pub(super) fn wished(&mut self, wish: Wish, now: Instant) {
        let limit = now + self.leases.budget(wish.id, now);
        // SQS counts whole seconds: what is left of the twelve hours may be a second less.
        let until = (now + wish.time).min(limit - Duration::from_secs(1).min(limit - now));
        match self.leases.deadline(wish.id) {
            Some(deadline) if deadline < until => {
                self.leases.extend(wish.id, now + wish.time, now);
                self.wishes
                    .waiting
                    .entry(wish.id)
                    .or_default()
                    .push((until, wish.answer));
            }
            Some(_) => {
                let _ = wish.answer.send(());
            }
            // Lost: the answer is dropped, and says so.
            None => {}
        }
    }

    /// A lease has a new deadline: whoever asked for it hears.
    pub(super) fn grant_wishes(&mut self, id: Id, deadline: Instant, now: Instant) {
        let Some(waiting) = self.wishes.waiting.get_mut(&id) else {
            return;
        };
        let mut longest = None;
        for (until, answer) in std::mem::take(waiting) {
            if until <= deadline {
                let _ = answer.send(());
            } else {
                longest = longest.max(Some(until));
                waiting.push((until, answer));
            }
        }
        match longest {
            Some(until) => self.leases.extend(id, until, now),
            None => drop(self.wishes.waiting.remove(&id)),
        }
    }

    /// The lease is over: those who asked for more of it hear that it is lost.
    pub(super) fn forget_wishes(&mut self, id: Id) {
        if !self.wishes.waiting.is_empty() {
            self.wishes.waiting.remove(&id);
        }
    }
}

/// Whether an error says something about what the handler depends on, and not about the message.
fn is_transient(error: &HandlerError) -> bool {
    matches!(error.disposition(), Disposition::Retry { .. })
}
