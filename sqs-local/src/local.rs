//! `SqsLocal`: one SQS with its clock, and the builder that makes it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tower_layer::Layer;
use tower_service::Service;

use crate::api::{Answer, Request};
use crate::clock::Clock;
use crate::engine::{Engine, Limits};
use crate::error::Error;
use crate::journal::{Journal, JournalLayer, Recorder};
use crate::service::{EngineService, Shared};
use crate::snapshot::QueueSnapshot;
use crate::stack::{Entrance, Stack};

/// An Amazon SQS in memory.
///
/// Clones are the same SQS: a queue created through one exists for all. Everything in it ends with the last clone.
///
/// # Examples
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let sqs = sqs_local::SqsLocal::new();
/// let client = sqs.client();
/// let url = client.create_queue().queue_name("orders").send().await?.queue_url.unwrap_or_default();
/// client.send_message().queue_url(&url).message_body("one").send().await?;
///
/// let queue = sqs.queue("orders").ok_or("no such queue")?;
/// assert_eq!(queue.bodies(), ["one"]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct SqsLocal {
    shared: Arc<Shared>,
    recorder: Recorder,
    entrance: Entrance,
    home: Home,
}

impl Default for SqsLocal {
    fn default() -> Self {
        Self::new()
    }
}

impl SqsLocal {
    /// An SQS without queues, with all defaults of the [`Builder`].
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Settings for an SQS.
    pub fn builder() -> Builder {
        Builder {
            region: "us-east-1".into(),
            account: "000000000000".into(),
            seed: 0,
            epoch: None,
            limits: Limits {
                in_flight: 120_000,
                cooldown: true,
                lenient: false,
            },
            journal: 100_000,
            layers: Vec::new(),
        }
    }

    /// Waits until `time` has passed, and until everything that is due by then has happened.
    ///
    /// Under tokio's [paused clock](https://docs.rs/tokio/latest/tokio/time/fn.pause.html) this takes no real time:
    /// whatever is due on the way (delays, visibility timeouts, long polls, your own timers) happens in order. On a
    /// running clock it really waits; see [`skip`](Self::skip) for that case.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops waiting; the time that has passed stays passed.
    pub async fn advance(&self, time: Duration) {
        tokio::time::sleep(time).await;
        // Those whose timer was set for this very moment may still have to run.
        for _ in 0..16 {
            tokio::task::yield_now().await;
        }
    }

    /// Moves this SQS's clock forward at once, whether or not tokio's clock is paused.
    ///
    /// Delays and visibility timeouts inside that time end, messages that got too old are gone, waiting long polls
    /// whose time is over are answered. Only this SQS sees the new time: timers of yours do not.
    pub fn skip(&self, time: Duration) {
        self.shared.clock.skip(time);
        let (mut state, _) = self.shared.lock();
        state.lines.wake_all();
    }

    /// The time as this SQS sees it.
    pub fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(self.shared.clock.now())
    }

    /// The state of the queue of this name, or `None` if there is none.
    ///
    /// The queue is looked for in this SQS's own account and region, and then in all others. The cost is that of
    /// copying the queue's messages.
    pub fn queue(&self, name: &str) -> Option<QueueSnapshot> {
        let (mut state, now) = self.shared.lock();
        let number = state
            .engine
            .find_by_name(&self.home.account, &self.home.region, name)?;
        state.engine.snapshot(number, now)
    }

    /// The state of all queues, in the order of their creation.
    pub fn queues(&self) -> Vec<QueueSnapshot> {
        let (mut state, now) = self.shared.lock();
        let numbers = state.engine.numbers();
        numbers
            .into_iter()
            .filter_map(|number| state.engine.snapshot(number, now))
            .collect()
    }

    /// The ARN of each queue and how many messages are visible, in flight and delayed.
    #[cfg(feature = "server")]
    pub(crate) fn overview(&self) -> Vec<(String, [usize; 3])> {
        let (mut state, now) = self.shared.lock();
        state.engine.overview(now)
    }

    /// The whole state, and the count of requests so far.
    #[cfg(feature = "server")]
    pub(crate) fn dump(&self, unless_changes: Option<u64>) -> Option<(crate::engine::Dump, u64)> {
        let (mut state, now) = self.shared.lock();
        let changes = state.changes;
        if unless_changes == Some(changes) {
            return None;
        }
        Some((state.engine.dump(now), changes))
    }

    #[cfg(feature = "server")]
    pub(crate) fn restore(&self, dump: crate::engine::Dump) -> Result<(), String> {
        let (mut state, now) = self.shared.lock();
        // A clock that was moved forward must not be set back by a restart.
        self.shared
            .clock
            .skip(Duration::from_millis(dump.now.saturating_sub(now)));
        state.engine.restore(dump)
    }

    /// How many long polls wait at the moment.
    pub fn waiting_polls(&self) -> usize {
        self.shared.lock().0.lines.len()
    }

    /// All requests since the start, or since the journal was last cleared.
    pub fn journal(&self) -> Journal {
        self.recorder.journal()
    }

    /// Empties the journal.
    pub fn clear_journal(&self) {
        self.recorder.clear();
    }

    /// Does one operation without any protocol between.
    ///
    /// # Errors
    ///
    /// Whatever SQS would refuse the request for.
    ///
    /// # Cancel safety
    ///
    /// A waiting `ReceiveMessage` can be dropped without losing a message.
    pub async fn call(&self, request: Request) -> Result<Answer, Error> {
        self.entrance.call(request).await
    }

    pub(crate) fn home(&self) -> &Home {
        &self.home
    }
}

/// Where requests are at home unless they say otherwise.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    pub(crate) account: Arc<str>,
    pub(crate) region: Arc<str>,
}

type AddLayer = Box<dyn FnOnce(Stack) -> Stack + Send>;

/// Settings for an [`SqsLocal`].
pub struct Builder {
    region: Arc<str>,
    account: Arc<str>,
    seed: u64,
    epoch: Option<SystemTime>,
    limits: Limits,
    journal: usize,
    layers: Vec<AddLayer>,
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder")
            .field("region", &self.region)
            .field("account", &self.account)
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}

impl Builder {
    /// The region of requests that are not signed for another, and of [`SqsLocal::client`]. Default: `us-east-1`.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = region.into().into();
        self
    }

    /// The account whose queues requests mean. Default: `000000000000`.
    ///
    /// A caller whose access key id has twelve digits acts for the account of that number.
    pub fn account(mut self, account: impl Into<String>) -> Self {
        self.account = account.into().into();
        self
    }

    /// What message ids, receipt handles and other invented values come from. Default: 0.
    ///
    /// Two runs with the same seed, the same [epoch](Self::epoch) and the same requests give the same answers.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The calendar time at the start. Default: the system's time when [`build`](Self::build) is called. This is the
    /// only use of the system's clock; from there on tokio's counts.
    pub fn epoch(mut self, epoch: SystemTime) -> Self {
        self.epoch = Some(epoch);
        self
    }

    /// How many messages of a queue may be in flight. Default: 120 000, as on AWS (Developer Guide, "quotas related to
    /// queues").
    pub fn in_flight_limit(mut self, messages: usize) -> Self {
        self.limits.in_flight = messages;
        self
    }

    /// Whether a queue's name can be used again only 60 s after its deletion, and a queue be purged again only 60 s
    /// after a purge. Default: true, as on AWS. Tests of other people's that run against an SQS in memory often count
    /// on false.
    pub fn cooldown(mut self, kept: bool) -> Self {
        self.limits.cooldown = kept;
        self
    }

    /// Whether to accept what AWS documents as refused but other emulators accept. Default: false.
    ///
    /// For tests that were written against those: a retention under 60 s, a deduplication id on a standard queue,
    /// `FifoQueue` with a value other than `true`, and a delete by an old handle that deletes.
    pub fn lenient(mut self, lenient: bool) -> Self {
        self.limits.lenient = lenient;
        self
    }

    /// How many requests the journal keeps; the oldest go first. Default: 100 000. With 0 nothing is recorded.
    pub fn journal(mut self, requests: usize) -> Self {
        self.journal = requests;
        self
    }

    /// Puts a layer around the service, outside of all layers so far. The journal stays outermost.
    ///
    /// Faults are such layers; anything that works on [`Request`]s is.
    pub fn layer<L>(mut self, layer: L) -> Self
    where
        L: Layer<Stack> + Send + 'static,
        L::Service: Service<Request, Response = Answer, Error = Error> + Clone + Send + Sync + 'static,
        <L::Service as Service<Request>>::Future: Send,
    {
        self.layers
            .push(Box::new(move |stack| Stack::new(layer.layer(stack))));
        self
    }

    /// Makes the SQS.
    pub fn build(self) -> SqsLocal {
        let engine = Engine::new(self.seed, self.limits);
        let clock = Clock::new(self.epoch.unwrap_or_else(SystemTime::now));
        let shared = Arc::new(Shared::new(engine, clock));
        let recorder = Recorder::new(self.journal, Arc::clone(&shared));
        let service = EngineService::new(Arc::clone(&shared));
        let entrance = if self.layers.is_empty() && self.journal == 0 {
            Entrance::Plain(service)
        } else {
            let stack = self
                .layers
                .into_iter()
                .fold(Stack::new(service), |stack, layer| layer(stack));
            Entrance::Layered(if self.journal == 0 {
                stack
            } else {
                Stack::new(JournalLayer::new(recorder.clone()).layer(stack))
            })
        };
        SqsLocal {
            shared,
            recorder,
            entrance,
            home: Home {
                account: self.account,
                region: self.region,
            },
        }
    }
}
