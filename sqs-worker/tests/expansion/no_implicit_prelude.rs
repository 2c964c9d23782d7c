//! No names but those that are brought in.
#![no_implicit_prelude]

use ::sqs_worker::{FromRef, Message, Router, State, handler, handlers};

#[derive(::serde::Serialize, ::serde::Deserialize, Message)]
#[message(name = "orders.placed.v1")]
struct OrderPlacedV1 {}

#[derive(::serde::Serialize, ::serde::Deserialize, Message)]
#[message(name = "orders.placed", version = 2, from = OrderPlacedV1, codec = ::sqs_worker::message::Json)]
struct OrderPlaced {
    #[message(key)]
    id: ::core::primitive::u64,
    #[message(group)]
    tenant: ::core::option::Option<::std::string::String>,
}

impl ::core::convert::From<OrderPlacedV1> for OrderPlaced {
    fn from(_: OrderPlacedV1) -> Self {
        Self {
            id: 0,
            tenant: ::core::option::Option::None,
        }
    }
}

#[derive(::serde::Serialize, ::serde::Deserialize, Message)]
enum Event {
    Placed(OrderPlaced),
}

#[derive(::core::clone::Clone)]
struct Cards;

#[derive(::core::clone::Clone, FromRef)]
struct App {
    cards: Cards,
}

#[handler(queue = "orders", concurrency = 3, timeout = "10m", retry(max = 5), idempotent, state = App)]
async fn charge(_: OrderPlaced, _: State<Cards>) -> ::core::result::Result<(), ::std::string::String> {
    ::core::result::Result::Ok(())
}

#[handler(queue = "events")]
async fn event(_: Event) {}

#[handler(queue = "archive", batch(size = 10))]
async fn archive(_: ::std::vec::Vec<OrderPlaced>) {}

#[handlers]
impl Cards {
    #[handler(queue = "cards")]
    async fn placed(&self, _: OrderPlaced) {}
}

#[::core::prelude::v1::test]
fn nothing_needs_the_prelude() {
    let app = App { cards: Cards };
    ::core::assert!(
        Router::new()
            .handler::<charge>()
            .build(::core::clone::Clone::clone(&app))
            .is_ok()
    );
    ::core::assert!(
        Router::new()
            .handler::<event>()
            .build(::core::clone::Clone::clone(&app))
            .is_ok()
    );
    ::core::assert!(
        Router::new()
            .handler::<archive>()
            .build(::core::clone::Clone::clone(&app))
            .is_ok()
    );
    ::core::assert!(Router::new().handlers::<Cards>().build(app).is_ok());
}
