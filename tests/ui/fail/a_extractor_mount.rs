use sqs_worker::{Message, handler, Router};

#[derive(serde::Serialize, serde::Deserialize, Message)]
#[message(name = "orders.placed")]
struct OrderPlaced {}

#[derive(Clone)]
struct App;

#[handler(queue = "orders")]
async fn charge(_: OrderPlaced, _: u32) {}

fn main() {
    let _ = Router::<App>::new().handler::<charge>();
}
