use sqs_worker::{Message, handler, Reply};

#[derive(serde::Serialize, serde::Deserialize, Message)]
#[message(name = "orders.placed")]
struct OrderPlaced {}

#[derive(serde::Serialize, serde::Deserialize, Message)]
#[message(name = "orders.q", reply = Quote)]
struct QuoteRequest {}

#[derive(serde::Serialize, serde::Deserialize, Message)]
#[message(name = "orders.qq")]
struct Quote {}

#[handler(queue = "orders")]
async fn no_request(_: OrderPlaced) -> Reply<Quote> { Reply(Quote {}) }

#[handler(queue = "orders")]
async fn other(_: QuoteRequest) -> Reply<OrderPlaced> { Reply(OrderPlaced {}) }

fn main() {}
