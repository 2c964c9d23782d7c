use serde::{Deserialize, Serialize};
use sqs_worker::{HandlerError, Message, Outcome, handler};

#[derive(Serialize, Deserialize, Message)]
#[message(name = "orders.quoted")]
struct Quote {}

#[derive(Serialize, Deserialize, Message)]
#[message(name = "orders.quote", reply = Quote)]
struct QuoteRequest {}

#[handler(queue = "orders")]
async fn quote(_: QuoteRequest) -> Result<Outcome, HandlerError> {
    Ok(Outcome::ack())
}

#[handler(queue = "orders", no_reply)]
async fn audit(_: QuoteRequest) -> Result<Outcome, HandlerError> {
    Ok(Outcome::ack())
}

fn main() {}
