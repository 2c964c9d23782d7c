use serde::{Deserialize, Serialize};
use sqs_worker::Message;

#[derive(Serialize, Deserialize, Message)]
#[message(name = "orders.placed")]
struct OrderPlaced {}

#[derive(Serialize, Deserialize, Message)]
#[message(version = 2)]
enum Event {
    Placed(OrderPlaced),
}

fn main() {}
