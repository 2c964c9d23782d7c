//! FIFO queues: a group runs in order, one message at a time; groups run side by side.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use sqs_local::{ErrorKind, SqsLocal};
use sqs_worker::{HandlerError, State, handler};
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
