use serde::{Deserialize, Serialize};
use sqs_worker::{Message, handler};

#[derive(Serialize, Deserialize, Message)]
#[message(name = "orders.placed")]
struct OrderPlaced {
    #[message(key)]
    id: u64,
}

#[handler(queue = "orders", noreply)]
async fn charge(_: OrderPlaced) {}

fn main() {}
