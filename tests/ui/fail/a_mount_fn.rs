use sqs_worker::{Message, Router};

#[derive(serde::Serialize, serde::Deserialize, Message)]
#[message(name = "orders.placed")]
struct OrderPlaced {}

async fn plain(_: OrderPlaced, _: u32) {}
struct NotAHandler;

fn main() {
    let _ = Router::<()>::new().route(plain);
    let _ = Router::<()>::new().handler::<NotAHandler>();
}
