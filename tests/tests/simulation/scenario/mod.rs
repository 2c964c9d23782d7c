//! What happens in one run, as plain data: read it in a failure's report, make it smaller, run it again.

mod extend;
mod generate;
mod key;
mod rank;

use std::time::Duration;

use sqs_local::faults::Fault;

pub(crate) use self::generate::generate;

/// Everything that is decided before a run starts.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    /// Where it came from, and what the worker and the SQS draw their own chances from.
    pub(crate) seed: u64,
    /// Until when things go wrong. After that no request fails and every handler succeeds at once, and whatever is
    /// left must be brought to an end by those who are there.
    pub(crate) trouble: Duration,
    pub(crate) queues: Vec<QueuePlan>,
    pub(crate) workers: Vec<WorkerPlan>,
    pub(crate) messages: Vec<MessagePlan>,
    pub(crate) faults: Vec<FaultPlan>,
    /// How long a request or an answer is on its way, at most.
    pub(crate) latency: Duration,
    /// The most handlers over all queues of a worker.
    pub(crate) shared: Option<usize>,
    pub(crate) pauses: Vec<PausePlan>,
}

/// A queue, and how the workers consume it.
#[derive(Clone, Debug)]
pub(crate) struct QueuePlan {
    pub(crate) fifo: bool,
    /// Its attribute `DelaySeconds`.
    pub(crate) delay: Duration,
    /// Its attribute `MessageRetentionPeriod`.
    pub(crate) retention: Duration,
    /// Its dead-letter queue's `maxReceiveCount`; without one there is no dead-letter queue.
    pub(crate) max_receives: Option<u32>,
    pub(crate) visibility: Duration,
    pub(crate) concurrency: usize,
    pub(crate) pollers: usize,
    pub(crate) linger: Duration,
    /// The first and the longest delay between attempts.
    pub(crate) retry: (Duration, Duration),
    pub(crate) max_attempts: Option<u32>,
    pub(crate) patience: Patience,
    /// How many messages are received ahead of the handlers, where that is fixed.
    pub(crate) prefetch: Option<usize>,
    pub(crate) rate_limit: Option<f64>,
    pub(crate) breaker: bool,
    pub(crate) tenant_limit: Option<usize>,
    pub(crate) priority: i32,
    pub(crate) weight: u32,
    /// Its messages start in the order of their rank.
    pub(crate) ranked: bool,
}

/// How long the queue's handler may take: its `timeout`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// 30 seconds.
    Brief,
    /// 15 minutes, as without the attribute.
    Usual,
    /// 12 hours.
    Long,
    /// 15 minutes, for up to five messages at a time.
    Batch,
    /// 15 minutes, and each key runs once.
    Keyed,
}

/// A worker process: it is started, ended and started again.
#[derive(Clone, Debug)]
pub(crate) struct WorkerPlan {
    pub(crate) shutdown: Duration,
    pub(crate) lives: Vec<LifePlan>,
}

/// One life of a worker.
#[derive(Clone, Debug)]
pub(crate) struct LifePlan {
    pub(crate) start: Duration,
    /// The last life of a worker may go on for as long as the run does.
    pub(crate) end: Option<(Duration, Death)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Death {
    /// It is asked to stop, as by SIGTERM.
    Asked,
    /// It is asked to stop, and a second later once more.
    Hurried,
    /// Its future is dropped.
    Killed,
}

/// A time in which one worker takes nothing from one queue.
#[derive(Clone, Debug)]
pub(crate) struct PausePlan {
    pub(crate) worker: usize,
    pub(crate) queue: usize,
    pub(crate) from: Duration,
    pub(crate) until: Duration,
}

/// A message that a producer sends.
#[derive(Clone, Debug)]
pub(crate) struct MessagePlan {
    pub(crate) at: Duration,
    pub(crate) queue: usize,
    /// FIFO: its group. Standard: its tenant, if any.
    pub(crate) group: Option<u8>,
    pub(crate) kind: Kind,
    /// Extra bytes in its body.
    pub(crate) filler: usize,
    /// How many attributes its sender gave it, besides its name.
    pub(crate) attributes: usize,
    /// Its place among those that wait: the higher, the sooner.
    pub(crate) rank: Option<i8>,
    /// How often the producer sends it: more than once makes duplicates.
    pub(crate) copies: u32,
    /// The time between them.
    pub(crate) copies_apart: Duration,
    /// Where each key runs once: another message whose key it has.
    pub(crate) key_of: Option<usize>,
    /// What its handler does at the first attempt, the second, and so on; after the last it succeeds at once.
    pub(crate) attempts: Vec<Attempt>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// What the queue's first handler takes.
    Task,
    /// What its second handler takes.
    Note,
    /// A body that no handler can decode.
    Garbage,
    /// A message of a name that no handler takes.
    Unknown,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt {
    pub(crate) takes: Duration,
    pub(crate) then: Then,
    /// It asks for more time on the way.
    pub(crate) extend: Option<Extension>,
}

/// An attempt's wish for more time, and when it has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extension {
    /// From the start of the attempt.
    pub(crate) after: Duration,
    pub(crate) time: Duration,
}

/// How an attempt ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    Succeed,
    /// An error to be tried again.
    Fail,
    /// An error to be tried again after so long.
    FailFor(Duration),
    /// An error that will not pass.
    FailForEver,
    /// An error that does not matter.
    Drop,
    Panic,
    /// Never, unless the handler is ended.
    Hang,
    /// The handler gives the message back.
    Release,
    /// It succeeds, and leaves a task behind that goes on whatever happens.
    Detach,
}

/// A rule of [`sqs_local::faults`], as data.
#[derive(Clone, Debug)]
pub(crate) struct FaultPlan {
    pub(crate) fault: Fault,
    pub(crate) action: Option<&'static str>,
    pub(crate) queue: Option<usize>,
    pub(crate) from: Duration,
    pub(crate) until: Duration,
    pub(crate) chance: f64,
    pub(crate) delay: (Duration, Duration),
    pub(crate) share: f64,
}

impl Scenario {
    /// The name of a queue.
    pub(crate) fn queue_name(&self, queue: usize) -> String {
        format!("q{queue}{}", self.suffix(queue))
    }

    /// The name of its dead-letter queue.
    pub(crate) fn dead_letter_name(&self, queue: usize) -> Option<String> {
        self.queues[queue]
            .max_receives
            .map(|_| format!("q{queue}-dead{}", self.suffix(queue)))
    }

    fn suffix(&self, queue: usize) -> &'static str {
        if self.queues[queue].fifo { ".fifo" } else { "" }
    }

    /// The key of a message, in a queue where each key runs once.
    pub(crate) fn key(&self, message: usize) -> Option<usize> {
        let plan = &self.messages[message];
        let keyed = self.queues[plan.queue].patience == Patience::Keyed && plan.kind == Kind::Task;
        keyed.then(|| plan.key_of.unwrap_or(message))
    }

    /// What an attempt does, counted from 0.
    pub(crate) fn attempt(&self, message: usize, number: usize) -> Attempt {
        let at_once = Attempt {
            takes: Duration::from_millis(1),
            then: Then::Succeed,
            extend: None,
        };
        self.messages[message]
            .attempts
            .get(number)
            .copied()
            .unwrap_or(at_once)
    }
}

impl QueuePlan {
    /// The queue's own attributes, without those that name others.
    pub(crate) fn attributes(&self) -> Vec<(&'static str, String)> {
        let mut attributes = vec![
            ("DelaySeconds", self.delay.as_secs().to_string()),
            ("MessageRetentionPeriod", self.retention.as_secs().to_string()),
        ];
        if self.fifo {
            attributes.push(("FifoQueue", "true".to_owned()));
        }
        attributes
    }
}
