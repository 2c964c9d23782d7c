//! A key runs once, whatever happens to workers, messages, leases and the store.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use serde::{Deserialize, Serialize};
use sqs_local::{ErrorKind, SqsLocal};
use sqs_worker::{
    HandlerError, Headers, Message, Outcome, Producer, State, Worker, WorkerError, handler,
    idempotency::{
        Begun, Claim, Idempotency, IdempotencyStore, MemoryStore, OnStoreError, Owner, PayloadHash,
        RecordKey, StoreError, Written,
    },
};
use tests::{Fault, Job, Setup, run_until, script, text_attribute, until};
use tokio::time::{Instant, sleep};

const SECOND: Duration = Duration::from_secs(1);

/// How often handlers started, and how often they came to their end.
#[derive(Clone, Default)]
struct Runs {
    started: Arc<AtomicU32>,
    finished: Arc<AtomicU32>,
}

impl Runs {
    fn counts(&self) -> (u32, u32) {
        (
            self.started.load(Ordering::Relaxed),
            self.finished.load(Ordering::Relaxed),
        )
    }

    /// Resolves when so many handlers have started.
    async fn started(&self, count: u32) {
        while self.counts().0 < count {
            sleep(Duration::from_millis(1)).await;
        }
    }

    async fn work(&self, time: Duration) -> u32 {
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        sleep(time).await;
        self.finished.fetch_add(1, Ordering::Relaxed);
        number
    }
}

/// A store that several workers share, that can be out of reach, and whose writes can be left out.
#[derive(Clone, Default)]
struct Shared {
    store: Arc<MemoryStore>,
    down: Arc<AtomicBool>,
    renewals_fail: Arc<AtomicBool>,
}

impl Shared {
    fn check(&self, fails: bool) -> Result<(), StoreError> {
        if fails || self.down.load(Ordering::Relaxed) {
            Err(StoreError::new("no route to the store"))
        } else {
            Ok(())
        }
    }

    fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::Relaxed);
    }
}

impl IdempotencyStore for Shared {
    async fn begin(&self, claim: Claim) -> Result<Begun, StoreError> {
        self.check(false)?;
        self.store.begin(claim).await
    }

    async fn renew(&self, key: RecordKey, owner: Owner, lease: Duration) -> Result<Written, StoreError> {
        self.check(self.renewals_fail.load(Ordering::Relaxed))?;
        self.store.renew(key, owner, lease).await
    }

    async fn complete(
        &self,
        key: RecordKey,
        owner: Owner,
        result: Vec<u8>,
        ttl: Duration,
    ) -> Result<Written, StoreError> {
        self.check(false)?;
        self.store.complete(key, owner, result, ttl).await
    }

    async fn release(&self, key: RecordKey, owner: Owner) -> Result<Written, StoreError> {
        self.check(false)?;
        self.store.release(key, owner).await
    }
}

#[handler(queue = "jobs", visibility = "30s", idempotent)]
async fn quick(_: Job, State(runs): State<Runs>) {
    runs.work(Duration::ZERO).await;
}

#[handler(queue = "jobs", visibility = "30s", idempotent)]
async fn ten_seconds(_: Job, State(runs): State<Runs>) {
    runs.work(10 * SECOND).await;
}

#[handler(queue = "jobs", visibility = "30s", timeout = "30m", idempotent)]
async fn ten_minutes(_: Job, State(runs): State<Runs>) {
    runs.work(600 * SECOND).await;
}

#[handler(
    queue = "jobs",
    visibility = "30s",
    retry(base = "1s", cap = "1s"),
    idempotent
)]
async fn fail_once(_: Job, State(runs): State<Runs>) -> Result<(), HandlerError> {
    match runs.work(Duration::ZERO).await {
        0 => Err(HandlerError::msg("not yet")),
        _ => Ok(()),
    }
}

#[handler(
    queue = "jobs",
    visibility = "30s",
    retry(base = "1s", cap = "1s"),
    idempotent
)]
async fn panic_once(_: Job, State(runs): State<Runs>) {
    assert!(runs.work(Duration::ZERO).await > 0, "the first call fails");
}

#[handler(queue = "jobs", visibility = "30s", idempotent(ttl = "1h"))]
async fn for_an_hour(_: Job, State(runs): State<Runs>) {
    runs.work(Duration::ZERO).await;
}

/// The same job in as many messages.
async fn send_copies(setup: &Setup, copies: usize) {
    setup.send((0..copies).map(|_| Job::new(1, "a"))).await;
}

fn reasons(setup: &Setup) -> Vec<String> {
    let queue = setup.sqs.queue(setup.dead).unwrap();
    let packed = queue
        .available()
        .into_iter()
        .filter_map(|message| text_attribute(message, "sqs-worker"));
    packed
        .filter_map(|text| Headers::parse(text).unwrap().failure)
        .map(|record| record.reason)
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_of_a_finished_key_is_acknowledged_without_running() {
    let (setup, runs) = (Setup::standard().await, Runs::default());
    send_copies(&setup, 1).await;
    let worker = setup
        .worker(runs.clone())
        .handler::<quick>()
        .idempotency(MemoryStore::new());
    let stats = worker.stats();
    let more = async {
        until(stats.clone(), |stats| stats.acked == 1).await;
        send_copies(&setup, 3).await;
        until(stats, |stats| stats.acked == 4).await;
    };
    let report = worker.run_until(more).await.unwrap();
    assert_eq!((runs.counts(), report.stats.duplicates), ((1, 1), 3));
    assert_eq!((setup.left(), setup.dead_letters()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn other_keys_are_other_messages() {
    let (setup, runs) = (Setup::standard().await, Runs::default());
    setup.send((0..20).map(|id| Job::new(id, "a"))).await;
    let worker = setup.worker(runs.clone()).handler::<quick>();
    let report = run_until(worker.idempotency(MemoryStore::new()), |stats| stats.acked == 20).await;
    assert_eq!((runs.counts(), report.stats.duplicates), ((20, 20), 0));
}

#[tokio::test(start_paused = true)]
async fn one_key_in_two_messages_with_two_workers_at_once_runs_once() {
    let (setup, runs, store) = (Setup::standard().await, Runs::default(), Shared::default());
    send_copies(&setup, 2).await;
    let worker = || {
        let worker = setup.worker(runs.clone()).handler::<ten_seconds>();
        // One message each, so that both have one.
        worker
            .queue(sqs_worker::QueueOptions::named("jobs").concurrency(1))
            .idempotency(store.clone())
    };
    let (one, two) = (worker(), worker());
    let (first, second) = (one.stats(), two.stats());
    let all = async || {
        for _ in 0..600 {
            sleep(SECOND).await;
            if first.snapshot().acked + second.snapshot().acked == 2 {
                return;
            }
        }
    };
    let (one, two) = tokio::join!(one.run_until(all()), two.run_until(all()));
    let (one, two) = (one.unwrap().stats, two.unwrap().stats);
    assert_eq!(runs.counts(), (1, 1));
    assert_eq!(one.duplicates + two.duplicates, 1);
    // The one that found the key in progress hid its message until that lease ended, once.
    assert_eq!((one.deferred + two.deferred, one.retried + two.retried), (1, 0));
    assert_eq!((setup.left(), setup.dead_letters()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_key_in_progress_is_no_failed_attempt_of_its_duplicate() {
    #[handler(
        queue = "jobs",
        visibility = "30s",
        timeout = "5m",
        retry(max = 1),
        idempotent
    )]
    async fn once_only(_: Job, State(runs): State<Runs>) {
        runs.work(45 * SECOND).await;
    }

    let (setup, runs) = (Setup::standard().await, Runs::default());
    send_copies(&setup, 2).await;
    let worker = setup.worker(runs.clone()).handler::<once_only>();
    let report = run_until(worker.idempotency(MemoryStore::new()), |stats| stats.acked == 2).await;
    assert_eq!((runs.counts(), report.stats.duplicates), ((1, 1), 1));
    assert!((1..=3).contains(&report.stats.deferred), "{:?}", report.stats);
    assert_eq!((report.stats.retried, report.stats.dead_lettered), (0, 0));
    assert_eq!(setup.dead_letters(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_record_is_renewed_with_the_message_for_as_long_as_the_handler_runs() {
    let (setup, runs, store) = (Setup::standard().await, Runs::default(), Shared::default());
    send_copies(&setup, 1).await;
    let worker = setup
        .worker(runs.clone())
        .handler::<ten_minutes>()
        .idempotency(store.clone());
    let stats = worker.stats();
    let rival = async {
        runs.started(1).await;
        // In all of the ten minutes nobody else gets the key.
        while stats.snapshot().running == 1 {
            let key = RecordKey::of("job", "1");
            let payload = PayloadHash::of("");
            let claim = Claim::new(key, Owner::new(), SECOND, payload);
            match store.begin(claim).await.unwrap() {
                Begun::InProgress { remaining, .. } => assert!(remaining <= 30 * SECOND, "{remaining:?}"),
                other => panic!("{other:?}"),
            }
            sleep(5 * SECOND).await;
        }
        until(stats, |stats| stats.acked == 1).await;
    };
    worker.run_until(rival).await.unwrap();
    assert_eq!(runs.counts(), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_worker_killed_between_the_handler_and_the_deletion_leaves_nothing_to_run() {
    // Nothing can be deleted until the first worker is dead.
    let alive = Arc::new(AtomicBool::new(true));
    let watched = alive.clone();
    let faulty = script(move |action, _| {
        let refuse = action == "DeleteMessageBatch" && watched.load(Ordering::Relaxed);
        refuse.then_some(Fault::Refuse(ErrorKind::InvalidSecurity))
    });
    let setup = Setup::standard_on(SqsLocal::builder().layer(faulty).build()).await;
    let (runs, store) = (Runs::default(), Shared::default());
    send_copies(&setup, 1).await;

    let worker = setup
        .worker(runs.clone())
        .handler::<quick>()
        .idempotency(store.clone());
    let stats = worker.stats();
    tokio::select! {
        _ = worker.run_until(std::future::pending::<()>()) => unreachable!("nothing ends it"),
        () = until(stats, |stats| stats.handled == 1) => {}
    }
    assert_eq!((runs.counts(), setup.left()), ((1, 1), 1));
    alive.store(false, Ordering::Relaxed);

    let worker = setup.worker(runs.clone()).handler::<quick>().idempotency(store);
    let report = run_until(worker, |stats| stats.acked == 1).await;
    assert_eq!((runs.counts(), report.stats.duplicates), ((1, 1), 1));
    assert_eq!(setup.left(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_worker_killed_while_its_handler_runs_leaves_the_message_to_the_next() {
    let (setup, runs, store) = (Setup::standard().await, Runs::default(), Shared::default());
    send_copies(&setup, 1).await;
    let worker = || setup.worker(runs.clone()).handler::<ten_seconds>();
    let killed = worker().idempotency(store.clone());
    tokio::select! {
        _ = killed.run_until(std::future::pending::<()>()) => unreachable!("nothing ends it"),
        () = runs.started(1) => {
            // A killed process writes nothing more.
            store.set_down(true);
        }
    }
    tokio::task::yield_now().await;
    store.set_down(false);
    let started = Instant::now();
    let report = run_until(worker().idempotency(store), |stats| stats.acked == 1).await;
    assert_eq!((runs.counts(), report.stats.duplicates), ((2, 1), 0));
    // The record's lease ends with the message's: nobody waits longer than for that.
    assert!(started.elapsed() < 45 * SECOND, "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_failed_handler_leaves_its_key_free_for_the_retry() {
    let (setup, runs) = (Setup::standard().await, Runs::default());
    send_copies(&setup, 1).await;
    let worker = setup.worker(runs.clone()).handler::<fail_once>();
    let started = Instant::now();
    let report = run_until(worker.idempotency(MemoryStore::new()), |stats| stats.acked == 1).await;
    assert_eq!((runs.counts(), report.stats.retried), ((2, 2), 1));
    assert_eq!((report.stats.deferred, report.stats.duplicates), (0, 0));
    assert!(started.elapsed() < 5 * SECOND, "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_panics_leaves_its_key_free_for_the_retry() {
    let (setup, runs) = (Setup::standard().await, Runs::default());
    send_copies(&setup, 1).await;
    let worker = setup.worker(runs.clone()).handler::<panic_once>();
    let report = run_until(worker.idempotency(MemoryStore::new()), |stats| stats.acked == 1).await;
    assert_eq!(
        (report.stats.panics, report.stats.retried, report.stats.deferred),
        (1, 1, 0)
    );
    assert_eq!(runs.counts(), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_handler_ended_by_a_shutdown_does_not_block_its_key() {
    let (setup, runs, store) = (Setup::standard().await, Runs::default(), Shared::default());
    send_copies(&setup, 1).await;
    let worker = setup
        .worker(runs.clone())
        .handler::<ten_minutes>()
        .idempotency(store.clone());
    let report = worker.run_until(runs.started(1)).await.unwrap();
    assert_eq!(report.interrupted, 1);
    let worker = setup.worker(runs.clone()).handler::<quick>().idempotency(store);
    let report = run_until(worker, |stats| stats.acked == 1).await;
    assert_eq!((runs.counts(), report.stats.deferred), ((2, 1), 0));
}

#[tokio::test(start_paused = true)]
async fn one_key_with_two_payloads_is_an_error_of_the_sender() {
    let (setup, runs) = (Setup::standard().await, Runs::default());
    setup.send([Job::new(1, "a")]).await;
    let worker = setup
        .worker(runs.clone())
        .handler::<quick>()
        .idempotency(MemoryStore::new());
    let stats = worker.stats();
    let other = async {
        until(stats.clone(), |stats| stats.acked == 1).await;
        setup.send([Job::new(1, "b")]).await;
        until(stats, |stats| stats.dead_lettered == 1).await;
    };
    worker.run_until(other).await.unwrap();
    assert_eq!(runs.counts(), (1, 1));
    let reason = &reasons(&setup)[0];
    assert!(
        reason.contains("another message") && reason.contains("`quick`") && reason.contains("`jobs`"),
        "{reason}"
    );
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Bare {
    key: Option<String>,
}

impl Message for Bare {
    const NAME: &'static str = "bare";

    fn key(&self) -> Option<String> {
        self.key.clone()
    }
}

impl sqs_worker::message::Keyed for Bare {}

#[tokio::test(start_paused = true)]
async fn a_missing_or_empty_key_is_dead_lettered_with_what_to_do() {
    #[handler(queue = "jobs", idempotent)]
    async fn bare(_: Bare) {}

    let setup = Setup::standard().await;
    let producer = Producer::new(setup.client.clone()).to("jobs");
    let keys = [None, Some(String::new())];
    let sent = producer.send_all(keys.map(|key| Bare { key })).await;
    sent.into_result().unwrap();
    let worker = setup.worker(()).handler::<bare>().idempotency(MemoryStore::new());
    run_until(worker, |stats| stats.dead_lettered == 2).await;
    for reason in reasons(&setup) {
        assert!(
            reason.contains("has no idempotency key")
                && reason.contains("#[message(key)]")
                && reason.contains("`bare`"),
            "{reason}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_finished_key_is_forgotten_after_its_time() {
    let (setup, runs) = (Setup::standard().await, Runs::default());
    let worker = setup.worker(runs.clone()).handler::<for_an_hour>();
    let worker = worker.idempotency(MemoryStore::new());
    let stats = worker.stats();
    let sending = async {
        for (acked, pause) in [(1, 3_500), (2, 200), (3, 0)] {
            send_copies(&setup, 1).await;
            until(stats.clone(), |stats| stats.acked == acked).await;
            sleep(pause * SECOND).await;
        }
    };
    let report = worker.run_until(sending).await.unwrap();
    assert_eq!((runs.counts(), report.stats.duplicates), ((2, 2), 1));
}

#[tokio::test(start_paused = true)]
async fn while_the_store_is_down_messages_wait_and_nothing_fails() {
    let (setup, runs, store) = (Setup::standard().await, Runs::default(), Shared::default());
    store.set_down(true);
    send_copies(&setup, 1).await;
    let worker = setup
        .worker(runs.clone())
        .handler::<quick>()
        .idempotency(store.clone());
    let stats = worker.stats();
    let outage = async {
        sleep(300 * SECOND).await;
        assert_eq!(runs.counts(), (0, 0));
        store.set_down(false);
        until(stats, |stats| stats.acked == 1).await;
    };
    let report = worker.run_until(outage).await.unwrap();
    assert_eq!(runs.counts(), (1, 1));
    assert_eq!((report.stats.retried, report.stats.dead_lettered), (0, 0));
    assert!(report.stats.store_errors > 10, "{:?}", report.stats);
    // A minute in the worker, a minute hidden: few receives are spent.
    assert!((2..=3).contains(&report.stats.deferred), "{:?}", report.stats);
}

#[tokio::test(start_paused = true)]
async fn with_the_open_policy_messages_run_while_the_store_is_down() {
    let (setup, runs, store) = (Setup::standard().await, Runs::default(), Shared::default());
    store.set_down(true);
    send_copies(&setup, 2).await;
    let open = Idempotency::new(store).on_store_error(OnStoreError::Run);
    let worker = setup.worker(runs.clone()).handler::<quick>().idempotency(open);
    let started = Instant::now();
    let report = run_until(worker, |stats| stats.acked == 2).await;
    assert_eq!((runs.counts(), report.stats.duplicates), ((2, 2), 0));
    assert!(started.elapsed() < 5 * SECOND, "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn what_is_done_while_the_store_is_down_is_recorded_when_it_is_back() {
    let (setup, runs, store) = (Setup::standard().await, Runs::default(), Shared::default());
    send_copies(&setup, 1).await;
    let worker = setup
        .worker(runs.clone())
        .handler::<ten_seconds>()
        .idempotency(store.clone());
    let stats = worker.stats();
    let outage = async {
        runs.started(1).await;
        store.set_down(true);
        sleep(15 * SECOND).await;
        assert_eq!((runs.counts(), stats.snapshot().acked), ((1, 1), 0));
        store.set_down(false);
        until(stats.clone(), |stats| stats.acked == 1).await;
        send_copies(&setup, 1).await;
        until(stats, |stats| stats.acked == 2).await;
    };
    let report = worker.run_until(outage).await.unwrap();
    assert_eq!((runs.counts(), report.stats.duplicates), ((1, 1), 1));
}

#[tokio::test(start_paused = true)]
async fn what_is_done_is_acknowledged_even_if_it_can_never_be_recorded() {
    let (setup, runs, store) = (Setup::standard().await, Runs::default(), Shared::default());
    send_copies(&setup, 1).await;
    let worker = setup
        .worker(runs.clone())
        .handler::<ten_seconds>()
        .idempotency(store.clone());
    let stats = worker.stats();
    let outage = async {
        runs.started(1).await;
        store.set_down(true);
        until(stats, |stats| stats.acked == 1).await;
    };
    let report = worker.run_until(outage).await.unwrap();
    assert_eq!((runs.counts(), report.stats.records_lost), ((1, 1), 1));
    assert_eq!(setup.left(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_record_cannot_be_renewed_ends_with_it_and_another_may_run() {
    let (setup, runs, store) = (Setup::standard().await, Runs::default(), Shared::default());
    send_copies(&setup, 1).await;
    store.renewals_fail.store(true, Ordering::Relaxed);
    let worker = setup
        .worker(runs.clone())
        .handler::<ten_minutes>()
        .idempotency(store.clone());
    let stats = worker.stats();
    let meddle = async {
        until(stats.clone(), |stats| stats.records_lost == 1).await;
        store.renewals_fail.store(false, Ordering::Relaxed);
        until(stats, |stats| stats.acked == 1).await;
    };
    let started = Instant::now();
    let report = worker.run_until(meddle).await.unwrap();
    assert_eq!(runs.counts(), (2, 1));
    assert_eq!(report.stats.retried, 0);
    assert!(started.elapsed() < 650 * SECOND, "{:?}", started.elapsed());
}

/// Takes the key of job 1 away from whoever has it, as if the store had forgotten and another had come.
async fn steal(store: &Shared) -> (RecordKey, Owner) {
    let (key, thief) = (RecordKey::of("job", "1"), Owner::new());
    let body = serde_json::to_string(&Job::new(1, "a")).unwrap();
    store.store.forget(key);
    let claim = Claim::new(key, thief, 120 * SECOND, PayloadHash::of(&body));
    assert_eq!(store.begin(claim).await.unwrap(), Begun::Granted);
    (key, thief)
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_key_was_taken_over_is_ended_at_its_next_renewal() {
    let (setup, runs, store) = (Setup::standard().await, Runs::default(), Shared::default());
    send_copies(&setup, 1).await;
    let worker = setup
        .worker(runs.clone())
        .handler::<ten_minutes>()
        .idempotency(store.clone());
    let stats = worker.stats();
    let meddle = async {
        runs.started(1).await;
        let (key, thief) = steal(&store).await;
        until(stats.clone(), |stats| stats.records_lost == 1).await;
        assert_eq!(runs.counts(), (1, 0));
        let done = store.complete(key, thief, Vec::new(), 3_600 * SECOND).await;
        assert_eq!(done.unwrap(), Written::Done);
        until(stats, |stats| stats.acked == 1).await;
    };
    let report = worker.run_until(meddle).await.unwrap();
    assert_eq!((runs.counts(), report.stats.duplicates), ((1, 0), 1));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_lost_its_key_cannot_complete_anothers_record() {
    let (setup, runs, store) = (Setup::standard().await, Runs::default(), Shared::default());
    send_copies(&setup, 1).await;
    let worker = setup
        .worker(runs.clone())
        .handler::<ten_seconds>()
        .idempotency(store.clone());
    let stats = worker.stats();
    let meddle = async {
        runs.started(1).await;
        let (key, thief) = steal(&store).await;
        until(stats, |stats| stats.acked == 1).await;
        let written = store.renew(key, thief, 60 * SECOND).await.unwrap();
        assert_eq!(written, Written::Done, "the thief's record is still in progress");
    };
    let report = worker.run_until(meddle).await.unwrap();
    // What it did is done: the message goes, and the loss is counted.
    assert_eq!((runs.counts(), report.stats.records_lost), ((1, 1), 1));
}

#[tokio::test(start_paused = true)]
async fn a_message_whose_lease_is_lost_cannot_release_anothers_record() {
    // No lease can be renewed: the handler of ten minutes loses its message after thirty seconds.
    let faulty = script(|action, _| {
        (action == "ChangeMessageVisibilityBatch").then_some(Fault::Refuse(ErrorKind::InvalidSecurity))
    });
    let setup = Setup::standard_on(SqsLocal::builder().layer(faulty).build()).await;
    let (runs, store) = (Runs::default(), Shared::default());
    send_copies(&setup, 1).await;
    let worker = setup
        .worker(runs.clone())
        .handler::<ten_minutes>()
        .idempotency(store.clone());
    let stats = worker.stats();
    let meddle = async {
        runs.started(1).await;
        let (key, thief) = steal(&store).await;
        until(stats, |stats| stats.leases_lost >= 1).await;
        sleep(5 * SECOND).await;
        let written = store.renew(key, thief, 60 * SECOND).await.unwrap();
        assert_eq!(written, Written::Done, "the thief's record is still in progress");
    };
    worker.shutdown_timeout(SECOND).run_until(meddle).await.unwrap();
    assert_eq!(runs.counts(), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn two_handlers_of_one_message_run_both_with_a_scope_each() {
    #[handler(queue = "jobs", idempotent(scope = "again"))]
    async fn again(_: Job, State(runs): State<Runs>) {
        runs.work(Duration::ZERO).await;
    }

    let (setup, runs) = (Setup::standard().await, Runs::default());
    let other = setup.client.create_queue().queue_name("more-jobs");
    other.send().await.unwrap();
    send_copies(&setup, 1).await;
    let producer = Producer::new(setup.client.clone()).to("more-jobs");
    producer.send(&Job::new(1, "a")).await.unwrap();
    let worker = setup
        .worker(runs.clone())
        .handler::<quick>()
        .handler_on::<again>("more-jobs")
        .idempotency(MemoryStore::new());
    let report = run_until(worker, |stats| stats.acked == 2).await;
    assert_eq!((runs.counts(), report.stats.duplicates), ((2, 2), 0));
}

#[tokio::test(start_paused = true)]
async fn two_handlers_that_would_swallow_each_others_messages_are_refused() {
    let setup = Setup::standard().await;
    let worker = setup
        .worker(Runs::default())
        .handler::<quick>()
        .handler_on::<ten_seconds>("more-jobs")
        .idempotency(MemoryStore::new());
    let error = worker.run_until(std::future::pending::<()>()).await.unwrap_err();
    assert!(matches!(error, WorkerError::SharedScope { .. }), "{error}");
    let text = error.to_string();
    for part in ["`quick`", "`ten_seconds`", "`job`", "scope = "] {
        assert!(text.contains(part), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_idempotent_handler_on_a_worker_without_a_store_is_refused() {
    let setup = Setup::standard().await;
    let worker: Worker<Runs> = setup.worker(Runs::default()).handler::<quick>();
    let error = worker.run_until(std::future::pending::<()>()).await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("`quick`") && text.contains(".idempotency(MemoryStore::new())"),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_a_handler_gives_up_or_puts_off_is_not_done() {
    #[handler(queue = "jobs", idempotent)]
    async fn give_up(_: Job, State(runs): State<Runs>) -> Outcome {
        runs.work(Duration::ZERO).await;
        Outcome::dead_letter("no")
    }

    let (setup, runs) = (Setup::standard().await, Runs::default());
    send_copies(&setup, 1).await;
    let worker = setup
        .worker(runs.clone())
        .handler::<give_up>()
        .idempotency(MemoryStore::new());
    let stats = worker.stats();
    let again = async {
        until(stats.clone(), |stats| stats.dead_lettered == 1).await;
        send_copies(&setup, 1).await;
        until(stats, |stats| stats.dead_lettered == 2).await;
    };
    worker.run_until(again).await.unwrap();
    assert_eq!(runs.counts(), (2, 2));
}

/// What happened to each key in a storm.
#[derive(Clone, Default)]
struct Effects(Arc<Mutex<BTreeMap<u64, u32>>>, Arc<AtomicU32>);

#[handler(
    queue = "jobs",
    visibility = "10s",
    concurrency = 10,
    retry(base = "1s", cap = "4s"),
    idempotent
)]
async fn stormy(job: Job, State(Effects(effects, calls)): State<Effects>) -> Result<(), HandlerError> {
    let call = u64::from(calls.fetch_add(1, Ordering::Relaxed));
    sleep(Duration::from_millis((job.id * 7_919 + call * 104_729) % 25_000)).await;
    if call % 5 == 3 {
        return Err(HandlerError::msg("one in five fails"));
    }
    assert!(call % 11 != 7, "and one in eleven panics");
    *effects.lock().unwrap().entry(job.id).or_default() += 1;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn in_a_storm_of_kills_faults_and_outages_each_key_has_its_effect_once() {
    const KEYS: u64 = 100;
    // Every seventh call is refused, every eleventh loses its answer.
    let faulty = script(|action, number| match action {
        "SendMessageBatch" | "SetQueueAttributes" | "GetQueueUrl" | "GetQueueAttributes" => None,
        _ if number % 7 == 5 => Some(Fault::Refuse(ErrorKind::InternalError)),
        "ReceiveMessage" => None,
        _ if number % 11 == 8 => Some(Fault::LoseAnswer),
        _ => None,
    });
    let setup = Setup::standard_on(SqsLocal::builder().layer(faulty).build()).await;
    let keep = setup.client.set_queue_attributes().queue_url(&setup.url);
    let keep = keep.attributes(aws_sdk_sqs::types::QueueAttributeName::RedrivePolicy, "");
    keep.send().await.unwrap();
    // Each key in three messages.
    setup.send((0..3 * KEYS).map(|n| Job::new(n % KEYS, "a"))).await;

    let (effects, store) = (Effects::default(), Shared::default());
    let worker = || {
        let worker = setup.worker(effects.clone()).handler::<stormy>();
        worker.idempotency(store.clone())
    };
    let steady = worker();
    let storm = async {
        for round in 0_u64.. {
            if setup.left() == 0 {
                return;
            }
            assert!(round < 2_000, "{} are left", setup.left());
            // A second worker, killed again and again; half of the time without writing another word.
            let doomed = worker();
            tokio::select! {
                _ = doomed.run_until(std::future::pending::<()>()) => unreachable!("nothing ends it"),
                () = sleep(Duration::from_millis(3_000 + round * 7_919 % 40_000)) => store.set_down(round % 2 == 0),
            }
            sleep(Duration::from_millis(10)).await;
            if round % 3 == 1 {
                // The store is away for everybody, but for less than what is left of a lease when it is renewed.
                store.set_down(true);
                sleep(3 * SECOND).await;
            }
            store.set_down(false);
        }
    };
    let report = steady.run_until(storm).await.unwrap();
    let effects = effects.0.lock().unwrap().clone();
    assert_eq!(
        effects,
        (0..KEYS).map(|key| (key, 1)).collect(),
        "{:?}",
        report.stats
    );
    let stats = report.stats;
    assert!(
        stats.duplicates > 20 && stats.store_errors > 10 && stats.deferred > 10,
        "{stats:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_messages_of_a_batch_have_a_key_each() {
    #[handler(queue = "jobs", concurrency = 20, batch(size = 5, linger = "1s"), idempotent)]
    async fn many(jobs: Vec<Job>, State(runs): State<Runs>) {
        assert!(jobs.iter().all(|job| job.id < 10));
        for _ in jobs {
            runs.work(Duration::ZERO).await;
        }
    }

    let (setup, runs) = (Setup::standard().await, Runs::default());
    setup.send((0..10).map(|id| Job::new(id, "a"))).await;
    let worker = setup
        .worker(runs.clone())
        .handler::<many>()
        .idempotency(MemoryStore::new());
    let stats = worker.stats();
    let again = async {
        until(stats.clone(), |stats| stats.acked == 10).await;
        setup.send((5..10).map(|id| Job::new(id, "a"))).await;
        until(stats, |stats| stats.acked == 15).await;
    };
    let report = worker.run_until(again).await.unwrap();
    assert_eq!((runs.counts(), report.stats.duplicates), ((10, 10), 5));
}

#[tokio::test(start_paused = true)]
async fn in_a_fifo_queue_a_duplicate_goes_its_way_in_order() {
    #[handler(queue = "jobs.fifo", idempotent)]
    async fn ordered(_: Job, State(runs): State<Runs>) {
        runs.work(SECOND).await;
    }

    let (setup, runs) = (Setup::fifo().await, Runs::default());
    let producer = Producer::new(setup.client.clone()).to("jobs.fifo");
    for (id, dedup) in [(1, "a"), (1, "b"), (2, "c")] {
        let send = producer.send(&Job::new(id, "g")).deduplication_id(dedup);
        send.await.unwrap();
    }
    let worker = setup.worker(runs.clone()).handler::<ordered>();
    let report = run_until(worker.idempotency(MemoryStore::new()), |stats| stats.acked == 3).await;
    assert_eq!((runs.counts(), report.stats.duplicates), ((2, 2), 1));
    assert_eq!(report.stats.deferred, 0);
}
