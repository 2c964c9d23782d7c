//! The framework re-exported from elsewhere under another name.

mod vendor {
    pub mod queue_framework {
        pub use sqs_worker::*;
    }
}

use vendor::queue_framework::{FromRef, Message, Router, State, handler, handlers};

#[derive(serde::Serialize, serde::Deserialize, Message)]
#[message(name = "orders.placed", crate = crate::vendor::queue_framework)]
struct OrderPlaced {
    #[message(key)]
    id: u64,
}

#[derive(serde::Serialize, serde::Deserialize, Message)]
#[message(crate = crate::vendor::queue_framework)]
enum Event {
    Placed(OrderPlaced),
}

#[derive(Clone)]
struct Cards;

#[derive(Clone, FromRef)]
#[from_ref(crate = crate::vendor::queue_framework)]
struct App {
    cards: Cards,
}

#[handler(queue = "orders", idempotent, crate = crate::vendor::queue_framework)]
async fn charge(_: OrderPlaced, _: State<Cards>) {}

#[handler(queue = "events", crate = crate::vendor::queue_framework)]
async fn event(_: Event) {}

#[handlers(crate = crate::vendor::queue_framework)]
impl Cards {
    #[handler(queue = "cards")]
    async fn placed(&self, _: OrderPlaced) {}
}

fn main() {
    let _ = Router::<App>::new().handler::<charge>().handler::<event>().handlers::<Cards>();
}
