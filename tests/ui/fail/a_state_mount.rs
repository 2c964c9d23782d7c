use sqs_worker::{Message, handler, Router, State};

#[derive(serde::Serialize, serde::Deserialize, Message)]
#[message(name = "orders.placed")]
struct OrderPlaced {}

#[derive(Clone)]
struct App;

struct Cards;

#[handler(queue = "orders")]
async fn charge(_: OrderPlaced, _: State<Cards>) {}

#[handler(queue = "orders", state = App)]
async fn charge2(_: OrderPlaced, _: State<Cards>) {}

fn main() {
    let _ = Router::<App>::new().handler::<charge>();
}
