use serde::{Deserialize, Serialize};
use sqs_worker::Message;

#[derive(Serialize, Deserialize, Message)]
#[message(name = "orders.placed")]
struct OrderPlaced {}

#[derive(Serialize, Deserialize, Message)]
#[message(keyed)]
enum Event {
    Placed(OrderPlaced),
}

fn main() {}
