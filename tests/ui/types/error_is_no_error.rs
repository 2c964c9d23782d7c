use serde::{Deserialize, Serialize};
use sqs_worker::{Message, handler};

#[derive(Serialize, Deserialize, Message)]
#[message(name = "orders.placed")]
struct OrderPlaced {
    #[message(key)]
    id: u64,
}

#[derive(Debug)]
struct Declined;

#[handler(queue = "orders")]
async fn charge(_: OrderPlaced) -> Result<(), Declined> {
    Err(Declined)
}

fn main() {}
