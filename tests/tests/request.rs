//! Questions and answers: each reply to who asked for it, in time or not at all.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use aws_sdk_sqs::types::QueueAttributeName as Attribute;
use serde::{Deserialize, Serialize};
use sqs_local::{ErrorKind, SqsLocal};
use sqs_worker::{
    HandlerError, Message, Producer, Reply, Requester, ResultExt, State, Worker, handler,
    idempotency::MemoryStore, message::Text, request::AskError,
};
use tests::{Fault, Setup, run_until, script, until};
use tokio::time::{Instant, sleep};

const SECOND: Duration = Duration::from_secs(1);

type Calls = Arc<AtomicU32>;

#[derive(Clone, Debug, Serialize, Deserialize, Message)]
#[message(name = "quote", reply = Quote)]
struct QuoteRequest {
    #[message(key)]
    id: u64,
    #[message(group)]
    customer: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Message)]
#[message(name = "quoted", version = 3)]
struct Quote {
    cents: u64,
}

fn request(id: u64) -> QuoteRequest {
    QuoteRequest { id, customer: id % 3 }
}

#[handler(queue = "jobs", concurrency = 100)]
async fn quote(request: QuoteRequest, State(calls): State<Calls>) -> Reply<Quote> {
    calls.fetch_add(1, Ordering::Relaxed);
    Reply(Quote {
        cents: 100 * request.id,
    })
}

/// Ten seconds for each, in which others are answered.
#[handler(queue = "jobs", concurrency = 1)]
async fn slow_quote(request: QuoteRequest, State(calls): State<Calls>) -> Reply<Quote> {
    sleep(10 * SECOND).await;
    calls.fetch_add(1, Ordering::Relaxed);
    Reply(Quote { cents: request.id })
}

#[handler(
    queue = "jobs",
    visibility = "30s",
    retry(base = "1s", cap = "1s"),
    idempotent
)]
async fn quote_once(request: QuoteRequest, State(calls): State<Calls>) -> Reply<Quote> {
    let number = calls.fetch_add(1, Ordering::Relaxed);
    Reply(Quote {
        cents: 100 * request.id + u64::from(number),
    })
}

#[handler(queue = "jobs", retry(max = 9, base = "1s", cap = "1s"))]
async fn moody_quote(
    request: QuoteRequest,
    State(calls): State<Calls>,
) -> Result<Reply<Quote>, HandlerError> {
    match request.id {
        0 => Err("there is no article 0").or_dead_letter()?,
        id if calls.fetch_add(1, Ordering::Relaxed) < 2 => Err(HandlerError::msg(format!("{id}: not yet"))),
        id => Ok(Reply(Quote { cents: id })),
    }
}

/// Runs the worker while `work` does something, then lets it finish.
async fn with_worker<S, T>(worker: Worker<S>, work: impl Future<Output = T>) -> (T, sqs_worker::Report)
where
    S: Clone + Send + Sync + 'static,
{
    let mut value = None;
    let report = worker
        .run_until(async { value = Some(work.await) })
        .await
        .unwrap();
    (value.unwrap(), report)
}

fn requester(setup: &Setup) -> Requester {
    Requester::new(setup.client.clone(), setup.queue)
}

fn count(setup: &Setup, queue: &str) -> usize {
    let queue = setup.sqs.queue(queue).unwrap();
    queue.available().len() + queue.in_flight().len()
}

#[tokio::test(start_paused = true)]
async fn a_question_is_answered_and_nothing_is_left_behind() {
    let (setup, calls) = (Setup::standard().await, Calls::default());
    let requester = requester(&setup);
    let worker = setup.worker(calls.clone()).handler::<quote>();
    let asking = async {
        let answer = requester.ask(&request(7), 5 * SECOND).await.unwrap();
        sleep(SECOND).await;
        answer
    };
    let (answer, report) = with_worker(worker, asking).await;
    assert_eq!(answer, Quote { cents: 700 });
    assert_eq!((report.stats.replies, report.stats.acked), (1, 1));
    let replies = requester.reply_queue().unwrap();
    assert!(replies.starts_with("sqs-worker-replies-"), "{replies}");
    assert_eq!((setup.left(), count(&setup, &replies)), (0, 0));
    requester.close().await.unwrap();
    assert!(setup.sqs.queue(&replies).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_hundred_questions_at_once_each_get_their_own_answer_in_few_calls() {
    // Only a call that takes its time can be joined.
    let slow = script(|action, _| (action == "SendMessageBatch").then_some(Fault::Delay(SECOND / 50)));
    let setup = Setup::standard_on(SqsLocal::builder().layer(slow).build()).await;
    let (calls, requester) = (Calls::default(), requester(&setup));
    let worker = setup.worker(calls.clone()).handler::<quote>();
    let asking = async {
        let all = (0..100).map(|id| {
            let requester = requester.clone();
            async move { (id, requester.ask(&request(id), 10 * SECOND).await.unwrap()) }
        });
        let all: Vec<_> = all.map(tokio::spawn).collect();
        for one in all {
            let (id, answer) = one.await.unwrap();
            assert_eq!(answer, Quote { cents: 100 * id });
        }
    };
    with_worker(worker, asking).await;
    let stats = requester.stats();
    assert_eq!((stats.asked, stats.answered, stats.waiting), (100, 100, 0));
    assert_eq!(calls.load(Ordering::Relaxed), 100);
    let sends = setup.sqs.journal().count("SendMessageBatch");
    assert!(sends <= 60, "{sends} calls for 200 messages");
}

#[tokio::test(start_paused = true)]
async fn a_question_that_nobody_answers_times_out_and_says_so() {
    let setup = Setup::standard().await;
    let requester = requester(&setup);
    let started = Instant::now();
    let error = requester.ask(&request(1), 3 * SECOND).await.unwrap_err();
    assert_eq!(started.elapsed().as_secs(), 3);
    assert!(
        matches!(error, AskError::TimedOut { sent: true, .. }),
        "{error:?}"
    );
    let text = error.to_string();
    for part in ["`quote`", "`jobs`", "3s", "was sent"] {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!((requester.stats().timed_out, requester.stats().waiting), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_deadline_has_passed_is_acknowledged_unhandled() {
    let (setup, calls) = (Setup::standard().await, Calls::default());
    let requester = requester(&setup);
    requester.ask(&request(1), 3 * SECOND).await.unwrap_err();
    sleep(SECOND).await;
    assert_eq!(setup.left(), 1);
    let worker = setup.worker(calls.clone()).handler::<quote>();
    let report = run_until(worker, |stats| stats.acked == 1).await;
    assert_eq!((report.stats.late_requests, report.stats.replies), (1, 0));
    assert_eq!((calls.load(Ordering::Relaxed), setup.left()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_comes_too_late_is_counted_and_deleted() {
    let (setup, calls) = (Setup::standard().await, Calls::default());
    let requester = requester(&setup);
    let worker = setup.worker(calls.clone()).handler::<slow_quote>();
    let asking = async {
        let error = requester.ask(&request(1), 3 * SECOND).await.unwrap_err();
        assert!(matches!(error, AskError::TimedOut { .. }), "{error}");
        while requester.stats().unclaimed < 1 {
            sleep(SECOND).await;
        }
        sleep(SECOND).await;
    };
    let (_, report) = with_worker(worker, asking).await;
    assert_eq!((calls.load(Ordering::Relaxed), report.stats.replies), (1, 1));
    assert_eq!(count(&setup, &requester.reply_queue().unwrap()), 0);
}

#[tokio::test(start_paused = true)]
async fn who_stops_waiting_is_forgotten() {
    let (setup, calls) = (Setup::standard().await, Calls::default());
    let requester = requester(&setup);
    let worker = setup.worker(calls.clone()).handler::<slow_quote>();
    let asking = async {
        let (one, two) = (request(1), request(2));
        {
            let dropped = requester.ask(&one, 60 * SECOND);
            assert!(tokio::time::timeout(2 * SECOND, dropped).await.is_err());
        }
        assert_eq!(requester.stats().waiting, 0);
        requester.ask(&two, 60 * SECOND).await.unwrap()
    };
    let (answer, _) = with_worker(worker, asking).await;
    assert_eq!((answer.cents, requester.stats().unclaimed), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn who_leaves_while_sending_for_others_does_not_take_them_along() {
    // Each send takes a second: the first to ask sends alone, the second for the third and the fourth.
    let slow = script(|action, _| (action == "SendMessageBatch").then_some(Fault::Delay(SECOND)));
    let setup = Setup::standard_on(SqsLocal::builder().layer(slow).build()).await;
    let requester = requester(&setup);
    let worker = setup.worker(Calls::default()).handler::<quote>();
    let asking = async {
        let mut asking = Vec::new();
        for (id, patience) in [(1, 500), (2, 1_500), (3, 60_000), (4, 60_000)] {
            let requester = requester.clone();
            asking.push(tokio::spawn(async move {
                requester.ask(&request(id), Duration::from_millis(patience)).await
            }));
            tokio::task::yield_now().await;
        }
        let mut answers = Vec::new();
        for one in asking {
            answers.push(one.await.unwrap().map(|quote| quote.cents).ok());
        }
        answers
    };
    let started = Instant::now();
    let (answers, _) = with_worker(worker, asking).await;
    assert_eq!(answers, [None, None, Some(300), Some(400)]);
    assert!(started.elapsed() < 20 * SECOND, "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_given_up_is_refused_with_the_reason() {
    let (setup, calls) = (Setup::standard().await, Calls::default());
    let requester = requester(&setup);
    let worker = setup.worker(calls).handler::<moody_quote>();
    let started = Instant::now();
    let (error, report) = with_worker(worker, requester.ask(&request(0), 60 * SECOND)).await;
    let error = error.unwrap_err();
    assert!(matches!(&error, AskError::Refused { reason, .. } if reason == "there is no article 0"));
    assert!(error.to_string().contains("`jobs`"), "{error}");
    assert!(started.elapsed() < 10 * SECOND, "{:?}", started.elapsed());
    assert_eq!((report.stats.refusals, setup.dead_letters()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_no_handler_takes_is_refused_too() {
    #[derive(Debug, Serialize, Deserialize, Message)]
    #[message(name = "weather", reply = Quote)]
    struct Weather {}

    let (setup, calls) = (Setup::standard().await, Calls::default());
    let requester = requester(&setup);
    let worker = setup.worker(calls).handler::<quote>();
    let (error, _) = with_worker(worker, requester.ask(&Weather {}, 60 * SECOND)).await;
    let error = error.unwrap_err().to_string();
    assert!(error.contains("no handler takes message `weather`"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_failing_request_is_tried_again_and_answered_in_the_end() {
    let (setup, calls) = (Setup::standard().await, Calls::default());
    let requester = requester(&setup);
    let worker = setup.worker(calls.clone()).handler::<moody_quote>();
    let (answer, report) = with_worker(worker, requester.ask(&request(4), 60 * SECOND)).await;
    assert_eq!((answer.unwrap().cents, report.stats.retried), (4, 2));
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_cannot_be_sent_comes_again_with_its_request_and_the_handler_runs_once() {
    // The first three sends of the reply fail.
    let answering = Arc::new(AtomicBool::new(false));
    let (seen, failed) = (answering.clone(), AtomicU32::new(0));
    let faulty = script(move |action, _| {
        let refuse = action == "SendMessageBatch"
            && seen.load(Ordering::Relaxed)
            && failed.fetch_add(1, Ordering::Relaxed) < 3;
        refuse.then_some(Fault::Refuse(ErrorKind::InvalidSecurity))
    });
    let setup = Setup::standard_on(SqsLocal::builder().layer(faulty).build()).await;
    let calls = Calls::default();
    let requester = requester(&setup);
    let worker = setup.worker(calls.clone()).handler::<quote_once>();
    let worker = worker.idempotency(MemoryStore::new());
    let asking = async {
        let asked = request(3);
        let ask = requester.ask(&asked, 120 * SECOND);
        let meddle = async {
            while calls.load(Ordering::Relaxed) == 0 {
                answering.store(setup.left() == 1, Ordering::Relaxed);
                sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::join!(ask, meddle).0.unwrap()
    };
    let (answer, report) = with_worker(worker, asking).await;
    assert_eq!((answer.cents, calls.load(Ordering::Relaxed)), (300, 1));
    assert!(
        report.stats.retried >= 1 && report.stats.duplicates >= 1,
        "{:?}",
        report.stats
    );
    assert_eq!((report.stats.acked, setup.left()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_request_with_the_key_of_one_that_was_answered_gets_the_recorded_reply() {
    let (setup, calls) = (Setup::standard().await, Calls::default());
    let requester = requester(&setup);
    let worker = setup.worker(calls.clone()).handler::<quote_once>();
    let worker = worker.idempotency(MemoryStore::new());
    let asking = async {
        let first = requester.ask(&request(5), 5 * SECOND).await.unwrap();
        let second = requester.ask(&request(5), 5 * SECOND).await.unwrap();
        (first, second)
    };
    let ((first, second), report) = with_worker(worker, asking).await;
    assert_eq!((first.cents, second.cents), (500, 500));
    assert_eq!((calls.load(Ordering::Relaxed), report.stats.replies), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_was_sent_is_followed_by_the_deletion_and_not_preceded() {
    // Nothing can be deleted: the reply comes all the same.
    let faulty = script(|action, number| {
        (action == "DeleteMessageBatch" && number < 50).then_some(Fault::Refuse(ErrorKind::InvalidSecurity))
    });
    let setup = Setup::standard_on(SqsLocal::builder().layer(faulty).build()).await;
    let requester = requester(&setup);
    let worker = setup.worker(Calls::default()).handler::<quote>();
    let (answer, _) = with_worker(worker, requester.ask(&request(1), 5 * SECOND)).await;
    assert_eq!((answer.unwrap().cents, setup.left()), (100, 1));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_says_no_queue_for_its_reply_is_handled_and_acknowledged() {
    let (setup, calls) = (Setup::standard().await, Calls::default());
    let producer = Producer::new(setup.client.clone()).to("jobs");
    producer.send(&request(1)).await.unwrap();
    let worker = setup.worker(calls.clone()).handler::<quote>();
    let report = run_until(worker, |stats| stats.acked == 1).await;
    assert_eq!((calls.load(Ordering::Relaxed), report.stats.replies), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_question_to_a_queue_that_does_not_exist_fails_at_once() {
    let setup = Setup::standard().await;
    let requester = requester(&setup).to("nowhere");
    let error = requester.ask(&request(1), 60 * SECOND).await.unwrap_err();
    assert!(matches!(error, AskError::Send(_)), "{error:?}");
    assert!(error.to_string().contains("`nowhere`"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_cannot_be_read_says_what_came() {
    // An older worker, whose reply looks different.
    #[derive(Debug, Serialize, Deserialize, Message)]
    #[message(name = "quote", reply = OldQuote)]
    struct SameName {
        id: u64,
    }

    #[derive(Debug, Serialize, Deserialize, Message)]
    #[message(name = "quoted")]
    struct OldQuote {
        euros: u64,
    }

    #[derive(Debug, Serialize, Deserialize, Message)]
    #[message(name = "quote", reply = Note)]
    struct OtherReply {
        id: u64,
    }

    #[derive(Debug, Serialize, Deserialize, Message)]
    #[message(name = "note", codec = Text)]
    struct Note(String);

    let setup = Setup::standard().await;
    let requester = requester(&setup);
    let worker = setup.worker(Calls::default()).handler::<quote>();
    let asking = async {
        let wrong_shape = requester.ask(&SameName { id: 1 }, 5 * SECOND).await;
        let wrong_type = requester.ask(&OtherReply { id: 1 }, 5 * SECOND).await;
        (wrong_shape.unwrap_err(), wrong_type.unwrap_err())
    };
    // The body lacks the customer, which this worker needs.
    let (errors, _) = with_worker(worker, asking).await;
    assert!(matches!(errors.0, AskError::Refused { .. }), "{:?}", errors.0);

    #[handler(queue = "jobs")]
    async fn lax(request: SameName) -> Reply<OldQuote> {
        Reply(OldQuote { euros: request.id })
    }

    let worker = setup.worker(()).handler::<lax>();
    let asking = async {
        let wrong_shape = requester.ask(&request(1), 5 * SECOND).await;
        let wrong_type = requester.ask(&OtherReply { id: 1 }, 5 * SECOND).await;
        (wrong_shape.unwrap_err(), wrong_type.unwrap_err())
    };
    let ((wrong_shape, wrong_type), _) = with_worker(worker, asking).await;
    assert!(matches!(wrong_shape, AskError::Reply(_)), "{wrong_shape:?}");
    assert!(
        wrong_shape.to_string().contains("missing field `cents`"),
        "{wrong_shape}"
    );
    assert!(
        wrong_type.to_string().contains("is answered by `note`"),
        "{wrong_type}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_reply_queue_that_is_deleted_is_made_anew_and_who_waits_is_told() {
    let (setup, calls) = (Setup::standard().await, Calls::default());
    let requester = requester(&setup);
    let worker = setup.worker(calls).handler::<quote>();
    let asking = async {
        requester.ask(&request(1), 5 * SECOND).await.unwrap();
        sleep(60 * SECOND).await;
        let first = requester.reply_queue().unwrap();
        let url = setup
            .client
            .get_queue_url()
            .queue_name(&first)
            .send()
            .await
            .unwrap();
        let lonely = requester.to("jobs-dead");
        let asked = request(2);
        let waiting = lonely.ask(&asked, 600 * SECOND);
        let deleting = async {
            sleep(SECOND).await;
            let url = url.queue_url.unwrap();
            setup.client.delete_queue().queue_url(url).send().await.unwrap();
        };
        let error = tokio::join!(waiting, deleting).0.unwrap_err();
        assert!(matches!(error, AskError::ReplyQueueLost { .. }), "{error:?}");
        assert!(error.is_transient());
        let answer = requester.ask(&request(3), 5 * SECOND).await.unwrap();
        assert_ne!(requester.reply_queue().unwrap(), first);
        answer
    };
    let (answer, _) = with_worker(worker, Box::pin(asking)).await;
    assert_eq!(answer.cents, 300);
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_gets_only_errors_does_not_run_hot_and_recovers() {
    let started = Instant::now();
    let faulty = script(move |action, _| {
        let outage = (10..610).contains(&started.elapsed().as_secs());
        (action == "ReceiveMessage" && outage).then_some(Fault::Refuse(ErrorKind::InvalidSecurity))
    });
    let setup = Setup::standard_on(SqsLocal::builder().layer(faulty).build()).await;
    let requester = requester(&setup);
    requester.ask(&request(1), 5 * SECOND).await.unwrap_err();
    sleep(600 * SECOND).await;
    let polls = setup.sqs.journal().count("ReceiveMessage");
    assert!((10..=150).contains(&polls), "{polls} polls in ten minutes");
    let worker = setup.worker(Calls::default()).handler::<quote>();
    let asking = async {
        sleep(120 * SECOND).await;
        requester.ask(&request(2), 5 * SECOND).await
    };
    assert_eq!(with_worker(worker, asking).await.0.unwrap().cents, 200);
}

#[tokio::test(start_paused = true)]
async fn the_listener_ends_with_the_last_requester() {
    let setup = Setup::standard().await;
    let requester = requester(&setup);
    let clone = requester.to("other");
    requester.ask(&request(1), SECOND).await.unwrap_err();
    let polls = || setup.sqs.journal().count("ReceiveMessage");
    drop(requester);
    let before = polls();
    sleep(60 * SECOND).await;
    assert!(polls() > before, "a clone is left");
    drop(clone);
    sleep(SECOND).await;
    let before = polls();
    sleep(120 * SECOND).await;
    assert_eq!(polls(), before);
}

#[tokio::test(start_paused = true)]
async fn closing_sends_everybody_away_and_ends_all_clones() {
    let setup = Setup::standard().await;
    let requester = requester(&setup);
    let (clone, asked) = (requester.clone(), request(1));
    let waiting = clone.ask(&asked, 600 * SECOND);
    let closing = async {
        sleep(SECOND).await;
        requester.close().await.unwrap();
    };
    let (error, ()) = tokio::join!(waiting, closing);
    assert!(matches!(error.unwrap_err(), AskError::Closed));
    let later = clone.ask(&request(2), 600 * SECOND).await.unwrap_err();
    assert!(matches!(later, AskError::Closed), "{later:?}");
}

#[tokio::test(start_paused = true)]
async fn a_fixed_queue_for_replies_is_used_and_not_deleted() {
    let setup = Setup::standard().await;
    setup
        .client
        .create_queue()
        .queue_name("answers")
        .send()
        .await
        .unwrap();
    let requester = Requester::builder(setup.client.clone(), "jobs")
        .reply_queue("answers")
        .build();
    let worker = setup.worker(Calls::default()).handler::<quote>();
    let (answer, _) = with_worker(worker, requester.ask(&request(1), 5 * SECOND)).await;
    assert_eq!(answer.unwrap().cents, 100);
    assert_eq!(requester.reply_queue().as_deref(), Some("answers"));
    requester.close().await.unwrap();
    assert!(setup.sqs.queue("answers").is_some());
}

#[tokio::test(start_paused = true)]
async fn a_queue_for_replies_that_cannot_be_used_is_an_error_that_says_so() {
    let setup = Setup::standard().await;
    let missing = Requester::builder(setup.client.clone(), "jobs")
        .reply_queue("answers")
        .build();
    let error = missing.ask(&request(1), 5 * SECOND).await.unwrap_err();
    assert!(matches!(error, AskError::ReplyQueue(_)), "{error:?}");
    assert!(error.to_string().contains("`answers`"), "{error}");
    let wrong = Requester::builder(setup.client.clone(), "jobs")
        .prefix("no spaces")
        .build();
    let error = wrong.ask(&request(1), 5 * SECOND).await.unwrap_err();
    assert!(matches!(error, AskError::ReplyQueueName(_)), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn on_a_fifo_queue_asking_twice_is_two_requests() {
    #[handler(queue = "jobs.fifo")]
    async fn ordered(request: QuoteRequest, State(calls): State<Calls>) -> Reply<Quote> {
        calls.fetch_add(1, Ordering::Relaxed);
        Reply(Quote { cents: request.id })
    }

    let (setup, calls) = (Setup::fifo().await, Calls::default());
    let requester = requester(&setup);
    let worker = setup.worker(calls.clone()).handler::<ordered>();
    let asking = async {
        requester.ask(&request(1), 5 * SECOND).await.unwrap();
        requester.ask(&request(1), 5 * SECOND).await.unwrap();
    };
    with_worker(worker, asking).await;
    assert_eq!(calls.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn a_sweep_deletes_what_was_left_behind_and_nothing_that_is_in_use() {
    let setup = Setup::standard().await;
    let open = async || {
        let requester = requester(&setup);
        requester.ask(&request(1), SECOND).await.unwrap_err();
        (requester.reply_queue().unwrap(), requester)
    };
    let ((left, crashed), (used, _listening), (own, requester)) = (open().await, open().await, open().await);
    // It has the name, and somebody else made it.
    let foreign = setup
        .client
        .create_queue()
        .queue_name("sqs-worker-replies-of-mine");
    foreign.send().await.unwrap();
    drop(crashed);
    assert_eq!(
        requester.sweep(Duration::ZERO).await.unwrap().deleted,
        Vec::<String>::new()
    );
    sleep(3_600 * SECOND).await;
    let swept = requester.sweep(600 * SECOND).await.unwrap();
    assert_eq!((swept.deleted, swept.kept), (vec![left.clone()], 2));
    assert!(setup.sqs.queue(&left).is_none());
    for kept in [used.as_str(), &own, "sqs-worker-replies-of-mine"] {
        assert!(setup.sqs.queue(kept).is_some(), "{kept}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_queue_of_the_process_keeps_replies_for_five_minutes() {
    let setup = Setup::standard().await;
    let requester = requester(&setup);
    requester.ask(&request(1), SECOND).await.unwrap_err();
    let name = requester.reply_queue().unwrap();
    let url = setup
        .client
        .get_queue_url()
        .queue_name(name)
        .send()
        .await
        .unwrap()
        .queue_url;
    let get = setup.client.get_queue_attributes().set_queue_url(url);
    let attributes = get
        .attribute_names(Attribute::All)
        .send()
        .await
        .unwrap()
        .attributes
        .unwrap();
    assert_eq!(attributes[&Attribute::MessageRetentionPeriod], "300");
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_dies_after_the_reply_answers_again_and_the_second_is_nobodys() {
    let alive = Arc::new(AtomicBool::new(true));
    let watched = alive.clone();
    let faulty = script(move |action, _| {
        let refuse = action == "DeleteMessageBatch" && watched.load(Ordering::Relaxed);
        refuse.then_some(Fault::Refuse(ErrorKind::InvalidSecurity))
    });
    let setup = Setup::standard_on(SqsLocal::builder().layer(faulty).build()).await;
    let (calls, requester) = (Calls::default(), requester(&setup));
    let store = Arc::new(MemoryStore::new());
    let worker = || {
        let worker = setup.worker(calls.clone()).handler::<quote_once>();
        worker.idempotency(store.clone())
    };
    let asked = request(1);
    let answer = tokio::select! {
        _ = worker().run_until(std::future::pending::<()>()) => unreachable!("nothing ends it"),
        answer = requester.ask(&asked, 60 * SECOND) => answer.unwrap(),
    };
    assert_eq!(answer.cents, 100);
    alive.store(false, Ordering::Relaxed);
    let next = worker();
    let stats = next.stats();
    let report = next
        .run_until(until(stats, |stats| stats.acked == 1))
        .await
        .unwrap();
    assert_eq!((calls.load(Ordering::Relaxed), report.stats.replies), (1, 1));
    while requester.stats().unclaimed < 1 {
        sleep(SECOND).await;
    }
}
