use serde::{Deserialize, Serialize};
use sqs_worker::Message;

#[derive(Serialize, Deserialize, Message)]
#[message(name = "orders.placed")]
struct OrderPlacedV1 {}

#[derive(Serialize, Deserialize, Message)]
#[message(name = "orders.placed", version = 2, from = OrderPlacedV1)]
struct OrderPlaced {}

fn main() {}
