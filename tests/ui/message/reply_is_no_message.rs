use serde::{Deserialize, Serialize};
use sqs_worker::Message;

#[derive(Serialize, Deserialize, Message)]
#[message(name = "orders.quote", reply = u64)]
struct QuoteRequest {}

fn main() {}
