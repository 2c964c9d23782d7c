use serde::{Deserialize, Serialize};
use sqs_worker::Message;

#[derive(Serialize, Deserialize, Message)]
#[message(name = "")]
struct OrderPlaced {}

fn main() {}
