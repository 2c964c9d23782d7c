use serde::{Deserialize, Serialize};
use sqs_worker::Message;

#[derive(Serialize, Deserialize, Message)]
#[message(nmae = "orders.placed")]
struct OrderPlaced {}

fn main() {}
