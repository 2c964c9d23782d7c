//! FIFO queues: a group runs in order, one message at a time; groups run side by side.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use sqs_local::{ErrorKind, SqsLocal};
use sqs_worker::{HandlerError, State, handler, handler::Attempt};
use tests::{Fault, Job, Setup, run_until, script};
use tokio::time::sleep;

/// What ran, in the order in which it started and ended.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<(String, u64, bool)>>>, Arc<Mutex<BTreeSet<u64>>>);

impl Log {
    fn add(&self, job: &Job, ended: bool) {
        self.0.lock().unwrap().push((job.group.clone(), job.id, ended));
    }

    /// Whether this job is tried for the first time. SQS's own count also counts receives in which it only waited.
    fn first(&self, job: &Job) -> bool {
        self.1.lock().unwrap().insert(job.id)
    }

    /// The jobs of each group that ended well, in order.
    fn done(&self) -> BTreeMap<String, Vec<u64>> {
        let mut done: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for (group, id, ended) in self.0.lock().unwrap().iter() {
            if *ended {
                done.entry(group.clone()).or_default().push(*id);
            }
        }
        done
    }

    /// Whether no job of a group ever started before the one before it had ended.
    fn one_at_a_time(&self) -> bool {
        let mut running: BTreeMap<String, u64> = BTreeMap::new();
        self.0
            .lock()
            .unwrap()
            .iter()
            .all(|(group, id, ended)| match ended {
                true => running.remove(group) == Some(*id),
                false => running.insert(group.clone(), *id).is_none(),
            })
    }
}

#[handler(queue = "jobs.fifo", concurrency = 20)]
async fn in_order(job: Job, State(log): State<Log>) {
    log.add(&job, false);
    sleep(Duration::from_millis(5 + job.id % 7)).await;
    log.add(&job, true);
}

/// Every fifth job fails at its first attempt.
#[handler(
    queue = "jobs.fifo",
    concurrency = 20,
    retry(max = 50, base = "3s", cap = "3s")
)]
async fn some_fail(job: Job, State(log): State<Log>) -> Result<(), HandlerError> {
    sleep(Duration::from_millis(5)).await;
    if job.id % 5 == 2 && log.first(&job) {
        return Err(HandlerError::msg("not yet"));
    }
    log.add(&job, true);
    Ok(())
}

fn jobs(groups: u64, each: u64) -> Vec<Job> {
    (0..groups * each)
        .map(|id| Job::new(id, &format!("g{}", id % groups)))
        .collect()
}

/// Takes the redrive policy away: SQS counts receives in which a message only waited behind another, and would move
/// it after five of them.
async fn no_redrive(setup: &Setup) {
    let policy = aws_sdk_sqs::types::QueueAttributeName::RedrivePolicy;
    setup
        .client
        .set_queue_attributes()
        .queue_url(&setup.url)
        .attributes(policy, "")
        .send()
        .await
        .unwrap();
}

fn sorted(done: &BTreeMap<String, Vec<u64>>) -> bool {
    done.values().all(|ids| ids.is_sorted())
}

#[tokio::test(start_paused = true)]
async fn groups_run_in_order_one_message_at_a_time_and_side_by_side() {
    let (setup, log) = (Setup::fifo().await, Log::default());
    setup.send(jobs(10, 20)).await;
    let worker = setup.worker(log.clone()).handler::<in_order>();
    let (started, stats) = (tokio::time::Instant::now(), worker.stats());
    let mut took = Duration::MAX;
    let done = async {
        tests::until(stats, |stats| stats.acked == 200).await;
        took = started.elapsed();
    };
    worker.run_until(done).await.unwrap();
    assert!(sorted(&log.done()) && log.one_at_a_time());
    assert_eq!(log.done().values().map(Vec::len).sum::<usize>(), 200);
    // One after another they would take 200 x 8 ms.
    assert!(took < Duration::from_millis(800), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_failed_message_holds_its_group_back_until_it_succeeds() {
    let (setup, log) = (Setup::fifo().await, Log::default());
    setup.send(jobs(4, 25)).await;
    let report = run_until(setup.worker(log.clone()).handler::<some_fail>(), |stats| {
        stats.acked == 100
    })
    .await;
    assert_eq!((report.stats.retried_in_place, report.stats.retried), (20, 0));
    assert!(sorted(&log.done()), "{:?}", log.done());
    assert_eq!((setup.left(), setup.dead_letters()), (0, 0));
    // Nothing was received more than once: neither what failed nor what waited behind it.
    assert_eq!(report.stats.received, 100);
}

#[tokio::test(start_paused = true)]
async fn a_group_goes_on_only_when_the_deletion_before_is_confirmed() {
    // The first two deletions fail as a whole.
    let faulty = script(|action, number| {
        (action == "DeleteMessageBatch" && number < 2).then_some(Fault::Refuse(ErrorKind::InvalidSecurity))
    });
    let setup = Setup::fifo_on(SqsLocal::builder().layer(faulty).build()).await;
    let log = Log::default();
    setup.send(jobs(1, 5)).await;
    run_until(setup.worker(log.clone()).handler::<in_order>(), |stats| {
        stats.acked == 5
    })
    .await;
    assert_eq!(log.done()["g0"], [0, 1, 2, 3, 4]);
    assert!(log.one_at_a_time());
}

#[tokio::test(start_paused = true)]
async fn a_group_whose_lease_is_lost_is_taken_up_again_in_order() {
    #[handler(queue = "jobs.fifo", visibility = "10s", timeout = "1h", retry(max = 50))]
    async fn slow(job: Job, State(log): State<Log>) {
        log.add(&job, false);
        sleep(Duration::from_secs(8)).await;
        log.add(&job, true);
    }
    // No renewal works for the first minute.
    let started = tokio::time::Instant::now();
    let faulty = script(move |action, _| {
        let refuse = action == "ChangeMessageVisibilityBatch" && started.elapsed() < Duration::from_secs(60);
        refuse.then_some(Fault::Refuse(ErrorKind::InvalidSecurity))
    });
    let setup = Setup::fifo_on(SqsLocal::builder().layer(faulty).build()).await;
    no_redrive(&setup).await;
    let log = Log::default();
    setup.send(jobs(1, 6)).await;
    let report = run_until(setup.worker(log.clone()).handler::<slow>(), |stats| {
        stats.acked == 6
    })
    .await;
    assert!(report.stats.leases_lost > 0, "{:?}", report.stats);
    assert_eq!(log.done()["g0"], [0, 1, 2, 3, 4, 5]);
}

#[tokio::test(start_paused = true)]
async fn a_dead_lettered_message_lets_its_group_go_on_and_keeps_its_group() {
    #[handler(queue = "jobs.fifo")]
    async fn refuse_one(job: Job, State(log): State<Log>) -> sqs_worker::Outcome {
        if job.id == 1 {
            return sqs_worker::Outcome::dead_letter("one is not done");
        }
        log.add(&job, true);
        sqs_worker::Outcome::ack()
    }
    let (setup, log) = (Setup::fifo().await, Log::default());
    setup.send(jobs(1, 4)).await;
    run_until(setup.worker(log.clone()).handler::<refuse_one>(), |stats| {
        stats.acked == 3
    })
    .await;
    assert_eq!(log.done()["g0"], [0, 2, 3]);
    let dead = setup.sqs.queue(setup.dead).unwrap();
    assert_eq!(dead.available()[0].group.as_deref(), Some("g0"));
}

/// Which jobs of each group started, and which of them ended well, in order.
type Starts = BTreeMap<String, Vec<(u64, bool)>>;

#[tokio::test(start_paused = true)]
async fn ten_thousand_messages_of_a_hundred_groups_with_failures_keep_order_and_hardly_take_longer() {
    /// What one run saw.
    #[derive(Clone, Default)]
    struct Trace(Arc<Mutex<Starts>>, bool);

    /// Every twentieth job fails once, a few of those three times.
    #[handler(
        queue = "jobs.fifo",
        concurrency = 100,
        retry(max = 10, base = "1s", cap = "1s")
    )]
    async fn step(
        job: Job,
        Attempt(attempt): Attempt,
        State(trace): State<Trace>,
    ) -> Result<(), HandlerError> {
        let log = |ended| {
            trace
                .0
                .lock()
                .unwrap()
                .entry(job.group.clone())
                .or_default()
                .push((job.id, ended));
        };
        log(false);
        sleep(Duration::from_millis(50)).await;
        let failures = match job.id {
            id if id % 400 == 7 => 3,
            id if id % 20 == 7 => 1,
            _ => 0,
        };
        if trace.1 && attempt <= failures {
            return Err(HandlerError::msg("not yet"));
        }
        log(true);
        Ok(())
    }

    async fn run(failing: bool) -> (Duration, Trace, sqs_worker::worker::StatsSnapshot, Setup) {
        let setup = Setup::fifo().await;
        // Of a hundred groups, each has every hundredth job: those that fail are in five of them, seven in every 100.
        let jobs = (0..10_000).map(|id| Job::new(id, &format!("g{:02}", (id * 37 + id / 100) % 100)));
        setup.send(jobs).await;
        let trace = Trace(Arc::default(), failing);
        let worker = setup.worker(trace.clone()).handler::<step>();
        let (stats, started) = (worker.stats(), tokio::time::Instant::now());
        let mut took = Duration::ZERO;
        let done = async {
            tests::until(stats, |stats| stats.acked == 10_000).await;
            took = started.elapsed();
        };
        let report = worker.run_until(done).await.unwrap();
        (took, trace, report.stats, setup)
    }

    let (smooth, ..) = run(false).await;
    let (rough, trace, stats, setup) = run(true).await;
    assert_eq!((setup.left(), setup.dead_letters()), (0, 0));
    // 475 fail once, 25 three times.
    assert_eq!(stats.retried_in_place, 475 + 25 * 3);
    // Not one of them, nor any that waited behind one, was received twice.
    assert_eq!(stats.received, 10_000, "{stats:?}");
    let mut backoffs = Duration::ZERO;
    for (group, log) in trace.0.lock().unwrap().iter() {
        let mut done = Vec::new();
        for (id, ended) in log {
            // A job starts when all before it have ended.
            assert!(
                done.last().is_none_or(|last| last < id),
                "{group}: {id} after {done:?}"
            );
            if *ended {
                done.push(*id);
            }
        }
        assert_eq!(done.len(), 100);
        let attempts = log.iter().filter(|(_, ended)| !ended).count() as u32;
        // Each group waits for its own; the slowest decides.
        backoffs = backoffs.max(Duration::from_secs(1) * (attempts - 100));
    }
    let bar = smooth.mul_f64(1.3) + backoffs;
    println!("without failures {smooth:?}; with {rough:?}, of which backoffs {backoffs:?}");
    assert!(rough <= bar, "{rough:?} > {bar:?}");
}

#[tokio::test(start_paused = true)]
async fn a_receive_whose_answer_was_lost_is_repeated_and_its_groups_are_not_locked() {
    let faulty =
        script(|action, number| (action == "ReceiveMessage" && number == 0).then_some(Fault::LoseAnswer));
    let setup = Setup::fifo_on(SqsLocal::builder().layer(faulty).build()).await;
    let log = Log::default();
    setup.send(jobs(3, 3)).await;
    let worker = setup.worker(log.clone()).handler::<in_order>();
    let (stats, started) = (worker.stats(), tokio::time::Instant::now());
    let done = async {
        tests::until(stats, |stats| stats.acked == 9).await;
        // A second or so of backoff, and not the thirty of the visibility time-out.
        assert!(
            started.elapsed() < Duration::from_secs(5),
            "{:?}",
            started.elapsed()
        );
    };
    worker.run_until(done).await.unwrap();
    assert!(sorted(&log.done()) && log.one_at_a_time());
    assert_eq!(log.done().values().map(Vec::len).sum::<usize>(), 9);
}

#[tokio::test(start_paused = true)]
async fn a_group_that_rests_at_shutdown_is_given_back_with_the_rest_of_its_delay() {
    #[handler(queue = "jobs.fifo", retry(max = 50, base = "60s", cap = "60s"))]
    async fn fails(job: Job, State(log): State<Log>) -> Result<(), HandlerError> {
        log.add(&job, false);
        Err(HandlerError::msg("no"))
    }
    let (setup, log) = (Setup::fifo().await, Log::default());
    setup.send(jobs(1, 3)).await;
    let report = tests::run_for(
        setup.worker(log.clone()).handler::<fails>(),
        Duration::from_secs(10),
    )
    .await;
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(
        (
            report.stats.retried_in_place,
            report.stats.retried,
            report.stats.released
        ),
        (1, 1, 2)
    );
    assert_eq!(log.0.lock().unwrap().len(), 1);
    // The jittered minute is at least half a minute, of which ten seconds have passed.
    let hidden = setup.sqs.queue(setup.queue).unwrap();
    assert_eq!((hidden.in_flight().len(), hidden.available().len()), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_standard_message_is_buried_in_a_fifo_queue_with_the_ids_that_it_needs() {
    #[handler(queue = "jobs", dead_letter = "graves.fifo")]
    async fn refuse(_: Job) -> sqs_worker::Outcome {
        sqs_worker::Outcome::dead_letter("no")
    }
    let setup = Setup::standard().await;
    let fifo = aws_sdk_sqs::types::QueueAttributeName::FifoQueue;
    setup
        .client
        .create_queue()
        .queue_name("graves.fifo")
        .attributes(fifo, "true")
        .send()
        .await
        .unwrap();
    setup.send_raw(r#"{"id":1,"group":"g"}"#).await;
    let report = run_until(setup.worker(()).handler::<refuse>(), |stats| {
        stats.dead_lettered + stats.left_to_redrive > 0
    })
    .await;
    assert_eq!(report.stats.dead_lettered, 1, "{:?}", report.stats);
    let graves = setup.sqs.queue("graves.fifo").unwrap();
    assert_eq!(
        graves.available()[0].deduplication_id.as_deref(),
        Some(graves_id(&setup).as_str())
    );
}

/// The id of the only message that was sent to the queue.
fn graves_id(setup: &Setup) -> String {
    let journal = setup.sqs.journal();
    let sent = journal.of("SendMessage").next().unwrap();
    sent.entries[0].message_id.unwrap().to_string()
}
