use sqs_worker::{Message, handler};

#[derive(serde::Serialize, serde::Deserialize, Message)]
#[message(name = "orders.placed")]
struct OrderPlaced {}

#[handler(queue = "orders", idempotent)]
async fn charge(_: OrderPlaced) {}

fn main() {}
