use serde::{Deserialize, Serialize};
use sqs_worker::{Message, handlers};

#[derive(Serialize, Deserialize, Message)]
#[message(name = "orders.placed")]
struct OrderPlaced {
    #[message(key)]
    id: u64,
}

#[derive(Clone)]
struct Orders;

#[handlers]
impl Orders {
    #[handler(queue = "orders")]
    #[cfg(unix)]
    async fn charge(&self, _: OrderPlaced) {}
}

fn main() {}
