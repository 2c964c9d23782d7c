//! The worker's side: two handlers that answer.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde::{Deserialize, Serialize};
use sqs_worker::{HandlerError, Message, Reply, ResultExt, State, handler};
use thiserror::Error;

/// What does so much of this tea cost?
#[derive(Clone, Debug, Serialize, Deserialize, Message)]
#[message(name = "tea.quote", reply = Quote)]
pub struct QuoteRequest {
    pub tea: String,
    pub bags: u64,
}

/// So much.
#[derive(Clone, Debug, Serialize, Deserialize, Message)]
#[message(name = "tea.quoted")]
pub struct Quote {
    pub cents: u64,
}

/// I take it.
#[derive(Clone, Debug, Serialize, Deserialize, Message)]
#[message(name = "tea.order", reply = Receipt)]
pub struct Order {
    /// Chosen by the customer: the same order has the same number, however often it is sent.
    #[message(key)]
    pub number: String,
    pub tea: String,
    pub bags: u64,
}

/// Thank you.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Message)]
#[message(name = "tea.receipt")]
pub struct Receipt {
    pub receipt: u64,
    pub cents: u64,
}

/// The merchant's till.
#[derive(Clone, Default)]
pub struct Merchant {
    orders: Arc<AtomicU64>,
    till: Arc<AtomicU64>,
}

#[derive(Debug, Error)]
#[error("we sell tea, and no {0}")]
pub struct NotTea(String);

impl Merchant {
    /// What a bag costs. Nobody remembers the price of gyokuro: looking it up takes a while.
    async fn price(&self, tea: &str) -> Result<u64, NotTea> {
        match tea {
            "assam" => Ok(890),
            "darjeeling" => Ok(1_590),
            "gyokuro" => {
                tokio::time::sleep(Duration::from_millis(600)).await;
                Ok(4_900)
            }
            other => Err(NotTea(other.to_owned())),
        }
    }

    fn charge(&self, cents: u64) -> u64 {
        self.till.fetch_add(cents, Ordering::Relaxed);
        self.orders.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// How many orders were charged.
    pub fn orders(&self) -> u64 {
        self.orders.load(Ordering::Relaxed)
    }

    /// What they came to, in cents.
    pub fn till(&self) -> u64 {
        self.till.load(Ordering::Relaxed)
    }
}

#[handler(queue = "tea", concurrency = 64, visibility = "5s")]
pub async fn quote(
    request: QuoteRequest,
    State(merchant): State<Merchant>,
) -> Result<Reply<Quote>, HandlerError> {
    // Permanent: the customer is told, and need not wait.
    let price = merchant.price(&request.tea).await.or_dead_letter()?;
    Ok(Reply(Quote {
        cents: price * request.bags,
    }))
}

#[handler(queue = "tea", dead_letter = "tea-dead", visibility = "5s", idempotent)]
pub async fn order(order: Order, State(merchant): State<Merchant>) -> Result<Reply<Receipt>, HandlerError> {
    let cents = merchant.price(&order.tea).await.or_dead_letter()? * order.bags;
    let receipt = merchant.charge(cents);
    Ok(Reply(Receipt { receipt, cents }))
}

#[cfg(test)]
mod tests {
    use sqs_worker::testing::{OutcomeExt, TestWorker};

    use super::*;

    fn request(tea: &str) -> QuoteRequest {
        QuoteRequest {
            tea: tea.into(),
            bags: 2,
        }
    }

    #[tokio::test]
    async fn a_quote_is_the_price_of_all_bags() {
        let worker = TestWorker::new(Merchant::default()).handler::<quote>();
        let quote: Quote = worker.deliver(request("assam")).await.assert_reply();
        assert_eq!(quote.cents, 1_780);
    }

    #[tokio::test]
    async fn there_is_no_coffee() {
        let worker = TestWorker::new(Merchant::default()).handler::<quote>();
        worker
            .deliver(request("coffee"))
            .await
            .assert_dead_letter("no coffee");
    }
}
