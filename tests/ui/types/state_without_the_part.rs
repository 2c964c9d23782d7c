use serde::{Deserialize, Serialize};
use sqs_worker::{Message, State, handler};

#[derive(Serialize, Deserialize, Message)]
#[message(name = "orders.placed")]
struct OrderPlaced {
    #[message(key)]
    id: u64,
}

#[derive(Clone)]
struct App;

struct Cards;

#[handler(queue = "orders", state = App)]
async fn charge(_: OrderPlaced, _: State<Cards>) {}

fn main() {}
