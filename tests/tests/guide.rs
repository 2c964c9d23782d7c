//! The program that the design promises, as it is written there: it compiles, runs, and does what it says.

// It is a program: nobody reads the documentation of its items.
#![allow(missing_docs, missing_debug_implementations, unreachable_pub)]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_sdk_sqs::Client;
use serde::{Deserialize, Serialize};
use sqs_worker::{
    FromRef, HandlerError, Lease, Message, Outcome, Producer, ReceiveCount, Reply, Report, Requester,
    ResultExt, State, Worker, handler,
    idempotency::{Idempotency, MemoryStore, RedisStore},
};
use tests::{Redis, Setup, until};

#[derive(Debug, Serialize, Deserialize, Message)]
#[message(name = "orders.placed", version = 2)]
pub struct OrderPlaced {
    #[message(key)]
    pub id: u64, // idempotency key and FIFO deduplication id
    #[message(group)]
    pub customer: u64, // FIFO group, or the tenant of a fair queue
    pub cents: u64,
}

#[derive(Debug, Serialize, Deserialize, Message)]
#[message(name = "orders.quote", reply = Quote)]
pub struct QuoteRequest {
    pub sku: String,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, Message)]
#[message(name = "orders.quoted")]
pub struct Quote {
    pub cents: u64,
}

#[derive(Clone, Default)]
pub struct Cards(Arc<Mutex<Vec<u64>>>);

#[derive(Debug, thiserror::Error)]
#[error("card declined")]
pub struct Declined;

impl Cards {
    async fn charge(&self, order: &OrderPlaced, _attempt: u32) -> Result<(), Declined> {
        if order.cents == 0 {
            return Err(Declined);
        }
        self.0.lock().unwrap().push(order.id);
        Ok(())
    }

    fn charged(&self) -> Vec<u64> {
        let mut ids = self.0.lock().unwrap().clone();
        ids.sort_unstable();
        ids
    }
}

#[derive(Clone, FromRef)]
pub struct App {
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
pub async fn charge(
    order: OrderPlaced,
    State(cards): State<Cards>,
    ReceiveCount(n): ReceiveCount,
    lease: Lease,
) -> Result<Outcome, HandlerError> {
    cards.charge(&order, n).await.or_dead_letter()?; // permanent error: to the DLQ; a plain `?` retries
    assert!(!lease.is_lost());
    Ok(Outcome::ack())
}

#[handler(queue = "orders")] // the same queue: routed by the message's name
pub async fn quote(req: QuoteRequest) -> Reply<Quote> {
    let _ = req.sku;
    Reply(Quote { cents: 100 })
}

/// Any tower layer over a service of deliveries.
fn any_tower_layer_over_service_of_delivery() -> tower::timeout::TimeoutLayer {
    tower::timeout::TimeoutLayer::new(Duration::from_secs(600))
}

async fn program(client: Client, cards: Cards, store: impl Into<Idempotency>) -> Report {
    let worker = Worker::new(client.clone(), App { cards })
        .handler::<charge>()
        .handler::<quote>()
        .idempotency(store)
        .layer(any_tower_layer_over_service_of_delivery());
    let stats = worker.stats();
    let business = async {
        let (order, orders) = (order(1), (2..25).map(order));
        let sku = String::from("tea");

        let producer = Producer::new(client.clone()).to("orders");
        producer.send(&order).delay(Duration::from_secs(5)).await.unwrap();
        let report = producer.send_all(orders).await; // one result per message, in order; nothing dropped
        let requester = Requester::new(client, "orders");
        let quote: Quote = requester
            .ask(&QuoteRequest { sku }, Duration::from_secs(2))
            .await
            .unwrap();

        assert_eq!((report.sent(), quote), (23, Quote { cents: 100 }));
        producer.send(&order).await.unwrap(); // once more: it is not charged again
        producer
            .send(&OrderPlaced {
                id: 99,
                customer: 1,
                cents: 0,
            })
            .await
            .unwrap();
        until(stats, |stats| stats.acked == 26 && stats.dead_lettered == 1).await;
        requester.close().await.unwrap();
    };
    worker.run_until(business).await.unwrap()
}

fn order(id: u64) -> OrderPlaced {
    OrderPlaced {
        id,
        customer: id % 3,
        cents: 990,
    }
}

async fn with_queues() -> Setup {
    let setup = Setup::standard().await;
    let create = setup.client.create_queue().queue_name("orders");
    let policy =
        r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:jobs-dead","maxReceiveCount":5}"#;
    let create = create.attributes(aws_sdk_sqs::types::QueueAttributeName::RedrivePolicy, policy);
    create.send().await.unwrap();
    setup
}

#[tokio::test(start_paused = true)]
async fn the_program_of_the_design_runs_with_the_store_in_memory() {
    let (setup, cards) = (with_queues().await, Cards::default());
    let report = program(setup.client.clone(), cards.clone(), MemoryStore::new()).await;
    assert_eq!(cards.charged(), (1..25).collect::<Vec<_>>());
    assert_eq!((report.stats.duplicates, report.stats.replies), (1, 1));
    assert_eq!(setup.dead_letters(), 1);
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn the_program_of_the_design_runs_with_redis() {
    let (setup, cards, redis) = (with_queues().await, Cards::default(), Redis::start().await);
    let (client, url) = (setup.client.clone(), redis.url());
    let report = program(client, cards.clone(), RedisStore::connect(&url).await.unwrap()).await;
    assert_eq!(cards.charged(), (1..25).collect::<Vec<_>>());
    assert_eq!((report.stats.duplicates, report.stats.replies), (1, 1));
}
