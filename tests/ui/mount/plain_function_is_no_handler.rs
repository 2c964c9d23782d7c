use serde::{Deserialize, Serialize};
use sqs_worker::{Message, Router};

#[derive(Serialize, Deserialize, Message)]
#[message(name = "orders.placed")]
struct OrderPlaced {
    #[message(key)]
    id: u64,
}

async fn charge(_: OrderPlaced, _: u32) {}

fn main() {
    let _ = Router::<()>::new().route(charge);
}
