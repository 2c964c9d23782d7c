//! The macros at work: what `#[handler]` and the derives make of ordinary code.
#![cfg(feature = "macros")]

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sqs_worker::{
    Delivery, FromRef, HandlerDef, HandlerError, Lease, Message, Outcome, ReceiveCount, Reply, ResultExt,
    Router, State, handler,
    testing::{OutcomeExt, TestWorker},
};
use tower::ServiceExt;

#[derive(Debug, Serialize, Deserialize, Message)]
#[message(name = "orders.placed", version = 2)]
struct OrderPlaced {
    #[message(key)]
    id: u64,
    #[message(group)]
    customer: u64,
    cents: u64,
}

#[derive(Debug, Clone)]
struct Cards;

#[derive(Debug, thiserror::Error)]
#[error("declined")]
struct Declined;

impl Cards {
    async fn charge(&self, order: &OrderPlaced, _attempt: u32) -> Result<(), Declined> {
        if order.cents == 0 { Err(Declined) } else { Ok(()) }
    }
}

#[derive(Debug, Clone, FromRef)]
struct App {
    cards: Cards,
}

#[handler(
    queue = "orders",
    concurrency = 32,
    visibility = "60s",
    timeout = "10m",
    retry(max = 5, base = "2s", cap = "5m"),
    idempotent
)]
async fn charge(
    order: OrderPlaced,
    State(cards): State<Cards>,
    ReceiveCount(n): ReceiveCount,
    lease: Lease,
) -> Result<Outcome, HandlerError> {
    assert!(!lease.is_lost());
    cards.charge(&order, n).await.or_dead_letter()?;
    Ok(Outcome::ack())
}

fn order(cents: u64) -> OrderPlaced {
    OrderPlaced {
        id: 1,
        customer: 7,
        cents,
    }
}

#[derive(Debug, Serialize, Deserialize, Message)]
#[message(name = "orders.quote", reply = Quote)]
struct QuoteRequest {}

#[derive(Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "orders.quoted")]
struct Quote {
    cents: u64,
}

#[handler(queue = "orders")] // the same queue: routed by the message's name
async fn quote(_: QuoteRequest) -> Reply<Quote> {
    Reply(Quote { cents: 100 })
}

#[tokio::test]
async fn two_handlers_of_one_queue_are_told_apart_by_the_wire_name() {
    let worker = TestWorker::new(App { cards: Cards })
        .handler::<charge>()
        .handler::<quote>();
    worker.deliver(order(10)).await.assert_ack();
    let reply: Quote = worker.deliver(QuoteRequest {}).await.assert_reply();
    assert_eq!(reply, Quote { cents: 100 });
}

#[tokio::test]
async fn the_function_stays_a_function() {
    let outcome = charge(order(10), State(Cards), ReceiveCount(1), Lease::detached())
        .await
        .unwrap();
    assert_eq!(outcome, Outcome::Ack);
}

#[tokio::test]
async fn the_token_of_the_same_name_mounts_it() {
    let service = Router::new()
        .handler::<charge>()
        .build(App { cards: Cards })
        .unwrap();
    let good = Delivery::fake_of(&order(10)).unwrap().build();
    assert_eq!(service.clone().oneshot(good).await.unwrap(), Outcome::Ack);
    let bad = Delivery::fake_of(&order(0)).unwrap().build();
    assert_eq!(
        service.oneshot(bad).await.unwrap_err().into_outcome(),
        Outcome::dead_letter("declined")
    );
}

#[test]
fn the_settings_are_data() {
    let spec = <charge as HandlerDef<App>>::SPEC;
    assert_eq!(
        (spec.name, spec.message, spec.version),
        ("charge", "orders.placed", 2)
    );
    assert_eq!(spec.queue, Some("orders"));
    assert_eq!(spec.concurrency, Some(32));
    assert_eq!(spec.visibility, Some(Duration::from_secs(60)));
    assert_eq!(spec.timeout, Some(Duration::from_secs(600)));
    assert_eq!(spec.retry.max, Some(5));
    assert_eq!(spec.retry.base, Some(Duration::from_secs(2)));
    assert_eq!(spec.retry.cap, Some(Duration::from_secs(300)));
    assert!(spec.idempotent);
    assert_eq!(spec.module, module_path!());
    assert!(!spec.replies);
}

#[test]
fn an_idempotent_handler_computes_the_key_from_the_message() {
    let spec = <charge as HandlerDef<App>>::SPEC;
    let delivery = Delivery::fake_of(&order(10)).unwrap().build();
    let key = (spec.idempotency.unwrap().key)(&delivery).unwrap();
    assert_eq!(key.as_deref(), Some("1"));
}

#[test]
fn the_derive_marks_the_key_and_the_group() {
    assert_eq!(OrderPlaced::NAME, "orders.placed");
    assert_eq!(OrderPlaced::VERSION, 2);
    assert_eq!(order(1).key().as_deref(), Some("1"));
    assert_eq!(order(1).group().as_deref(), Some("7"));
}
