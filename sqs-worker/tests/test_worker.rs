//! `TestWorker`, method handlers and batch handlers: from a message to an outcome with no queue.
#![cfg(feature = "macros")]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use sqs_worker::{
    Delivery, Extension, FromRef, Group, HandlerDef, HandlerError, Message, Outcome, QueueName, ReceiveCount,
    Reply, Router, State, handler,
    handler::{BoxHandler, Disposition, HandlerGroup, Raw},
    handlers,
    testing::{OutcomeExt, TestWorker},
};
use tower::{ServiceExt, timeout::TimeoutLayer};

#[derive(Debug, Serialize, Deserialize, Message)]
#[message(name = "orders.placed")]
struct Placed {
    #[message(key)]
    id: u64,
}

#[derive(Debug, Serialize, Deserialize, Message)]
#[message(name = "orders.cancelled")]
struct Cancelled {
    id: u64,
}

#[derive(Debug, Serialize, Deserialize, Message)]
#[message(name = "orders.quote", reply = Quote)]
struct QuoteRequest {
    sku: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "orders.quoted")]
struct Quote {
    cents: u64,
}

#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn add(&self, line: impl Into<String>) {
        self.0.lock().unwrap().push(line.into());
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

#[derive(Clone)]
struct Orders {
    log: Log,
}

#[handlers]
impl Orders {
    #[handler(queue = "orders", timeout = "5s")]
    async fn placed(&self, order: Placed, QueueName(queue): QueueName) -> Result<(), HandlerError> {
        self.log.add(format!("placed {} from {queue}", order.id));
        if order.id == 0 {
            std::future::pending::<()>().await;
        }
        Ok(())
    }

    #[handler(queue = "orders")]
    async fn cancelled(&self, order: Cancelled) -> Outcome {
        self.log.add(format!("cancelled {}", order.id));
        Outcome::retry()
    }

    fn helper(&self) -> usize {
        self.log.lines().len()
    }
}

#[derive(Clone, FromRef)]
struct App {
    orders: Orders,
    log: Log,
}

fn app() -> App {
    let log = Log::default();
    App {
        orders: Orders { log: log.clone() },
        log,
    }
}

#[handler(queue = "quotes")]
async fn quote(request: QuoteRequest) -> Result<Reply<Quote>, HandlerError> {
    Ok(Reply(Quote {
        cents: 100 * request.sku.len() as u64,
    }))
}

#[handler(queue = "orders", batch(size = 100, linger = "200ms", bytes = "4MiB"))]
async fn archive(
    orders: Vec<Placed>,
    State(log): State<Log>,
    counts: Vec<ReceiveCount>,
) -> Result<Vec<Outcome>, HandlerError> {
    log.add(format!("{} orders, {} counts", orders.len(), counts.len()));
    Ok(orders
        .iter()
        .map(|order| {
            if order.id == 2 {
                Outcome::retry()
            } else {
                Outcome::Ack
            }
        })
        .collect())
}

#[tokio::test]
async fn methods_are_handlers_that_share_the_service() {
    let app = app();
    let worker = TestWorker::new(app.clone()).handlers::<Orders>();
    worker.deliver(Placed { id: 7 }).await.assert_ack();
    worker.deliver(Cancelled { id: 8 }).await.assert_retry();
    assert_eq!(app.log.lines(), ["placed 7 from orders", "cancelled 8"]);
    assert_eq!(app.orders.helper(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_method_keeps_its_own_timeout() {
    let worker = TestWorker::new(app()).handlers::<Orders>();
    let delivery = Delivery::fake_of(&Placed { id: 0 }).unwrap().build();
    let error = worker.try_deliver(delivery).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "handler `placed` did not finish within its timeout of 5s"
    );
}

#[test]
fn a_group_lists_its_handlers_in_the_order_of_the_methods() {
    let specs: Vec<_> = <Orders as HandlerGroup<App>>::entries()
        .iter()
        .map(|entry| entry.spec.name)
        .collect();
    assert_eq!(specs, ["placed", "cancelled"]);
}

#[tokio::test]
async fn a_reply_is_typed_by_its_request() {
    let worker = TestWorker::new(()).handler::<quote>();
    let reply: Quote = worker
        .deliver(QuoteRequest {
            sku: "abc".to_owned(),
        })
        .await
        .assert_reply();
    assert_eq!(reply, Quote { cents: 300 });
}

#[tokio::test]
async fn a_batch_handler_alone_takes_batches_of_one() {
    let app = app();
    let worker = TestWorker::new(app.clone()).handler::<archive>();
    worker.deliver(Placed { id: 1 }).await.assert_ack();
    worker.deliver(Placed { id: 2 }).await.assert_retry();
    assert_eq!(app.log.lines(), ["1 orders, 1 counts", "1 orders, 1 counts"]);
}

#[tokio::test]
async fn a_batch_settles_each_message_by_itself_and_spares_the_handler_what_does_not_decode() {
    let app = app();
    let service = <archive as HandlerDef<App>>::build_batch(app.clone()).unwrap();
    let bodies = [r#"{"id": 1}"#, "not json", r#"{"id": 2}"#];
    let batch = bodies.map(|body| Delivery::fake(body).build()).to_vec();
    let results = service.oneshot(batch).await.unwrap();
    let outcomes: Vec<_> = results
        .into_iter()
        .map(|result| result.unwrap_or_else(HandlerError::into_outcome))
        .collect();
    assert_eq!(outcomes[0], Outcome::Ack);
    assert!(matches!(&outcomes[1], Outcome::DeadLetter { reason } if reason.contains("cannot decode")));
    assert_eq!(outcomes[2], Outcome::retry());
    assert_eq!(app.log.lines(), ["2 orders, 2 counts"]);
}

#[tokio::test]
async fn a_batch_that_answers_for_the_wrong_number_acknowledges_nothing() {
    #[handler(queue = "orders", batch(size = 10))]
    async fn forgetful(_: Vec<Placed>) -> Vec<Outcome> {
        Vec::new()
    }
    let worker = TestWorker::new(()).handler::<forgetful>();
    worker.deliver(Placed { id: 1 }).await.assert_retry();
}

#[tokio::test]
async fn an_outcome_missing_from_a_batch_acknowledges_none_of_it() {
    #[handler(queue = "orders", batch(size = 10))]
    async fn forgetful(_: Vec<Placed>) -> Vec<Outcome> {
        vec![Outcome::Ack]
    }
    let batch = [1, 2]
        .map(|id| Delivery::fake_of(&Placed { id }).unwrap().build())
        .to_vec();
    let service = <forgetful as HandlerDef<()>>::build_batch(()).unwrap();
    let results = service.oneshot(batch).await.unwrap();
    let texts: Vec<_> = results
        .into_iter()
        .map(|result| result.unwrap_err().to_string())
        .collect();
    assert_eq!(texts, ["the handler returned 1 outcomes for 2 messages"; 2]);
}

#[tokio::test]
async fn a_batch_of_nothing_that_decodes_does_not_call_the_handler() {
    #[handler(queue = "orders", batch(size = 10))]
    async fn never(_: Vec<Placed>) {
        panic!("called");
    }
    let worker = TestWorker::new(()).handler::<never>();
    worker
        .deliver_raw(Delivery::fake("not json").build())
        .await
        .assert_dead_letter("cannot decode");
}

#[tokio::test]
async fn a_message_of_a_batch_that_lacks_something_fails_alone() {
    #[handler(queue = "orders", batch(size = 10))]
    async fn grouped(orders: Vec<Placed>, groups: Vec<Group>) -> Result<(), String> {
        let texts: Vec<_> = orders
            .iter()
            .zip(groups)
            .map(|(order, group)| format!("{}{}", order.id, group.0))
            .collect();
        Err(texts.join(" "))
    }
    let batch = (1..=4).map(|id| {
        let fake = Delivery::fake_of(&Placed { id }).unwrap();
        if id % 2 == 0 {
            fake.group("g").build()
        } else {
            fake.build()
        }
    });
    let service = <grouped as HandlerDef<()>>::build_batch(()).unwrap();
    let results = service.oneshot(batch.collect()).await.unwrap();
    let errors: Vec<_> = results.into_iter().map(|result| result.unwrap_err()).collect();
    for lacking in [&errors[0], &errors[2]] {
        assert_eq!(lacking.disposition(), Disposition::DeadLetter);
        assert!(lacking.to_string().contains("no message group"), "{lacking}");
    }
    for handled in [&errors[1], &errors[3]] {
        assert_eq!(handled.disposition(), Disposition::Retry { after: None });
        assert_eq!(handled.to_string(), "2g 4g");
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_past_its_timeout_is_tried_again() {
    #[handler(queue = "orders", timeout = "3s", batch(size = 10))]
    async fn stalls(_: Vec<Placed>) {
        std::future::pending::<()>().await;
    }
    let batch = [1, 2]
        .map(|id| Delivery::fake_of(&Placed { id }).unwrap().build())
        .to_vec();
    let results = <stalls as HandlerDef<()>>::build_batch(())
        .unwrap()
        .oneshot(batch)
        .await
        .unwrap();
    let texts: Vec<_> = results
        .into_iter()
        .map(|result| result.unwrap_err().to_string())
        .collect();
    assert_eq!(
        texts,
        ["handler `stalls` did not finish within its timeout of 3s"; 2]
    );
}

#[tokio::test]
async fn an_error_of_a_batch_is_that_of_each_message() {
    #[handler(queue = "orders", batch(size = 10))]
    async fn fails(_: Vec<Placed>) -> Result<(), HandlerError> {
        Err(HandlerError::dead_letter("closed"))
    }
    let batch = [1, 2, 3]
        .map(|id| Delivery::fake_of(&Placed { id }).unwrap().build())
        .to_vec();
    let results = <fails as HandlerDef<()>>::build_batch(())
        .unwrap()
        .oneshot(batch)
        .await
        .unwrap();
    assert_eq!(results.len(), 3);
    for result in results {
        result.unwrap_err().into_outcome().assert_dead_letter("closed");
    }
}

#[tokio::test]
async fn a_message_of_an_older_version_reaches_the_handler_of_the_newer() {
    #[derive(Serialize, Deserialize, Message)]
    #[message(name = "parcels.sent")]
    struct SentV1 {
        grams: u32,
    }
    #[derive(Serialize, Deserialize, Message)]
    #[message(name = "parcels.sent", version = 2, from = SentV1)]
    struct Sent {
        kilos: f64,
    }
    impl From<SentV1> for Sent {
        fn from(old: SentV1) -> Self {
            Self {
                kilos: f64::from(old.grams) / 1000.0,
            }
        }
    }
    async fn weigh(parcel: Sent) -> Outcome {
        Outcome::dead_letter(parcel.kilos.to_string())
    }
    let worker = TestWorker::new(()).route(weigh);
    worker
        .deliver(SentV1 { grams: 1500 })
        .await
        .assert_dead_letter("1.5");
    worker
        .deliver(Sent { kilos: 2.5 })
        .await
        .assert_dead_letter("2.5");
}

#[tokio::test]
async fn the_content_type_of_a_message_decides_how_it_is_read() {
    #[derive(Serialize, Deserialize, Message)]
    #[message(name = "notes.written", codec = sqs_worker::message::Text)]
    struct Note(String);
    async fn read(note: Note) -> Outcome {
        Outcome::dead_letter(note.0)
    }
    let worker = TestWorker::new(()).route(read);
    worker
        .deliver(Note("\"a\"".to_owned()))
        .await
        .assert_dead_letter("\"a\"");
    let json = Delivery::fake("\"a\"").content_type("application/json").build();
    assert_eq!(worker.deliver_raw(json).await, Outcome::dead_letter("a"));
}

#[tokio::test]
async fn a_plain_function_and_a_closure_are_handlers_too() {
    async fn plain(order: Placed, Raw(body): Raw) -> Outcome {
        Outcome::dead_letter(format!("{} {body}", order.id))
    }
    let worker = TestWorker::new(())
        .route(plain)
        .route(|order: Cancelled| async move { if order.id == 3 { Err("three") } else { Ok(()) } });
    worker
        .deliver(Placed { id: 1 })
        .await
        .assert_dead_letter("1 {\"id\":1}");
    worker.deliver(Cancelled { id: 3 }).await.assert_retry();
    worker.deliver(Cancelled { id: 4 }).await.assert_ack();
}

#[tokio::test(start_paused = true)]
async fn a_tower_layer_whose_error_is_boxed_keeps_what_the_handler_decided() {
    async fn slow(order: Placed) -> Result<(), HandlerError> {
        if order.id == 0 {
            std::future::pending::<()>().await;
        }
        Err(HandlerError::dead_letter("never"))
    }
    let worker = TestWorker::new(())
        .route(slow)
        .layer(TimeoutLayer::new(Duration::from_secs(3)));
    worker.deliver(Placed { id: 1 }).await.assert_dead_letter("never");
    worker.deliver(Placed { id: 0 }).await.assert_retry();
}

#[tokio::test]
async fn a_layer_leaves_values_for_the_handler() {
    async fn handle(_: Placed, Extension(tenant): Extension<&'static str>) -> Outcome {
        Outcome::dead_letter(tenant)
    }
    let layer = tower::layer::layer_fn(|inner: BoxHandler| {
        inner.map_request(|mut delivery: Delivery| {
            delivery.extensions_mut().insert("acme");
            delivery
        })
    });
    TestWorker::new(())
        .route(handle)
        .layer(layer)
        .deliver(Placed { id: 1 })
        .await
        .assert_dead_letter("acme");
}

#[tokio::test]
async fn a_router_brings_its_fallback() {
    let router = Router::new().fallback(|_: Delivery| async { Outcome::release() });
    let worker = TestWorker::new(()).router(router);
    worker.deliver(Placed { id: 1 }).await.assert_release();
}

#[tokio::test]
#[should_panic(expected = "the handlers cannot be mounted: message `orders.placed` has two handlers")]
async fn handlers_that_cannot_be_mounted_together_fail_the_test() {
    async fn one(_: Placed) {}
    async fn other(_: Placed) {}
    TestWorker::new(())
        .route(one)
        .route(other)
        .deliver(Placed { id: 1 })
        .await
        .assert_ack();
}
