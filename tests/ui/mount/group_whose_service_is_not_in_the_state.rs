use serde::{Deserialize, Serialize};
use sqs_worker::{Message, Router, handlers};

#[derive(Serialize, Deserialize, Message)]
#[message(name = "orders.placed")]
struct OrderPlaced {
    #[message(key)]
    id: u64,
}

struct Orders;

#[handlers]
impl Orders {
    #[handler(queue = "orders")]
    async fn charge(&self, _: OrderPlaced) {}
}

fn main() {
    let _ = Router::<()>::new().handlers::<Orders>();
}
