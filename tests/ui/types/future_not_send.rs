use serde::{Deserialize, Serialize};
use sqs_worker::{Message, handler};

#[derive(Serialize, Deserialize, Message)]
#[message(name = "orders.placed")]
struct OrderPlaced {
    #[message(key)]
    id: u64,
}

#[handler(queue = "orders")]
async fn charge(_: OrderPlaced) {
    let count = std::rc::Rc::new(1);
    std::future::ready(()).await;
    drop(count);
}

fn main() {}
