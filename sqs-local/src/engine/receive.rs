//! `ReceiveMessage`, without the waiting.

use super::plan::{Plan, Wanted};
use super::queue::{Entry, State};
use super::receipt::Receipt;
use super::{Engine, Millis, QueueNumber};
use crate::api::{Answer, Caller, ReceiveMessage, ReceivedMessage};
use crate::error::{Error, ErrorKind};

impl Engine {
    pub(super) fn receive(
        &mut self,
        caller: &Caller,
        request: &ReceiveMessage,
        now: Millis,
    ) -> Result<Answer, Error> {
        let (key, limit) = (self.handle_key, self.limits.in_flight);
        let queue = self.queue(caller, request.queue_url.as_deref(), now)?;
        let Plan {
            max,
            wait,
            visibility,
            wanted,
        } = Plan::read(request, &queue.config)?;
        let until = now + Millis::from(visibility) * 1000;
        let (number, fifo) = (queue.number, queue.config.fifo);

        let attempt = request.receive_request_attempt_id.as_deref().filter(|_| fifo);
        if let Some(attempt) = attempt
            && let Some(messages) = self.repeat(number, attempt, until, now, &wanted)
        {
            return Ok(Answer::Received(messages));
        }
        let queue = self.registry.get(number).ok_or_else(Error::no_queue)?;
        if !fifo && queue.in_flight() >= limit && wait == 0 {
            return Err(Error::new(
                ErrorKind::OverLimit,
                format!(
                    "Too many messages in flight for queue {}: at most {limit}.",
                    queue.name
                ),
            ));
        }
        let places = self.take(number, max, now, until);
        let Some(queue) = self.registry.get_mut(number) else {
            return Err(Error::no_queue());
        };
        let mut messages = Vec::with_capacity(places.len());
        let mut receipts = Vec::with_capacity(if attempt.is_some() { places.len() } else { 0 });
        for place in &places {
            let Some(entry) = queue.get(*place) else { continue };
            let receipt = Receipt {
                queue: number,
                place: *place,
                serial: entry.serial,
                turn: entry.turn,
            };
            messages.push(wanted.message(entry, receipt.encode(key)));
            if attempt.is_some() {
                receipts.push(receipt);
            }
        }
        if visibility == 0 {
            for place in places {
                queue.show(place);
            }
            self.touched.insert(number);
        } else if let Some(attempt) = attempt.filter(|_| !receipts.is_empty()) {
            queue.attempts.put(attempt.into(), (until, receipts), now);
        }
        Ok(Answer::Received(messages))
    }

    /// Takes up to `max` messages into flight, and those that were received too often to the dead-letter queue.
    fn take(&mut self, number: QueueNumber, max: usize, now: Millis, until: Millis) -> Vec<u32> {
        let (mut taken, mut dead) = (Vec::with_capacity(max), Vec::new());
        let target = self.dead_letter_target(number);
        let Some(queue) = self.registry.get_mut(number) else {
            return taken;
        };
        let room = self.limits.in_flight.saturating_sub(queue.in_flight());
        let max = max.min(room);
        let too_often = |entry: &Entry| target.is_some_and(|(_, max_receives)| entry.turn >= max_receives);

        if queue.config.fifo {
            while taken.len() < max
                && let Some(group) = queue.next_group()
            {
                let mut after = None;
                while taken.len() < max
                    && let Some((serial, place)) = queue.next_in_group(group, after)
                {
                    after = Some(serial);
                    if queue.get(place).is_some_and(too_often) {
                        dead.extend(queue.remove(place));
                    } else {
                        queue.take(place, now, until);
                        taken.push(place);
                    }
                }
                queue.refresh(Some(group));
            }
        } else {
            while taken.len() < max
                && let Some(place) = queue.next_standard()
            {
                if queue.get(place).is_some_and(too_often) {
                    dead.extend(queue.remove(place));
                } else {
                    queue.take(place, now, until);
                    taken.push(place);
                }
            }
        }
        if let Some((target, _)) = target {
            self.bury(number, target, dead, now);
        }
        taken
    }

    /// The dead-letter queue of a queue, if it exists, and after how many receives messages go there.
    fn dead_letter_target(&self, number: QueueNumber) -> Option<(QueueNumber, u32)> {
        let redrive = self.registry.get(number)?.config.redrive.as_ref()?;
        Some((
            self.registry.resolve_arn(&redrive.target_arn)?,
            redrive.max_receives,
        ))
    }

    /// Moves messages to a dead-letter queue. They keep their ids, and on a standard queue their age.
    fn bury(&mut self, from: QueueNumber, to: QueueNumber, dead: Vec<Entry>, now: Millis) {
        let Some(source) = self.registry.get(from).map(|queue| queue.arn.clone()) else {
            return;
        };
        for entry in dead {
            let Some(fifo) = self.registry.get(to).map(|queue| queue.config.fifo) else {
                return;
            };
            let payload = if fifo {
                // Two messages with one deduplication id must both find room, so each goes by its message id.
                let deduplication_id = Some(entry.payload.id.to_string().into());
                self.renamed(&entry.payload, entry.payload.id, fifo, deduplication_id)
            } else {
                entry.payload.clone()
            };
            let sent = if fifo { now } else { entry.sent };
            if let Some(queue) = self.registry.get_mut(to) {
                queue.adopt(payload, &entry, sent, Some(source.clone()));
            }
            self.touched.insert(to);
        }
    }

    /// The messages of an earlier attempt of this name, hidden anew, unless something was done to them since.
    fn repeat(
        &mut self,
        number: QueueNumber,
        attempt: &str,
        until: Millis,
        now: Millis,
        wanted: &Wanted,
    ) -> Option<Vec<ReceivedMessage>> {
        let key = self.handle_key;
        let queue = self.registry.get_mut(number)?;
        let attempt: Box<str> = attempt.into();
        let (hidden_until, receipts) = queue.attempts.get(&attempt, now)?.clone();
        let untouched = |receipt: &Receipt| {
            let entry = queue.find(receipt)?;
            (entry.turn == receipt.turn && entry.state == State::InFlight { until: hidden_until })
                .then(|| wanted.message(entry, receipt.encode(key)))
        };
        let Some(messages) = receipts.iter().map(untouched).collect::<Option<Vec<_>>>() else {
            queue.attempts.remove(&attempt);
            return None;
        };
        for receipt in &receipts {
            queue.hide(receipt.place, until);
        }
        if let Some(known) = queue.attempts.get(&attempt, now) {
            known.0 = until;
        }
        Some(messages)
    }
}
