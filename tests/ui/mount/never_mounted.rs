#![deny(dead_code)]

use serde::{Deserialize, Serialize};
use sqs_worker::{Message, Router, handler};

#[derive(Serialize, Deserialize, Message)]
#[message(name = "orders.placed")]
struct OrderPlaced {}

#[handler(queue = "orders")]
async fn mounted(_: OrderPlaced) {}

#[handler(queue = "orders")]
async fn forgotten(_: OrderPlaced) {}

fn main() {
    let _ = OrderPlaced {};
    let _ = Router::<()>::new().handler::<mounted>();
}
