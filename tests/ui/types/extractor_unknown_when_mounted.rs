use serde::{Deserialize, Serialize};
use sqs_worker::{Message, Router, handler};

#[derive(Serialize, Deserialize, Message)]
#[message(name = "orders.placed")]
struct OrderPlaced {
    #[message(key)]
    id: u64,
}

#[handler(queue = "orders")]
async fn charge(_: OrderPlaced, _: u32) {}

fn main() {
    let _ = Router::<()>::new().handler::<charge>();
}
