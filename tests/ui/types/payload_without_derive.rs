use serde::{Deserialize, Serialize};
use sqs_worker::{Message, handler};

#[derive(Serialize, Deserialize, Message)]
#[message(name = "orders.placed")]
struct OrderPlaced {
    #[message(key)]
    id: u64,
}

#[derive(Serialize, Deserialize)]
struct OrderShipped {}

#[handler(queue = "orders")]
async fn ship(_: OrderShipped) {}

fn main() {}
