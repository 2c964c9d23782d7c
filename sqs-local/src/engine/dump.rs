//! The whole state as data, to survive a restart.

use std::collections::BTreeMap;
use std::sync::Arc;

use rand::SeedableRng;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};

use super::config::Config;
use super::dedup::DedupKey;
use super::queue::{Entry, Known, Queue, State};
use super::{Engine, Millis};
use crate::api::{Caller, MessageAttributes, MessageId, Payload};

/// Everything that is not made anew: queues, messages, and what handles and numbers go on from.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Dump {
    /// The time when it was taken; the clock must not be set back behind it.
    pub(crate) now: Millis,
    handle_key: u64,
    sequences: u64,
    queues: Vec<QueueDump>,
}

#[derive(Debug, Serialize, Deserialize)]
struct QueueDump {
    number: u32,
    name: String,
    account: String,
    region: String,
    attributes: BTreeMap<String, String>,
    tags: BTreeMap<String, String>,
    created: Millis,
    modified: Millis,
    serials: u64,
    messages: Vec<MessageDump>,
    duplicates: Vec<KnownDump>,
}

#[derive(Debug, Serialize, Deserialize)]
struct MessageDump {
    place: u32,
    serial: u64,
    id: MessageId,
    body: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attributes: Option<MessageAttributes>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trace_header: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deduplication_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sequence: Option<String>,
    sender: String,
    sent: Millis,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first_received: Option<Millis>,
    received: Millis,
    receives: u32,
    turn: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    delayed_until: Option<Millis>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hidden_until: Option<Millis>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source_arn: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct KnownDump {
    group: Option<String>,
    deduplication_id: String,
    since: Millis,
    id: MessageId,
    sequence: Option<String>,
}

impl Engine {
    pub(crate) fn dump(&mut self, now: Millis) -> Dump {
        self.run_move_tasks(now);
        for number in self.numbers() {
            if let Some(queue) = self.registry.get_mut(number) {
                queue.settle(now);
            }
        }
        Dump {
            now,
            handle_key: self.handle_key,
            sequences: u64::try_from(self.sequences).unwrap_or(u64::MAX),
            queues: self.registry.all().into_iter().map(dump_queue).collect(),
        }
    }

    /// Takes over a state.
    ///
    /// # Errors
    ///
    /// A text, if the data is not what [`dump`](Self::dump) made.
    pub(crate) fn restore(&mut self, dump: Dump) -> Result<(), String> {
        self.handle_key = dump.handle_key;
        self.sequences = dump.sequences.into();
        // With the same seed as before, the same ids would come again.
        self.rng = StdRng::seed_from_u64(self.handle_key ^ dump.now);
        for queue in dump.queues {
            let mut queue = restore_queue(queue)?;
            queue.config.lenient = self.limits.lenient;
            self.registry.restore(queue);
        }
        Ok(())
    }
}

fn dump_queue(queue: &Queue) -> QueueDump {
    QueueDump {
        number: queue.number,
        name: queue.name.to_string(),
        account: queue.account.to_string(),
        region: queue.region.to_string(),
        attributes: queue
            .config
            .shown()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
        tags: queue.tags.clone(),
        created: queue.created,
        modified: queue.modified,
        serials: queue.serials(),
        messages: queue
            .iter()
            .map(|(place, entry)| dump_message(place, entry))
            .collect(),
        duplicates: queue
            .deduplication
            .iter()
            .map(|(key, since, known)| dump_known(key, since, known))
            .collect(),
    }
}

fn dump_message(place: u32, entry: &Entry) -> MessageDump {
    let payload = &entry.payload;
    let text = |text: &Option<Arc<str>>| text.as_deref().map(ToOwned::to_owned);
    MessageDump {
        place,
        serial: entry.serial,
        id: payload.id,
        body: payload.body.to_string(),
        attributes: payload.attributes.as_deref().cloned(),
        trace_header: payload.trace_header.as_deref().map(ToOwned::to_owned),
        group: text(&payload.group),
        deduplication_id: text(&payload.deduplication_id),
        sequence: payload.sequence.map(|sequence| sequence.to_string()),
        sender: payload.sender.to_string(),
        sent: entry.sent,
        first_received: entry.first_received,
        received: entry.received,
        receives: entry.receives,
        turn: entry.turn,
        delayed_until: if let State::Delayed { until } = entry.state {
            Some(until)
        } else {
            None
        },
        hidden_until: if let State::InFlight { until } = entry.state {
            Some(until)
        } else {
            None
        },
        source_arn: text(&entry.source_arn),
    }
}

fn dump_known(key: &DedupKey, since: Millis, known: &Known) -> KnownDump {
    KnownDump {
        group: key.0.as_deref().map(ToOwned::to_owned),
        deduplication_id: key.1.to_string(),
        since,
        id: known.id,
        sequence: known.sequence.map(|sequence| sequence.to_string()),
    }
}

fn restore_queue(dump: QueueDump) -> Result<Queue, String> {
    let config = Config::create(&dump.name, &dump.attributes, true)
        .map_err(|error| format!("queue {}: {}", dump.name, error.message()))?;
    let caller = Caller {
        account: dump.account.into(),
        region: dump.region.into(),
        trace_id: None,
        base_url: Arc::default(),
    };
    let arn = super::arn(&caller.account, &caller.region, &dump.name);
    let mut queue = Queue::new(dump.number, &dump.name, arn, &caller, config, dump.created);
    queue.tags = dump.tags;
    queue.modified = dump.modified;
    let mut entries: Vec<(u32, Entry)> = dump.messages.into_iter().map(restore_message).collect();
    // The order of delivery comes from the numbers, groups are met in the order of their first message.
    entries.sort_unstable_by_key(|(_, entry)| entry.serial);
    queue.restore(entries, dump.serials)?;
    let mut duplicates = dump.duplicates;
    duplicates.sort_by_key(|known| known.since);
    for known in duplicates {
        let key = (known.group.map(Into::into), known.deduplication_id.into());
        let sequence = known.sequence.and_then(|text| text.parse().ok());
        queue.deduplication.put(
            key,
            Known {
                id: known.id,
                sequence,
            },
            known.since,
        );
    }
    Ok(queue)
}

fn restore_message(dump: MessageDump) -> (u32, Entry) {
    let payload = Payload {
        id: dump.id,
        body_md5: super::digest::md5(dump.body.as_bytes()),
        body: dump.body.into(),
        attributes: dump.attributes.map(Box::new),
        trace_header: dump.trace_header.map(Into::into),
        group: dump.group.map(Into::into),
        deduplication_id: dump.deduplication_id.map(Into::into),
        sequence: dump.sequence.and_then(|text| text.parse().ok()),
        sender: dump.sender.into(),
    };
    let state = match (dump.hidden_until, dump.delayed_until) {
        (Some(until), _) => State::InFlight { until },
        (None, Some(until)) => State::Delayed { until },
        (None, None) => State::Visible,
    };
    let entry = Entry {
        payload: Arc::new(payload),
        serial: dump.serial,
        sent: dump.sent,
        first_received: dump.first_received,
        received: dump.received,
        receives: dump.receives,
        turn: dump.turn,
        state,
        lane: None,
        source_arn: dump.source_arn.map(Into::into),
    };
    (dump.place, entry)
}
