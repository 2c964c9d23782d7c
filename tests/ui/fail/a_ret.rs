use sqs_worker::{Message, handler};

#[derive(serde::Serialize, serde::Deserialize, Message)]
#[message(name = "orders.placed")]
struct OrderPlaced {}

#[handler(queue = "orders")]
async fn charge(_: OrderPlaced) -> u32 { 1 }

fn main() {}
