//! Changing a queue's work while the worker runs, and seeing how it does.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

/// A runner's loop turns at least twice in this time, whatever else happens.
const ALIVE: Duration = Duration::from_secs(60);

/// The longest that a runner's loop waits.
pub(crate) const TURN: Duration = Duration::from_secs(30);

/// A handle on one queue of a worker, from [`Worker::control`](crate::Worker::control): pauses it, resumes it and
/// changes its concurrency, before and while the worker runs. Clones are the same handle.
///
/// # Examples
///
/// ```
/// # async fn example(worker: sqs_worker::Worker<()>) -> Result<(), sqs_worker::WorkerError> {
/// let orders = worker.control("orders");
/// let running = tokio::spawn(worker.run_until(std::future::pending::<()>()));
/// orders.pause(); // during the migration of a table, say
/// orders.set_concurrency(4);
/// orders.resume();
/// # running.abort();
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct QueueControl {
    queue: String,
    panel: Arc<Panel>,
}

impl QueueControl {
    /// The queue, as the handlers name it.
    pub fn queue(&self) -> &str {
        &self.queue
    }

    /// Takes nothing in any more: polls stop, what has been received and not started is given back, and so is what a
    /// long poll still brings, which can take the 20 seconds that it lasts. Handlers that run go on.
    pub fn pause(&self) {
        self.panel.change(|wanted| wanted.paused = true);
    }

    /// Polls again.
    pub fn resume(&self) {
        self.panel.change(|wanted| wanted.paused = false);
    }

    /// Whether it is paused.
    pub fn is_paused(&self) -> bool {
        self.panel.wanted().paused
    }

    /// Changes how many handlers run at once; 0 counts as 1. Those that run beyond a lowered number go on to their end.
    pub fn set_concurrency(&self, handlers: usize) {
        self.panel
            .change(|wanted| wanted.concurrency = Some(handlers.max(1)));
    }
}

/// A live view of how a worker's queues do, from [`Worker::health`](crate::Worker::health). Clones share it.
///
/// For a liveness probe use [`is_live`](Self::is_live): a worker that fails it hangs, and is better started anew. For a
/// readiness probe or an alarm use [`is_ready`](Self::is_ready).
///
/// # Examples
///
/// ```
/// # fn example(worker: &sqs_worker::Worker<()>) {
/// let health = worker.health();
/// for queue in health.queues() {
///     println!("{}: {:?}, last poll {:?} ago", queue.queue, queue.status, queue.last_poll);
/// }
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Health(pub(crate) Panels);

impl Health {
    /// How each queue does, in the order of their names; none before the worker runs.
    pub fn queues(&self) -> Vec<QueueHealth> {
        let now = Instant::now();
        let panels = self.0.lock();
        panels
            .iter()
            .map(|(queue, panel)| panel.health(queue, now))
            .collect()
    }

    /// Whether the worker's loops turn: each of them has in the last minute. True before it runs and after it ended.
    pub fn is_live(&self) -> bool {
        let ended = |queue: &QueueHealth| matches!(queue.status, QueueStatus::Starting | QueueStatus::Ended);
        self.queues()
            .iter()
            .all(|queue| ended(queue) || queue.last_turn.is_some_and(|ago| ago <= ALIVE))
    }

    /// Whether messages are taken in, or would be if there were any: every queue has been polled, and none of them
    /// fails. A paused queue and one whose breaker is open are ready too: that is as it should be.
    pub fn is_ready(&self) -> bool {
        let queues = self.queues();
        !queues.is_empty()
            && queues.iter().all(|queue| {
                !matches!(
                    queue.status,
                    QueueStatus::Starting | QueueStatus::Failing | QueueStatus::Ended
                )
            })
    }
}

/// How one queue does.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct QueueHealth {
    /// The queue, as the handlers name it.
    pub queue: String,
    /// What it is at.
    pub status: QueueStatus,
    /// How long ago the last poll was answered, with messages or without.
    pub last_poll: Option<Duration>,
    /// How long ago its loop turned.
    pub last_turn: Option<Duration>,
    /// How many polls in a row have failed.
    pub failures: u32,
    /// The error of the last poll, if it failed.
    pub error: Option<String>,
}

/// What a queue is at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum QueueStatus {
    /// The first poll has not been answered.
    #[default]
    Starting,
    /// It is polled.
    Polling,
    /// As many messages are in flight as may be.
    Saturated,
    /// [Paused](QueueControl::pause).
    Paused,
    /// Its [circuit breaker](super::CircuitBreaker) is open.
    BreakerOpen,
    /// The last poll failed; there will be another.
    Failing,
    /// The worker is shutting down.
    Draining,
    /// It has ended.
    Ended,
}

/// What a runner and its handles share.
#[derive(Debug)]
pub(crate) struct Panel {
    wanted: Mutex<Wanted>,
    pub(crate) wake: Arc<Notify>,
    seen: Mutex<Seen>,
    /// When the loop turned, in milliseconds after `since`; 0 for never.
    turned: AtomicU64,
    since: Instant,
}

/// What the handles want.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) paused: bool,
    pub(crate) concurrency: Option<usize>,
}

#[derive(Debug, Default)]
struct Seen {
    status: QueueStatus,
    polled: Option<Instant>,
    failures: u32,
    error: Option<String>,
}

impl Panel {
    fn new() -> Self {
        Self {
            wanted: Mutex::default(),
            wake: Arc::default(),
            seen: Mutex::default(),
            turned: AtomicU64::new(0),
            since: Instant::now(),
        }
    }

    pub(crate) fn wanted(&self) -> Wanted {
        *lock(&self.wanted)
    }

    fn change(&self, change: impl FnOnce(&mut Wanted)) {
        change(&mut lock(&self.wanted));
        self.wake.notify_one();
    }

    /// The loop turned.
    pub(crate) fn turned(&self, now: Instant) {
        let millis = now.saturating_duration_since(self.since).as_millis() as u64;
        self.turned.store(millis + 1, Ordering::Relaxed);
    }

    pub(crate) fn status(&self, status: QueueStatus) {
        lock(&self.seen).status = status;
    }

    /// A poll ended; `error` if it failed.
    pub(crate) fn polled(&self, now: Instant, error: Option<String>) {
        let mut seen = lock(&self.seen);
        match error {
            None => {
                seen.polled = Some(now);
                seen.failures = 0;
                seen.error = None;
            }
            Some(error) => {
                seen.failures += 1;
                seen.error = Some(error);
            }
        }
    }

    fn health(&self, queue: &str, now: Instant) -> QueueHealth {
        let seen = lock(&self.seen);
        let turned = self.turned.load(Ordering::Relaxed).checked_sub(1);
        QueueHealth {
            queue: queue.to_owned(),
            status: seen.status,
            last_poll: seen.polled.map(|at| now.saturating_duration_since(at)),
            last_turn: turned
                .map(|millis| now.saturating_duration_since(self.since + Duration::from_millis(millis))),
            failures: seen.failures,
            error: seen.error.clone(),
        }
    }
}

/// The panels of a worker's queues, by the names that the handlers use.
#[derive(Clone, Debug, Default)]
pub(crate) struct Panels(Arc<Mutex<BTreeMap<String, Arc<Panel>>>>);

impl Panels {
    /// The panel of a queue; there may be one before the worker knows the queue.
    pub(crate) fn of(&self, queue: &str) -> Arc<Panel> {
        let mut panels = self.lock();
        match panels.get(queue) {
            Some(panel) => panel.clone(),
            None => {
                let panel = Arc::new(Panel::new());
                panels.insert(queue.to_owned(), panel.clone());
                panel
            }
        }
    }

    pub(crate) fn control(&self, queue: String) -> QueueControl {
        let panel = self.of(&queue);
        QueueControl { queue, panel }
    }

    /// The queues that have one.
    pub(crate) fn names(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Panel>>> {
        lock(&self.0)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
