//! A message stays ours for as long as its handler runs, and not a moment longer than is proven.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use sqs_local::{
    ErrorKind, SqsLocal,
    faults::{Faults, Rule},
};
use sqs_worker::{HandlerError, Lease, QueueOptions, State, handler};
use tests::{Fault, Job, Setup, run_for, run_until, script, until};
use tokio::time::sleep;

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
}

async fn work(runs: &Runs, time: Duration) {
    runs.started.fetch_add(1, Ordering::Relaxed);
    sleep(time).await;
    runs.finished.fetch_add(1, Ordering::Relaxed);
}

#[handler(queue = "jobs", visibility = "30s", timeout = "30m", concurrency = 1000)]
async fn ten_minutes(_: Job, State(runs): State<Runs>) {
    work(&runs, Duration::from_secs(600)).await;
}

#[handler(
    queue = "jobs",
    visibility = "1h",
    timeout = "12h",
    retry(max = 9, base = "1s", cap = "1s")
)]
async fn for_ever(_: Job, State(runs): State<Runs>) {
    work(&runs, Duration::from_secs(30 * 3_600)).await;
}

#[handler(queue = "jobs", visibility = "30s")]
async fn at_once(_: Job, State(runs): State<Runs>) {
    work(&runs, Duration::ZERO).await;
}

#[tokio::test(start_paused = true)]
async fn a_handler_of_ten_minutes_on_a_lease_of_thirty_seconds_runs_once() {
    let (setup, runs) = (Setup::standard().await, Runs::default());
    setup.send([Job::new(1, "a")]).await;
    let report = run_until(setup.worker(runs.clone()).handler::<ten_minutes>(), |stats| {
        stats.acked == 1
    })
    .await;
    assert_eq!(runs.counts(), (1, 1));
    // A renewal each twenty seconds.
    assert!((29..=30).contains(&report.stats.renewals), "{:?}", report.stats);
    assert_eq!(report.stats.leases_lost, 0);
}

#[tokio::test(start_paused = true)]
async fn leases_are_renewed_ten_to_a_call() {
    let (setup, runs) = (Setup::standard().await, Runs::default());
    setup.send((0..200).map(|id| Job::new(id, "a"))).await;
    let report = run_until(setup.worker(runs.clone()).handler::<ten_minutes>(), |stats| {
        stats.acked == 200
    })
    .await;
    assert_eq!(runs.counts(), (200, 200));
    let periods = 600 / 20;
    assert!(
        report.stats.visibility_requests <= 20 * periods,
        "{:?}",
        report.stats
    );
}

#[tokio::test(start_paused = true)]
async fn a_failed_renewal_is_tried_again_before_the_lease_ends() {
    // Every other renewal fails.
    let faulty = script(|action, number| {
        let refuse = action == "ChangeMessageVisibilityBatch" && number % 2 == 0;
        refuse.then_some(Fault::Refuse(ErrorKind::InvalidSecurity))
    });
    let setup = Setup::standard_on(SqsLocal::builder().layer(faulty).build()).await;
    let runs = Runs::default();
    setup.send([Job::new(1, "a")]).await;
    let report = run_until(setup.worker(runs.clone()).handler::<ten_minutes>(), |stats| {
        stats.acked == 1
    })
    .await;
    assert_eq!((runs.counts(), report.stats.leases_lost), ((1, 1), 0));
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_cannot_be_renewed_is_lost_and_its_handler_ended() {
    let faulty = script(|action, _| {
        (action == "ChangeMessageVisibilityBatch").then_some(Fault::Refuse(ErrorKind::InvalidSecurity))
    });
    let setup = Setup::standard_on(SqsLocal::builder().layer(faulty).build()).await;
    let runs = Runs::default();
    setup.send([Job::new(1, "a")]).await;
    let report = run_for(
        setup.worker(runs.clone()).handler::<ten_minutes>(),
        Duration::from_secs(29),
    )
    .await;
    assert_eq!(
        (runs.counts(), report.stats.leases_lost),
        ((1, 0), 1),
        "{:?}",
        report.stats
    );
    assert_eq!((setup.left(), report.stats.acked), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_hangs_loses_the_lease_at_its_deadline() {
    let faulty = script(|action, _| (action == "ChangeMessageVisibilityBatch").then_some(Fault::Hang));
    let setup = Setup::standard_on(SqsLocal::builder().layer(faulty).build()).await;
    let runs = Runs::default();
    setup.send([Job::new(1, "a")]).await;
    let worker = setup.worker(runs.clone()).handler::<ten_minutes>();
    let report = run_until(worker, |stats| stats.leases_lost == 1).await;
    assert_eq!((runs.counts().1, report.stats.acked), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn no_renewal_goes_past_twelve_hours_from_the_receive() {
    let (setup, runs) = (Setup::standard().await, Runs::default());
    setup.send([Job::new(1, "a")]).await;
    let report = run_until(setup.worker(runs.clone()).handler::<for_ever>(), |stats| {
        stats.handled == 1
    })
    .await;
    assert!(report.stats.renewals >= 16, "{:?}", report.stats);
    let journal = setup.sqs.journal();
    let changes: Vec<_> = journal
        .of("ChangeMessageVisibilityBatch")
        .flat_map(|request| &request.entries)
        .collect();
    assert!(
        changes.len() >= 16 && changes.iter().all(|entry| entry.error.is_none()),
        "{changes:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_deletion_whose_answer_was_lost_is_sent_again_and_nothing_runs_twice() {
    let faulty =
        script(|action, number| (action == "DeleteMessageBatch" && number < 4).then_some(Fault::LoseAnswer));
    let setup = Setup::standard_on(SqsLocal::builder().layer(faulty).build()).await;
    let runs = Runs::default();
    setup.send([Job::new(1, "a")]).await;
    run_until(setup.worker(runs.clone()).handler::<at_once>(), |stats| {
        stats.acked == 1
    })
    .await;
    assert_eq!((runs.counts(), setup.left()), ((1, 1), 0));
}

#[tokio::test(start_paused = true)]
async fn a_finished_message_that_could_not_be_deleted_in_time_is_deleted_when_it_comes_back() {
    // A minute without deletions: the lease of thirty seconds ends.
    let started = tokio::time::Instant::now();
    let faulty = script(move |action, _| {
        let refuse = action == "DeleteMessageBatch" && started.elapsed() < Duration::from_secs(60);
        refuse.then_some(Fault::Refuse(ErrorKind::InvalidSecurity))
    });
    let setup = Setup::standard_on(SqsLocal::builder().layer(faulty).build()).await;
    let runs = Runs::default();
    setup.send([Job::new(1, "a")]).await;
    let report = run_until(setup.worker(runs.clone()).handler::<at_once>(), |stats| {
        stats.repeats_deleted == 1
    })
    .await;
    assert_eq!((runs.counts(), setup.left()), ((1, 1), 0));
    assert!(report.stats.acks_unconfirmed >= 1, "{:?}", report.stats);
}

#[tokio::test(start_paused = true)]
async fn a_message_shown_again_while_its_handler_runs_does_not_run_twice() {
    let (setup, runs) = (Setup::standard().await, Runs::default());
    setup.send([Job::new(1, "a")]).await;
    let worker = setup.worker(runs.clone()).handler::<ten_minutes>();
    let stats = worker.stats();
    let meddle = async {
        tests::until(stats.clone(), |stats| stats.running == 1).await;
        // Somebody with the same handle makes it visible: SQS delivers it to the same worker once more.
        let queue = setup.sqs.queue("jobs").unwrap();
        let handle = queue.in_flight()[0].last_receipt_handle.clone();
        let change = setup.client.change_message_visibility().queue_url(&setup.url);
        change
            .set_receipt_handle(handle)
            .visibility_timeout(0)
            .send()
            .await
            .unwrap();
        tests::until(stats, |stats| stats.acked == 1).await;
    };
    let report = worker.run_until(meddle).await.unwrap();
    assert_eq!((runs.counts(), report.stats.received_again), ((1, 1), 1));
    assert_eq!(setup.left(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_lease_of_a_message_that_came_late_in_a_long_poll_counts_from_the_poll() {
    let (setup, runs) = (Setup::standard().await, Runs::default());
    let worker = setup.worker(runs.clone()).handler::<ten_minutes>();
    let stats = worker.stats();
    let meddle = async {
        sleep(Duration::from_secs(15)).await;
        setup.send([Job::new(1, "a")]).await;
        tests::until(stats, |stats| stats.renewals == 1).await;
    };
    worker
        .shutdown_timeout(Duration::from_secs(1))
        .run_until(meddle)
        .await
        .unwrap();
    let journal = setup.sqs.journal();
    let polled = journal
        .of("ReceiveMessage")
        .find(|request| !request.entries.is_empty())
        .unwrap()
        .began;
    let renewed = journal.of("ChangeMessageVisibilityBatch").next().unwrap().began;
    // A third before the end of thirty seconds that began with the request.
    assert_eq!((renewed - polled).as_secs(), 20);
}

#[tokio::test(start_paused = true)]
async fn nothing_more_is_received_until_what_was_handled_is_deleted() {
    #[handler(queue = "jobs", concurrency = 1)]
    async fn one(_: Job) {}

    let started = tokio::time::Instant::now();
    let faulty = script(move |action, _| {
        let refuse = action == "DeleteMessageBatch" && started.elapsed() < Duration::from_secs(10);
        refuse.then_some(Fault::Refuse(ErrorKind::InvalidSecurity))
    });
    let setup = Setup::standard_on(SqsLocal::builder().layer(faulty).build()).await;
    setup.send([Job::new(1, "a"), Job::new(2, "a")]).await;
    let worker = setup
        .worker(())
        .handler::<one>()
        .queue(QueueOptions::named("jobs").prefetch(0));
    let report = run_for(worker, Duration::from_secs(9)).await;
    assert_eq!(
        (report.stats.received, report.stats.handled),
        (1, 1),
        "{:?}",
        report.stats
    );
}

#[tokio::test(start_paused = true)]
async fn a_delivery_that_arrives_after_its_lease_has_ended_is_not_started() {
    // The answer comes two seconds after the lease has ended.
    let slow = Rule::new(sqs_local::faults::Fault::SlowAnswer)
        .action("ReceiveMessage")
        .times(1)
        .delay(Duration::from_secs(4), Duration::from_secs(4));
    let faults = Faults::seeded(1).rule(slow);
    let setup = Setup::standard_on(SqsLocal::builder().layer(faults).build()).await;
    let runs = Runs::default();
    setup.send([Job::new(1, "a")]).await;
    let options = QueueOptions::named("jobs").visibility(Duration::from_secs(2));
    let worker = setup.worker(runs.clone()).handler::<at_once>().queue(options);
    let report = run_until(worker, |stats| stats.acked == 1).await;
    assert_eq!(
        (
            report.stats.received,
            report.stats.leases_lost,
            report.stats.handled
        ),
        (2, 1, 1),
        "{:?}",
        report.stats
    );
    assert_eq!(runs.counts(), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_finished_message_that_comes_back_while_its_renewal_hangs_is_settled_with_the_new_handle() {
    #[handler(queue = "jobs", visibility = "30s")]
    async fn twenty_two(_: Job, State(runs): State<Runs>) {
        work(&runs, Duration::from_secs(22)).await;
    }
    let faulty = script(|action, _| (action == "ChangeMessageVisibilityBatch").then_some(Fault::Hang));
    let setup = Setup::standard_on(SqsLocal::builder().layer(faulty).build()).await;
    let runs = Runs::default();
    setup.send([Job::new(1, "a")]).await;
    let worker = setup.worker(runs.clone()).handler::<twenty_two>();
    let stats = worker.stats();
    let meddle = async {
        until(stats.clone(), |stats| stats.running == 1).await;
        // The renewal, sent after 20 seconds, hangs for 5; the handler ends before it is given up, and the deletion waits
        // for that.
        sleep(Duration::from_secs(23)).await;
        let queue = setup.sqs.queue("jobs").unwrap();
        let handle = queue.in_flight()[0].last_receipt_handle.clone().unwrap();
        setup
            .client
            .change_message_visibility()
            .queue_url(&setup.url)
            .receipt_handle(handle)
            .visibility_timeout(0)
            .send()
            .await
            .unwrap();
        until(stats.clone(), |stats| stats.acked + stats.acks_unconfirmed == 1).await;
    };
    let report = worker.run_until(meddle).await.unwrap();
    assert_eq!(
        (report.stats.acked, report.stats.acks_unconfirmed, runs.counts()),
        (1, 0, (1, 1)),
        "{:?}",
        report.stats
    );
    assert_eq!(setup.left(), 0);
}

/// What a handler heard of its lease.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    fn add(&self, text: String) {
        self.0.lock().unwrap().push(text);
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_can_ask_for_more_time_at_once() {
    #[handler(queue = "jobs", visibility = "30s")]
    async fn ask(_: Job, lease: Lease, State(heard): State<Heard>) -> Result<(), HandlerError> {
        let left = lease.extend(Duration::from_secs(600)).await?;
        heard.add(format!("{}", left.as_secs()));
        let unchanged = lease.extend(Duration::from_secs(60)).await?;
        heard.add(format!("{}", unchanged.as_secs()));
        let longest = lease.extend(Duration::from_secs(20 * 3_600)).await?;
        heard.add(format!("{}", longest.as_secs()));
        Ok(())
    }
    let (setup, heard) = (Setup::standard().await, Heard::default());
    setup.send([Job::new(1, "a")]).await;
    let report = run_until(setup.worker(heard.clone()).handler::<ask>(), |stats| {
        stats.acked == 1
    })
    .await;
    let heard = heard.all();
    assert_eq!((heard[0].as_str(), heard[1].as_str()), ("600", "600"));
    let longest: u64 = heard[2].parse().unwrap();
    assert!((12 * 3_600 - 2..=12 * 3_600).contains(&longest), "{longest}");
    assert_eq!(report.stats.visibility_requests, 2);
}

#[tokio::test(start_paused = true)]
async fn asking_for_more_of_a_lease_that_is_lost_says_so() {
    #[handler(queue = "jobs", visibility = "30s", timeout = "1h")]
    async fn ask(_: Job, lease: Lease, State(heard): State<Heard>) {
        let answer = lease.extend(Duration::from_secs(600)).await;
        heard.add(format!("{answer:?}"));
        // It has been told, so it may still tidy up.
        lease.lost().await;
        sleep(Duration::from_secs(4)).await;
        heard.add("tidied up".into());
        sleep(Duration::from_secs(4)).await;
        heard.add("still there".into());
    }
    let faulty = script(|action, _| {
        (action == "ChangeMessageVisibilityBatch").then_some(Fault::Refuse(ErrorKind::InvalidSecurity))
    });
    let setup = Setup::standard_on(SqsLocal::builder().layer(faulty).build()).await;
    let heard = Heard::default();
    setup.send([Job::new(1, "a")]).await;
    let worker = setup.worker(heard.clone()).handler::<ask>();
    let report = run_until(worker, |stats| stats.handled == 1).await;
    assert_eq!(report.stats.leases_lost, 1);
    assert_eq!(heard.all(), ["Err(LeaseLost)", "tidied up"]);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_listens_is_told_of_the_loss_and_has_five_seconds() {
    #[handler(queue = "jobs", visibility = "30s", timeout = "1h")]
    async fn listens(_: Job, lease: Lease, State(heard): State<Heard>) {
        lease.cancelled().await;
        heard.add(format!("told, lost: {}", lease.is_lost()));
        sleep(Duration::from_millis(4_900)).await;
        heard.add("tidied up".into());
        sleep(Duration::from_secs(1)).await;
        heard.add("never".into());
    }
    let faulty = script(|action, _| {
        (action == "ChangeMessageVisibilityBatch").then_some(Fault::Refuse(ErrorKind::InvalidSecurity))
    });
    let setup = Setup::standard_on(SqsLocal::builder().layer(faulty).build()).await;
    let heard = Heard::default();
    setup.send([Job::new(1, "a")]).await;
    let report = run_until(setup.worker(heard.clone()).handler::<listens>(), |stats| {
        stats.handled == 1
    })
    .await;
    assert_eq!(heard.all(), ["told, lost: true", "tidied up"]);
    assert_eq!((report.stats.acked, report.stats.leases_lost), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn of_two_receives_the_later_one_counts_also_when_its_answer_comes_first() {
    #[handler(queue = "jobs", visibility = "30s")]
    async fn five(_: Job, State(runs): State<Runs>) {
        work(&runs, Duration::from_secs(5)).await;
    }
    // Ten messages fill the first poll, and two are sent after it. The next message goes to the first of them, whose answer
    // takes three seconds, and shows up at once again, for the second.
    let second = |fault| Rule::new(fault).action("ReceiveMessage").skip(1).times(1);
    let late = Duration::from_secs(3);
    let faults = Faults::seeded(1)
        .rule(second(sqs_local::faults::Fault::SlowAnswer).delay(late, late))
        .rule(second(sqs_local::faults::Fault::Duplicate));
    let setup = Setup::standard_on(SqsLocal::builder().layer(faults).build()).await;
    let runs = Runs::default();
    setup.send((0..10).map(|id| Job::new(id, "a"))).await;
    let options = QueueOptions::named("jobs").concurrency(30).pollers(2);
    let worker = setup.worker(runs.clone()).handler::<five>().queue(options);
    let stats = worker.stats();
    let play = async {
        sleep(Duration::from_secs(1)).await;
        setup.send([Job::new(10, "a")]).await;
        until(stats.clone(), |stats| stats.acked == 11).await;
        sleep(Duration::from_secs(60)).await;
    };
    let report = worker.run_until(play).await.unwrap();
    assert_eq!(report.stats.received_again, 1, "{:?}", report.stats);
    assert_eq!((runs.counts(), setup.left()), ((11, 11), 0), "{:?}", report.stats);
}
