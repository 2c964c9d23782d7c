use serde::{Deserialize, Serialize};
use sqs_worker::{Message, handler};

#[derive(Serialize, Deserialize, Message)]
#[message(name = "orders.placed")]
struct OrderPlaced {
    #[message(key)]
    id: u64,
}

#[handler(queue = "orders", state = ())]
async fn charge(_: OrderPlaced) {
    let total = std::sync::Mutex::new(0);
    let mut guard = total.lock().unwrap();
    std::future::ready(()).await;
    *guard += 1;
}

fn main() {}
