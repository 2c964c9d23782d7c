//! The worker: takes messages from queues, runs handlers on them, and settles what became of them.
//!
//! Follow one message through the files of this folder:
//!
//! | file | what happens there |
//! |---|---|
//! | `start.rs`, `options.rs` | handlers and settings become one runner for each queue |
//! | `thread.rs`, `runner.rs` | where the runners run, and the loop of one |
//! | `gate.rs`, `prefetch.rs` | a permit is taken before anything is asked for |
//! | `pacer.rs`, `breaker.rs`, `control.rs` | what else may hold polls back |
//! | `poll.rs`, `intake.rs`, `checksum.rs` | the long poll brings the message |
//! | `inflight.rs`, `lease.rs` | it is ours, until a deadline that is renewed |
//! | `lane.rs` | in a FIFO queue it waits for its turn in its group |
//! | `ready.rs`, `budget.rs` | it waits for a free handler, among others and among queues |
//! | `running.rs`, `rush.rs`, `gather.rs` | its handler runs, alone or with a batch |
//! | `wrap.rs` | once for its key, and with its reply sent, where the handler asks for that |
//! | `verdict.rs` | the outcome becomes a plan: delete, hide, or dead-letter |
//! | `settling.rs`, `settle.rs`, `command.rs`, `burial.rs` | the plan is carried out in batches, and proven |
//! | `shutdown.rs`, `signal.rs` | and how all of that ends |

mod breaker;
mod budget;
mod burial;
mod checksum;
mod clock;
mod command;
mod control;
mod digests;
mod error;
mod gate;
mod gather;
mod ids;
mod inflight;
mod intake;
mod lane;
mod lease;
mod options;
mod pacer;
mod poll;
mod prefetch;
mod ready;
mod runner;
mod running;
mod rush;
mod settle;
mod settling;
mod shutdown;
#[cfg(feature = "signal")]
mod signal;
mod start;
mod stats;
mod thread;
mod verdict;
mod wrap;

use std::{
    fmt,
    future::Future,
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws_sdk_sqs::Client;
use futures_util::future::{BoxFuture, join_all};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tower::{ServiceExt as _, util::BoxCloneSyncService};
use tower_layer::Layer;
use tower_service::Service;

#[cfg(feature = "signal")]
pub use self::signal::shutdown_signal;
pub use self::{
    breaker::CircuitBreaker,
    control::{Health, QueueControl, QueueHealth, QueueStatus},
    error::WorkerError,
    options::QueueOptions,
    shutdown::Report,
    stats::{Stats, StatsSnapshot},
};
use self::{budget::Budget, clock::Clock, control::Panels, runner::Runner, shutdown::Grace};
use crate::{
    handler::{
        BoxError, BoxHandler, Delivery, Handler, HandlerDef, HandlerEntry, HandlerError, HandlerGroup,
        HandlerSpec, Outcome, Router,
    },
    idempotency::Idempotency,
};

/// Kubernetes and Amazon ECS both kill a process 30 seconds after asking it to stop: be done before.
const SHUTDOWN: Duration = Duration::from_secs(25);

/// Consumes queues with handlers.
///
/// Build one, mount handlers, run it. Handlers that name the same queue share its polls and are told apart by the
/// message's name.
///
/// # Examples
///
/// ```no_run
/// use serde::{Deserialize, Serialize};
/// use sqs_worker::{Message, State, Worker, handler, shutdown_signal};
///
/// #[derive(Debug, Serialize, Deserialize, Message)]
/// #[message(name = "orders.placed")]
/// struct OrderPlaced {
///     id: u64,
/// }
///
/// #[derive(Clone)]
/// struct Cards;
///
/// #[handler(queue = "orders", concurrency = 32)]
/// async fn charge(order: OrderPlaced, State(_cards): State<Cards>) {
///     println!("charging order {}", order.id);
/// }
///
/// # async fn run(client: aws_sdk_sqs::Client) -> Result<(), sqs_worker::WorkerError> {
/// let report = Worker::new(client, Cards).handler::<charge>().run_until(shutdown_signal()).await?;
/// println!("{} messages acknowledged", report.stats.acked);
/// # Ok(())
/// # }
/// ```
pub struct Worker<S> {
    client: Client,
    state: S,
    mounts: Vec<Mount<S>>,
    options: Vec<QueueOptions>,
    layers: Vec<BoxLayer>,
    idempotency: Option<Idempotency>,
    shutdown: Duration,
    seed: Option<u64>,
    time: Option<SystemTime>,
    stats: Stats,
    panels: Panels,
    shared_concurrency: Option<usize>,
    hurry: BoxFuture<'static, ()>,
}

type BoxLayer = Box<dyn Fn(BoxHandler) -> BoxHandler + Send + Sync>;

/// A handler and where its messages come from.
struct Mount<S> {
    spec: HandlerSpec,
    queue: Option<String>,
    /// Adds it to a router, for a queue that runs so many messages at once.
    add: Box<dyn FnOnce(Router<S>, usize) -> Router<S> + Send>,
}

impl<S> Worker<S>
where
    S: Clone + Send + Sync + 'static,
{
    /// A worker that talks to SQS through `client` and gives handlers access to `state`.
    ///
    /// The client's configuration is kept, with time-outs added where it has none: 5 seconds an attempt and 15
    /// seconds in all for a command, the wait plus 5 seconds for a long poll.
    pub fn new(client: Client, state: S) -> Self {
        Self {
            client,
            state,
            mounts: Vec::new(),
            options: Vec::new(),
            layers: Vec::new(),
            idempotency: None,
            shutdown: SHUTDOWN,
            seed: None,
            time: None,
            stats: Stats::default(),
            panels: Panels::default(),
            shared_concurrency: None,
            hurry: Box::pin(std::future::pending()),
        }
    }

    /// Mounts a handler on the queue that its `#[handler]` attribute names.
    pub fn handler<H: HandlerDef<S>>(self) -> Self {
        self.mount(HandlerEntry::of::<H>(), None)
    }

    /// Mounts a handler on `queue`, whatever its attribute says.
    pub fn handler_on<H: HandlerDef<S>>(self, queue: impl Into<String>) -> Self {
        self.mount(HandlerEntry::of::<H>(), Some(queue.into()))
    }

    /// Mounts all handlers of an `impl` block marked `#[handlers]`, each on the queue that its attribute names.
    pub fn handlers<G: HandlerGroup<S>>(self) -> Self {
        G::entries()
            .into_iter()
            .fold(self, |worker, entry| worker.mount(entry, None))
    }

    /// Mounts a plain async function on `queue`: its first parameter is the payload, the others are extracted.
    ///
    /// ```no_run
    /// use sqs_worker::{State, Worker};
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Ping { n: u32 }
    /// # impl sqs_worker::Message for Ping { const NAME: &'static str = "ping"; }
    ///
    /// async fn pong(ping: Ping, State(limit): State<u32>) {
    ///     println!("{} of {limit}", ping.n);
    /// }
    ///
    /// # fn worker(client: aws_sdk_sqs::Client) -> Worker<u32> {
    /// Worker::new(client, 10).route("pings", pong)
    /// # }
    /// ```
    #[track_caller]
    pub fn route<H, A>(mut self, queue: impl Into<String>, function: H) -> Self
    where
        H: Handler<A, S>,
        A: 'static,
    {
        let router = Router::new().route(function);
        let spec = router.specs().next().copied();
        if let Some(spec) = spec {
            let add = Box::new(|all: Router<S>, _| all.merge(router));
            self.mounts.push(Mount {
                spec,
                queue: Some(queue.into()),
                add,
            });
        }
        self
    }

    fn mount(mut self, entry: HandlerEntry<S>, queue: Option<String>) -> Self {
        let add = Box::new(move |router: Router<S>, messages| match entry.spec.batch {
            None => router.entry(entry),
            Some(batch) => router.entry_as(entry, move |state| {
                gather::service(&entry, batch, messages, state)
            }),
        });
        self.mounts.push(Mount {
            spec: entry.spec,
            queue,
            add,
        });
        self
    }

    /// Settings for one of the queues that the handlers name.
    pub fn queue(mut self, options: QueueOptions) -> Self {
        self.options.push(options);
        self
    }

    /// Wraps every handler in a tower layer. A layer added later is further out: it sees the message first.
    ///
    /// The layer wraps a `Service<Delivery, Response = Outcome, Error = HandlerError>`. Its own errors may be of any
    /// type: a [`HandlerError`] that passes through keeps what it says about the message, any other error means a
    /// retry. The lease is kept while a layer waits.
    pub fn layer<L>(mut self, layer: L) -> Self
    where
        L: Layer<BoxHandler> + Send + Sync + 'static,
        L::Service: Service<Delivery, Response = Outcome> + Clone + Send + Sync + 'static,
        <L::Service as Service<Delivery>>::Error: Into<BoxError>,
        <L::Service as Service<Delivery>>::Future: Send + 'static,
    {
        self.layers.push(Box::new(move |inner| {
            let service = layer.layer(inner);
            BoxCloneSyncService::new(service.map_err(|error| HandlerError::from_boxed(error.into())))
        }));
        self
    }

    /// Where handlers marked `idempotent` keep which messages are done: a store, or an [`Idempotency`] that says more.
    /// A worker with such a handler does not start without one.
    ///
    /// See [`idempotency`](crate::idempotency) for what becomes of a duplicate.
    ///
    /// ```
    /// use sqs_worker::{Worker, idempotency::MemoryStore};
    ///
    /// # fn worker(client: aws_sdk_sqs::Client) -> Worker<()> {
    /// Worker::new(client, ()).idempotency(MemoryStore::new())
    /// # }
    /// ```
    pub fn idempotency(mut self, idempotency: impl Into<Idempotency>) -> Self {
        self.idempotency = Some(idempotency.into());
        self
    }

    /// The most handlers at once over all queues, from 1 on, beside each queue's own limit. Which queue starts the next
    /// one is decided by [`QueueOptions::priority`] and [`QueueOptions::weight`]; an empty queue takes nothing from the
    /// others. Default: no such limit.
    ///
    /// ```
    /// # use sqs_worker::{QueueOptions, Worker};
    /// # fn example(worker: Worker<()>) -> Worker<()> {
    /// // "low" starts nothing while "high" has messages; "bulk" gets a quarter of what "normal" and it share.
    /// worker
    ///     .shared_concurrency(50)
    ///     .queue(QueueOptions::named("high").priority(1))
    ///     .queue(QueueOptions::named("normal").weight(3))
    ///     .queue(QueueOptions::named("bulk"))
    ///     .queue(QueueOptions::named("low").priority(-1))
    /// # }
    /// ```
    pub fn shared_concurrency(mut self, handlers: usize) -> Self {
        self.shared_concurrency = Some(handlers);
        self
    }

    /// A handle that pauses, resumes and resizes the work on one of the queues that the handlers name. Take it before
    /// the worker runs; a name that no handler uses is an error when it starts.
    pub fn control(&self, queue: impl Into<String>) -> QueueControl {
        self.panels.control(queue.into())
    }

    /// A live view of how the queues do, for health checks. Take it before [`run_until`](Self::run_until).
    pub fn health(&self) -> Health {
        Health(self.panels.clone())
    }

    /// Shortens the shutdown when this resolves: handlers that still run are ended at once and their messages given back;
    /// only the reserve for settling is kept. While the worker runs, it starts the shutdown as well.
    /// [`run`](Self::run) has a second signal for it. Default: never.
    pub fn hurry_on<F>(mut self, signal: F) -> Self
    where
        F: Future + Send + 'static,
    {
        self.hurry = Box::pin(async move {
            signal.await;
        });
        self
    }

    /// How long the worker may take to end once it is told to: from 1 second on. A fifth of it, at most 5 seconds,
    /// is kept for settling; handlers have the rest. Default: 25 seconds, five less than Kubernetes and ECS give.
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.shutdown = timeout.max(Duration::from_secs(1));
        self
    }

    /// Draws all jitter from this seed, so that a run under paused time can be repeated. Default: a random seed.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// What the wall clock shows when the worker starts, for tests under paused time. Default: the system's clock.
    pub fn start_time(mut self, time: SystemTime) -> Self {
        self.time = Some(time);
        self
    }

    /// A live view of the worker's numbers. Take it before [`run_until`](Self::run_until), which consumes the worker.
    pub fn stats(&self) -> Stats {
        self.stats.clone()
    }

    /// Runs until `signal` resolves, then finishes what is in flight.
    ///
    /// Nothing is left running when it returns. Once it has started, the worker does not end by itself: errors of SQS
    /// are logged and tried again.
    ///
    /// # Errors
    ///
    /// Only at the start: no handlers, a setting out of range, a queue that does not exist or may not be used, an
    /// endpoint that does not answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops everything at once, as a crash would: no message is lost, but those in flight come
    /// back only when their visibility time-out ends.
    pub async fn run_until<F: Future>(mut self, signal: F) -> Result<Report, WorkerError> {
        let (stop, hurry) = (CancellationToken::new(), CancellationToken::new());
        let mut hurried = std::mem::replace(&mut self.hurry, Box::pin(std::future::pending()));
        let mut work = Box::pin(thread::run(self, stop.clone(), hurry.clone()));
        tokio::pin!(signal);
        loop {
            tokio::select! {
                biased;
                _ = &mut signal, if !stop.is_cancelled() => stop.cancel(),
                () = &mut hurried, if !hurry.is_cancelled() => hurry.cancel(),
                ended = &mut work => return ended,
            }
        }
    }

    /// Runs until the process is asked to end, by Ctrl-C or SIGTERM, then finishes what is in flight; asked a second
    /// time, it ends handlers at once.
    ///
    /// As [`run_until`](Self::run_until) with [`shutdown_signal`], and [`hurry_on`](Self::hurry_on) with a second one.
    ///
    /// # Errors
    ///
    /// Those of [`run_until`](Self::run_until).
    ///
    /// # Panics
    ///
    /// If the process may not listen to signals.
    #[cfg(feature = "signal")]
    pub async fn run(self) -> Result<Report, WorkerError> {
        let mut signals = signal::Signals::listen();
        let (first, asked) = tokio::sync::oneshot::channel::<()>();
        let second = async move {
            signals.next().await;
            drop(first);
            signals.next().await;
            tracing::warn!("asked to end a second time: ending the handlers that still run");
        };
        self.hurry_on(second).run_until(asked).await
    }

    /// The whole life of the worker, on the thread where its engine runs.
    async fn work(
        self,
        stop: CancellationToken,
        hurry: CancellationToken,
        spawner: Handle,
    ) -> Result<Report, WorkerError> {
        let stats = self.stats.clone();
        let runners = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(Report::default()),
            () = hurry.cancelled() => return Ok(Report::default()),
            runners = self.runners(spawner) => runners?,
        };
        let runs = runners
            .into_iter()
            .map(|runner| runner.run(stop.clone(), hurry.clone()));
        let reports = join_all(runs).await;
        let mut report = Report {
            stats: stats.snapshot(),
            ..Report::default()
        };
        for queue in reports {
            report.interrupted += queue.interrupted;
            report.abandoned += queue.abandoned;
        }
        tracing::info!(
            acked = report.stats.acked,
            interrupted = report.interrupted,
            abandoned = report.abandoned,
            "worker ended"
        );
        Ok(report)
    }

    /// One runner for each queue, with everything asked and checked.
    async fn runners(self, spawner: Handle) -> Result<Vec<Runner>, WorkerError> {
        let context = start::Context {
            client: self.client,
            state: self.state,
            layers: self.layers,
            idempotency: self.idempotency,
            grace: Grace::of(self.shutdown),
            seed: self.seed.unwrap_or_else(rand::random),
            clock: Clock::starting_at(self.time.unwrap_or_else(SystemTime::now)),
            stats: Arc::clone(&self.stats.0),
            budget: self.shared_concurrency.map(Budget::new),
            panels: self.panels,
            spawner,
        };
        let groups = start::group(self.mounts, self.options, &context.panels)?;
        wrap::check(
            groups.iter().flat_map(start::Group::specs),
            context.idempotency.is_some(),
        )?;
        let mut runners = Vec::with_capacity(groups.len());
        for (number, group) in groups.into_iter().enumerate() {
            runners.push(context.runner(number as u64, group).await?);
        }
        Ok(runners)
    }
}

impl<S> fmt::Debug for Worker<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field(
                "handlers",
                &self
                    .mounts
                    .iter()
                    .map(|mount| mount.spec.name)
                    .collect::<Vec<_>>(),
            )
            .field("options", &self.options)
            .field("layers", &self.layers.len())
            .finish_non_exhaustive()
    }
}
