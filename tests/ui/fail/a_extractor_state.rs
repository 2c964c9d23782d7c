use sqs_worker::{Message, handler};

#[derive(serde::Serialize, serde::Deserialize, Message)]
#[message(name = "orders.placed")]
struct OrderPlaced {}

#[derive(Clone)]
struct App;

#[handler(queue = "orders", state = App)]
async fn charge(_: OrderPlaced, _: u32) {}

fn main() {}
