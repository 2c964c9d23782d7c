use serde::{Deserialize, Serialize};
use sqs_worker::Message;

#[derive(Serialize, Deserialize, Message)]
#[message(name = "orders.placed")]
struct OrderPlacedV1 {}

#[derive(Serialize, Deserialize, Message)]
#[message(name = "orders.placed", from = OrderPlacedV1)]
struct OrderPlaced {}

impl From<OrderPlacedV1> for OrderPlaced {
    fn from(_: OrderPlacedV1) -> Self {
        Self {}
    }
}

fn main() {}
