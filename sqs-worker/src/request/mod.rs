//! Requests and their replies: a question through one queue, the answer through another.
//!
//! ```text
//! Requester ──request: correlation id, reply_to, deadline──▶ queue ──▶ Worker: handler returns Reply<R>
//!     ▲                                                                     │
//!     └──────────── queue for replies of this process ◀──── reply: correlation id, then the request is deleted
//! ```
//!
//! A [`Requester`] asks; a handler that returns [`Reply`](crate::Reply) answers. [`Request::Reply`] ties the two types
//! together when compiling.
//!
//! ```no_run
//! # #[cfg(feature = "macros")] mod example {
//! use std::time::Duration;
//! use serde::{Deserialize, Serialize};
//! use sqs_worker::{Message, Reply, Requester, Worker, handler, request::AskError, shutdown_signal};
//!
//! #[derive(Serialize, Deserialize, Message)]
//! #[message(name = "orders.quote", reply = Quote)]
//! struct QuoteRequest {
//!     sku: String,
//! }
//!
//! #[derive(Serialize, Deserialize, Message)]
//! #[message(name = "orders.quoted")]
//! struct Quote {
//!     cents: u64,
//! }
//!
//! #[handler(queue = "orders")]
//! async fn quote(request: QuoteRequest) -> Reply<Quote> {
//!     Reply(Quote { cents: 100 * request.sku.len() as u64 })
//! }
//!
//! # #[cfg(feature = "signal")]
//! async fn answer(client: aws_sdk_sqs::Client) -> Result<(), sqs_worker::WorkerError> {
//!     Worker::new(client, ()).handler::<quote>().run_until(shutdown_signal()).await?;
//!     Ok(())
//! }
//!
//! async fn ask(client: aws_sdk_sqs::Client) -> Result<u64, AskError> {
//!     let requester = Requester::new(client, "orders");
//!     let quote = requester.ask(&QuoteRequest { sku: "tea".into() }, Duration::from_secs(2)).await?;
//!     Ok(quote.cents)
//! }
//! # }
//! ```
//!
//! # What holds
//!
//! * The reply is sent before the request is deleted. A worker that dies between the two answers twice, and the second
//!   answer is nobody's. A reply that cannot be sent brings the request back; with an `idempotent` handler the recorded
//!   reply is then sent without running it again.
//! * The deadline travels with the request. A worker that comes to it too late acknowledges it unhandled, and counts
//!   it. Clocks that differ by more than the time-out make every request late: keep them in step.
//! * A request that the worker dead-letters at once (the handler says so, the body does not decode, no handler takes
//!   its name) is answered with that: [`AskError::Refused`]. One that fails is tried again, and is answered if that
//!   is done in time.
//! * Any number of requests may wait at once; each reply finds its own by the correlation id. Replies that come late
//!   are counted and deleted.
//! * On a FIFO queue every request is its own deduplication id: asking twice is two requests.
//!
//! # The queue for replies
//!
//! By default it belongs to the process: created at the first request, named `sqs-worker-replies-` and a random id,
//! keeping messages for 5 minutes, tagged `sqs-worker:reply-queue`, deleted by [`Requester::close`]. Should somebody
//! delete it, those who wait are told ([`AskError::ReplyQueueLost`]) and another is made. Share one requester, by
//! cloning it: each new one has a queue of its own.
//!
//! A process that crashes, or drops its requesters without closing one, leaves its queue behind. It costs nothing and is
//! empty after 5 minutes; [`Requester::sweep`] deletes those that nobody has listened to for a while.
//!
//! Where processes may not create queues, give each one that exists with [`RequesterBuilder::reply_queue`].
//!
//! # Permissions
//!
//! The requester's role needs `sqs:GetQueueUrl` and `sqs:SendMessage` on the queue it asks, `sqs:ReceiveMessage` and
//! `sqs:DeleteMessage` on its queue for replies, and for a queue of its own `sqs:CreateQueue`, `sqs:TagQueue`,
//! `sqs:SetQueueAttributes` and `sqs:DeleteQueue` on `sqs-worker-replies-*`; to sweep, also `sqs:ListQueues`,
//! `sqs:ListQueueTags` and `sqs:GetQueueAttributes`. The worker's role needs `sqs:SendMessage` on the queues for replies,
//! and `sqs:GetQueueUrl` for those that are given by name.

mod error;
mod inbox;
mod outbox;
mod queue;
mod replier;
mod waiters;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_sdk_sqs::Client;
use tokio::time::{Instant, timeout_at};

pub use self::error::AskError;
pub(crate) use self::replier::{Event, LateLayer, ReplyLayer};
use self::{inbox::Inbox, outbox::Outbox, queue::Kind};
use crate::{
    error::SqsError,
    handler::Delivery,
    message::{CodecError, Headers, Message, Request},
    producer::{Outgoing, Producer},
};

/// A queue that was not listened to for less than this is never swept.
const SWEEP: Duration = Duration::from_secs(300);

/// Asks questions through a queue and waits for the answers.
///
/// A clone is cheap and shares the queue for replies; [`to`](Self::to) gives one that asks another queue. The last one
/// that is dropped ends the listening; [`close`](Self::close) cleans up as well. See the [module](self) for what holds.
///
/// # Examples
///
/// ```no_run
/// use std::time::Duration;
/// use sqs_worker::Requester;
/// # #[derive(serde::Serialize, serde::Deserialize)] struct QuoteRequest { sku: String }
/// # #[derive(Debug, serde::Serialize, serde::Deserialize)] struct Quote { cents: u64 }
/// # impl sqs_worker::Message for QuoteRequest { const NAME: &'static str = "orders.quote"; }
/// # impl sqs_worker::Message for Quote { const NAME: &'static str = "orders.quoted"; }
/// # impl sqs_worker::Request for QuoteRequest { type Reply = Quote; }
/// # async fn run(client: aws_sdk_sqs::Client) -> Result<(), Box<dyn std::error::Error>> {
/// let requester = Requester::new(client, "orders");
/// let quote: Quote = requester.ask(&QuoteRequest { sku: "tea".into() }, Duration::from_secs(2)).await?;
/// println!("{} cents", quote.cents);
/// requester.close().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Requester {
    shared: Arc<Shared>,
    queue: Arc<str>,
}

struct Shared {
    client: Client,
    outbox: Arc<Outbox>,
    inbox: Inbox,
    prefix: String,
    clock: Clock,
    asked: AtomicU64,
    answered: AtomicU64,
    timed_out: AtomicU64,
}

/// Settings for a [`Requester`]; from [`Requester::builder`].
#[derive(Debug)]
#[must_use = "call `build` to get the requester"]
pub struct RequesterBuilder {
    client: Client,
    queue: String,
    fixed: Option<String>,
    prefix: String,
}

/// A requester's numbers at one moment. All but [`waiting`](Self::waiting) only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequesterStats {
    /// Requests made.
    pub asked: u64,
    /// Replies handed to those who asked, refusals included.
    pub answered: u64,
    /// Requests without a reply in time.
    pub timed_out: u64,
    /// Replies that nobody waited for: they came too late, or twice, or were never asked for. They were deleted.
    pub unclaimed: u64,
    /// Requests that wait for their reply now.
    pub waiting: u64,
}

/// What [`Requester::sweep`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Swept {
    /// The names of the queues that it deleted.
    pub deleted: Vec<String>,
    /// How many queues for replies it left alone, this requester's own included.
    pub kept: usize,
}

impl Requester {
    /// A requester for `queue`, by name, URL or ARN, with a queue for replies of this process.
    ///
    /// Nothing is asked of SQS before the first request.
    pub fn new(client: Client, queue: impl Into<String>) -> Self {
        Self::builder(client, queue).build()
    }

    /// Settings for one.
    pub fn builder(client: Client, queue: impl Into<String>) -> RequesterBuilder {
        RequesterBuilder {
            client,
            queue: queue.into(),
            fixed: None,
            prefix: queue::PREFIX.to_owned(),
        }
    }

    /// The same requester for another queue: what it asks is answered through the same queue for replies.
    #[must_use]
    pub fn to(&self, queue: impl Into<String>) -> Self {
        let queue: String = queue.into();
        Self {
            shared: self.shared.clone(),
            queue: queue.into(),
        }
    }

    /// Sends a request and waits for its reply, for as long as `timeout` at most.
    ///
    /// The time counts from the call, and has everything in it: creating the queue for replies at the first request,
    /// sending, waiting. It travels with the request as a deadline, so that a worker does not handle what nobody waits
    /// for any more. There is no default and no limit; with a time-out of zero nothing is sent.
    ///
    /// # Errors
    ///
    /// [`AskError`] says which of these it was: not sent, no queue for the reply, no reply in time, refused, a reply
    /// that is not the one expected.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the request here: its reply, should one come, is counted and deleted. Whether it was
    /// sent is then unknown, and it is not taken back: a worker handles it if its deadline has not passed.
    pub async fn ask<R: Request>(&self, request: &R, timeout: Duration) -> Result<R::Reply, AskError> {
        let shared = &*self.shared;
        shared.asked.fetch_add(1, Ordering::Relaxed);
        let now = Instant::now();
        let limit = now
            .checked_add(timeout)
            .unwrap_or_else(|| now + Duration::from_secs(86_400 * 365));
        let sent = AtomicBool::new(false);
        let exchange = Box::pin(self.exchange(request, shared.clock.at(limit), &sent));
        let Ok(reply) = timeout_at(limit, exchange).await else {
            shared.timed_out.fetch_add(1, Ordering::Relaxed);
            return Err(AskError::TimedOut {
                request: request.name(),
                queue: self.queue_name(),
                timeout,
                sent: sent.load(Ordering::Relaxed),
            });
        };
        let reply = reply?;
        shared.answered.fetch_add(1, Ordering::Relaxed);
        self.read::<R>(request, &reply)
    }

    async fn exchange<R: Request>(
        &self,
        request: &R,
        deadline: SystemTime,
        sent: &AtomicBool,
    ) -> Result<Delivery, AskError> {
        let inbox = &self.shared.inbox;
        let mut outgoing = Outgoing::of(request)?;
        let reply_to = inbox.url().await?.to_string();
        let mut waiter = inbox.shared.waiters.enter();
        outgoing.edit_headers(|headers| {
            headers.correlation_id = Some(waiter.id.clone());
            headers.reply_to = Some(reply_to);
            headers.deadline = Some(deadline);
        });
        outgoing.deduplication_id = Some(waiter.id.clone());
        self.shared.outbox.send(&self.queue, outgoing).await?;
        sent.store(true, Ordering::Relaxed);
        match waiter.reply().await {
            Some(reply) => Ok(reply),
            None if inbox.is_closed() => Err(AskError::Closed),
            None => Err(AskError::ReplyQueueLost {
                request: request.name(),
                queue: self.queue_name(),
            }),
        }
    }

    fn read<R: Request>(&self, request: &R, reply: &Delivery) -> Result<R::Reply, AskError> {
        if let Headers {
            refused: Some(reason),
            ..
        } = reply.headers()
        {
            return Err(AskError::Refused {
                request: request.name(),
                queue: self.queue_name(),
                reason: reason.clone(),
            });
        }
        let incoming = reply.incoming();
        match reply.name() {
            Some(name) if !R::Reply::NAMES.contains(&name) => {
                let expected = R::Reply::NAMES.join("`, `");
                let cause = CodecError::new(format_args!("the request is answered by `{expected}`"));
                Err(incoming.error::<R::Reply>(cause).into())
            }
            _ => Ok(R::Reply::decode(&incoming)?),
        }
    }

    fn queue_name(&self) -> String {
        let name = self.queue.trim_end_matches('/').rsplit(['/', ':']).next();
        name.unwrap_or(&self.queue).to_owned()
    }

    /// The name of the queue for replies; `None` before the first request, and while there is none.
    pub fn reply_queue(&self) -> Option<String> {
        self.shared.inbox.queue_name().map(|name| name.to_string())
    }

    /// What it has done so far, all clones together.
    pub fn stats(&self) -> RequesterStats {
        let shared = &*self.shared;
        let inbox = &*shared.inbox.shared;
        RequesterStats {
            asked: shared.asked.load(Ordering::Relaxed),
            answered: shared.answered.load(Ordering::Relaxed),
            timed_out: shared.timed_out.load(Ordering::Relaxed),
            unclaimed: inbox.unclaimed.load(Ordering::Relaxed),
            waiting: inbox.waiters.len() as u64,
        }
    }

    /// Ends all clones: requests that wait fail with [`AskError::Closed`], and so does every later one. The queue for
    /// replies is deleted if it was made for this process.
    ///
    /// # Errors
    ///
    /// When the queue could not be deleted; it is then left to a [`sweep`](Self::sweep).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the requester closed, and may leave its queue behind.
    pub async fn close(self) -> Result<(), SqsError> {
        self.shared.inbox.close().await
    }

    /// Deletes the queues that processes left behind: those with this requester's prefix and the tag of a queue for
    /// replies, that nobody has listened to for longer than `idle`. Five minutes are the least; use a day, and let one
    /// process do it. Its own queue is left alone.
    ///
    /// Those who listen change something about their queue every minute, and it is by the time of the last change that
    /// an abandoned one is known. Should one that is in use be deleted all the same, its requester makes another.
    ///
    /// # Errors
    ///
    /// The first call to SQS that fails ends the sweep.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops after some of the queues.
    pub async fn sweep(&self, idle: Duration) -> Result<Swept, SqsError> {
        let shared = &*self.shared;
        let now = shared.clock.at(Instant::now());
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let own = shared.inbox.queue_name();
        let mut swept = Swept::default();
        for queue in queue::list(&shared.client, &format!("{}-", shared.prefix)).await? {
            let unused = queue::idle_for(&shared.client, &queue, now).await?;
            let Some(unused) = unused else { continue };
            if unused < idle.max(SWEEP) || own.as_ref() == Some(&queue.name) {
                swept.kept += 1;
                continue;
            }
            queue.delete(&shared.client).await?;
            tracing::info!(queue = %queue.name, ?unused, "deleted a queue for replies that was left behind");
            swept.deleted.push(queue.name.to_string());
        }
        Ok(swept)
    }
}

impl RequesterBuilder {
    /// Lets replies come to this queue, by name, URL or ARN, in place of one that is made for the process.
    ///
    /// It has to exist, as a standard queue, and this process has to be the only one that listens to it: whatever comes
    /// there that it does not wait for is deleted. Give it a short retention, 5 minutes for example.
    pub fn reply_queue(mut self, queue: impl Into<String>) -> Self {
        self.fixed = Some(queue.into());
        self
    }

    /// What the name of the process's own queue begins with, and which queues a [`sweep`](Requester::sweep) looks at: 1 to
    /// 47 letters, digits, hyphens and underscores. Default: `sqs-worker-replies`. Applications that share an account
    /// are told apart by it.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// The requester. Nothing is asked of SQS before its first request.
    pub fn build(self) -> Requester {
        let kind = match self.fixed {
            Some(queue) => Kind::Fixed(queue),
            None => Kind::Own(self.prefix.clone()),
        };
        let producer = Producer::new(self.client.clone());
        Requester {
            shared: Arc::new(Shared {
                inbox: Inbox::new(&self.client, kind),
                outbox: Outbox::new(producer),
                client: crate::clients::commands(&self.client),
                prefix: self.prefix,
                clock: Clock::new(),
                asked: AtomicU64::new(0),
                answered: AtomicU64::new(0),
                timed_out: AtomicU64::new(0),
            }),
            queue: self.queue.into(),
        }
    }
}

/// The wall clock, and tokio's where that is ahead: under paused time, as the worker's. A machine that slept is at the
/// wall clock.
#[derive(Clone, Copy, Debug)]
struct Clock {
    base: SystemTime,
    at: Instant,
}

impl Clock {
    fn new() -> Self {
        Self {
            base: SystemTime::now(),
            at: Instant::now(),
        }
    }

    fn at(&self, then: Instant) -> SystemTime {
        let now = Instant::now();
        let today = SystemTime::now().max(self.base + now.saturating_duration_since(self.at));
        let ahead = then.saturating_duration_since(now);
        today.checked_add(ahead).unwrap_or(today)
    }
}

impl fmt::Debug for Requester {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requester")
            .field("queue", &self.queue)
            .field("reply_queue", &self.reply_queue())
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
