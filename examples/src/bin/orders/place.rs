//! The customers: they place orders, and now and then something that is none.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use aws_sdk_sqs::Client;
use sqs_worker::Producer;

use crate::{
    BoxError,
    flow::{Order, Placed},
};

const GOODS: [&str; 5] = ["tea", "coffee", "cups", "kettle", "honey"];

/// How far placing has come, and whether to stop.
#[derive(Clone, Default)]
pub struct Placing {
    placed: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

impl Placing {
    /// What SQS has taken so far.
    pub fn placed(&self) -> u64 {
        self.placed.load(Ordering::Relaxed)
    }

    /// Lets the batch that is on its way be the last.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Sends `orders` orders in batches, a hundred at a time. One in ninety-seven is not even JSON.
    pub async fn run(self, client: Client, queue: String, run: String, orders: u64) -> Result<(), BoxError> {
        let producer = Producer::new(client.clone()).to(&queue);
        let ids: Vec<u64> = (1..=orders).collect();
        for hundred in ids.chunks(100) {
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
            let (broken, good): (Vec<u64>, Vec<u64>) = hundred.iter().partition(|id| **id % 97 == 96);
            let report = producer
                .send_all(good.into_iter().map(|id| order(id, &run)))
                .await;
            self.placed.fetch_add(report.sent() as u64, Ordering::Relaxed);
            report.into_result()?;
            for id in broken {
                let url = client.get_queue_url().queue_name(&queue).send().await?.queue_url;
                let body = format!("I'd like to order number {id}, thank you! ({run})");
                client
                    .send_message()
                    .set_queue_url(url)
                    .message_body(body)
                    .send()
                    .await?;
                self.placed.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(())
    }
}

fn order(id: u64, run: &str) -> Placed {
    let sku = GOODS[id as usize % GOODS.len()].to_owned();
    Placed {
        order: Order {
            id,
            customer: id % 500,
            sku,
            cents: 500 + id % 9_000,
            run: run.to_owned(),
        },
    }
}
