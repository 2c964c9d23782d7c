use serde::{Deserialize, Serialize};
use sqs_worker::Message;

#[derive(Serialize, Deserialize, Message)]
#[message(name = "orders.placed")]
struct OrderPlaced {}

#[derive(Serialize, Deserialize, Message)]
#[message(name = "orders.cancelled", aliases("orders.placed"))]
struct OrderCancelled {}

#[derive(Serialize, Deserialize, Message)]
enum Event {
    Placed(OrderPlaced),
    Cancelled(OrderCancelled),
}

fn main() {}
