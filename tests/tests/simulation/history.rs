//! What really happened: one list of events, written by the SQS and by the handlers, never by the worker.
//!
//! Every request appears up to three times: when it is asked, when it takes effect inside SQS, and when its caller
//! sees an answer or goes away. With faults between the two ends, these are three different stories.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sqs_worker::{Report, worker::StatsSnapshot};
use tokio::time::Instant;

use crate::trace;

/// Who did something.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Actor {
    /// The producers, and whoever sets things up.
    World,
    /// One life of one worker.
    Worker(u8, u16),
}

/// A message in a queue, numbered in the order of arrival.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Msg(pub(crate) usize);

/// A receipt handle: which receive of a message it came from, counted from 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Handle {
    pub(crate) message: Msg,
    pub(crate) receive: u32,
}

/// Something that happened at a time.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) at: Duration,
    pub(crate) actor: Actor,
    pub(crate) what: What,
}

#[derive(Clone, Debug)]
pub(crate) enum What {
    /// A request left.
    Asked(usize, Asked),
    /// A request took effect.
    Did(usize, Answer),
    /// The caller has its answer, or went away.
    Saw(usize, Answer),
    /// A handler started on a delivery. The number is that of the run.
    Started(usize, Run),
    /// A handler ended.
    Ended(usize, Ended),
    /// A handler asks for more time.
    Wished(usize, Duration),
    /// It is told for how long its message is hidden, or that the lease is lost.
    Granted(usize, Option<Duration>),
    /// The key of a message of the scenario was given to a run, with that message's body.
    Claimed(usize),
    /// Its record says that it is done.
    Recorded(usize),
    /// What a handler left behind has ended.
    DetachedEnded(usize),
    WorkerStarted,
    /// It was asked to stop.
    WorkerStopped,
    WorkerKilled,
    /// `run_until` returned a report.
    WorkerReturned(Box<Returned>),
    /// `run_until` returned an error, or panicked.
    WorkerFailed(String),
    /// From here on nothing goes wrong any more.
    TroubleOver,
    /// Messages were still there long after.
    Stuck(Vec<Msg>),
}

/// What a worker says at its end.
#[derive(Clone, Debug)]
pub(crate) struct Returned {
    pub(crate) report: Report,
    pub(crate) stats: StatsSnapshot,
}

/// What was asked for, as far as it matters.
#[derive(Clone, Debug)]
pub(crate) enum Asked {
    Receive {
        queue: String,
        most: i32,
        wait: i32,
        visibility: Duration,
    },
    Delete(Vec<Handle>),
    Hide(Vec<(Handle, Duration)>),
    /// Into this queue.
    Send(String, Vec<Sent>),
    /// Anything else, by its name.
    Other(&'static str),
}

/// A message on its way into a queue.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    /// Its number in the scenario.
    pub(crate) plan: usize,
    /// Whether body and attributes are what the scenario says.
    pub(crate) intact: bool,
    /// The id of the message whose dead-letter copy this is, by its failure record.
    pub(crate) copy_of: Option<Msg>,
}

/// What came of a request.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Received(Vec<Delivered>),
    Settled(Vec<Settled>),
    /// The messages, in the order of the request; `None` for an entry that failed.
    Sent(Vec<Option<Stored>>),
    /// Anything else that went well.
    Done,
    /// An error code.
    Refused(&'static str),
    /// The caller went away, or the fault layer never answered.
    Abandoned,
    /// SQS showed messages to others at once, as it may: not asked for by anyone.
    ShownAgain(Vec<Msg>),
}

#[derive(Clone, Debug)]
pub(crate) struct Delivered {
    pub(crate) handle: Handle,
    /// SQS's own count.
    pub(crate) count: u32,
    pub(crate) intact: bool,
}

/// One entry of a deletion or a visibility change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settled {
    pub(crate) handle: Handle,
    /// Whether it was answered with success.
    pub(crate) ok: bool,
    /// Whether SQS refused it for what it asked: the handle does not count any more.
    pub(crate) refused: bool,
    /// Whether it changed anything in SQS.
    pub(crate) effect: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Stored {
    pub(crate) message: Msg,
    /// FIFO: the queue had it already.
    pub(crate) duplicate: bool,
}

/// A run of a handler.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) message: Msg,
    pub(crate) handle: Handle,
    pub(crate) intact: bool,
    /// It runs with others in one call: when one of them is lost, the call goes on for the rest.
    pub(crate) batch: bool,
    /// FIFO: earlier messages of its group that are still in the queue.
    pub(crate) overtaken: Vec<Msg>,
}

/// How a run ended, told by the handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Succeeded,
    /// With an error, to be tried again after so long, or after the delay of the schedule.
    Failed(Option<Duration>),
    FailedForEver,
    Dropped,
    Panicked,
    Released,
    /// It was ended from outside: its future was dropped.
    Cancelled,
}

/// What is known of a message besides events.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) queue: String,
    /// Its number in the scenario.
    pub(crate) plan: usize,
    pub(crate) sent: Duration,
    /// Whether a producer sent it; else it is a dead-letter copy.
    pub(crate) original: bool,
}

/// The list, shared by everyone who writes it.
#[derive(Clone, Debug)]
pub(crate) struct History {
    start: Instant,
    /// With `SIM_LIVE` every event is printed when it happens: for runs that do not end.
    live: bool,
    book: Arc<Mutex<Book>>,
}

/// The list and what is needed to write it.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) events: Vec<Event>,
    pub(crate) messages: Vec<Facts>,
    pub(crate) by_id: BTreeMap<String, Msg>,
    pub(crate) handles: BTreeMap<String, Handle>,
    /// How often each message was received.
    pub(crate) receives: BTreeMap<Msg, u32>,
    pub(crate) requests: usize,
    pub(crate) runs: usize,
    /// How many runs each message of the scenario has had.
    pub(crate) attempts: BTreeMap<usize, usize>,
    pub(crate) calm: bool,
}

impl History {
    pub(crate) fn new() -> Self {
        Self {
            start: Instant::now(),
            live: std::env::var_os("SIM_LIVE").is_some(),
            book: Arc::default(),
        }
    }

    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> Duration {
        self.start.elapsed()
    }

    pub(crate) fn add(&self, actor: Actor, what: What) {
        let event = Event {
            at: self.now(),
            actor,
            what,
        };
        if self.live {
            eprintln!("{}", trace::line(&event));
        }
        self.book().events.push(event);
    }
}

impl Actor {
    /// The endpoint that this actor's client talks to: requests are told apart by it.
    pub(crate) fn endpoint(self) -> String {
        format!("http://{self}.sim")
    }

    pub(crate) fn from_endpoint(endpoint: &str) -> Self {
        let name = endpoint
            .strip_prefix("http://")
            .and_then(|rest| rest.strip_suffix(".sim"));
        let numbers = name.and_then(|name| name.strip_prefix('w')?.split_once('-'));
        match numbers.and_then(|(worker, life)| Some((worker.parse().ok()?, life.parse().ok()?))) {
            Some((worker, life)) => Self::Worker(worker, life),
            None => Self::World,
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::World => f.write_str("world"),
            Self::Worker(worker, life) => write!(f, "w{worker}-{life}"),
        }
    }
}

impl fmt::Debug for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Msg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m{}", self.0)
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}#{}", self.message, self.receive)
    }
}
