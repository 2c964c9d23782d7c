use serde::Deserialize;
use sqs_worker::Message;

#[derive(Deserialize, Message)]
#[message(name = "orders.placed")]
struct OrderPlaced {}

fn main() {}
