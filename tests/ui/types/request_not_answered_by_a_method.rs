use serde::{Deserialize, Serialize};
use sqs_worker::{Message, handlers};

#[derive(Serialize, Deserialize, Message)]
#[message(name = "orders.quoted")]
struct Quote {}

#[derive(Serialize, Deserialize, Message)]
#[message(name = "orders.quote", reply = Quote)]
struct QuoteRequest {}

#[derive(Clone)]
struct Quotes;

#[handlers]
impl Quotes {
    #[handler(queue = "orders")]
    async fn quote(&self, _: QuoteRequest) {}
}

fn main() {}
