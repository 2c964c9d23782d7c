//! The runner of one queue: joins gate, polls, leases, lanes, handlers and settling.
//!
//! One task owns all of a queue's state and makes every decision; only handlers run elsewhere. The loop is: do what
//! is due, sleep until something happens, take it in. What is decided lives in the pure modules beside this one;
//! here is what happens when. Taking messages in is in `intake.rs`, handlers are in `running.rs`.

use std::{collections::BTreeSet, sync::Arc};

use futures_util::{StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use rand::{SeedableRng as _, rngs::StdRng};
use tokio::{
    runtime::Handle,
    select,
    sync::mpsc,
    task::{JoinError, JoinSet},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::{
    breaker::Breaker,
    budget::Share,
    clock::Clock,
    command::Commands,
    control::{Panel, TURN},
    gate::Gate,
    inflight::{Done, Table},
    intake::Polled,
    lane::Lanes,
    lease::{Id, Leases},
    options::Settings,
    pacer::Pacer,
    poll::{PollPlan, Receiver},
    prefetch::Prefetch,
    ready::Ready,
    running::{Ended, Wishes},
    rush::Rush,
    settle::Settler,
    settling::Commanded,
    shutdown::{Drain, Grace, QueueReport},
    stats::Counters,
};
use crate::{
    handler::{BoxHandler, Wish},
    queue::Queue,
};

/// What a runner is built from.
pub(crate) struct Parts {
    pub(crate) queue: Queue,
    pub(crate) settings: Settings,
    pub(crate) handler: BoxHandler,
    /// Where handlers run.
    pub(crate) spawner: Handle,
    /// Whether that is on other threads than the engine's.
    pub(crate) own_thread: bool,
    pub(crate) receiver: Receiver,
    pub(crate) commands: Commands,
    /// The dead-letter queue's name, if there is one.
    pub(crate) dead_letter: Option<String>,
    /// Its part of a limit that several queues share.
    pub(crate) share: Option<Share>,
    pub(crate) panel: Arc<Panel>,
    pub(crate) stats: Arc<Counters>,
    pub(crate) grace: Grace,
    pub(crate) seed: u64,
    pub(crate) clock: Clock,
}

/// One queue's state and its loop.
pub(crate) struct Runner {
    pub(super) queue: Queue,
    pub(super) settings: Settings,
    pub(super) handler: BoxHandler,
    pub(super) spawner: Handle,
    pub(super) receiver: Receiver,
    pub(super) commands: Commands,
    pub(super) dead_letter: Option<String>,
    pub(super) share: Option<Share>,
    pub(super) panel: Arc<Panel>,
    pub(super) stats: Arc<Counters>,
    pub(super) rng: StdRng,
    pub(super) clock: Clock,

    /// How many handlers may run at once, as of now.
    pub(super) concurrency: usize,
    pub(super) paused: bool,
    pub(super) gate: Gate,
    pub(super) prefetch: Prefetch,
    pub(super) pacer: Option<Pacer>,
    pub(super) breaker: Option<Breaker>,
    pub(super) plan: PollPlan,
    pub(super) leases: Leases,
    pub(super) lanes: Lanes,
    pub(super) ready: Ready,
    pub(super) table: Table,
    pub(super) done: Done,
    pub(super) settler: Settler,
    pub(super) drain: Drain,
    /// The messages that are tried again in place, by when.
    pub(super) resting: BTreeSet<(Instant, Id)>,
    /// The handlers that have been told to end, by when they are dropped.
    pub(super) stopping: BTreeSet<(Instant, Id)>,
    pub(super) wishes: Wishes,
    pub(super) rush: Rush,

    pub(super) polls: FuturesUnordered<BoxFuture<'static, Polled>>,
    /// How many messages the polls under way ask for.
    pub(super) asked: usize,
    pub(super) calls: FuturesUnordered<BoxFuture<'static, Commanded>>,
    pub(super) handlers: JoinSet<Ended>,
}

/// What may happen while the runner sleeps.
enum Event {
    Stop,
    Hurry,
    Woken,
    Commanded(Commanded),
    Handled(Result<Ended, JoinError>),
    Polled(Polled),
    Wished(Wish),
    Time,
}

impl Runner {
    pub(crate) fn new(parts: Parts) -> Self {
        let settings = parts.settings;
        Self {
            concurrency: settings.concurrency,
            paused: false,
            gate: Gate::new(settings.concurrency),
            prefetch: Prefetch::new(settings.prefetch),
            pacer: settings.rate_limit.map(|rate| Pacer::new(rate, Instant::now())),
            breaker: settings.breaker.map(Breaker::new),
            plan: PollPlan::new(settings.pollers),
            leases: Leases::new(settings.visibility),
            ready: Ready::new(settings.visibility, settings.tenant_limit),
            settler: Settler::new(settings.linger),
            drain: Drain::new(parts.grace),
            queue: parts.queue,
            settings,
            handler: parts.handler,
            spawner: parts.spawner,
            receiver: parts.receiver,
            commands: parts.commands,
            dead_letter: parts.dead_letter,
            share: parts.share,
            panel: parts.panel,
            stats: parts.stats,
            rng: StdRng::seed_from_u64(parts.seed),
            clock: parts.clock,
            lanes: Lanes::default(),
            table: Table::default(),
            done: Done::default(),
            resting: BTreeSet::new(),
            stopping: BTreeSet::new(),
            wishes: Wishes::default(),
            rush: Rush::new(parts.own_thread),
            polls: FuturesUnordered::new(),
            asked: 0,
            calls: FuturesUnordered::new(),
            handlers: JoinSet::new(),
        }
    }

    /// Works until `stop` is cancelled and everything taken in is settled, or the time for that is over; `hurry`
    /// shortens that time.
    pub(crate) async fn run(mut self, stop: CancellationToken, hurry: CancellationToken) -> QueueReport {
        let (panel, (sender, mut wishes)) = (self.panel.clone(), mpsc::unbounded_channel());
        self.wishes.sender = Some(sender);
        // Each is made once and not at each turn of the loop.
        let timer = tokio::time::sleep_until(Instant::now());
        let (stopped, hurried) = (stop.cancelled(), hurry.cancelled());
        let woken = panel.wake.notified();
        tokio::pin!(timer, stopped, hurried, woken);
        if stop.is_cancelled() {
            self.start_drain(Instant::now());
        }
        // What was asked of it before it ran.
        self.obey(Instant::now());
        loop {
            let now = Instant::now();
            let wake = self.turn(now);
            if self.is_over(now) {
                return self.report();
            }
            timer.as_mut().reset(wake);
            let event = select! {
                biased;
                () = &mut stopped, if !self.drain.started() => Event::Stop,
                () = &mut hurried, if !self.drain.is_hurried() => Event::Hurry,
                Some(call) = self.calls.next() => Event::Commanded(call),
                Some(ended) = self.handlers.join_next(), if !self.rush.is_on() => Event::Handled(ended),
                Some(polled) = self.polls.next() => Event::Polled(polled),
                Some(wish) = wishes.recv() => Event::Wished(wish),
                () = &mut woken => Event::Woken,
                () = &mut timer => Event::Time,
            };
            let now = Instant::now();
            match event {
                Event::Stop => self.start_drain(now),
                Event::Hurry => self.hurry(now),
                Event::Woken => {
                    woken.set(panel.wake.notified());
                    self.obey(now);
                }
                Event::Commanded(call) => self.commanded(call, now),
                Event::Handled(ended) => {
                    self.ended(ended, now);
                    // Whatever else is there already does not need a turn of its own.
                    self.take_ended(1, now);
                }
                Event::Polled(polled) => self.polled(polled, now),
                Event::Wished(wish) => self.wished(wish, now),
                Event::Time => {}
            }
        }
    }

    /// Does everything that is due; returns when the next thing will be.
    fn turn(&mut self, now: Instant) -> Instant {
        self.panel.turned(now);
        let look = self.rush.next_at().is_none_or(|at| at <= now);
        if look && self.rush.is_on() {
            self.take_ended(0, now);
        }
        // First of all: what is not ours any more must not start.
        self.leases_due(now);
        self.drain_due(now);
        self.running_due(now);
        for id in self.settler.due(now) {
            self.enqueue(id, now);
        }
        if look {
            self.start_ready(now);
        }
        let wake = [
            self.poll(now),
            self.flush(now),
            self.leases.next_at(),
            self.drain.next_at(),
            self.resting.first().map(|(at, _)| *at),
            self.stopping.first().map(|(at, _)| *at),
            self.rush.next_at(),
        ];
        wake.into_iter()
            .flatten()
            .chain([now + TURN])
            .min()
            .unwrap_or(now)
    }

    /// What the handles on this queue want.
    fn obey(&mut self, now: Instant) {
        let wanted = self.panel.wanted();
        if let Some(concurrency) = wanted.concurrency
            && concurrency != self.concurrency
        {
            tracing::info!(queue = %self.queue.name, concurrency, "concurrency changed");
            self.concurrency = concurrency;
        }
        if wanted.paused != self.paused {
            self.paused = wanted.paused;
            if self.paused {
                tracing::info!(queue = %self.queue.name, "paused");
                self.give_back_waiting(now);
            } else {
                tracing::info!(queue = %self.queue.name, "resumed");
            }
        }
    }

    /// Whether nothing new may start.
    pub(super) fn is_closed(&self) -> bool {
        self.drain.started() || self.paused || self.breaker.as_ref().is_some_and(Breaker::is_open)
    }

    fn is_over(&self, now: Instant) -> bool {
        if !self.drain.started() {
            return false;
        }
        let idle = self.polls.is_empty() && self.table.is_empty() && self.calls.is_empty();
        idle || self.drain.is_over(now)
    }
}
