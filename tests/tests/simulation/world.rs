//! Runs a scenario: an SQS, producers, and workers that come and go, hours of it in milliseconds.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws_sdk_sqs::config::retry::RetryConfig;
use sqs_local::{
    QueueSnapshot, SqsLocal,
    api::{Answer, Caller, CreateQueue, Operation, Request},
    faults::{Fault, Faults, Rule},
};
use sqs_worker::{
    QueueOptions, Schedule, Worker,
    idempotency::MemoryStore,
    worker::{CircuitBreaker, QueueControl},
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    handlers::{self, Desk, batch, brief, long, note, usual},
    history::{Actor, Event, Facts, History, Msg, Returned, What},
    latency::Latency,
    scenario::{Death, FaultPlan, LifePlan, MessagePlan, Patience, QueuePlan, Scenario, WorkerPlan},
    shelf::Shelf,
    wire,
    witness::{STORM, Witness},
};

/// How long after the trouble everything must have come to an end: a message may be hidden for twelve hours, and the
/// handler that has it may take as long.
const PATIENCE: Duration = Duration::from_secs(40 * 3_600);

/// What a run leaves behind.
#[derive(Debug)]
pub(crate) struct Past {
    pub(crate) events: Vec<Event>,
    pub(crate) messages: Vec<Facts>,
    pub(crate) by_id: BTreeMap<String, Msg>,
    /// All queues at the end, by name.
    pub(crate) queues: BTreeMap<String, QueueSnapshot>,
    /// How long it took in its own time.
    pub(crate) lasted: Duration,
    pub(crate) injected: BTreeMap<Fault, u64>,
    pub(crate) storm: bool,
    /// A hash of the SQS's journal and of all events: the same for the same scenario.
    pub(crate) fingerprint: u64,
}

/// Runs a scenario to its end.
pub(crate) fn run(scenario: &Scenario) -> Past {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(live(Arc::new(scenario.clone())))
}

/// What everybody in a run knows.
#[derive(Clone, Debug)]
struct World {
    scenario: Arc<Scenario>,
    history: History,
    sqs: SqsLocal,
    start: Instant,
    /// Which keys are done, for all workers.
    store: Arc<MemoryStore>,
    /// The run is over: workers that still live are asked to stop.
    closing: CancellationToken,
}

async fn live(scenario: Arc<Scenario>) -> Past {
    let (history, faults) = (History::new(), Faults::seeded(scenario.seed));
    let sqs = SqsLocal::builder()
        .seed(scenario.seed)
        .epoch(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000))
        .journal(4 * STORM)
        .layer(Witness::of_effects(&history, &scenario))
        .layer(faults.clone())
        .layer(Latency::up_to(scenario.latency, scenario.seed))
        .layer(Witness::of_callers(&history, &scenario))
        .build();
    let world = World {
        scenario: scenario.clone(),
        history: history.clone(),
        sqs: sqs.clone(),
        start: Instant::now(),
        store: Arc::default(),
        closing: CancellationToken::new(),
    };
    world.create_queues().await;
    for plan in &scenario.faults {
        let _ = faults.clone().rule(rule(&scenario, plan));
    }
    let producers = tokio::spawn(world.clone().produce());
    let mut workers: Vec<_> = scenario
        .workers
        .iter()
        .enumerate()
        .map(|(number, plan)| tokio::spawn(world.clone().employ(number as u8, plan.clone())))
        .collect();

    sleep_until(world.start + scenario.trouble).await;
    faults.clear();
    history.book().calm = true;
    history.add(Actor::World, What::TroubleOver);
    if !scenario.workers.iter().any(WorkerPlan::stays) {
        let relief = WorkerPlan {
            shutdown: Duration::from_secs(25),
            lives: vec![LifePlan {
                start: scenario.trouble,
                end: None,
            }],
        };
        workers.push(tokio::spawn(
            world.clone().employ(scenario.workers.len() as u8, relief),
        ));
    }
    producers.await.expect("producers do not panic");
    world.wait_until_done().await;
    world.closing.cancel();
    for mut worker in workers {
        if timeout(Duration::from_secs(600), &mut worker).await.is_err() {
            worker.abort();
            let _ = worker.await;
        }
    }
    let lasted = world.start.elapsed();
    let mut hasher = DefaultHasher::new();
    format!("{:?}", sqs.journal()).hash(&mut hasher);
    let queues = sqs
        .queues()
        .into_iter()
        .map(|queue| (queue.name.clone(), queue))
        .collect();
    let mut book = history.book();
    let (events, messages) = (
        std::mem::take(&mut book.events),
        std::mem::take(&mut book.messages),
    );
    format!("{events:?}").hash(&mut hasher);
    Past {
        storm: book.requests > STORM,
        events,
        messages,
        by_id: std::mem::take(&mut book.by_id),
        queues,
        lasted,
        injected: faults.all_injected(),
        fingerprint: hasher.finish(),
    }
}

impl World {
    async fn create_queues(&self) {
        for (number, plan) in self.scenario.queues.iter().enumerate() {
            let mut attributes: BTreeMap<String, String> = plan
                .attributes()
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect();
            if let (Some(dead), Some(max)) = (self.scenario.dead_letter_name(number), plan.max_receives) {
                let mut of_dead =
                    BTreeMap::from([("MessageRetentionPeriod".to_owned(), (14 * 24 * 3_600).to_string())]);
                if plan.fifo {
                    of_dead.insert("FifoQueue".to_owned(), "true".to_owned());
                }
                self.create_queue(&dead, of_dead).await;
                let arn = format!("arn:aws:sqs:us-east-1:000000000000:{dead}");
                let policy = format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":{max}}}"#);
                attributes.insert("RedrivePolicy".to_owned(), policy);
            }
            self.create_queue(&self.scenario.queue_name(number), attributes)
                .await;
        }
    }

    async fn create_queue(&self, name: &str, attributes: BTreeMap<String, String>) {
        let create = CreateQueue {
            queue_name: Some(name.to_owned()),
            attributes,
            ..CreateQueue::default()
        };
        let created = self.call(Operation::CreateQueue(create)).await;
        assert!(created, "queue {name} is created");
    }

    /// Sends every message of the scenario at its time; what fails is tried again, as producers do.
    async fn produce(self) {
        let plans = self.scenario.messages.iter().enumerate();
        let copies = |(number, plan): (usize, &MessagePlan)| {
            let at = move |copy, plan: &MessagePlan| plan.at + plan.copies_apart * copy;
            let plan = plan.clone();
            (0..plan.copies).map(move |copy| (at(copy, &plan), number, copy))
        };
        let mut all: Vec<(Duration, usize, u32)> = plans.flat_map(copies).collect();
        all.sort_unstable();
        for (at, number, copy) in all {
            let plan = &self.scenario.messages[number];
            sleep_until(self.start + at).await;
            let url = format!(
                "http://world.sim/000000000000/{}",
                self.scenario.queue_name(plan.queue)
            );
            let mut tries = 0;
            while !self
                .call(Operation::SendMessage(wire::send(
                    &self.scenario,
                    number,
                    copy,
                    url.clone(),
                )))
                .await
            {
                tries += 1;
                if tries == 4 {
                    break;
                }
                sleep(Duration::from_millis(700)).await;
            }
        }
    }

    /// One request of the world's own; whether it went well.
    async fn call(&self, operation: Operation) -> bool {
        let request = Request {
            caller: Caller {
                account: "000000000000".into(),
                region: "us-east-1".into(),
                trace_id: None,
                base_url: Actor::World.endpoint().into(),
            },
            operation,
        };
        let answer: Result<Result<Answer, _>, _> =
            timeout(Duration::from_secs(5), self.sqs.call(request)).await;
        matches!(answer, Ok(Ok(_)))
    }

    /// All lives of one worker.
    async fn employ(self, number: u8, plan: WorkerPlan) {
        let mut life = 0;
        for span in &plan.lives {
            sleep_until(self.start + span.start).await;
            let mut pause = Duration::from_secs(5);
            loop {
                let actor = Actor::Worker(number, life);
                life += 1;
                if self.live_once(actor, &plan, span).await || self.closing.is_cancelled() {
                    break;
                }
                // It did not start: whoever runs it starts it again.
                sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(60));
                if span.end.is_some_and(|(end, _)| self.start.elapsed() >= end) {
                    break;
                }
            }
        }
    }

    /// One life; whether it ended as planned.
    async fn live_once(&self, actor: Actor, plan: &WorkerPlan, span: &LifePlan) -> bool {
        let hurry = CancellationToken::new();
        let gone = CancellationToken::new();
        let worker = self
            .worker(actor, gone.clone())
            .shutdown_timeout(plan.shutdown)
            .hurry_on(hurry.clone().cancelled_owned());
        let _pauses = self.pauses(actor, &worker);
        let (stats, stop) = (worker.stats(), CancellationToken::new());
        self.history.add(actor, What::WorkerStarted);
        let mut task = tokio::spawn(worker.run_until(stop.clone().cancelled_owned()));
        let (end, death) = span
            .end
            .unwrap_or((Duration::from_secs(1_000 * 3_600), Death::Asked));
        tokio::select! {
            biased;
            ended = &mut task => {
                let text = match ended {
                    Ok(Ok(_)) => "it ended by itself".to_owned(),
                    Ok(Err(error)) => error.to_string(),
                    Err(error) => format!("it panicked: {error}"),
                };
                self.history.add(actor, What::WorkerFailed(text));
                return false;
            }
            () = self.closing.cancelled() => {}
            () = sleep_until(self.start + end) => if death == Death::Killed {
                self.history.add(actor, What::WorkerKilled);
                gone.cancel();
                task.abort();
                let _ = task.await;
                return true;
            }
        }
        self.history.add(actor, What::WorkerStopped);
        stop.cancel();
        if death == Death::Hurried && !self.closing.is_cancelled() {
            sleep(Duration::from_secs(1)).await;
            hurry.cancel();
        }
        let what = match task.await {
            Ok(Ok(report)) => What::WorkerReturned(Box::new(Returned {
                report,
                stats: stats.snapshot(),
            })),
            Ok(Err(error)) => What::WorkerFailed(error.to_string()),
            Err(error) => What::WorkerFailed(format!("it panicked: {error}")),
        };
        self.history.add(actor, what);
        true
    }

    /// Pauses and resumes the queues of a worker as planned, until what it returns is dropped.
    fn pauses(&self, actor: Actor, worker: &Worker<Desk>) -> JoinSet<()> {
        async fn pause(control: QueueControl, from: Instant, until: Instant) {
            sleep_until(from).await;
            control.pause();
            sleep_until(until).await;
            control.resume();
        }
        let Actor::Worker(number, _) = actor else {
            unreachable!("the world is no worker")
        };
        let mine = self
            .scenario
            .pauses
            .iter()
            .filter(|pause| pause.worker == usize::from(number));
        mine.filter(|plan| self.start.elapsed() < plan.until)
            .map(|plan| {
                let control = worker.control(self.scenario.queue_name(plan.queue));
                pause(control, self.start + plan.from, self.start + plan.until)
            })
            .collect()
    }

    fn worker(&self, actor: Actor, gone: CancellationToken) -> Worker<Desk> {
        let config = self
            .sqs
            .sdk_config()
            .endpoint_url(actor.endpoint())
            .retry_config(RetryConfig::disabled())
            .build();
        let desk = Desk {
            actor,
            history: self.history.clone(),
            scenario: self.scenario.clone(),
            sqs: self.sqs.clone(),
        };
        let Actor::Worker(number, life) = actor else {
            unreachable!("the world is no worker")
        };
        let seed = self.scenario.seed ^ u64::from(number) << 32 ^ u64::from(life) << 40;
        let worker = Worker::new(aws_sdk_sqs::Client::from_conf(config), desk)
            .seed(seed)
            .start_time(self.sqs.now());
        let keyed = (0..self.scenario.messages.len()).any(|number| self.scenario.key(number).is_some());
        let worker = if keyed {
            worker.idempotency(Shelf::new(
                actor,
                &self.history,
                &self.scenario,
                &self.store,
                gone,
            ))
        } else {
            worker
        };
        let worker = match self.scenario.shared {
            Some(handlers) => worker.shared_concurrency(handlers),
            None => worker,
        };
        self.scenario
            .queues
            .iter()
            .enumerate()
            .fold(worker, |worker, (number, plan)| {
                let name = self.scenario.queue_name(number);
                let worker = worker.queue(options(&name, plan)).handler_on::<note>(&name);
                match plan.patience {
                    Patience::Brief => worker.handler_on::<brief>(&name),
                    Patience::Long => worker.handler_on::<long>(&name),
                    // A store is there where something is sent to it.
                    Patience::Keyed if keyed => worker.handler_on::<handlers::keyed>(&name),
                    Patience::Usual | Patience::Keyed => worker.handler_on::<usual>(&name),
                    Patience::Batch => worker.handler_on::<batch>(&name),
                }
            })
    }

    /// Waits until all queues are empty, or for as long as anything may take.
    async fn wait_until_done(&self) {
        let (started, mut pause) = (Instant::now(), Duration::from_secs(1));
        loop {
            let left: Vec<Msg> = self.left();
            if left.is_empty() || self.history.book().requests > STORM {
                return;
            }
            if started.elapsed() > PATIENCE {
                return self.history.add(Actor::World, What::Stuck(left));
            }
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(120));
        }
    }

    /// The messages in queues that workers consume.
    fn left(&self) -> Vec<Msg> {
        let names: Vec<String> = (0..self.scenario.queues.len())
            .map(|queue| self.scenario.queue_name(queue))
            .collect();
        let queues = names.iter().filter_map(|name| self.sqs.queue(name));
        let ids: Vec<String> = queues
            .flat_map(|queue| queue.messages)
            .map(|message| message.message_id.to_string())
            .collect();
        let book = self.history.book();
        ids.iter().filter_map(|id| book.by_id.get(id).copied()).collect()
    }
}

impl WorkerPlan {
    /// Whether it lives to the end of the run.
    fn stays(&self) -> bool {
        self.lives.last().is_some_and(|life| life.end.is_none())
    }
}

fn options(name: &str, plan: &QueuePlan) -> QueueOptions {
    let mut options = QueueOptions::named(name)
        .concurrency(plan.concurrency)
        .pollers(plan.pollers)
        .visibility(plan.visibility)
        .linger(plan.linger)
        .retry(Schedule::new(plan.retry.0, plan.retry.1))
        .priority(plan.priority)
        .weight(plan.weight);
    if let Some(attempts) = plan.max_attempts {
        options = options.max_attempts(attempts);
    }
    if let Some(messages) = plan.prefetch {
        options = options.prefetch(messages);
    }
    if let Some(rate) = plan.rate_limit {
        options = options.rate_limit(rate);
    }
    if let Some(handlers) = plan.tenant_limit {
        options = options.tenant_concurrency(handlers);
    }
    if plan.ranked {
        options = options.priority_attribute(wire::RANK);
    }
    if plan.breaker {
        options = options.circuit_breaker(CircuitBreaker::new().window(5).cooldown(Duration::from_secs(10)));
    }
    options
}

fn rule(scenario: &Scenario, plan: &FaultPlan) -> Rule {
    let rule = Rule::new(plan.fault)
        .from(plan.from)
        .until(plan.until)
        .chance(plan.chance)
        .delay(plan.delay.0, plan.delay.1)
        .share(plan.share);
    let rule = match plan.action {
        Some(action) => rule.action(action),
        None => rule,
    };
    match plan.queue {
        Some(queue) => rule.queue(scenario.queue_name(queue)),
        None => rule,
    }
}

impl Past {
    /// How many requests there were.
    pub(crate) fn requests(&self) -> u64 {
        self.events
            .iter()
            .filter(|event| matches!(event.what, What::Asked(..)))
            .count() as u64
    }

    /// How many handlers ran.
    pub(crate) fn runs(&self) -> u64 {
        self.events
            .iter()
            .filter(|event| matches!(event.what, What::Started(..)))
            .count() as u64
    }

    /// When two runs began to differ.
    pub(crate) fn parting(&self, other: &Self) -> Duration {
        let mut pairs = self.events.iter().zip(&other.events);
        let differs = pairs.find(|(one, two)| format!("{one:?}") != format!("{two:?}"));
        differs.map_or(self.lasted, |(one, _)| one.at)
    }
}
