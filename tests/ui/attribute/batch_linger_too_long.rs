use serde::{Deserialize, Serialize};
use sqs_worker::{Message, handler};

#[derive(Serialize, Deserialize, Message)]
#[message(name = "orders.placed")]
struct OrderPlaced {
    #[message(key)]
    id: u64,
}

#[handler(queue = "orders", batch(size = 100, linger = "10m"))]
async fn archive(_: Vec<OrderPlaced>) {}

fn main() {}
