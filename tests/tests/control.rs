//! What holds polls back, and what changes while the worker runs: pause, concurrency, rate limit, circuit breaker,
//! checksums; and what health says of it.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use aws_sdk_sqs::types::QueueAttributeName;
use sqs_local::{
    SqsLocal,
    faults::{Fault, Faults, Rule},
};
use sqs_worker::{
    HandlerError, Outcome, QueueOptions, State, WorkerError, handler,
    worker::{CircuitBreaker, QueueStatus},
};
use tests::{Job, Setup, run_for, run_until, until};
use tokio::time::{Instant, sleep};

const SECOND: Duration = Duration::from_secs(1);

#[handler(queue = "jobs")]
async fn a_second(_: Job) {
    sleep(SECOND).await;
}

fn jobs(count: u64) -> impl Iterator<Item = Job> {
    (0..count).map(|id| Job::new(id, "a"))
}

#[tokio::test(start_paused = true)]
async fn a_paused_queue_takes_nothing_in_and_gives_back_what_waits_until_it_is_resumed() {
    let setup = Setup::standard().await;
    setup.send(jobs(40)).await;
    let options = QueueOptions::named("jobs").concurrency(5).prefetch(10);
    let worker = setup.worker(()).handler::<a_second>().queue(options);
    let (control, health, stats) = (worker.control("jobs"), worker.health(), worker.stats());
    let play = async {
        until(stats.clone(), |stats| stats.handled >= 5).await;
        control.pause();
        assert!(control.is_paused());
        sleep(2 * SECOND).await;
        let paused = stats.snapshot();
        assert!(paused.released >= 5, "what waited was given back: {paused:?}");
        assert_eq!(
            (paused.running, paused.in_flight),
            (0, 0),
            "what ran went on to its end"
        );
        assert_eq!(health.queues()[0].status, QueueStatus::Paused);
        assert!(health.is_ready() && health.is_live());
        sleep(600 * SECOND).await;
        let later = stats.snapshot();
        assert_eq!(later.handled, paused.handled);
        assert!(later.receive_requests <= paused.receive_requests, "{later:?}");
        control.resume();
        until(stats.clone(), |stats| stats.acked == 40).await;
    };
    worker.run_until(play).await.unwrap();
    assert_eq!(setup.left(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_a_long_poll_brings_after_the_pause_is_given_back() {
    let setup = Setup::standard().await;
    let worker = setup.worker(()).handler::<a_second>();
    let (control, stats) = (worker.control("jobs"), worker.stats());
    let play = async {
        sleep(SECOND).await;
        control.pause();
        sleep(SECOND).await;
        setup.send(jobs(1)).await;
        sleep(5 * SECOND).await;
        let now = stats.snapshot();
        assert_eq!((now.received, now.released, now.handled), (1, 1, 0), "{now:?}");
    };
    worker.run_until(play).await.unwrap();
    assert_eq!(setup.left(), 1);
}

#[tokio::test(start_paused = true)]
async fn concurrency_can_be_changed_while_it_runs() {
    let setup = Setup::standard().await;
    setup.send(jobs(300)).await;
    let worker = setup
        .worker(())
        .handler::<a_second>()
        .queue(QueueOptions::named("jobs").concurrency(2));
    let (control, stats) = (worker.control("jobs"), worker.stats());
    let play = async {
        for (concurrency, settle) in [(2, 3), (20, 3), (3, 3)] {
            control.set_concurrency(concurrency);
            sleep(settle * SECOND).await;
            let mut most = 0;
            for _ in 0..20 {
                most = most.max(stats.snapshot().running);
                sleep(SECOND / 10).await;
            }
            assert_eq!(most, concurrency as u64);
        }
        control.set_concurrency(50);
        until(stats.clone(), |stats| stats.acked == 300).await;
    };
    worker.run_until(play).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_control_of_a_queue_that_nobody_consumes_is_an_error() {
    let setup = Setup::standard().await;
    let worker = setup.worker(()).handler::<a_second>();
    let _control = worker.control("jbos");
    let error = worker.run_until(std::future::pending::<()>()).await.unwrap_err();
    assert!(matches!(error, WorkerError::UnknownQueue { .. }), "{error}");
    assert!(
        error.to_string().contains("`jbos`") && error.to_string().contains("`jobs`"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_holds_polls_back_and_never_a_message() {
    let setup = Setup::standard().await;
    setup.send(jobs(600)).await;
    let options = QueueOptions::named("jobs").concurrency(100).rate_limit(10.0);
    let worker = setup.worker(()).handler::<a_second>().queue(options);
    let (stats, started) = (worker.stats(), Instant::now());
    let play = async {
        for _ in 0..50 {
            sleep(SECOND).await;
            let (now, seconds) = (stats.snapshot(), started.elapsed().as_secs_f64());
            assert!(
                now.received as f64 <= 10.0 * (seconds + 1.0) + 0.5,
                "{} in {seconds} s",
                now.received
            );
            // None waits for anything: what is in flight runs, or is being acknowledged.
            assert_eq!(now.received, now.handled + now.running, "{now:?}");
        }
        assert!(stats.snapshot().received >= 490, "{:?}", stats.snapshot());
    };
    worker.run_until(play).await.unwrap();
}

#[derive(Clone, Default)]
struct Bank {
    down: Arc<AtomicBool>,
    calls: Arc<AtomicU32>,
}

#[handler(queue = "jobs", concurrency = 10, retry(max = 100, base = "1s", cap = "1s"))]
async fn charge(_: Job, State(bank): State<Bank>) -> Result<(), HandlerError> {
    bank.calls.fetch_add(1, Ordering::Relaxed);
    sleep(SECOND / 10).await;
    if bank.down.load(Ordering::Relaxed) {
        return Err(HandlerError::msg("the bank is closed"));
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_asks_for_one_probe_after_each_cooldown_and_holds_nothing() {
    // Each probe is a receive: with a small count a message that is probed with again and again is moved by SQS.
    let policy =
        r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:jobs-dead","maxReceiveCount":100}"#;
    let setup = Setup::standard_with(&[(QueueAttributeName::RedrivePolicy, policy)]).await;
    setup.send(jobs(200)).await;
    let bank = Bank::default();
    bank.down.store(true, Ordering::Relaxed);
    let breaker = CircuitBreaker::new().window(20).cooldown(60 * SECOND);
    let worker = setup
        .worker(bank.clone())
        .handler::<charge>()
        .queue(QueueOptions::named("jobs").circuit_breaker(breaker).prefetch(30));
    let (stats, health) = (worker.stats(), worker.health());
    let play = async {
        sleep(30 * SECOND).await;
        let (opened, now) = (bank.calls.load(Ordering::Relaxed), stats.snapshot());
        // Twenty make it open; ten more may have been running.
        assert!((20..=30).contains(&opened), "{opened} calls");
        assert_eq!(now.in_flight, 0, "{now:?}");
        assert_eq!(health.queues()[0].status, QueueStatus::BreakerOpen);
        sleep(600 * SECOND).await;
        let probes = bank.calls.load(Ordering::Relaxed) - opened;
        assert!((9..=11).contains(&probes), "{probes} probes in ten minutes");
        bank.down.store(false, Ordering::Relaxed);
        until(stats.clone(), |stats| stats.acked == 200).await;
    };
    worker.run_until(play).await.unwrap();
    assert_eq!((setup.left(), setup.dead_letters()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn messages_that_are_wrong_themselves_do_not_open_the_breaker() {
    #[handler(queue = "jobs")]
    async fn refuse(_: Job) -> Outcome {
        Outcome::dead_letter("no")
    }
    let setup = Setup::standard().await;
    setup.send(jobs(100)).await;
    let breaker = CircuitBreaker::new().window(5);
    let worker = setup
        .worker(())
        .handler::<refuse>()
        .queue(QueueOptions::named("jobs").circuit_breaker(breaker));
    let report = run_until(worker, |stats| stats.dead_lettered == 100).await;
    assert_eq!(report.stats.handled, 100);
}

#[tokio::test(start_paused = true)]
async fn settings_out_of_range_are_refused_with_a_text() {
    let setup = Setup::standard().await;
    let options = || QueueOptions::named("jobs");
    let cases = [
        (
            options().rate_limit(0.0),
            "`rate_limit` of queue `jobs` cannot be 0",
        ),
        (
            options().rate_limit(f64::NAN),
            "`rate_limit` of queue `jobs` cannot be NaN",
        ),
        (options().weight(0), "`weight` of queue `jobs` cannot be 0"),
        (
            options().tenant_concurrency(0),
            "`tenant_concurrency` of queue `jobs` cannot be 0",
        ),
        (
            options().circuit_breaker(CircuitBreaker::new().window(0)),
            "`circuit_breaker.window` of queue `jobs` cannot be 0",
        ),
        (
            options().circuit_breaker(CircuitBreaker::new().failure_rate(1.5)),
            "`circuit_breaker.failure_rate` of queue `jobs` cannot be 1.5",
        ),
        (
            options().circuit_breaker(CircuitBreaker::new().cooldown(SECOND / 2)),
            "`circuit_breaker.cooldown` of queue `jobs` cannot be 500ms",
        ),
    ];
    for (options, text) in cases {
        let worker = setup.worker(()).handler::<a_second>().queue(options);
        let error = worker.run_until(std::future::pending::<()>()).await.unwrap_err();
        assert!(error.to_string().starts_with(text), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_does_not_match_its_checksum_is_given_back_and_not_handled() {
    #[handler(queue = "jobs")]
    async fn note(job: Job, State(seen): State<Arc<Mutex<Vec<u64>>>>) {
        seen.lock().unwrap().push(job.id);
    }
    let faults = Faults::seeded(1).rule(Rule::new(Fault::Damage).action("ReceiveMessage").times(1));
    let setup = Setup::standard_on(SqsLocal::builder().layer(faults).build()).await;
    setup.send(jobs(3)).await;
    let seen = Arc::<Mutex<Vec<u64>>>::default();
    let report = run_until(setup.worker(seen.clone()).handler::<note>(), |stats| {
        stats.acked == 3
    })
    .await;
    assert_eq!(
        (report.stats.corrupted, report.stats.released),
        (3, 3),
        "{:?}",
        report.stats
    );
    assert_eq!(seen.lock().unwrap().len(), 3);
    assert_eq!(setup.dead_letters(), 0);
}

#[tokio::test(start_paused = true)]
async fn health_follows_polls_that_fail_and_recover() {
    let faults = Faults::seeded(1);
    let setup = Setup::standard_on(SqsLocal::builder().layer(faults.clone()).build()).await;
    let worker = setup.worker(()).handler::<a_second>();
    let health = worker.health();
    assert!(!health.is_ready() && health.is_live());
    let inside = health.clone();
    let play = async move {
        let health = inside;
        sleep(25 * SECOND).await;
        let queue = &health.queues()[0];
        assert_eq!(
            (queue.queue.as_str(), queue.status),
            ("jobs", QueueStatus::Polling)
        );
        assert!(queue.last_poll.unwrap() <= 20 * SECOND && health.is_ready());
        let faults = faults.rule(Rule::new(Fault::ExpiredCredentials).action("ReceiveMessage"));
        sleep(60 * SECOND).await;
        let queue = &health.queues()[0];
        assert_eq!(queue.status, QueueStatus::Failing);
        assert!(queue.failures >= 1 && !health.is_ready() && health.is_live());
        assert!(
            queue
                .error
                .as_ref()
                .unwrap()
                .contains("renew or set the AWS credentials"),
            "{queue:?}"
        );
        faults.clear();
        sleep(120 * SECOND).await;
        assert!(health.is_ready(), "{:?}", health.queues());
    };
    worker.run_until(play).await.unwrap();
    assert_eq!(health.queues()[0].status, QueueStatus::Ended);
    assert!(!health.is_ready());
}

#[tokio::test(start_paused = true)]
async fn a_saturated_queue_says_so_and_its_loop_turns() {
    #[handler(queue = "jobs", concurrency = 2, timeout = "2h")]
    async fn an_hour(_: Job) {
        sleep(3_600 * SECOND).await;
    }
    let setup = Setup::standard().await;
    setup.send(jobs(10)).await;
    let worker = setup.worker(()).handler::<an_hour>();
    let health = worker.health();
    let play = async {
        sleep(1_000 * SECOND).await;
        assert_eq!(health.queues()[0].status, QueueStatus::Saturated);
        assert!(health.is_live() && health.is_ready());
    };
    let worker = worker.shutdown_timeout(SECOND);
    worker.run_until(play).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn two_dead_letter_queues_for_one_queue_are_refused() {
    #[derive(Debug, serde::Serialize, serde::Deserialize, sqs_worker::Message)]
    #[message(name = "other")]
    struct Other {}
    #[handler(queue = "jobs", dead_letter = "graves")]
    async fn first(_: Job) {}
    #[handler(queue = "jobs", dead_letter = "tombs")]
    async fn second(_: Other) {}
    let setup = Setup::standard().await;
    let worker = setup.worker(()).handler::<first>().handler::<second>();
    let error = run_error(worker).await;
    assert!(
        error.starts_with("`dead_letter` of queue `jobs` cannot be both `graves` and `tombs`"),
        "{error}"
    );
}

async fn run_error(worker: sqs_worker::Worker<()>) -> String {
    worker.run_until(sleep(SECOND)).await.unwrap_err().to_string()
}

#[tokio::test(start_paused = true)]
async fn an_idle_hour_leaves_no_trace_in_the_numbers() {
    let setup = Setup::standard().await;
    let report = run_for(setup.worker(()).handler::<a_second>(), 3_600 * SECOND).await;
    assert_eq!(
        (
            report.stats.in_flight,
            report.stats.running,
            report.stats.poll_errors
        ),
        (0, 0, 0)
    );
    assert!(report.is_clean());
}
