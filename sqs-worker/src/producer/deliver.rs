//! Batches out, results back, failed entries out again.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use futures_util::{StreamExt as _, stream};
use tokio::time::Instant;

use super::{SendError, Sent, Target, outgoing::Outgoing};
use crate::{
    backoff::Schedule,
    batch::{Batcher, by_position},
    error::{ErrorClass, SqsError},
};

const ACTION: &str = "SendMessage";

/// How often one entry is sent before its error is the caller's.
const TRIES: u32 = 5;

/// The pauses between them.
const AGAIN: Schedule = Schedule::new(Duration::from_millis(100), Duration::from_secs(2));

/// Calls under way at once to a standard queue. A FIFO queue has one: order comes before speed.
const IN_FLIGHT: usize = 8;

type Checked = Result<Outgoing, SendError>;
type Outcome = Result<Sent, SendError>;

/// A message and its position among those that the caller gave.
type Numbered = (usize, Outgoing);

/// Sends everything that can be sent. One result for each message, in order.
pub(super) async fn deliver(target: &Target<'_>, messages: Vec<Checked>) -> Vec<Outcome> {
    let mut outcomes: BTreeMap<usize, Outcome> = BTreeMap::new();
    let mut sendable = VecDeque::new();
    for (position, message) in messages.into_iter().enumerate() {
        match message {
            Ok(message) => sendable.push_back((position, message)),
            Err(error) => {
                outcomes.insert(position, Err(error));
            }
        }
    }
    if target.queue.is_fifo() {
        in_order(target, sendable, &mut outcomes).await;
    } else {
        let mut calls = stream::iter(pack(sendable))
            .map(|batch| until_settled(target, batch))
            .buffer_unordered(IN_FLIGHT);
        while let Some(settled) = calls.next().await {
            outcomes.extend(settled);
        }
    }
    outcomes.into_values().collect()
}

/// Cuts messages into batches that SQS takes.
fn pack(messages: impl IntoIterator<Item = Numbered>) -> Vec<Vec<Numbered>> {
    let now = Instant::now();
    let mut batcher = Batcher::new(Duration::ZERO);
    for (position, message) in messages {
        let bytes = message.bytes();
        batcher.push((position, message), bytes, now, None);
    }
    std::iter::from_fn(|| batcher.take(now, true)).collect()
}

/// Sends one batch, and what failed of it again, until every entry has its result.
async fn until_settled(target: &Target<'_>, mut batch: Vec<Numbered>) -> Vec<(usize, Outcome)> {
    let mut settled = Vec::with_capacity(batch.len());
    for tries in 1.. {
        let results = call(target, &batch).await;
        let mut again = Vec::new();
        for ((position, message), result) in batch.into_iter().zip(results) {
            match result {
                Err(error) if error.class().is_transient() && tries < TRIES => {
                    again.push((position, message));
                }
                result => settled.push((position, result.map_err(SendError::from))),
            }
        }
        if again.is_empty() {
            break;
        }
        batch = again;
        tokio::time::sleep(AGAIN.delay(tries)).await;
    }
    settled
}

/// Sends to a FIFO queue, one call at a time. A group in which a message could not be sent gets no further: what
/// would come after it is refused with [`SendError::Behind`].
async fn in_order(
    target: &Target<'_>,
    mut waiting: VecDeque<Numbered>,
    outcomes: &mut BTreeMap<usize, Outcome>,
) {
    let mut blocked: BTreeSet<String> = BTreeSet::new();
    let mut tries = 1;
    loop {
        waiting.retain(|(position, message)| {
            let group = message.group.as_deref().unwrap_or_default();
            let behind = blocked.contains(group);
            if behind {
                let (queue, group) = (target.queue.name().to_owned(), group.to_owned());
                outcomes.insert(*position, Err(SendError::Behind { queue, group }));
            }
            !behind
        });
        let Some(batch) = pack_first(&mut waiting) else {
            return;
        };
        let results = call(target, &batch).await;
        let mut again = Vec::new();
        let entries: Vec<_> = batch.into_iter().zip(results).collect();
        for (index, ((position, message), result)) in entries.iter().enumerate() {
            let group = message.group.clone().unwrap_or_default();
            match result {
                Ok(sent) => {
                    outcomes.insert(*position, Ok(sent.clone()));
                }
                Err(_) if blocked.contains(&group) => {
                    let queue = target.queue.name().to_owned();
                    outcomes.insert(*position, Err(SendError::Behind { queue, group }));
                }
                Err(error) => {
                    // If a later one of its group went through, sending this one now would swap them.
                    let overtaken = entries[index + 1..]
                        .iter()
                        .any(|((_, later), result)| result.is_ok() && later.group == message.group);
                    if error.class().is_transient() && tries < TRIES && !overtaken {
                        again.push((*position, message.clone()));
                    } else {
                        outcomes.insert(*position, Err(error.duplicate().into()));
                        blocked.insert(group);
                    }
                }
            }
        }
        if again.is_empty() {
            tries = 1;
            continue;
        }
        again
            .into_iter()
            .rev()
            .for_each(|entry| waiting.push_front(entry));
        tokio::time::sleep(AGAIN.delay(tries)).await;
        tries += 1;
    }
}

/// Takes as many messages off the front as fit into one batch.
fn pack_first(waiting: &mut VecDeque<Numbered>) -> Option<Vec<Numbered>> {
    let now = Instant::now();
    let mut batcher = Batcher::new(Duration::ZERO);
    let ten = waiting.len().min(crate::batch::MAX_ENTRIES);
    for (position, message) in waiting.drain(..ten) {
        let bytes = message.bytes();
        batcher.push((position, message), bytes, now, None);
    }
    let first = batcher.take(now, true);
    let rest: Vec<Numbered> = std::iter::from_fn(|| batcher.take(now, true)).flatten().collect();
    rest.into_iter().rev().for_each(|entry| waiting.push_front(entry));
    first
}

/// One batch call: a result for each entry, in order.
async fn call(target: &Target<'_>, batch: &[Numbered]) -> Vec<Result<Sent, SqsError>> {
    let queue = target.queue.name();
    let entries = batch
        .iter()
        .enumerate()
        .map(|(place, (_, message))| message.entry(place))
        .collect();
    let answer = target
        .client
        .send_message_batch()
        .queue_url(target.url)
        .set_entries(Some(entries))
        .send()
        .await;
    match answer.map_err(|error| SqsError::from_sdk(ACTION, queue, error)) {
        Err(error) => batch.iter().map(|_| Err(error.duplicate())).collect(),
        Ok(answer) => by_position(
            batch.len(),
            answer.successful.iter().map(|entry| {
                let sequence_number = entry.sequence_number().map(str::to_owned);
                (
                    entry.id(),
                    Sent {
                        message_id: entry.message_id().to_owned(),
                        sequence_number,
                    },
                )
            }),
            answer
                .failed
                .iter()
                .map(|entry| (entry.id(), SqsError::from_entry(ACTION, queue, entry))),
            || {
                SqsError::local(
                    ACTION,
                    queue,
                    ErrorClass::Unavailable,
                    "the answer does not mention this entry",
                )
            },
        ),
    }
}
