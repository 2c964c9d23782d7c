//! Batch handlers: many messages in one call, each with its own outcome and its own lease.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use sqs_local::{ErrorKind, SqsLocal};
use sqs_worker::{Outcome, QueueOptions, ReceiveCount, State, WorkerError, handler};
use tests::{Fault, Job, Setup, run_until, script};
use tokio::time::{Instant, sleep};

/// The batches that came, as the ids in each, and when.
#[derive(Clone, Default)]
struct Batches(Arc<Mutex<Vec<Seen>>>);

type Seen = (Instant, Vec<u64>);

impl Batches {
    fn add(&self, jobs: &[Job]) {
        let ids = jobs.iter().map(|job| job.id).collect();
        self.0.lock().unwrap().push((Instant::now(), ids));
    }

    fn sizes(&self) -> Vec<usize> {
        self.0.lock().unwrap().iter().map(|(_, ids)| ids.len()).collect()
    }
}

#[handler(queue = "jobs", batch(size = 100, linger = "200ms"))]
async fn hundred(jobs: Vec<Job>, State(batches): State<Batches>) {
    batches.add(&jobs);
    sleep(Duration::from_millis(50)).await;
}

fn jobs(count: u64) -> impl Iterator<Item = Job> {
    (0..count).map(|id| Job::new(id, "a"))
}

#[tokio::test(start_paused = true)]
async fn batches_are_filled_across_polls() {
    let (setup, batches) = (Setup::standard().await, Batches::default());
    setup.send(jobs(1_000)).await;
    let worker = setup.worker(batches.clone()).handler::<hundred>();
    let report = run_until(worker, |stats| stats.acked == 1_000).await;
    assert_eq!(batches.sizes(), [100; 10]);
    assert_eq!((setup.left(), report.stats.handled), (0, 1_000));
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_does_not_fill_goes_after_its_linger() {
    let (setup, batches) = (Setup::standard().await, Batches::default());
    setup.send(jobs(7)).await;
    let started = Instant::now();
    run_until(setup.worker(batches.clone()).handler::<hundred>(), |stats| {
        stats.acked == 7
    })
    .await;
    assert_eq!(batches.sizes(), [7]);
    let waited = batches.0.lock().unwrap()[0].0 - started;
    assert!(
        (Duration::from_millis(200)..Duration::from_millis(250)).contains(&waited),
        "{waited:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_batch_goes_when_it_has_its_bytes() {
    #[handler(queue = "jobs", batch(size = 100, linger = "1s", bytes = "450B"))]
    async fn kilobyte(jobs: Vec<Job>, State(batches): State<Batches>) {
        batches.add(&jobs);
    }
    let (setup, batches) = (Setup::standard().await, Batches::default());
    // Each body has 139 bytes: three fit.
    setup.send((0..9).map(|id| Job::new(id, &"g".repeat(120)))).await;
    run_until(setup.worker(batches.clone()).handler::<kilobyte>(), |stats| {
        stats.acked == 9
    })
    .await;
    assert_eq!(batches.sizes(), [3; 3]);
}

#[tokio::test(start_paused = true)]
async fn each_message_has_the_outcome_that_its_place_says() {
    #[handler(queue = "jobs", batch(size = 10), retry(max = 9, base = "1s", cap = "1s"))]
    async fn sort(jobs: Vec<Job>, counts: Vec<ReceiveCount>) -> Vec<Outcome> {
        jobs.iter()
            .zip(counts)
            .map(|(job, ReceiveCount(count))| match job.id % 3 {
                1 if count == 1 => Outcome::retry(),
                0 | 1 => Outcome::ack(),
                _ => Outcome::dead_letter("two"),
            })
            .collect()
    }
    let setup = Setup::standard().await;
    setup.send(jobs(30)).await;
    setup.send_raw("no job").await;
    let report = run_until(setup.worker(()).handler::<sort>(), |stats| {
        stats.acked + stats.dead_lettered == 31
    })
    .await;
    assert_eq!(
        (
            report.stats.acked,
            report.stats.retried,
            report.stats.dead_lettered
        ),
        (20, 10, 11)
    );
    assert_eq!((setup.left(), setup.dead_letters()), (0, 11));
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_panics_is_tried_again_message_by_message_counted() {
    #[handler(queue = "jobs", batch(size = 10), retry(max = 9, base = "1s", cap = "1s"))]
    async fn panics_once(_: Vec<Job>, State(calls): State<Arc<AtomicU32>>) {
        assert!(calls.fetch_add(1, Ordering::Relaxed) > 0, "the first batch");
    }
    let setup = Setup::standard().await;
    setup.send(jobs(9)).await;
    setup.send_raw("no job").await;
    let worker = setup.worker(Arc::<AtomicU32>::default()).handler::<panics_once>();
    let report = run_until(worker, |stats| stats.acked == 9).await;
    assert_eq!((report.stats.panics, report.stats.retried), (9, 9));
    // What is no job never reached the function: the panic is none of its.
    assert_eq!((report.stats.dead_lettered, report.stats.received), (1, 19));
}

#[tokio::test(start_paused = true)]
async fn those_that_wait_for_their_batch_are_kept_alive() {
    #[handler(queue = "jobs", visibility = "10s", batch(size = 100, linger = "60s"))]
    async fn patient(jobs: Vec<Job>, State(batches): State<Batches>) {
        batches.add(&jobs);
        sleep(Duration::from_secs(60)).await;
    }
    let (setup, batches) = (Setup::standard().await, Batches::default());
    setup.send(jobs(5)).await;
    let worker = setup.worker(batches.clone()).handler::<patient>();
    let report = run_until(worker, |stats| stats.acked == 5).await;
    assert_eq!(batches.sizes(), [5]);
    assert_eq!((report.stats.leases_lost, report.stats.received), (0, 5));
    assert!(report.stats.renewals >= 5 * 10, "{:?}", report.stats);
}

#[tokio::test(start_paused = true)]
async fn a_lost_lease_takes_one_message_out_of_a_batch_and_leaves_the_others() {
    #[handler(
        queue = "jobs",
        visibility = "10s",
        batch(size = 3, linger = "60s"),
        timeout = "1h"
    )]
    async fn long(jobs: Vec<Job>, State(batches): State<Batches>) {
        batches.add(&jobs);
        sleep(Duration::from_secs(40)).await;
    }
    // The first renewals are lost for good for one message: its handle is gone.
    let (setup, batches) = (Setup::standard().await, Batches::default());
    setup.send(jobs(3)).await;
    let worker = setup.worker(batches.clone()).handler::<long>();
    let stats = worker.stats();
    let meddle = async {
        sleep(Duration::from_secs(5)).await;
        // Somebody deletes one of them: SQS knows its handle no more.
        let queue = setup.sqs.queue("jobs").unwrap();
        let handle = queue.in_flight()[0].last_receipt_handle.clone().unwrap();
        setup
            .client
            .delete_message()
            .queue_url(&setup.url)
            .receipt_handle(handle)
            .send()
            .await
            .unwrap();
        tests::until(stats.clone(), |stats| stats.handled == 3).await;
    };
    let report = worker.run_until(meddle).await.unwrap();
    assert_eq!(batches.sizes(), [3]);
    assert_eq!(
        (report.stats.leases_lost, report.stats.acked),
        (1, 2),
        "{:?}",
        report.stats
    );
}

#[tokio::test(start_paused = true)]
async fn in_a_fifo_queue_a_batch_holds_one_of_each_group_and_order_holds() {
    #[handler(queue = "jobs.fifo", batch(size = 10, linger = "20ms"))]
    async fn in_order(jobs: Vec<Job>, State(batches): State<Batches>) {
        let groups: std::collections::BTreeSet<_> = jobs.iter().map(|job| &job.group).collect();
        assert_eq!(groups.len(), jobs.len(), "one of each group");
        batches.add(&jobs);
    }
    let (setup, batches) = (Setup::fifo().await, Batches::default());
    setup
        .send((0..100).map(|id| Job::new(id, &format!("g{}", id % 10))))
        .await;
    run_until(setup.worker(batches.clone()).handler::<in_order>(), |stats| {
        stats.acked == 100
    })
    .await;
    let mut by_group = BTreeMap::<u64, Vec<u64>>::new();
    for (_, ids) in batches.0.lock().unwrap().iter() {
        for id in ids {
            by_group.entry(id % 10).or_default().push(*id);
        }
    }
    assert!(
        by_group.values().all(|ids| ids.len() == 10 && ids.is_sorted()),
        "{by_group:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn no_more_batches_run_at_once_than_may() {
    #[derive(Clone, Default)]
    struct Running(Arc<AtomicU32>, Arc<AtomicU32>);
    #[handler(queue = "jobs", concurrency = 3, batch(size = 5, linger = "10ms"))]
    async fn few(_: Vec<Job>, State(running): State<Running>) {
        let now = running.0.fetch_add(1, Ordering::Relaxed) + 1;
        running.1.fetch_max(now, Ordering::Relaxed);
        sleep(Duration::from_millis(100)).await;
        running.0.fetch_sub(1, Ordering::Relaxed);
    }
    let (setup, running) = (Setup::standard().await, Running::default());
    setup.send(jobs(100)).await;
    let worker = setup.worker(running.clone()).handler::<few>();
    let stats = worker.stats();
    let play = async {
        tests::until(stats.clone(), |stats| stats.acked == 100).await;
        // Now one by one, so that each would be a batch of its own.
        for id in 100..140 {
            setup.send([Job::new(id, "a")]).await;
            sleep(Duration::from_millis(20)).await;
        }
        tests::until(stats.clone(), |stats| stats.acked == 140).await;
    };
    worker.run_until(play).await.unwrap();
    assert_eq!(running.1.load(Ordering::Relaxed), 3);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_lost_while_it_waits_is_not_in_the_batch() {
    #[handler(queue = "jobs", visibility = "10s", batch(size = 3, linger = "60s"))]
    async fn patient(jobs: Vec<Job>, State(batches): State<Batches>) {
        batches.add(&jobs);
    }
    let (setup, batches) = (Setup::standard().await, Batches::default());
    setup.send(jobs(2)).await;
    let worker = setup.worker(batches.clone()).handler::<patient>();
    let stats = worker.stats();
    let meddle = async {
        sleep(Duration::from_secs(5)).await;
        let queue = setup.sqs.queue("jobs").unwrap();
        let handle = queue.in_flight()[0].last_receipt_handle.clone().unwrap();
        let delete = setup.client.delete_message().queue_url(&setup.url);
        delete.receipt_handle(handle).send().await.unwrap();
        tests::until(stats.clone(), |stats| stats.handled == 2).await;
    };
    let report = worker.run_until(meddle).await.unwrap();
    assert_eq!(batches.sizes(), [1]);
    assert_eq!((report.stats.leases_lost, report.stats.acked), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_concurrency_that_can_never_fill_a_batch_is_refused() {
    let setup = Setup::standard().await;
    let options = QueueOptions::named("jobs").concurrency(50);
    let worker = setup
        .worker(Batches::default())
        .handler::<hundred>()
        .queue(options);
    let error = worker.run_until(std::future::pending::<()>()).await.unwrap_err();
    assert!(matches!(error, WorkerError::Setting { .. }));
    assert_eq!(
        error.to_string(),
        "`concurrency` of queue `jobs` cannot be 50: it must be at least the size of its handler's batches"
    );
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_ends_finishes_its_batches() {
    let faulty = script(|action, number| {
        (action == "DeleteMessageBatch" && number == 0).then_some(Fault::Refuse(ErrorKind::InvalidSecurity))
    });
    let setup = Setup::standard_on(SqsLocal::builder().layer(faulty).build()).await;
    let batches = Batches::default();
    setup.send(jobs(30)).await;
    let worker = setup.worker(batches.clone()).handler::<hundred>();
    let report = worker.run_until(sleep(Duration::from_millis(50))).await.unwrap();
    assert!(report.is_clean(), "{report:?}");
    assert_eq!((batches.sizes(), setup.left()), (vec![30], 0));
}
