use serde::{Deserialize, Serialize};
use sqs_worker::{Message, Router, handler};

#[derive(Serialize, Deserialize, Message)]
#[message(name = "orders.placed")]
struct OrderPlaced {
    #[message(key)]
    id: u64,
}

#[derive(Clone)]
struct App;

#[handler(queue = "orders", state = App)]
async fn charge(_: OrderPlaced) {}

fn main() {
    let _ = Router::<()>::new().handler::<charge>();
}
