use sqs_worker::{Message, handler, Outcome};

#[derive(serde::Serialize, serde::Deserialize, Message)]
#[message(name = "orders.placed")]
struct OrderPlaced {}

#[handler(queue = "orders")]
async fn charge(_: OrderPlaced) -> Result<Outcome, u32> { Err(1) }

fn main() {}
