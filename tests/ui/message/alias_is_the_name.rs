use serde::{Deserialize, Serialize};
use sqs_worker::Message;

#[derive(Serialize, Deserialize, Message)]
#[message(name = "orders.placed", aliases("orders.placed"))]
struct OrderPlaced {}

fn main() {}
