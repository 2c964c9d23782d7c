use std::rc::Rc;
use sqs_worker::{Message, handler};

#[derive(serde::Serialize, serde::Deserialize, Message)]
#[message(name = "orders.placed")]
struct OrderPlaced {}

#[handler(queue = "orders")]
async fn charge(_: OrderPlaced) {
    let rc = Rc::new(1);
    std::future::ready(()).await;
    drop(rc);
}

fn main() {}
