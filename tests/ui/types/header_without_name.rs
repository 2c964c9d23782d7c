use serde::{Deserialize, Serialize};
use sqs_worker::{Message, handler, handler::Header};

#[derive(Serialize, Deserialize, Message)]
#[message(name = "orders.placed")]
struct OrderPlaced {
    #[message(key)]
    id: u64,
}

#[handler(queue = "orders", state = ())]
async fn charge(_: OrderPlaced, _: Header<String>) {}

fn main() {}
