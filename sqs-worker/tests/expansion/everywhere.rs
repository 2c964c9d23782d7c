//! Handlers where items can stand: in modules, in functions, behind conditions, raw names, from macros.
#![deny(warnings)]

use sqs_worker::{Message, Router, handler};

#[derive(serde::Serialize, serde::Deserialize, Message)]
#[message(name = "orders.placed")]
struct OrderPlaced {}

#[derive(serde::Serialize, serde::Deserialize, Message)]
#[message(name = "orders.moved")]
struct OrderMoved {}

mod inner {
    use super::OrderPlaced;

    #[sqs_worker::handler(queue = "orders")]
    pub(super) async fn charge(_: OrderPlaced) {}
}

use inner::charge;

#[handler]
async fn r#move(_: OrderMoved) {}

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

#[test]
fn a_handler_can_stand_where_a_function_can() {
    #[handler(queue = "orders")]
    async fn local(_: OrderPlaced) {}

    drop(charge(OrderPlaced {}));
    let router = Router::<()>::new().handler::<charge>().handler::<r#move>();
    let names: Vec<_> = router.specs().map(|spec| spec.name).collect();
    assert_eq!(names, ["charge", "move"]);
    assert!(router.build(()).is_ok());
    let router = Router::<()>::new()
        .handler::<ship>()
        .handler::<bill>()
        .handler::<local>();
    let queues: Vec<_> = router.specs().map(|spec| spec.queue).collect();
    assert_eq!(queues, [Some("shipping"), Some("billing"), Some("orders")]);
}
