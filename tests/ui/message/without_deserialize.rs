use serde::Serialize;
use sqs_worker::Message;

#[derive(Serialize, Message)]
#[message(name = "orders.placed")]
struct OrderPlaced {}

fn main() {}
