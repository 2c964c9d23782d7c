//! The runner's second half: leases kept, outcomes carried out, answers taken in.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use tower_service::Service as _;

use super::{
    burial,
    command::{Command, Results},
    inflight::{Ending, Stage},
    lease::{Due, Id, whole_seconds_up},
    runner::Runner,
    settle::{Batch, Burial, Pauses},
    verdict::{Deleted, Hidden, Plan},
};
use crate::error::{ErrorClass, SqsError};

/// A batch call that has ended.
pub(super) struct Commanded {
    sent: Instant,
    entries: Vec<Entry>,
    result: Result<Results, SqsError>,
}

/// What one entry of a batch call was for.
#[derive(Clone, Copy, Debug)]
enum Entry {
    /// With the handle that the message had after so many adoptions.
    Delete(Id, u32),
    Hide(Id),
    /// By so much, and with that handle.
    Renew(Id, Duration, u32),
    Bury(Id),
}

impl Runner {
    pub(super) fn leases_due(&mut self, now: Instant) {
        for due in self.leases.due(now) {
            match due {
                Due::Renew(id, extension) => self.settler.renew(id, extension, now),
                Due::Lost(id) => self.lost(id, now),
            }
        }
    }

    /// The lease of a message is over: whatever we still do with it, another consumer may be doing too.
    pub(super) fn lost(&mut self, id: Id, now: Instant) {
        self.leases.end(id);
        self.settler.forget(id);
        self.forget_wishes(id);
        let Some(entry) = self.table.get(id) else { return };
        entry.lease.lose();
        let (group, message_id) = (entry.group.clone(), entry.message_id.clone());
        self.stats.leases_lost.one();
        match &entry.stage {
            Stage::Settling(Plan::Delete(_)) => {
                self.stats.acks_unconfirmed.one();
                self.done.remember(message_id);
                tracing::warn!(
                    queue = %self.queue.name,
                    message_id = %entry.message_id,
                    "SQS did not confirm the deletion of a finished message while its lease lasted; \
                     should it come back, it will be deleted without running"
                );
                self.give_back_lane(group.as_ref(), now);
                self.finish(id, now);
            }
            Stage::Running => {
                tracing::warn!(
                    queue = %self.queue.name,
                    message_id = %entry.message_id,
                    "lease lost: its handler is ended, and another consumer may have the message"
                );
                self.give_back_lane(group.as_ref(), now);
                self.end_handler(id, Ending::LeaseLost, now);
            }
            Stage::Ending(_) => self.end_handler(id, Ending::LeaseLost, now),
            Stage::Waiting => {
                // Out of its lane first: what is behind it must not overtake it.
                self.give_back_lane(group.as_ref(), now);
                self.finish(id, now);
            }
            Stage::Settling(_) => {
                self.give_back_lane(group.as_ref(), now);
                self.finish(id, now);
            }
        }
    }

    /// Gives back everything that waits behind the head of a lane, in order. While the head is hidden SQS delivers
    /// none of it, so the group's order holds.
    fn give_back_lane(&mut self, group: Option<&Arc<str>>, now: Instant) {
        let Some(group) = group else { return };
        for id in self.lanes.cut(group) {
            self.settle(id, Plan::Hide(Duration::ZERO, Hidden::Released), now);
        }
    }

    /// Begins to settle a message: from here on its lease is not renewed.
    pub(super) fn settle(&mut self, id: Id, plan: Plan, now: Instant) {
        let plan = match plan {
            Plan::Bury(failure) if self.dead_letter.is_none() => self.leave_to_redrive(id, &failure.reason),
            plan => plan,
        };
        let Some(entry) = self.table.get_mut(id) else {
            return;
        };
        let group = entry.group.clone();
        let done = !matches!(plan, Plan::Hide(..));
        entry.stage = Stage::Settling(plan);
        entry.tries = 0;
        self.leases.settle(id);
        if !done {
            self.give_back_lane(group.as_ref(), now);
        }
        // A renewal that is under way would race: its answer comes first.
        if !self.leases.is_renewing(id) {
            self.enqueue(id, now);
        }
    }

    /// A message that should be dead-lettered, but cannot be.
    fn leave_to_redrive(&mut self, id: Id, reason: &str) -> Plan {
        let Some(entry) = self.table.get(id) else {
            return Plan::Hide(Duration::ZERO, Hidden::LeftToRedrive);
        };
        let delivery = &entry.delivery;
        let policy = self.settings.policy(delivery.name());
        let delay = policy.retry.jittered(delivery.receive_count(), &mut self.rng);
        tracing::error!(
            queue = %self.queue.name,
            message_id = %entry.message_id,
            attempt = delivery.receive_count(),
            "message cannot be handled, and this worker has no dead-letter queue for it, so it stays in its queue \
             until the redrive policy or the retention period ends it: {reason}"
        );
        Plan::Hide(delay, Hidden::LeftToRedrive)
    }

    /// Puts a message that is being settled into the batch it belongs to.
    pub(super) fn enqueue(&mut self, id: Id, now: Instant) {
        let deadline = self.leases.deadline(id);
        let Some(entry) = self.table.get(id) else { return };
        let Stage::Settling(plan) = &entry.stage else {
            return;
        };
        match plan {
            Plan::Delete(_) => {
                let awaited = entry
                    .group
                    .as_deref()
                    .is_some_and(|group| self.lanes.has_waiting(group));
                self.settler.delete(id, awaited, now, deadline);
            }
            Plan::Hide(delay, _) => {
                let delay = whole_seconds_up(*delay).min(self.leases.budget(id, now));
                self.settler.hide(id, delay, now, deadline);
            }
            Plan::Bury(failure) => {
                let delivery = &entry.delivery;
                let handler = self.settings.policy(delivery.name()).handler;
                let time = self.clock.at(now);
                // Its own type counts: a standard queue's messages may be buried in a FIFO queue.
                let fifo = self
                    .dead_letter
                    .as_deref()
                    .is_some_and(|name| name.ends_with(".fifo"));
                let copy = burial::entry(delivery, failure, &self.queue.name, handler, fifo, time);
                self.settler.bury(Burial { id, copy }, now, deadline);
            }
        }
    }

    /// Sends the batches that are ready; returns when the next one will be.
    pub(super) fn flush(&mut self, now: Instant) -> Option<Instant> {
        // When no handler runs, nothing can join a batch: waiting would gain nothing. (Those that could start have been
        // started before.)
        let flush = self.drain.started() || self.handlers.is_empty();
        while let Some(batch) = self.settler.take(now, flush) {
            let (command, entries) = self.command(batch, now);
            if entries.is_empty() {
                continue;
            }
            match command {
                Command::Delete(_) => self.stats.delete_requests.one(),
                Command::Hide(_) => self.stats.visibility_requests.one(),
                Command::Bury(_) => self.stats.dead_letter_requests.one(),
            }
            let call = self.commands.call(command);
            self.calls.push(Box::pin(async move {
                Commanded {
                    sent: now,
                    entries,
                    result: call.await,
                }
            }));
        }
        self.settler.next_at()
    }

    /// The call for a batch, with the newest handles; messages that have left meanwhile are left out.
    fn command(&self, batch: Batch, now: Instant) -> (Command, Vec<Entry>) {
        let mut entries = Vec::new();
        let command = match batch {
            Batch::Delete(ids) => {
                let mut handles = Vec::with_capacity(ids.len());
                for id in ids {
                    let Some(entry) = self.table.get(id) else { continue };
                    handles.push(entry.handle().to_owned());
                    entries.push(Entry::Delete(id, entry.adopted));
                }
                Command::Delete(handles)
            }
            Batch::Hide(changes) => {
                let mut hides = Vec::with_capacity(changes.len());
                for change in changes {
                    let Some(entry) = self.table.get(change.id) else {
                        continue;
                    };
                    if change.renewal && !self.leases.is_renewing(change.id) {
                        continue;
                    }
                    let mut timeout = change.timeout;
                    if !change.renewal {
                        // It has lingered since its time was decided, and the twelve hours have gone on.
                        timeout = timeout.min(self.leases.budget(change.id, now));
                    }
                    hides.push((entry.handle().to_owned(), super::poll::seconds(timeout)));
                    entries.push(if change.renewal {
                        Entry::Renew(change.id, change.timeout, entry.adopted)
                    } else {
                        Entry::Hide(change.id)
                    });
                }
                Command::Hide(hides)
            }
            Batch::Bury(burials) => {
                let mut copies = Vec::with_capacity(burials.len());
                for Burial { id, mut copy } in burials {
                    if self.table.get(id).is_some() {
                        copy.id = copies.len().to_string();
                        copies.push(copy);
                        entries.push(Entry::Bury(id));
                    }
                }
                Command::Bury(copies)
            }
        };
        (command, entries)
    }

    /// The answer of a batch call: every entry has a result of its own.
    pub(super) fn commanded(&mut self, call: Commanded, now: Instant) {
        let results = match call.result {
            Ok(results) => results,
            Err(error) => call.entries.iter().map(|_| Err(error.duplicate())).collect(),
        };
        let mut pauses = Pauses::default();
        for (entry, result) in call.entries.into_iter().zip(results) {
            match (entry, result) {
                (Entry::Delete(id, adopted), Ok(())) => self.deleted(id, adopted, now),
                (Entry::Hide(id), Ok(())) => self.hidden(id, now),
                (Entry::Bury(id), Ok(())) => self.buried(id, now),
                (Entry::Renew(id, _, adopted), _) if self.is_outdated(id, adopted) => {}
                (Entry::Renew(id, extension, _), Ok(())) => self.renewed(id, call.sent, extension, now),
                (Entry::Renew(id, ..), Err(error)) => self.renewal_failed(id, &error, now),
                (Entry::Delete(id, _) | Entry::Hide(id) | Entry::Bury(id), Err(error)) => {
                    self.settling_failed(id, &error, &mut pauses, now);
                }
            }
        }
    }

    /// Whether a newer handle has come since, so that an answer about the old one says nothing.
    fn is_outdated(&self, id: Id, adopted: u32) -> bool {
        self.table.get(id).is_none_or(|entry| entry.adopted != adopted)
    }

    fn deleted(&mut self, id: Id, adopted: u32, now: Instant) {
        let Some(entry) = self.table.get(id) else { return };
        if entry.adopted != adopted {
            // The handle was not the newest: SQS says yes to an old one and may not have deleted anything.
            return self.enqueue(id, now);
        }
        self.done.forget(&entry.message_id);
        let Stage::Settling(Plan::Delete(why)) = entry.stage else {
            return;
        };
        match why {
            Deleted::Acked => self.stats.acked.one(),
            Deleted::Dropped => self.stats.dropped.one(),
            Deleted::Buried => self.stats.dead_lettered.one(),
            Deleted::Repeat => self.stats.repeats_deleted.one(),
        }
        self.finish(id, now);
    }

    fn hidden(&mut self, id: Id, now: Instant) {
        let Some(entry) = self.table.get(id) else { return };
        let Stage::Settling(Plan::Hide(_, why)) = entry.stage else {
            return;
        };
        match why {
            Hidden::Retry => self.stats.retried.one(),
            Hidden::Released => self.stats.released.one(),
            Hidden::Deferred => self.stats.deferred.one(),
            Hidden::LeftToRedrive => self.stats.left_to_redrive.one(),
        }
        self.finish(id, now);
    }

    /// The copy is in the dead-letter queue: only now may the message be deleted.
    fn buried(&mut self, id: Id, now: Instant) {
        let Some(entry) = self.table.get_mut(id) else {
            return;
        };
        if let Stage::Settling(Plan::Bury(failure)) = &entry.stage {
            tracing::warn!(
                queue = %self.queue.name,
                message_id = %entry.message_id,
                attempt = entry.delivery.receive_count(),
                dead_letter_queue = self.dead_letter.as_deref(),
                "message dead-lettered: {}",
                failure.reason
            );
            entry.stage = Stage::Settling(Plan::Delete(Deleted::Buried));
            entry.tries = 0;
            self.enqueue(id, now);
        }
    }

    fn renewed(&mut self, id: Id, sent: Instant, extension: Duration, now: Instant) {
        self.stats.renewals.one();
        self.leases.renewed(id, sent, extension);
        let Some(entry) = self.table.get(id) else { return };
        if let Some(deadline) = self.leases.deadline(id) {
            entry.lease.extend_to(deadline);
            self.grant_wishes(id, deadline, now);
        }
        self.enqueue(id, now);
    }

    fn renewal_failed(&mut self, id: Id, error: &SqsError, now: Instant) {
        if error.class() == ErrorClass::HandleGone {
            return self.lost(id, now);
        }
        if self.table.get(id).is_some() {
            tracing::warn!(queue = %self.queue.name, "a lease was not renewed and will be tried again: {error}");
        }
        self.leases.renewal_failed(id, now);
        self.enqueue(id, now);
    }

    fn settling_failed(&mut self, id: Id, error: &SqsError, pauses: &mut Pauses, now: Instant) {
        let Some(entry) = self.table.get_mut(id) else {
            return;
        };
        let burying = matches!(entry.stage, Stage::Settling(Plan::Bury(_)));
        if error.class() == ErrorClass::HandleGone && !burying {
            return self.lost(id, now);
        }
        if burying && !error.class().is_transient() {
            tracing::error!(queue = %self.queue.name, message_id = %entry.message_id, "not dead-lettered: {error}");
            let plan = self.leave_to_redrive(id, "its dead-letter queue does not take it");
            return self.settle(id, plan, now);
        }
        entry.tries += 1;
        let tries = entry.tries;
        tracing::warn!(
            queue = %self.queue.name,
            message_id = %entry.message_id,
            tries,
            "a message was not settled and will be tried again: {error}"
        );
        let pause = pauses.after(tries, &mut self.rng);
        self.settler.try_again(id, pause, now);
    }

    /// A message has left: its permit is free, and the next of its group may start.
    pub(super) fn finish(&mut self, id: Id, now: Instant) {
        let Some(entry) = self.table.remove(id) else {
            return;
        };
        self.leases.end(id);
        self.forget_wishes(id);
        self.ready.remove(id, entry.rank);
        if let Some(at) = entry.rests_until {
            self.resting.remove(&(at, id));
        }
        self.stats.in_flight.minus_one();
        if let Some(next) = entry.group.and_then(|group| self.lanes.advance(&group, id)) {
            self.make_ready(next, now);
        }
    }
}
