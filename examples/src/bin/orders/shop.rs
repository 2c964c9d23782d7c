//! What all handlers share: where the next message goes, and how far each order has come.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use sqs_worker::{FromRef, Producer, producer::QueueProducer};

use crate::{
    flow::Order,
    services::{Bank, Carrier, Mailer, Warehouse},
};

/// The worker's state. A handler takes the parts it names.
#[derive(Clone, FromRef)]
pub struct App {
    pub shop: Shop,
    pub warehouse: Warehouse,
    pub bank: Bank,
    pub carrier: Carrier,
    pub mailer: Mailer,
}

impl App {
    pub fn new(producer: &Producer, queue: &str, mailer: Mailer) -> Self {
        let shop = Shop {
            queue: producer.to(queue),
            log: Arc::default(),
        };
        Self {
            shop,
            warehouse: Warehouse,
            bank: Bank,
            carrier: Carrier,
            mailer,
        }
    }
}

/// The steps of an order, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    Placed,
    Reserved,
    Charged,
    Shipped,
    Confirmed,
}

impl Step {
    pub const ALL: [Self; 5] = [
        Self::Placed,
        Self::Reserved,
        Self::Charged,
        Self::Shipped,
        Self::Confirmed,
    ];

    pub fn label(self) -> &'static str {
        match self {
            Self::Placed => "received",
            Self::Reserved => "in stock",
            Self::Charged => "charged",
            Self::Shipped => "shipped",
            Self::Confirmed => "confirmed",
        }
    }
}

#[derive(Clone)]
pub struct Shop {
    pub queue: QueueProducer,
    log: Arc<Mutex<Log>>,
}

/// How far each order has come. SQS may deliver a message twice, so orders are counted, not calls.
#[derive(Default)]
struct Log {
    steps: BTreeMap<u64, Step>,
    reached: [u64; Step::ALL.len()],
    troubles: VecDeque<String>,
}

impl Shop {
    /// An order has come this far.
    pub fn did(&self, step: Step, order: &Order) {
        let mut log = self.log();
        let before = log.steps.get(&order.id).copied();
        if before.is_none_or(|before| before < step) {
            log.steps.insert(order.id, step);
            log.reached[step as usize] += 1;
        }
    }

    /// How many orders have reached each step.
    pub fn reached(&self) -> [u64; Step::ALL.len()] {
        self.log().reached
    }

    /// Something worth a line on the screen.
    pub fn trouble(&self, line: String) {
        let mut log = self.log();
        log.troubles.push_back(line);
        if log.troubles.len() > 4 {
            log.troubles.pop_front();
        }
    }

    pub fn troubles(&self) -> Vec<String> {
        self.log().troubles.iter().cloned().collect()
    }

    fn log(&self) -> std::sync::MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A shop whose queue nothing is sent to, for tests of handlers.
    #[cfg(test)]
    pub fn offline(queue: &str) -> Self {
        let config = aws_sdk_sqs::Config::builder()
            .behavior_version(aws_sdk_sqs::config::BehaviorVersion::latest())
            .region(aws_sdk_sqs::config::Region::new("us-east-1"))
            .allow_no_auth()
            .build();
        let producer = Producer::new(aws_sdk_sqs::Client::from_conf(config));
        Self {
            queue: producer.to(queue),
            log: Arc::default(),
        }
    }
}
