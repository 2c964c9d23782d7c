//! What a queue looks like from outside, at a moment.

use std::time::{Duration, SystemTime};

use super::queue::{Entry, Queue, State};
use super::receipt::Receipt;
use super::{Engine, Millis, QueueNumber};
use crate::snapshot::{MessageView, QueueSnapshot, Standing};

impl Engine {
    /// The number of the queue of this name: in the home account and region, else wherever one is first found.
    pub(crate) fn find_by_name(&self, account: &str, region: &str, name: &str) -> Option<QueueNumber> {
        self.registry.find(account, region, name).or_else(|| {
            self.registry
                .all()
                .into_iter()
                .find(|queue| &*queue.name == name)
                .map(|queue| queue.number)
        })
    }

    /// All queues, in the order of their creation.
    pub(crate) fn numbers(&self) -> Vec<QueueNumber> {
        self.registry
            .all()
            .into_iter()
            .map(|queue| queue.number)
            .collect()
    }

    pub(crate) fn snapshot(&mut self, number: QueueNumber, now: Millis) -> Option<QueueSnapshot> {
        self.run_move_tasks(now);
        let key = self.handle_key;
        let queue = self.registry.get_mut(number)?;
        queue.settle(now);
        let mut messages: Vec<_> = queue.iter().collect();
        messages.sort_unstable_by_key(|(_, entry)| entry.serial);
        let messages = messages
            .into_iter()
            .map(|(place, entry)| view(queue, key, place, entry, now))
            .collect();
        Some(QueueSnapshot {
            name: queue.name.to_string(),
            arn: queue.arn.to_string(),
            account: queue.account.to_string(),
            region: queue.region.to_string(),
            attributes: queue.config.shown().collect(),
            tags: queue.tags.clone(),
            messages,
        })
    }

    /// The name and the counts of each queue: visible, in flight, delayed.
    #[cfg(feature = "server")]
    pub(crate) fn overview(&mut self, now: Millis) -> Vec<(String, [usize; 3])> {
        self.run_move_tasks(now);
        let mut rows = Vec::new();
        for number in self.numbers() {
            if let Some(queue) = self.registry.get_mut(number) {
                queue.settle(now);
                let counts = queue.counts();
                rows.push((
                    queue.arn.to_string(),
                    [counts.visible, counts.in_flight, counts.delayed],
                ));
            }
        }
        rows
    }
}

fn view(queue: &Queue, key: u64, place: u32, entry: &Entry, now: Millis) -> MessageView {
    let receipt = Receipt {
        queue: queue.number,
        place,
        serial: entry.serial,
        turn: entry.turn,
    };
    let left = |until: Millis| Duration::from_millis(until.saturating_sub(now));
    let time = |millis: Millis| SystemTime::UNIX_EPOCH + Duration::from_millis(millis);
    let payload = &entry.payload;
    MessageView {
        message_id: payload.id,
        body: payload.body.to_string(),
        attributes: payload.attributes.as_deref().cloned().unwrap_or_default(),
        trace_header: payload.trace_header.as_deref().map(ToOwned::to_owned),
        group: payload.group.as_deref().map(ToOwned::to_owned),
        deduplication_id: payload.deduplication_id.as_deref().map(ToOwned::to_owned),
        sequence_number: payload.sequence,
        receive_count: entry.receives,
        sent: time(entry.sent),
        first_received: entry.first_received.map(time),
        source_arn: entry.source_arn.as_deref().map(ToOwned::to_owned),
        last_receipt_handle: (entry.turn > 0).then(|| receipt.encode(key)),
        standing: match entry.state {
            State::Visible => Standing::Available,
            State::Delayed { until } => Standing::Delayed { left: left(until) },
            State::InFlight { until } => Standing::InFlight { left: left(until) },
        },
    }
}
