use serde::{Deserialize, Serialize};
use sqs_worker::{Message, ReceiveCount, handler};

#[derive(Serialize, Deserialize, Message)]
#[message(name = "orders.placed")]
struct OrderPlaced {
    #[message(key)]
    id: u64,
}

#[handler(queue = "orders")]
async fn charge(
    _: OrderPlaced,
    _: ReceiveCount,
    _: ReceiveCount,
    _: ReceiveCount,
    _: ReceiveCount,
    _: ReceiveCount,
    _: ReceiveCount,
    _: ReceiveCount,
    _: ReceiveCount,
    _: ReceiveCount,
    _: ReceiveCount,
    _: ReceiveCount,
    _: ReceiveCount,
    _: ReceiveCount,
    _: ReceiveCount,
    _: ReceiveCount,
    _: ReceiveCount,
    _: ReceiveCount,
) {
}

fn main() {}
