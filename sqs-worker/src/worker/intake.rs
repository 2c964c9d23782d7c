//! The runner's intake: polls sent when they make sense, and what they bring taken in.

use std::{sync::Arc, time::Duration};

use aws_sdk_sqs::types::Message;
use tokio::time::Instant;
use tower_service::Service as _;

use super::{
    breaker::Allows,
    budget::Room,
    checksum,
    control::QueueStatus,
    gate::Permit,
    inflight::{InFlight, Stage},
    lease::Id,
    poll::{Attempt, Next, Receive},
    runner::Runner,
    verdict::{Deleted, Hidden, Plan, RELEASE},
};
use crate::{
    batch::MAX_ENTRIES,
    error::{ErrorClass, SqsError},
    handler::{Delivery, Lease, LeaseState},
};

/// A poll that has ended.
pub(super) struct Polled {
    permit: Permit,
    asked: usize,
    /// How it can be repeated, in a FIFO queue.
    attempt: Option<Attempt>,
    sent: Instant,
    result: Result<Vec<Message>, SqsError>,
}

/// What is to be done with a message that was received while it was in flight.
enum Again {
    /// The delivery in flight has the new handle; there is nothing to start.
    Adopted,
    /// The delivery in flight is over; this one starts afresh.
    Fresh,
}

/// How many messages may be asked for.
enum Ask {
    /// So many, of which so many are worth a poll.
    For { most: usize, worthwhile: usize },
    /// None before this instant.
    At(Instant),
    /// None until something happens.
    Nothing,
}

impl Runner {
    /// Sends the polls that make sense now; returns when to look again.
    pub(super) fn poll(&mut self, now: Instant) -> Option<Instant> {
        let size = self.concurrency + self.prefetch.ahead(self.concurrency);
        self.gate.resize(size);
        let wake = self.send_polls(now);
        self.panel.status(self.status());
        wake
    }

    fn send_polls(&mut self, now: Instant) -> Option<Instant> {
        loop {
            let (most, worthwhile) = match self.ask(now) {
                Ask::For { most, worthwhile } => (most, worthwhile),
                Ask::At(at) => return Some(at),
                Ask::Nothing => return None,
            };
            match self.plan.next(most, worthwhile, now) {
                Next::Idle => return None,
                Next::Wait(at) => return Some(at),
                Next::Poll(asked) => self.send_poll(asked, now)?,
            }
        }
    }

    /// How many messages may be asked for now, by everything that has a say in it.
    fn ask(&mut self, now: Instant) -> Ask {
        if self.drain.started() || self.paused {
            return Ask::Nothing;
        }
        let mut most = self.gate.free();
        let mut worthwhile = self.gate.size().min(MAX_ENTRIES);
        if let Some(share) = &self.share {
            let ahead = (2 * MAX_ENTRIES).saturating_sub(self.ready.len() + self.asked);
            let room = match share.room() {
                Room::Outranked => 0,
                // A batch may wait here while the next one is fetched, so that there is always something to choose
                // from when a handler is free.
                Room::Free(free) => free.saturating_sub(self.asked).max(ahead),
            };
            most = most.min(room);
        }
        if let Some(breaker) = &mut self.breaker {
            match breaker.allows(now) {
                Allows::Everything => {}
                Allows::OneProbe if self.asked > 0 || !self.table.is_empty() => return Ask::Nothing,
                Allows::OneProbe => (most, worthwhile) = (most.min(1), 1),
                Allows::NothingUntil(at) => return Ask::At(at),
            }
        }
        if let Some(pacer) = &mut self.pacer {
            let available = pacer.available(now);
            if available == 0 {
                return Ask::At(pacer.next_at());
            }
            (most, worthwhile) = (most.min(available), worthwhile.min(pacer.worthwhile()));
        }
        Ask::For { most, worthwhile }
    }

    /// Sends one poll, or the one whose answer was lost once more. `None` if a permit is missing after all.
    fn send_poll(&mut self, asked: usize, now: Instant) -> Option<()> {
        let attempt = self.queue.fifo.then(|| {
            let repeated = self.plan.repeat(asked, now);
            repeated.unwrap_or_else(|| Attempt::new(asked, now, &mut self.rng))
        });
        let asked = attempt.as_ref().map_or(asked, |attempt| attempt.max);
        let permit = self.gate.try_take(asked)?;
        self.plan.sent();
        self.asked += asked;
        if let Some(pacer) = &mut self.pacer {
            pacer.take(asked);
        }
        self.stats.receive_requests.one();
        let call = self.receiver.call(Receive {
            max: asked,
            attempt: attempt.as_ref().map(|attempt| attempt.id.clone()),
        });
        self.polls.push(Box::pin(async move {
            Polled {
                permit,
                asked,
                attempt,
                sent: now,
                result: call.await,
            }
        }));
        Some(())
    }

    fn status(&self) -> QueueStatus {
        if self.drain.started() {
            QueueStatus::Draining
        } else if self.paused {
            QueueStatus::Paused
        } else if self
            .breaker
            .as_ref()
            .is_some_and(super::breaker::Breaker::is_open)
        {
            QueueStatus::BreakerOpen
        } else if self.plan.is_failing() {
            QueueStatus::Failing
        } else if self.plan.is_new() {
            QueueStatus::Starting
        } else if self.polls.is_empty() && self.gate.free() == 0 {
            QueueStatus::Saturated
        } else {
            QueueStatus::Polling
        }
    }

    pub(super) fn polled(&mut self, polled: Polled, now: Instant) {
        let Polled {
            mut permit,
            asked,
            attempt,
            sent,
            result,
        } = polled;
        self.asked -= asked;
        let got = result.as_ref().map_or(0, Vec::len);
        if let Some(pacer) = &mut self.pacer {
            pacer.give_back(asked.saturating_sub(got));
        }
        match result {
            Ok(messages) => {
                self.panel.polled(now, None);
                self.plan.answered(asked, got);
                self.stats.received.add(got);
                if messages.is_empty() {
                    self.stats.empty_receives.one();
                }
                let damaged = if self.settings.verify {
                    checksum::mismatches(&messages)
                } else {
                    vec![None; got]
                };
                for (message, damaged) in messages.into_iter().zip(damaged) {
                    self.take_in(message, damaged, permit.split_one(), sent, now);
                }
            }
            Err(error) => {
                self.stats.poll_errors.one();
                if let Some(attempt) = attempt.filter(|_| error.class() == ErrorClass::Unavailable) {
                    self.plan.lost(attempt);
                }
                let delay = self.plan.failed(error.class(), now, &mut self.rng);
                self.panel.polled(now, Some(error.to_string()));
                if !self.drain.started() {
                    tracing::warn!(queue = %self.queue.name, "{error}; the next poll is in {delay:.1?}");
                }
            }
        }
    }

    /// One received message: new, or one we know.
    fn take_in(
        &mut self,
        message: Message,
        damaged: Option<checksum::Part>,
        permit: Option<Permit>,
        sent: Instant,
        now: Instant,
    ) {
        let (Some(message_id), true) = (message.message_id(), message.receipt_handle().is_some()) else {
            tracing::error!(queue = %self.queue.name, "SQS sent a message without id or receipt handle: left alone");
            return;
        };
        let message_id: Arc<str> = message_id.into();
        if let Some(part) = damaged {
            self.stats.corrupted.one();
            tracing::error!(
                queue = %self.queue.name,
                message_id = %message_id,
                "the {part} of the message does not match the MD5 that SQS sent: given back"
            );
        }
        let delivery = Delivery::new(self.queue.name.clone(), message);
        let received = (delivery.receive_count(), sent);
        let mut refuse = self.is_closed() || damaged.is_some();
        if let Some(known) = self.table.by_message(&message_id) {
            self.stats.received_again.one();
            let handle = delivery.sdk_message().receipt_handle().unwrap_or_default();
            match self.received_again(known, handle, received, now) {
                Again::Adopted => return,
                Again::Fresh => {}
            }
        }
        let mut delay = if self.queue.fifo { Duration::ZERO } else { RELEASE };
        let group: Option<Arc<str>> = self
            .queue
            .fifo
            .then(|| delivery.group().unwrap_or_default().into());
        // Behind a handler that is being ended, nothing of its group may start. It comes again when that is over: SQS
        // may have nothing else of the group, and would deliver it again at once.
        let head = group.as_deref().and_then(|group| self.lanes.head(group));
        if let Some(ends) = head.and_then(|head| self.ends_at(head)) {
            refuse = true;
            delay = ends.saturating_duration_since(now).max(RELEASE);
        }
        let limit = self.settings.tenant_limit;
        let tenant: Option<Arc<str>> = limit.and_then(|_| delivery.group().map(Into::into));
        if !refuse
            && tenant
                .as_deref()
                .is_some_and(|tenant| self.ready.is_crowded(tenant))
        {
            refuse = true;
            let policy = self.settings.policy(delivery.name());
            // The longer the tenant is busy, the less often its messages come to see.
            delay = policy.retry.jittered(delivery.receive_count(), &mut self.rng);
        }
        let deadline = sent + self.settings.visibility;
        let lease = LeaseState::new(deadline, self.table.next_id(), self.wishes.sender.clone());
        let lease = Arc::new(lease);
        let id = self.table.insert(InFlight {
            message_id,
            newer: None,
            group: None,
            rank: self.rank(&delivery),
            tenant,
            delivery: delivery.with_lease(Lease::new(lease.clone())),
            lease,
            stage: Stage::Waiting,
            received,
            adopted: 0,
            tries: 0,
            rests_until: None,
            run: None,
            permit: None,
        });
        self.stats.in_flight.one();
        self.leases.grant(id, sent);
        if refuse {
            // It has its permit too until SQS has confirmed that it is back.
            if let Some(entry) = self.table.get_mut(id) {
                entry.permit = permit;
            }
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
        self.make_ready(id, now);
    }

    /// A message of ours came once more: its lease had ended for SQS, or SQS delivered it twice. Its newest handle
    /// is the one that counts, and it must not run twice at once.
    fn received_again(&mut self, id: Id, handle: &str, received: (u32, Instant), now: Instant) -> Again {
        let (_, sent) = received;
        let Some(entry) = self.table.get_mut(id) else {
            return Again::Fresh;
        };
        // Answers may overtake each other: what SQS delivered before the handle that we have is no news.
        if received < entry.received {
            return Again::Adopted;
        }
        match &entry.stage {
            // Also where the handler is being ended: what becomes of the message is decided when it has ended, and not
            // while it may still run.
            Stage::Waiting | Stage::Running | Stage::Ending(_) => {
                entry.adopt(handle, received);
                entry.lease.extend_to(sent + self.settings.visibility);
                self.leases.grant(id, sent);
                Again::Adopted
            }
            // Done here, but SQS has not seen it: now with a handle that it knows.
            Stage::Settling(Plan::Delete(_) | Plan::Bury(_)) => {
                entry.adopt(handle, received);
                // What waited for the answer to a renewal of the old handle waits no longer.
                let waited = self.leases.is_renewing(id);
                self.leases.grant(id, sent);
                self.leases.settle(id);
                if waited {
                    self.enqueue(id, now);
                }
                Again::Adopted
            }
            // It was to be shown again, and was.
            Stage::Settling(Plan::Hide(..)) => {
                self.finish(id, now);
                Again::Fresh
            }
        }
    }

    /// A message may start as soon as a handler is free; one that is known to be done is only deleted.
    pub(super) fn make_ready(&mut self, id: Id, now: Instant) {
        let Some(entry) = self.table.get_mut(id) else {
            return;
        };
        if self.done.contains(&entry.message_id) {
            return self.settle(id, Plan::Delete(Deleted::Repeat), now);
        }
        entry.rests_until = None;
        self.ready.push(id, entry.rank, entry.tenant.as_ref(), now);
    }

    fn rank(&self, delivery: &Delivery) -> i64 {
        let Some(name) = &self.settings.priority_attribute else {
            return 0;
        };
        delivery
            .sdk_message()
            .message_attributes()
            .and_then(|attributes| attributes.get(name))
            .and_then(|value| value.string_value()?.trim().parse().ok())
            .unwrap_or(0)
    }
}
