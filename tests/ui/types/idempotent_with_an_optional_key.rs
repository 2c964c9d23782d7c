use serde::{Deserialize, Serialize};
use sqs_worker::{Message, handler};

#[derive(Serialize, Deserialize, Message)]
#[message(name = "orders.shipped")]
struct OrderShipped {
    #[message(key)]
    parcel: Option<u64>,
}

#[handler(queue = "orders", idempotent)]
async fn ship(_: OrderShipped) {}

fn main() {}
