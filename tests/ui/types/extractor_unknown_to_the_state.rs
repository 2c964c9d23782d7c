use serde::{Deserialize, Serialize};
use sqs_worker::{Message, handler};

#[derive(Serialize, Deserialize, Message)]
#[message(name = "orders.placed")]
struct OrderPlaced {
    #[message(key)]
    id: u64,
}

#[derive(Clone)]
struct App;

#[handler(queue = "orders", state = App)]
async fn charge(_: OrderPlaced, _: u32) {}

fn main() {}
