//! The world around the flow, made up: a warehouse, a bank, a carrier and a mail server.
//!
//! Which order fails where follows from its id, so that two runs are alike.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
    sync::Arc,
    time::Duration,
};

use sqs_worker::handler::{Classify, Disposition};
use thiserror::Error;

use crate::flow::Order;

#[derive(Clone, Copy)]
pub struct Warehouse;

#[derive(Debug, Error)]
#[error("sold out")]
pub struct SoldOut;

impl Warehouse {
    pub async fn reserve(&self, order: &Order) -> Result<(), SoldOut> {
        work(4, order).await;
        if order.id % 67 == 13 { Err(SoldOut) } else { Ok(()) }
    }
}

#[derive(Clone, Copy)]
pub struct Bank;

#[derive(Debug, Error)]
pub enum BankError {
    #[error("card declined")]
    Declined,
    #[error("the bank did not answer")]
    NoAnswer,
}

impl Classify for BankError {
    fn disposition(&self) -> Disposition {
        match self {
            Self::Declined => Disposition::DeadLetter,
            Self::NoAnswer => Disposition::Retry { after: None },
        }
    }
}

impl Bank {
    pub async fn charge(&self, order: &Order, attempt: u32) -> Result<(), BankError> {
        work(12, order).await;
        if order.id % 47 == 5 {
            return Err(BankError::Declined);
        }
        // One in twenty needs a second try, some of them a third.
        let tries = match order.id % 60 {
            7 => 3,
            17 | 29 => 2,
            _ => 1,
        };
        if attempt < tries {
            Err(BankError::NoAnswer)
        } else {
            Ok(())
        }
    }
}

#[derive(Clone, Copy)]
pub struct Carrier;

#[derive(Debug, Error)]
#[error("no route to the customer's address")]
pub struct NoRoute;

impl Carrier {
    pub async fn book(&self, order: &Order, attempt: u32) -> Result<String, NoRoute> {
        work(8, order).await;
        // Even a handler that panics costs nothing but a retry.
        assert!(
            !(order.id % 701 == 11 && attempt == 1),
            "the label printer jammed"
        );
        // The carrier calls it temporary, but it never gets better: after four attempts the worker gives up.
        if order.id % 331 == 3 {
            Err(NoRoute)
        } else {
            Ok(format!("parcel-{}", order.id))
        }
    }
}

/// Sends mail, or writes a line into a file for each.
#[derive(Clone, Default)]
pub struct Mailer {
    log: Option<Arc<File>>,
}

impl Mailer {
    pub fn new(log: Option<&Path>) -> io::Result<Self> {
        let open = |path| File::options().create(true).append(true).open(path).map(Arc::new);
        Ok(Self {
            log: log.map(open).transpose()?,
        })
    }

    pub async fn send(&self, order: &Order, parcel: &str) -> io::Result<()> {
        work(2, order).await;
        match &self.log {
            // One write for each line: lines of several processes do not mix.
            Some(log) => log
                .as_ref()
                .write_all(format!("{} {parcel}\n", order.id).as_bytes()),
            None => Ok(()),
        }
    }
}

/// Takes about `millis`, some orders less, some more.
async fn work(millis: u64, order: &Order) {
    tokio::time::sleep(Duration::from_millis(millis / 2 + order.id % (millis + 1))).await;
}
