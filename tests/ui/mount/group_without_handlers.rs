use serde::{Deserialize, Serialize};
use sqs_worker::{Message, Router};

#[derive(Serialize, Deserialize, Message)]
#[message(name = "orders.placed")]
struct OrderPlaced {
    #[message(key)]
    id: u64,
}

struct Orders;

fn main() {
    let _ = Router::<()>::new().handlers::<Orders>();
}
