use serde::{Deserialize, Serialize};
use sqs_worker::{Message, Reply, handler};

#[derive(Serialize, Deserialize, Message)]
#[message(name = "orders.placed")]
struct OrderPlaced {
    #[message(key)]
    id: u64,
}

#[derive(Serialize, Deserialize, Message)]
#[message(name = "orders.receipt")]
struct Receipt {}

#[handler(queue = "orders")]
async fn charge(_: OrderPlaced) -> Reply<Receipt> {
    Reply(Receipt {})
}

fn main() {}
