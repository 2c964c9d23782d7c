//! The framework re-exported from elsewhere under another name.

mod vendor {
    pub(super) mod queue_framework {
        pub(crate) use sqs_worker::*;
    }
}

use self::vendor::queue_framework::{FromRef, Message, Router, State, handler, handlers};

#[derive(serde::Serialize, serde::Deserialize, Message)]
#[message(name = "orders.placed", crate = crate::renamed_crate::vendor::queue_framework)]
struct OrderPlaced {
    #[message(key)]
    id: u64,
}

#[derive(serde::Serialize, serde::Deserialize, Message)]
#[message(crate = crate::renamed_crate::vendor::queue_framework)]
enum Event {
    Placed(OrderPlaced),
}

#[derive(Clone)]
struct Cards;

#[derive(Clone, FromRef)]
#[from_ref(crate = crate::renamed_crate::vendor::queue_framework)]
struct App {
    cards: Cards,
}

#[handler(queue = "orders", idempotent, crate = crate::renamed_crate::vendor::queue_framework)]
async fn charge(_: OrderPlaced, _: State<Cards>) {}

#[handler(queue = "events", crate = crate::renamed_crate::vendor::queue_framework)]
async fn event(_: Event) {}

#[handlers(crate = crate::renamed_crate::vendor::queue_framework)]
impl Cards {
    #[handler(queue = "cards")]
    async fn placed(&self, _: OrderPlaced) {}
}

#[test]
fn the_framework_can_be_somewhere_else() {
    let app = App { cards: Cards };
    assert!(Router::new().handler::<charge>().build(app.clone()).is_ok());
    assert!(Router::new().handler::<event>().build(app.clone()).is_ok());
    assert!(Router::new().handlers::<Cards>().build(app).is_ok());
}
