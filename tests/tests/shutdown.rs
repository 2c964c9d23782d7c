//! Ending: nothing is lost, nothing is left running, and it takes no longer than it may.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use sqs_worker::{Lease, Outcome, State, handler};
use tests::{Job, Setup, run_for};
use tokio::time::{Instant, sleep};

type Calls = Arc<AtomicU32>;

#[handler(queue = "jobs", concurrency = 100, timeout = "1h")]
async fn five_seconds(_: Job, State(calls): State<Calls>) {
    sleep(Duration::from_secs(5)).await;
    calls.fetch_add(1, Ordering::Relaxed);
}

#[handler(queue = "jobs", concurrency = 500, timeout = "1h")]
async fn an_hour(_: Job, State(calls): State<Calls>) {
    sleep(Duration::from_secs(3_600)).await;
    calls.fetch_add(1, Ordering::Relaxed);
}

#[handler(queue = "jobs.fifo", timeout = "1h")]
async fn an_hour_in_order(_: Job) {
    sleep(Duration::from_secs(3_600)).await;
}

#[tokio::test(start_paused = true)]
async fn an_idle_worker_ends_within_its_grace_for_polls() {
    let setup = Setup::standard().await;
    let worker = setup.worker(Calls::default()).handler::<five_seconds>();
    let started = Instant::now();
    let report = run_for(worker, Duration::from_secs(5)).await;
    assert!(report.is_clean());
    assert!(
        started.elapsed() <= Duration::from_millis(7_010),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn what_runs_is_finished_and_acknowledged() {
    let (setup, calls) = (Setup::standard().await, Calls::default());
    setup.send((0..50).map(|id| Job::new(id, "a"))).await;
    let report = run_for(
        setup.worker(calls.clone()).handler::<five_seconds>(),
        Duration::from_secs(1),
    )
    .await;
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(
        (calls.load(Ordering::Relaxed), report.stats.acked, setup.left()),
        (50, 50, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn what_cannot_finish_is_given_back_within_the_deadline() {
    let (setup, calls) = (Setup::standard().await, Calls::default());
    setup.send((0..500).map(|id| Job::new(id, "a"))).await;
    let worker = setup
        .worker(calls.clone())
        .handler::<an_hour>()
        .shutdown_timeout(Duration::from_secs(20));
    let stop = Instant::now() + Duration::from_secs(60);
    let report = run_for(worker, Duration::from_secs(60)).await;
    assert!(stop.elapsed() <= Duration::from_secs(20), "{:?}", stop.elapsed());
    assert_eq!(
        (report.interrupted, report.abandoned, report.stats.released),
        (500, 0, 500)
    );
    sleep(Duration::from_secs(2)).await;
    let queue = setup.sqs.queue("jobs").unwrap();
    assert_eq!((queue.available().len(), queue.in_flight().len()), (500, 0));
    assert_eq!(calls.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn a_fifo_group_is_given_back_whole() {
    let setup = Setup::fifo().await;
    setup.send((0..8).map(|id| Job::new(id, "a"))).await;
    let worker = setup
        .worker(())
        .handler::<an_hour_in_order>()
        .shutdown_timeout(Duration::from_secs(10));
    let report = run_for(worker, Duration::from_secs(60)).await;
    assert_eq!((report.interrupted, report.abandoned), (1, 0));
    sleep(Duration::from_secs(2)).await;
    let queue = setup.sqs.queue("jobs.fifo").unwrap();
    assert_eq!(queue.in_flight().len(), 0);
    let bodies = queue.bodies();
    assert_eq!(bodies.len(), 8);
    assert!(bodies[0].contains(r#""id":0"#), "{bodies:?}");
}

#[tokio::test(start_paused = true)]
async fn messages_that_a_last_poll_brings_are_given_back_at_once() {
    let (setup, calls) = (Setup::standard().await, Calls::default());
    let worker = setup.worker(calls.clone()).handler::<five_seconds>();
    let stats = worker.stats();
    // A message that arrives while the worker has stopped but its long poll has not ended.
    let late = async {
        sleep(Duration::from_secs(3)).await;
        setup.send([Job::new(1, "a")]).await;
    };
    let (report, ()) = tokio::join!(run_for(worker, Duration::from_millis(2_900)), late);
    assert_eq!((report.stats.received, report.stats.released), (1, 1));
    assert_eq!(
        (
            calls.load(Ordering::Relaxed),
            setup.left(),
            stats.snapshot().in_flight
        ),
        (0, 1, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn what_waits_in_a_group_is_given_back_while_its_head_finishes() {
    #[handler(queue = "jobs.fifo")]
    async fn slowly(_: Job) {
        sleep(Duration::from_secs(5)).await;
    }
    let setup = Setup::fifo().await;
    setup.send((0..6).map(|id| Job::new(id, "a"))).await;
    let report = run_for(setup.worker(()).handler::<slowly>(), Duration::from_secs(1)).await;
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(
        (report.stats.acked, report.stats.released),
        (1, 5),
        "{:?}",
        report.stats
    );
    assert_eq!(setup.sqs.queue("jobs.fifo").unwrap().available().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn asked_a_second_time_it_ends_handlers_at_once_and_gives_their_messages_back() {
    let (setup, calls) = (Setup::standard().await, Calls::default());
    setup.send((0..50).map(|id| Job::new(id, "a"))).await;
    let worker = setup
        .worker(calls)
        .handler::<an_hour>()
        .shutdown_timeout(Duration::from_secs(600))
        .hurry_on(sleep(Duration::from_secs(40)));
    let stop = Instant::now() + Duration::from_secs(10);
    let report = run_for(worker, Duration::from_secs(10)).await;
    let took = stop.elapsed();
    assert!(
        (Duration::from_secs(30)..Duration::from_secs(32)).contains(&took),
        "{took:?}"
    );
    assert_eq!(
        (report.interrupted, report.abandoned, report.stats.released),
        (50, 0, 50)
    );
    sleep(Duration::from_secs(2)).await;
    assert_eq!(setup.sqs.queue("jobs").unwrap().available().len(), 50);
}

#[tokio::test(start_paused = true)]
async fn hurried_without_having_been_asked_before_it_ends_all_the_same() {
    let (setup, calls) = (Setup::standard().await, Calls::default());
    setup.send((0..5).map(|id| Job::new(id, "a"))).await;
    let worker = setup
        .worker(calls)
        .handler::<an_hour>()
        .hurry_on(sleep(Duration::from_secs(10)));
    let started = Instant::now();
    let report = worker.run_until(std::future::pending::<()>()).await.unwrap();
    assert_eq!((report.interrupted, setup.left()), (5, 5));
    assert!(
        started.elapsed() < Duration::from_secs(14),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_listens_is_told_to_end_and_what_it_returns_counts() {
    #[handler(queue = "jobs", timeout = "2h")]
    async fn checkpoints(job: Job, lease: Lease, State(calls): State<Calls>) -> Outcome {
        tokio::select! {
            () = sleep(Duration::from_secs(3_600)) => Outcome::ack(),
            () = lease.cancelled() => {
                // Half of them have little left to do.
                sleep(Duration::from_millis(if job.id < 3 { 500 } else { 1_500 })).await;
                calls.fetch_add(1, Ordering::Relaxed);
                Outcome::ack()
            }
        }
    }
    let (setup, calls) = (Setup::standard().await, Calls::default());
    setup.send((0..6).map(|id| Job::new(id, "a"))).await;
    let report = run_for(
        setup.worker(calls.clone()).handler::<checkpoints>(),
        Duration::from_secs(60),
    )
    .await;
    assert_eq!(
        (calls.load(Ordering::Relaxed), report.stats.acked),
        (3, 3),
        "{report:?}"
    );
    assert_eq!((report.stats.released, setup.left()), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn told_to_stop_while_it_starts_it_ends_at_once() {
    use sqs_local::{SqsLocal, faults};

    // Every request takes three seconds.
    let slow = faults::Rule::new(faults::Fault::SlowRequest)
        .from(Duration::from_secs(60))
        .delay(Duration::from_secs(3), Duration::from_secs(3));
    let faults = faults::Faults::seeded(1).rule(slow);
    let setup = Setup::standard_on(SqsLocal::builder().layer(faults).build()).await;
    sleep(Duration::from_secs(120)).await;
    let started = Instant::now();
    let worker = setup.worker(Calls::default()).handler::<five_seconds>();
    let report = run_for(worker, Duration::from_secs(1)).await;
    assert!(report.is_clean());
    assert!(
        started.elapsed() < Duration::from_millis(1_010),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(setup.sqs.journal().count("ReceiveMessage"), 0);
}
