use serde::{Deserialize, Serialize};
use sqs_worker::Message;

#[derive(Serialize, Deserialize, Message)]
#[message(name = "orders.placed")]
struct OrderPlaced {}

#[derive(Serialize, Deserialize, Message)]
enum Event {
    Placed(OrderPlaced),
    Again(OrderPlaced),
}

fn main() {}
