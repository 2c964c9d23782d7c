//! Handlers where items can stand: in modules, in functions, behind conditions, raw names, from macros.
#![deny(warnings)]

use sqs_worker::{Message, Router, handler};

#[derive(serde::Serialize, serde::Deserialize, Message)]
#[message(name = "orders.placed")]
pub struct OrderPlaced {}

#[derive(serde::Serialize, serde::Deserialize, Message)]
#[message(name = "orders.moved")]
pub struct OrderMoved {}

mod inner {
    use super::OrderPlaced;

    #[sqs_worker::handler(queue = "orders")]
    pub async fn charge(_: OrderPlaced) {}
}

use inner::charge;

#[handler]
pub async fn r#move(_: OrderMoved) {}

#[cfg(any())]
#[handler(queue = "orders")]
async fn absent(_: NoSuchType) {}

#[handler(queue = "orders")]
#[cfg(any())]
async fn absent_too(_: NoSuchType) {}

macro_rules! handlers {
    ($($name:ident: $message:ty, $queue:literal, $timeout:expr;)+) => {$(
        #[handler(queue = $queue, timeout = $timeout)]
        async fn $name(_: $message) {}
    )+};
}

handlers! {
    ship: OrderPlaced, "shipping", "5s";
    bill: OrderPlaced, "billing", "10s";
}

fn main() {
    #[handler(queue = "orders")]
    async fn local(_: OrderPlaced) {}

    drop(charge(OrderPlaced {}));
    let _ = Router::<()>::new().handler::<charge>().handler::<r#move>().handler::<local>();
    let _ = Router::<()>::new().handler::<ship>();
    let _ = Router::<()>::new().handler::<bill>();
}
