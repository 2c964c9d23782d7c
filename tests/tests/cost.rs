//! What a worker costs: requests are what SQS bills.

use std::{sync::Arc, time::Duration};

use sqs_local::SqsLocal;
use sqs_worker::{QueueOptions, State, handler};
use tests::{Job, Setup, run_for, run_until};
use tokio::{
    sync::Barrier,
    time::{Instant, sleep},
};

#[handler(queue = "jobs")]
async fn quick(_: Job) {
    sleep(Duration::from_millis(5)).await;
}

async fn full_queue(messages: u64) -> Setup {
    let setup = Setup::standard().await;
    setup.send((0..messages).map(|id| Job::new(id, "a"))).await;
    setup
}

/// The requests that it takes to handle ten thousand messages from a full queue.
async fn requests(options: QueueOptions) -> u64 {
    let setup = full_queue(10_000).await;
    let report = run_until(setup.worker(()).handler::<quick>().queue(options), |stats| {
        stats.acked == 10_000
    })
    .await;
    assert_eq!((setup.left(), report.stats.handled), (0, 10_000));
    report.stats.requests()
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_messages_at_a_concurrency_of_64_take_a_receive_and_a_delete_for_each_ten() {
    let options = QueueOptions::named("jobs").concurrency(64);
    let requests = requests(options).await;
    println!("concurrency 64: {requests} requests");
    assert!(requests <= 2_100, "{requests}");
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_messages_one_after_the_other_take_hardly_more_with_prefetch() {
    let options = QueueOptions::named("jobs").concurrency(1).prefetch(10);
    let requests = requests(options).await;
    println!("concurrency 1, prefetch 10: {requests} requests");
    assert!(requests <= 2_300, "{requests}");
}

#[tokio::test(start_paused = true)]
async fn by_itself_a_worker_receives_ahead_when_its_handlers_are_quick() {
    let options = QueueOptions::named("jobs").concurrency(1);
    let requests = requests(options).await;
    println!("concurrency 1, adaptive prefetch: {requests} requests");
    assert!(requests <= 2_300, "{requests}");
}

#[tokio::test(start_paused = true)]
async fn by_itself_a_worker_receives_nothing_ahead_of_slow_handlers() {
    #[handler(queue = "jobs")]
    async fn slow(_: Job) {
        sleep(Duration::from_secs(300)).await;
    }
    let setup = full_queue(20).await;
    let options = QueueOptions::named("jobs").concurrency(2);
    let worker = setup.worker(()).handler::<slow>().queue(options);
    let stats = worker.stats();
    let ahead = async {
        tests::until(stats.clone(), |stats| stats.handled >= 6).await;
        let now = stats.snapshot();
        assert!(now.in_flight <= 4, "{now:?}");
    };
    worker.run_until(ahead).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_idle_worker_has_one_long_poll_whatever_it_may_have() {
    let setup = Setup::standard().await;
    let options = QueueOptions::named("jobs").concurrency(64).pollers(4);
    let worker = setup.worker(()).handler::<quick>().queue(options);
    let report = run_for(worker, Duration::from_secs(3_600)).await;
    let requests = report.stats.requests();
    println!("idle for an hour: {requests} requests");
    assert!((170..=181).contains(&requests), "{requests}");
}

#[tokio::test(start_paused = true)]
async fn a_thousand_long_handlers_renew_their_leases_ten_to_a_call() {
    const MINUTES: u64 = 10;
    /// Starts when all the others are there, so that their leases are of one age.
    #[handler(queue = "jobs", concurrency = 1000, visibility = "30s")]
    async fn long(_: Job, State(all): State<Arc<Barrier>>) {
        all.wait().await;
        sleep(Duration::from_secs(MINUTES * 60)).await;
    }
    let setup = full_queue(1_000).await;
    let worker = setup.worker(Arc::new(Barrier::new(1_000))).handler::<long>();
    let report = run_until(worker, |stats| stats.acked == 1_000).await;
    // Every twenty seconds: a third of the thirty before the end.
    let periods = MINUTES * 60 / 20;
    println!(
        "a thousand handlers of ten minutes: {} heartbeat calls in {periods} periods",
        report.stats.visibility_requests
    );
    assert!(
        report.stats.visibility_requests <= periods * 100,
        "{:?}",
        report.stats
    );
    assert_eq!(report.stats.leases_lost, 0);
}

/// Messages a second that handlers of 50 ms get through, with a server that takes 5 ms for each answer.
async fn rate(concurrency: usize, messages: u64) -> f64 {
    use sqs_local::faults::{Fault, Faults, Rule};

    #[handler(queue = "jobs")]
    async fn fifty(_: Job) {
        sleep(Duration::from_millis(50)).await;
    }
    let latency = Duration::from_millis(5);
    let faults = Faults::seeded(1).rule(Rule::new(Fault::SlowRequest).delay(latency, latency));
    let setup = Setup::standard_on(SqsLocal::builder().layer(faults).build()).await;
    setup.send((0..messages).map(|id| Job::new(id, "a"))).await;
    let options = QueueOptions::named("jobs").concurrency(concurrency);
    let worker = setup.worker(()).handler::<fifty>().queue(options);
    let stats = worker.stats();
    let mut rate = 0.0;
    let measured = async {
        // From when it has warmed up to when the queue runs dry.
        let (first, last) = (messages / 4, messages * 3 / 4);
        while stats.snapshot().handled < first {
            sleep(Duration::from_millis(1)).await;
        }
        let (from, before) = (Instant::now(), stats.snapshot().handled);
        while stats.snapshot().handled < last {
            sleep(Duration::from_millis(1)).await;
        }
        rate = (stats.snapshot().handled - before) as f64 / from.elapsed().as_secs_f64();
    };
    worker.run_until(measured).await.unwrap();
    rate
}

#[tokio::test(start_paused = true)]
async fn handlers_that_wait_fifty_milliseconds_are_kept_busy() {
    for (concurrency, messages) in [(10, 2_000), (100, 8_000), (1_000, 20_000)] {
        let rate = rate(concurrency, messages).await;
        let ideal = concurrency as f64 / 0.05;
        println!("concurrency {concurrency}: {rate:.0} of {ideal:.0} messages a second");
        assert!(rate >= 0.95 * ideal, "{concurrency}: {rate:.0} of {ideal:.0}");
    }
}
