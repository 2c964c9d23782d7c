use serde::{Deserialize, Serialize};
use sqs_worker::{Message, handler};

#[derive(Serialize, Deserialize, Message)]
#[message(name = "orders.placed")]
struct OrderPlaced {
    #[message(key)]
    id: u64,
}

#[handler(queue = "orders")]
async fn charge<T: Send>(_: OrderPlaced, _: Vec<T>) {}

fn main() {}
