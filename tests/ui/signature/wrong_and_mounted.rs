use serde::{Deserialize, Serialize};
use sqs_worker::{Message, Router, handler};

#[derive(Serialize, Deserialize, Message)]
#[message(name = "orders.placed")]
struct OrderPlaced {
    #[message(key)]
    id: u64,
}

#[handler(queue = "orders")]
fn charge(_: OrderPlaced) {}

fn main() {
    // One error, not a second one here.
    let _ = Router::<()>::new().handler::<charge>();
}
