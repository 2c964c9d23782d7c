use sqs_worker::{Message, handler};

#[derive(serde::Serialize, serde::Deserialize, Message)]
#[message(name = "orders.placed")]
struct OrderPlaced {}

#[handler(quue = "orders")]
async fn charge(_: OrderPlaced) {}

fn main() {}
