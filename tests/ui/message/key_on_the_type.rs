use serde::{Deserialize, Serialize};
use sqs_worker::Message;

#[derive(Serialize, Deserialize, Message)]
#[message(name = "orders.placed", key)]
struct OrderPlaced {
    id: u64,
}

fn main() {}
