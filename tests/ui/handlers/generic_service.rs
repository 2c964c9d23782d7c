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

#[derive(Clone)]
struct Shop<T>(T);

#[handlers]
impl<T> Shop<T> {
    #[handler(queue = "orders")]
    async fn charge(&self, _: OrderPlaced) {}
}

fn main() {}
