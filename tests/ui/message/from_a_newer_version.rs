use serde::{Deserialize, Serialize};
use sqs_worker::Message;

#[derive(Serialize, Deserialize, Message)]
#[message(name = "orders.placed", version = 3)]
struct OrderPlacedV3 {}

#[derive(Serialize, Deserialize, Message)]
#[message(name = "orders.placed", version = 2, from = OrderPlacedV3)]
struct OrderPlaced {}

impl From<OrderPlacedV3> for OrderPlaced {
    fn from(_: OrderPlacedV3) -> Self {
        Self {}
    }
}

fn main() {}
