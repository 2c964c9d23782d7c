//! What the macros add is documented, and quiet under strict lints.
#![deny(missing_docs, missing_debug_implementations, missing_copy_implementations, unreachable_pub, warnings)]

/// A payload.
#[derive(Debug, serde::Serialize, serde::Deserialize, sqs_worker::Message)]
#[message(name = "orders.placed")]
pub struct OrderPlaced {
    /// Its number.
    #[message(key)]
    pub id: String,
}

/// Charges.
#[sqs_worker::handler(queue = "orders", idempotent)]
pub async fn charge(_: OrderPlaced) {}

fn main() {}
