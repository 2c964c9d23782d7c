use serde::{Deserialize, Serialize};
use sqs_worker::Message;

#[derive(Serialize, Deserialize, Message)]
#[message(version = 2)]
struct OrderPlaced {}

fn main() {}
