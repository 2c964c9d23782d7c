//! SQS out of order: nothing is lost, nothing runs hot, and the worker goes on when SQS does.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use sqs_local::{
    SqsLocal,
    faults::{Fault, Faults, Rule},
};
use sqs_worker::{State, handler, worker::StatsSnapshot};
use tests::{Job, Setup, until};
use tokio::time::{Instant, sleep};

const SECOND: Duration = Duration::from_secs(1);

type Done = Arc<Mutex<BTreeSet<u64>>>;

#[handler(
    queue = "jobs",
    concurrency = 20,
    visibility = "30s",
    retry(max = 50, base = "1s", cap = "5s")
)]
async fn work(job: Job, State(done): State<Done>) {
    sleep(SECOND).await;
    done.lock().unwrap().insert(job.id);
}

struct Outcome {
    stats: StatsSnapshot,
    /// What SQS saw of receives and deletions.
    seen: (usize, usize),
    /// Requests that were made in each minute.
    requests: Vec<usize>,
    left: (usize, usize),
    done: usize,
}

/// Runs a worker over 300 messages while `faults` are at work, until all are handled.
async fn survive(faults: Faults) -> Outcome {
    let sqs = SqsLocal::builder().layer(faults.clone()).build();
    let setup = Setup::standard_on(sqs).await;
    // Nothing may be moved away: what a fault keeps from being deleted is received again, and counted.
    let policy = aws_sdk_sqs::types::QueueAttributeName::RedrivePolicy;
    setup
        .client
        .set_queue_attributes()
        .queue_url(&setup.url)
        .attributes(policy, "")
        .send()
        .await
        .unwrap();
    setup.send((0..300).map(|id| Job::new(id, "a"))).await;
    setup.sqs.clear_journal();
    let done = Done::default();
    let worker = setup.worker(done.clone()).handler::<work>();
    let (stats, started) = (worker.stats(), Instant::now());
    let play = async {
        while done.lock().unwrap().len() < 300 {
            assert!(
                started.elapsed() < 3_600 * SECOND,
                "never done: {:?}",
                stats.snapshot()
            );
            sleep(SECOND).await;
        }
        until(stats.clone(), |stats| stats.in_flight == 0).await;
    };
    let report = worker.run_until(play).await.unwrap();
    let journal = setup.sqs.journal();
    let first = journal
        .requests
        .iter()
        .map(|request| request.began)
        .min()
        .unwrap_or_default();
    let mut requests = Vec::new();
    for request in &journal.requests {
        let minute = ((request.began - first).as_secs() / 60) as usize;
        requests.resize(requests.len().max(minute + 1), 0);
        requests[minute] += 1;
    }
    let count = done.lock().unwrap().len();
    Outcome {
        seen: (
            journal.count("ReceiveMessage"),
            journal.count("DeleteMessageBatch"),
        ),
        stats: report.stats,
        requests,
        left: (setup.left(), setup.dead_letters()),
        done: count,
    }
}

fn check(outcome: &Outcome, most_a_minute: usize) {
    let Outcome {
        stats,
        requests,
        left,
        done,
        ..
    } = outcome;
    println!("requests a minute: {requests:?}; {stats:?}");
    assert_eq!((*done, *left), (300, (0, 0)), "{stats:?}");
    assert_eq!((stats.in_flight, stats.running), (0, 0), "{stats:?}");
    // Nobody makes requests behind the worker's back: the SDK's own retries are off.
    let made = (stats.receive_requests as usize, stats.delete_requests as usize);
    assert_eq!(made, outcome.seen, "{stats:?}");
    let most = requests.iter().max().copied().unwrap_or_default();
    assert!(most <= most_a_minute, "{most} requests in a minute: {requests:?}");
}

/// How many requests a minute takes when all goes well: the bar for what is no hot loop.
async fn smooth() -> usize {
    let outcome = survive(Faults::seeded(1)).await;
    assert_eq!(outcome.stats.handled, 300);
    outcome.requests[0]
}

/// From when to when, counted from the first request that the faults see.
fn for_a_minute(fault: Fault) -> Rule {
    Rule::new(fault).from(5 * SECOND).until(65 * SECOND)
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_accepts_and_never_answers_for_a_minute() {
    let smooth = smooth().await;
    let outcome = survive(Faults::seeded(1).rule(for_a_minute(Fault::Hang))).await;
    check(&outcome, 2 * smooth + 100);
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_answers_503_for_a_minute() {
    let smooth = smooth().await;
    let outcome = survive(Faults::seeded(1).rule(for_a_minute(Fault::Unavailable))).await;
    assert!(outcome.stats.poll_errors > 2, "{:?}", outcome.stats);
    check(&outcome, 2 * smooth + 300);
}

#[tokio::test(start_paused = true)]
async fn one_answer_in_five_is_dropped() {
    let smooth = smooth().await;
    let lose = Rule::new(Fault::LoseAnswer)
        .from(3 * SECOND)
        .until(600 * SECOND)
        .chance(0.2);
    let outcome = survive(Faults::seeded(5).rule(lose)).await;
    check(&outcome, 2 * smooth + 300);
}

#[tokio::test(start_paused = true)]
async fn credentials_that_expire_and_are_renewed_after_two_minutes() {
    let smooth = smooth().await;
    let expired = Rule::new(Fault::ExpiredCredentials)
        .from(5 * SECOND)
        .until(125 * SECOND);
    let outcome = survive(Faults::seeded(1).rule(expired)).await;
    assert!(outcome.stats.poll_errors > 2, "{:?}", outcome.stats);
    check(&outcome, 2 * smooth + 300);
}

#[tokio::test(start_paused = true)]
async fn an_hour_of_each_costs_no_storm() {
    for (fault, most) in [
        (Fault::Unavailable, 4),
        (Fault::Throttle, 4),
        (Fault::ExpiredCredentials, 4),
        (Fault::AccessDenied, 4),
        (Fault::OverLimit, 4),
        (Fault::Hang, 4),
    ] {
        let faults = Faults::seeded(1);
        let setup = Setup::standard_on(SqsLocal::builder().layer(faults.clone()).build()).await;
        let worker = setup.worker(Done::default()).handler::<work>();
        let stats = worker.stats();
        let play = async {
            sleep(25 * SECOND).await;
            let before = stats.snapshot().requests();
            let faults = faults.rule(Rule::new(fault));
            sleep(3_600 * SECOND).await;
            let made = stats.snapshot().requests() - before;
            println!("{fault:?} for an hour: {made} requests");
            assert!(made <= most * 60, "{fault:?}: {made} requests in an hour");
            assert!(made >= 5, "{fault:?}: it goes on asking: {made}");
            faults.clear();
            setup.send([Job::new(1, "a")]).await;
            until(stats.clone(), |stats| stats.acked == 1).await;
        };
        worker.run_until(play).await.unwrap();
    }
}
