#![deny(unused_must_use)]

use serde::{Deserialize, Serialize};
use sqs_worker::{Message, Outcome, handler};

#[derive(Serialize, Deserialize, Message)]
#[message(name = "orders.placed")]
struct OrderPlaced {
    #[message(key)]
    id: u64,
}

#[handler(queue = "orders")]
async fn charge(order: OrderPlaced) {
    if order.id == 0 {
        Outcome::dead_letter("no such order");
    }
}

fn main() {}
