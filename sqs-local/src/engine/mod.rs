//! The engine: queues and their rules as a state machine that is told the time.
//!
//! Nothing here waits, reads a clock or knows a protocol. [`Engine::apply`] takes an operation and the time and gives
//! the answer; long polls, timers and protocols are built around it.

mod admin;
mod attributes;
mod batch;
mod check;
mod config;
mod dedup;
pub(crate) mod digest;
#[cfg(feature = "server")]
mod dump;
mod fair;
#[cfg(test)]
mod invariants;
mod lanes;
mod move_task;
mod permission;
mod plan;
mod queue;
mod receipt;
mod receive;
mod redrive;
mod registry;
mod send;
mod settle;
mod slab;
mod snapshot;

use std::collections::BTreeSet;
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

pub(crate) use self::batch::BatchEntry;
#[cfg(feature = "server")]
pub(crate) use self::dump::Dump;
use self::move_task::MoveTasks;
use self::plan::Plan;
use self::queue::Queue;
use self::registry::Registry;
use crate::api::{Answer, Caller, MessageId, Operation, Request};
use crate::error::Error;

/// Milliseconds since 1970.
pub(crate) type Millis = u64;

/// Names a queue inside the engine; never used twice.
pub(crate) type QueueNumber = u32;

/// Limits that AWS fixes and tests may want to lower.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Messages in flight in one queue.
    pub(crate) in_flight: usize,
    /// Whether to accept what AWS refuses and other emulators accept.
    pub(crate) lenient: bool,
    /// Whether the 60 s after a delete and after a purge are kept.
    pub(crate) cooldown: bool,
}

/// All queues of all accounts and regions.
#[derive(Debug)]
pub(crate) struct Engine {
    registry: Registry,
    move_tasks: MoveTasks,
    limits: Limits,
    rng: StdRng,
    handle_key: u64,
    sequences: u128,
    /// Queues in which something may have become receivable since anybody asked.
    touched: BTreeSet<QueueNumber>,
}

impl Engine {
    pub(crate) fn new(seed: u64, limits: Limits) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        Self {
            registry: Registry::default(),
            move_tasks: MoveTasks::default(),
            limits,
            handle_key: rng.next_u64(),
            rng,
            sequences: 0,
            touched: BTreeSet::new(),
        }
    }

    /// Does an operation. A `ReceiveMessage` that finds nothing is answered at once: waiting is the caller's.
    pub(crate) fn apply(&mut self, request: Request, now: Millis) -> Result<Answer, Error> {
        self.run_move_tasks(now);
        let caller = &request.caller;
        match request.operation {
            Operation::AddPermission(request) => self.add_permission(caller, request, now),
            Operation::CancelMessageMoveTask(request) => self.cancel_move(request, now),
            Operation::ChangeMessageVisibility(request) => self.change_visibility(caller, request, now),
            Operation::ChangeMessageVisibilityBatch(request) => {
                self.change_visibility_batch(caller, request, now)
            }
            Operation::CreateQueue(request) => self.create_queue(caller, &request, now),
            Operation::DeleteMessage(request) => self.delete_message(caller, request, now),
            Operation::DeleteMessageBatch(request) => self.delete_message_batch(caller, request, now),
            Operation::DeleteQueue(request) => self.delete_queue(caller, &request, now),
            Operation::GetQueueAttributes(request) => self.get_attributes(caller, &request, now),
            Operation::GetQueueUrl(request) => self.get_queue_url(caller, &request),
            Operation::ListDeadLetterSourceQueues(request) => self.list_sources(caller, &request),
            Operation::ListMessageMoveTasks(request) => self.list_moves(&request),
            Operation::ListQueueTags(request) => self.list_tags(caller, &request),
            Operation::ListQueues(request) => self.list_queues(caller, &request),
            Operation::PurgeQueue(request) => self.purge_queue(caller, &request, now),
            Operation::ReceiveMessage(request) => self.receive(caller, &request, now),
            Operation::RemovePermission(request) => self.remove_permission(caller, request, now),
            Operation::SendMessage(request) => self.send_message(caller, request, now),
            Operation::SendMessageBatch(request) => self.send_message_batch(caller, request, now),
            Operation::SetQueueAttributes(request) => self.set_attributes(caller, &request, now),
            Operation::StartMessageMoveTask(request) => self.start_move(request, now),
            Operation::TagQueue(request) => self.tag_queue(caller, request),
            Operation::UntagQueue(request) => self.untag_queue(caller, request),
        }
    }

    /// The queue a request is about, with everything done that is due.
    fn queue(&mut self, caller: &Caller, url: Option<&str>, now: Millis) -> Result<&mut Queue, Error> {
        let number = self.registry.resolve(caller, url)?;
        let queue = self.registry.get_mut(number).ok_or_else(Error::no_queue)?;
        queue.settle(now);
        Ok(queue)
    }

    /// The queues in which something may have become receivable since the last call.
    pub(crate) fn take_touched(&mut self) -> BTreeSet<QueueNumber> {
        std::mem::take(&mut self.touched)
    }

    /// How many receives could find something in a queue now.
    pub(crate) fn receivable(&mut self, number: QueueNumber, now: Millis) -> usize {
        self.run_move_tasks(now);
        self.registry.get_mut(number).map_or(0, |queue| {
            queue.settle(now);
            queue.receivable()
        })
    }

    pub(crate) fn exists(&self, number: QueueNumber) -> bool {
        self.registry.get(number).is_some()
    }

    /// When a queue may next get something to receive by itself.
    pub(crate) fn next_due(&self, number: QueueNumber) -> Option<Millis> {
        let timer = self.registry.get(number).and_then(Queue::next_due);
        timer.into_iter().chain(self.move_tasks.next_due(number)).min()
    }

    /// The number of the queue that a receive is about and the seconds it may wait; `None` if it would be refused.
    pub(crate) fn waiting(&self, request: &Request) -> Option<(QueueNumber, u32)> {
        let Operation::ReceiveMessage(receive) = &request.operation else {
            return None;
        };
        let number = self
            .registry
            .resolve(&request.caller, receive.queue_url.as_deref())
            .ok()?;
        let plan = Plan::read(receive, &self.registry.get(number)?.config).ok()?;
        Some((number, plan.wait))
    }

    fn new_message_id(&mut self) -> MessageId {
        let mut bytes = [0; 16];
        self.rng.fill_bytes(&mut bytes);
        MessageId(uuid::Builder::from_random_bytes(bytes).into_uuid())
    }

    /// Sequence numbers have twenty digits and grow over all queues.
    fn next_sequence(&mut self) -> u128 {
        self.sequences += 1;
        18_840_000_000_000_000_000 + self.sequences * 256
    }
}

/// The twelve-digit account, the region and the name in an ARN of a queue.
fn parse_arn(arn: &str) -> Option<(&str, &str, &str)> {
    let mut parts = arn.split(':');
    if parts.next()? != "arn" || !parts.next()?.starts_with("aws") || parts.next()? != "sqs" {
        return None;
    }
    let (region, account, name) = (parts.next()?, parts.next()?, parts.next()?);
    parts.next().is_none().then_some((account, region, name))
}

pub(crate) fn arn(account: &str, region: &str, name: &str) -> String {
    let partition = match region {
        _ if region.starts_with("cn-") => "aws-cn",
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    };
    format!("arn:{partition}:sqs:{region}:{account}:{name}")
}

fn shared(text: &str) -> Arc<str> {
    Arc::from(text)
}
