//! A user's own names for what the prelude has.
#![allow(dead_code, non_camel_case_types, non_upper_case_globals)]

use sqs_worker::{Lease, Message, Reply, Router, State, handler, handlers};

struct Option;
struct Some;
struct None;
struct Result;
struct Ok;
struct Err;
struct Vec;
struct String;
struct Box;
trait Clone {}
trait Send {}
trait Sync {}
trait Fn {}
trait Future {}
trait From {}
trait Into {}
trait ToString {}
mod std {}
mod core {}
mod serde_json {}

const state: () = ();
const messages: () = ();
const service: () = ();
const delivery: () = ();
const incoming: () = ();

#[derive(serde::Serialize, serde::Deserialize, Message)]
#[message(name = "orders.placed", version = 2, aliases("OrderPlaced"))]
struct OrderPlaced {
    #[message(key, group)]
    id: u64,
}

#[derive(serde::Serialize, serde::Deserialize, Message)]
#[message(keyed)]
enum Event {
    Placed(OrderPlaced),
}

#[derive(serde::Serialize, serde::Deserialize, Message)]
#[message(name = "orders.quote", reply = OrderPlaced, codec = sqs_worker::message::Json)]
struct QuoteRequest {}

#[handler(
    queue = "orders",
    concurrency = 3,
    visibility = "60s",
    timeout = "10m",
    retry(max = 5, base = "2s", cap = "5m"),
    idempotent(scope = "payments", ttl = "7d", key = |order: &OrderPlaced| order.id),
    dead_letter = "orders-dead"
)]
async fn charge(_: OrderPlaced, _: Lease) {}

#[handler(queue = "orders", idempotent)]
async fn event(_: Event) {}

#[handler(queue = "quotes")]
async fn quote(_: QuoteRequest) -> Reply<OrderPlaced> {
    Reply(OrderPlaced { id: 1 })
}

#[handler(queue = "archive", batch(size = 10))]
async fn archive(_: ::std::vec::Vec<OrderPlaced>) {}

#[derive(::core::clone::Clone)]
struct Shop;

#[handlers]
impl Shop {
    #[handler(queue = "shop", timeout = "5s")]
    async fn placed(&self, _: OrderPlaced, _: State<Shop>) {}
}

#[test]
fn a_users_own_names_change_nothing() {
    let router = Router::new().handler::<charge>().handler::<quote>();
    ::core::assert!(router.build(()).is_ok());
    ::core::assert!(Router::new().handler::<event>().build(()).is_ok());
    ::core::assert!(Router::new().handler::<archive>().build(()).is_ok());
    ::core::assert!(Router::new().handlers::<Shop>().build(Shop).is_ok());
}
