//! The order flow: four messages, four handlers, each an ordinary async function.
//!
//! Every step does its work, sends the next message, and only then is its own message deleted. If the process dies in
//! between, the step runs again: nothing is lost.

use serde::{Deserialize, Serialize};
use sqs_worker::{HandlerError, Message, ReceiveCount, ResultExt, State, handler};

use crate::{
    services::{Bank, Carrier, Mailer, Warehouse},
    shop::{Shop, Step},
};

/// What a customer ordered. Only the id is needed, so that a message typed by hand is an order too.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    pub id: u64,
    #[serde(default)]
    pub customer: u64,
    #[serde(default)]
    pub sku: String,
    #[serde(default)]
    pub cents: u64,
    /// Which run of this program placed it.
    #[serde(default)]
    pub run: String,
}

#[derive(Debug, Serialize, Deserialize, Message)]
#[message(name = "orders.placed")]
pub struct Placed {
    #[serde(flatten)]
    pub order: Order,
}

#[derive(Debug, Serialize, Deserialize, Message)]
#[message(name = "orders.reserved")]
pub struct Reserved {
    pub order: Order,
}

#[derive(Debug, Serialize, Deserialize, Message)]
#[message(name = "orders.charged")]
pub struct Charged {
    pub order: Order,
}

#[derive(Debug, Serialize, Deserialize, Message)]
#[message(name = "orders.shipped")]
pub struct Shipped {
    pub order: Order,
    pub parcel: String,
}

#[handler(queue = "orders", retry(max = 4, base = "1s", cap = "2s"), timeout = "30s")]
pub async fn reserve_stock(
    Placed { order }: Placed,
    State(shop): State<Shop>,
    State(warehouse): State<Warehouse>,
) -> Result<(), HandlerError> {
    shop.did(Step::Placed, &order);
    // Sold out today is sold out in two seconds: no retry will help.
    warehouse.reserve(&order).await.or_dead_letter()?;
    shop.did(Step::Reserved, &order);
    shop.queue.send(&Reserved { order }).await?;
    Ok(())
}

#[handler(queue = "orders", retry(max = 4, base = "1s", cap = "2s"), timeout = "30s")]
pub async fn charge_card(
    Reserved { order }: Reserved,
    State(shop): State<Shop>,
    State(bank): State<Bank>,
    ReceiveCount(attempt): ReceiveCount,
) -> Result<(), HandlerError> {
    // The bank's error says itself whether to try again: see `Classify` in services.rs.
    bank.charge(&order, attempt).await.classify()?;
    shop.did(Step::Charged, &order);
    shop.queue.send(&Charged { order }).await?;
    Ok(())
}

#[handler(queue = "orders", retry(max = 4, base = "1s", cap = "2s"), timeout = "30s")]
pub async fn ship(
    Charged { order }: Charged,
    State(shop): State<Shop>,
    State(carrier): State<Carrier>,
    ReceiveCount(attempt): ReceiveCount,
) -> Result<(), HandlerError> {
    // A plain `?` means: try again later.
    let parcel = carrier.book(&order, attempt).await?;
    shop.did(Step::Shipped, &order);
    shop.queue.send(&Shipped { order, parcel }).await?;
    Ok(())
}

#[handler(queue = "orders", retry(max = 4, base = "1s", cap = "2s"), timeout = "30s")]
pub async fn confirm_by_mail(
    Shipped { order, parcel }: Shipped,
    State(shop): State<Shop>,
    State(mailer): State<Mailer>,
) -> Result<(), HandlerError> {
    mailer.send(&order, &parcel).await?;
    shop.did(Step::Confirmed, &order);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Handlers stay functions: this one is called like any other.
    #[tokio::test]
    async fn a_declined_card_is_not_tried_again() {
        let order = Order {
            id: 5,
            customer: 1,
            sku: "tea".into(),
            cents: 990,
            run: String::new(),
        };
        let shop = Shop::offline("orders");
        let error = charge_card(Reserved { order }, State(shop), State(Bank), ReceiveCount(1))
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), "card declined");
        assert_eq!(error.disposition(), sqs_worker::handler::Disposition::DeadLetter);
    }
}
