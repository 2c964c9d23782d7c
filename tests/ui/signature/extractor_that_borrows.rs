use serde::{Deserialize, Serialize};
use sqs_worker::{Message, handler, message::Attributes};

#[derive(Serialize, Deserialize, Message)]
#[message(name = "orders.placed")]
struct OrderPlaced {
    #[message(key)]
    id: u64,
}

#[handler(queue = "orders")]
async fn charge(_: OrderPlaced, _: Attributes<'_>) {}

fn main() {}
