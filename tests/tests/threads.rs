//! On a runtime of several threads the engine has one of its own.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use sqs_worker::{QueueOptions, State, handler};
use tests::{Job, Setup, until};

type Calls = Arc<AtomicU32>;

fn jobs(count: u64) -> impl Iterator<Item = Job> {
    (0..count).map(|id| Job::new(id, "a"))
}

/// Handlers that block all threads of their runtime for longer than their lease.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handlers_that_block_every_thread_keep_their_leases() {
    #[handler(queue = "jobs", concurrency = 2)]
    async fn block(_: Job, State(calls): State<Calls>) {
        // It really blocks: that is what is tested.
        std::thread::sleep(Duration::from_millis(4_500));
        calls.fetch_add(1, Ordering::Relaxed);
    }
    let (setup, calls) = (Setup::standard().await, Calls::default());
    setup.send(jobs(2)).await;
    let options = QueueOptions::named("jobs").visibility(Duration::from_secs(2));
    let worker = setup.worker(calls.clone()).handler::<block>().queue(options);
    let stats = worker.stats();
    let report = worker
        .run_until(until(stats, |stats| stats.acked == 2))
        .await
        .unwrap();
    assert_eq!(calls.load(Ordering::Relaxed), 2);
    assert_eq!(
        (report.stats.leases_lost, report.stats.received),
        (0, 2),
        "{:?}",
        report.stats
    );
    assert!(report.stats.renewals >= 4, "{:?}", report.stats);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handlers_run_on_the_callers_threads_and_the_engine_on_its_own() {
    #[derive(Clone, Default)]
    struct Threads(Arc<Mutex<BTreeSet<String>>>);
    #[handler(queue = "jobs", concurrency = 50)]
    async fn where_am_i(_: Job, State(threads): State<Threads>) {
        let name = std::thread::current().name().unwrap_or("none").to_owned();
        threads.0.lock().unwrap().insert(name);
    }
    let (setup, threads) = (Setup::standard().await, Threads::default());
    setup.send(jobs(500)).await;
    let worker = setup.worker(threads.clone()).handler::<where_am_i>();
    let stats = worker.stats();
    worker
        .run_until(until(stats, |stats| stats.acked == 500))
        .await
        .unwrap();
    let names = threads.0.lock().unwrap().clone();
    assert!(!names.contains("sqs-worker") && !names.is_empty(), "{names:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropping_the_run_stops_the_engine_and_its_handlers() {
    #[handler(queue = "jobs")]
    async fn hold(_: Job, State(held): State<Arc<()>>) {
        let _held = held;
        std::future::pending::<()>().await;
    }
    let (setup, held) = (Setup::standard().await, Arc::new(()));
    setup.send(jobs(3)).await;
    let worker = setup.worker(held.clone()).handler::<hold>();
    let stats = worker.stats();
    tokio::select! {
        _ = worker.run_until(std::future::pending::<()>()) => unreachable!("nothing ends it"),
        () = until(stats, |stats| stats.running == 3) => {}
    }
    // Everything that held the state is gone, and soon: the engine, its thread, its handlers.
    let gone = tokio::time::timeout(Duration::from_secs(10), async {
        while Arc::strong_count(&held) > 1 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    gone.await.expect("the engine ends");
    assert_eq!(setup.sqs.waiting_polls(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_at_the_start_come_back_from_the_engines_thread() {
    #[handler(queue = "missing")]
    async fn never(_: Job) {}
    let setup = Setup::standard().await;
    let worker = setup.worker(()).handler::<never>();
    let error = worker.run_until(std::future::pending::<()>()).await.unwrap_err();
    assert!(error.to_string().contains("queue `missing`"), "{error}");
}
