use serde::{Deserialize, Serialize};
use sqs_worker::{Message, Reply, handler};

#[derive(Serialize, Deserialize, Message)]
#[message(name = "orders.placed")]
struct OrderPlaced {
    #[message(key)]
    id: u64,
}

#[derive(Serialize, Deserialize, Message)]
#[message(name = "orders.quoted")]
struct Quote {}

#[derive(Serialize, Deserialize, Message)]
#[message(name = "orders.quote", reply = Quote)]
struct QuoteRequest {}

#[handler(queue = "orders")]
async fn quote(_: QuoteRequest) -> Result<Reply<OrderPlaced>, std::io::Error> {
    Ok(Reply(OrderPlaced { id: 1 }))
}

fn main() {}
