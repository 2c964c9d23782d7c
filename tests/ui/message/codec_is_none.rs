use serde::{Deserialize, Serialize};
use sqs_worker::Message;

#[derive(Serialize, Deserialize, Message)]
#[message(name = "orders.placed", codec = String)]
struct OrderPlaced {}

fn main() {}
