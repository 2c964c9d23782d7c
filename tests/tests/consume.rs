//! One message on its way: handled, retried, dead-lettered, acknowledged.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use sqs_worker::{
    HandlerError, Headers, Outcome, QueueOptions, ReceiveCount, ResultExt, Schedule, State, handler,
    message::FailureRecord,
};
use tests::{Job, Setup, run_for, run_until, text_attribute};
use tokio::time::Instant;

type Calls = Arc<AtomicU32>;

#[handler(queue = "jobs")]
async fn succeed(_: Job, State(calls): State<Calls>) {
    calls.fetch_add(1, Ordering::Relaxed);
}

#[handler(queue = "jobs", retry(base = "10s", cap = "40s"))]
async fn fail_twice(
    _: Job,
    State(calls): State<Calls>,
    ReceiveCount(n): ReceiveCount,
) -> Result<(), HandlerError> {
    calls.fetch_add(1, Ordering::Relaxed);
    if n < 3 {
        Err(HandlerError::msg("not yet"))
    } else {
        Ok(())
    }
}

#[handler(queue = "jobs", retry(max = 3, base = "1s", cap = "1s"))]
async fn fail_always(_: Job, State(calls): State<Calls>) -> Result<(), std::io::Error> {
    calls.fetch_add(1, Ordering::Relaxed);
    Err(std::io::Error::other("the disk is on fire"))
}

#[handler(queue = "jobs")]
async fn refuse(job: Job, State(calls): State<Calls>) -> Result<Outcome, HandlerError> {
    calls.fetch_add(1, Ordering::Relaxed);
    match job.id % 2 {
        0 => Ok(Outcome::dead_letter("even jobs are not done here")),
        _ => Err(std::io::Error::other("odd jobs neither")).or_dead_letter()?,
    }
}

#[handler(queue = "jobs", retry(base = "1s", cap = "1s"))]
async fn panic_once(_: Job, State(calls): State<Calls>) {
    let before = calls.fetch_add(1, Ordering::Relaxed);
    assert!(before > 0, "the first call fails");
}

#[handler(queue = "jobs", timeout = "5s", retry(max = 1))]
async fn hang(_: Job) {
    std::future::pending::<()>().await;
}

/// The failure records in the dead-letter queue.
fn records(setup: &Setup) -> Vec<FailureRecord> {
    let queue = setup.sqs.queue(setup.dead).unwrap();
    let packed = queue
        .available()
        .into_iter()
        .filter_map(|message| text_attribute(message, "sqs-worker"));
    packed
        .filter_map(|text| Headers::parse(text).unwrap().failure)
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_message_whose_handler_succeeds_is_deleted_and_handled_once() {
    let (setup, calls) = (Setup::standard().await, Calls::default());
    setup.send((0..25).map(|id| Job::new(id, "a"))).await;
    let worker = setup.worker(calls.clone()).handler::<succeed>();
    let report = run_until(worker, |stats| stats.acked == 25).await;
    assert!(report.is_clean(), "{report:?}");
    assert_eq!((setup.left(), setup.dead_letters()), (0, 0));
    assert_eq!(calls.load(Ordering::Relaxed), 25);
}

#[tokio::test(start_paused = true)]
async fn a_failing_message_is_retried_on_its_schedule_until_it_succeeds() {
    let (setup, calls) = (Setup::standard().await, Calls::default());
    setup.send([Job::new(1, "a")]).await;
    let started = Instant::now();
    let report = run_until(setup.worker(calls.clone()).handler::<fail_twice>(), |stats| {
        stats.acked == 1
    })
    .await;
    assert_eq!((calls.load(Ordering::Relaxed), report.stats.retried), (3, 2));
    // Jitter takes at most half of 10 s and of 20 s; whole seconds are rounded up.
    let seconds = started.elapsed().as_secs();
    assert!((15..=34).contains(&seconds), "{seconds}");
    assert_eq!(setup.dead_letters(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_fails_too_often_is_dead_lettered_with_the_reason() {
    let (setup, calls) = (Setup::standard().await, Calls::default());
    setup.send([Job::new(1, "a")]).await;
    let report = run_until(setup.worker(calls.clone()).handler::<fail_always>(), |stats| {
        stats.dead_lettered == 1
    })
    .await;
    assert_eq!((calls.load(Ordering::Relaxed), report.stats.acked), (3, 0));
    assert_eq!((setup.left(), setup.dead_letters()), (0, 1));
    let [record] = &records(&setup)[..] else {
        panic!("one record")
    };
    assert_eq!(record.reason, "gave up after 3 attempts: the disk is on fire");
    assert_eq!((record.attempts, record.queue.as_str()), (3, "jobs"));
    assert_eq!(record.handler.as_deref(), Some("fail_always"));
}

#[tokio::test(start_paused = true)]
async fn a_permanent_failure_is_dead_lettered_at_once_body_and_attributes_unchanged() {
    let (setup, calls) = (Setup::standard().await, Calls::default());
    let producer = sqs_worker::Producer::new(setup.client.clone()).to("jobs");
    producer
        .send(&Job::new(1, "a"))
        .attribute("tenant", "acme")
        .await
        .unwrap();
    producer.send(&Job::new(2, "a")).await.unwrap();
    run_until(setup.worker(calls.clone()).handler::<refuse>(), |stats| {
        stats.dead_lettered == 2
    })
    .await;
    assert_eq!(calls.load(Ordering::Relaxed), 2);
    assert_eq!(setup.left(), 0);
    let dead = setup.sqs.queue(setup.dead).unwrap();
    let bodies = dead.bodies();
    assert_eq!(bodies, [r#"{"id":1,"group":"a"}"#, r#"{"id":2,"group":"a"}"#]);
    assert_eq!(text_attribute(dead.available()[0], "tenant"), Some("acme"));
    assert_eq!(text_attribute(dead.available()[0], "message-name"), Some("job"));
    let reasons: Vec<String> = records(&setup).into_iter().map(|record| record.reason).collect();
    assert_eq!(reasons, ["odd jobs neither", "even jobs are not done here"]);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_panics_is_a_failed_attempt() {
    let (setup, calls) = (Setup::standard().await, Calls::default());
    setup.send([Job::new(1, "a")]).await;
    let report = run_until(setup.worker(calls.clone()).handler::<panic_once>(), |stats| {
        stats.acked == 1
    })
    .await;
    assert_eq!((report.stats.panics, report.stats.retried), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_never_ends_is_cut_off_at_its_timeout() {
    let setup = Setup::standard().await;
    setup.send([Job::new(1, "a")]).await;
    run_until(setup.worker(()).handler::<hang>(), |stats| {
        stats.dead_lettered == 1
    })
    .await;
    let reason = &records(&setup)[0].reason;
    assert!(reason.contains("`hang`") && reason.contains("5s"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_decode_is_dead_lettered_with_its_place() {
    let (setup, calls) = (Setup::standard().await, Calls::default());
    setup.send_raw(r#"{"id": "seven", "group": "a"}"#).await;
    setup.send_raw("hello?").await;
    run_until(setup.worker(calls.clone()).handler::<succeed>(), |stats| {
        stats.dead_lettered == 2
    })
    .await;
    assert_eq!(calls.load(Ordering::Relaxed), 0);
    assert_eq!(
        setup.sqs.queue(setup.dead).unwrap().bodies(),
        [r#"{"id": "seven", "group": "a"}"#, "hello?"]
    );
    for record in records(&setup) {
        assert!(
            record.reason.contains("`jobs`") && record.reason.contains("line 1"),
            "{}",
            record.reason
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_message_name_is_dead_lettered_and_the_error_lists_the_known_ones() {
    let (setup, calls) = (Setup::standard().await, Calls::default());
    let name = aws_sdk_sqs::types::MessageAttributeValue::builder()
        .data_type("String")
        .string_value("jobb");
    let send = setup
        .client
        .send_message()
        .queue_url(&setup.url)
        .message_body("{}");
    send.message_attributes("message-name", name.build().unwrap())
        .send()
        .await
        .unwrap();
    run_until(setup.worker(calls.clone()).handler::<succeed>(), |stats| {
        stats.dead_lettered == 1
    })
    .await;
    let reason = &records(&setup)[0].reason;
    for part in ["`jobb`", "`job`", "`jobs`"] {
        assert!(reason.contains(part), "{reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_dead_letter_queue_a_hopeless_message_stays_in_its_queue() {
    let setup = Setup::standard_with(&[(aws_sdk_sqs::types::QueueAttributeName::RedrivePolicy, "")]).await;
    setup.send_raw("hello?").await;
    let options =
        QueueOptions::named("jobs").retry(Schedule::new(Duration::from_secs(60), Duration::from_secs(60)));
    let worker = setup.worker(Calls::default()).handler::<succeed>().queue(options);
    let report = run_for(worker, Duration::from_secs(600)).await;
    assert!(
        (9..=20).contains(&report.stats.left_to_redrive),
        "{:?}",
        report.stats
    );
    assert_eq!((setup.left(), setup.dead_letters()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn two_handlers_share_a_queue_and_messages_find_theirs_by_name() {
    #[derive(serde::Serialize, serde::Deserialize, sqs_worker::Message)]
    #[message(name = "other")]
    struct Other {}

    #[handler(queue = "jobs")]
    async fn other(_: Other, State(calls): State<Calls>) {
        calls.fetch_add(100, Ordering::Relaxed);
    }

    let (setup, calls) = (Setup::standard().await, Calls::default());
    setup.send([Job::new(1, "a")]).await;
    sqs_worker::Producer::new(setup.client.clone())
        .to("jobs")
        .send(&Other {})
        .await
        .unwrap();
    let worker = setup
        .worker(calls.clone())
        .handler::<succeed>()
        .handler::<other>();
    run_until(worker, |stats| stats.acked == 2).await;
    assert_eq!(calls.load(Ordering::Relaxed), 101);
}

#[tokio::test(start_paused = true)]
async fn a_plain_function_and_the_methods_of_a_service_can_be_mounted_too() {
    #[derive(Clone, sqs_worker::FromRef)]
    struct App {
        counter: Counter,
    }

    #[derive(Clone, Default)]
    struct Counter(Calls);

    #[sqs_worker::handlers]
    impl Counter {
        #[handler(queue = "jobs")]
        async fn count(&self, _: Job) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn plain(_: Job, State(counter): State<Counter>) {
        counter.0.fetch_add(100, Ordering::Relaxed);
    }

    let setup = Setup::standard().await;
    let app = App {
        counter: Counter::default(),
    };
    setup.send([Job::new(1, "a")]).await;
    run_until(setup.worker(app.clone()).handlers::<Counter>(), |stats| {
        stats.acked == 1
    })
    .await;
    setup.send([Job::new(2, "a")]).await;
    run_until(setup.worker(app.clone()).route("jobs", plain), |stats| {
        stats.acked == 1
    })
    .await;
    assert_eq!(app.counter.0.load(Ordering::Relaxed), 101);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_its_dead_letter_queue_does_not_take_is_not_deleted() {
    // The setup sends nothing in batches: what is refused is the copy.
    let faulty = tests::script(|action, _| {
        (action == "SendMessageBatch").then_some(tests::Fault::Refuse(sqs_local::ErrorKind::InvalidSecurity))
    });
    let setup = Setup::standard_on(sqs_local::SqsLocal::builder().layer(faulty).build()).await;
    setup.send_raw("hello?").await;
    let worker = setup.worker(Calls::default()).handler::<succeed>();
    let report = run_until(worker, |stats| stats.left_to_redrive == 1).await;
    assert_eq!(
        (report.stats.dead_lettered, setup.left(), setup.dead_letters()),
        (0, 1, 0)
    );
    assert_eq!(setup.sqs.journal().count("DeleteMessageBatch"), 0);
}
