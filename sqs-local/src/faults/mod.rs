//! Faults: what goes wrong with the real SQS, on demand and repeatably.
//!
//! [`Faults`] is a set of [`Rule`]s and a tower layer. Give it to [`Builder::layer`](crate::Builder::layer); several
//! compose like any layers. Every decision comes from its seed, so the same requests meet the same faults again.
//!
//! ```
//! use std::time::Duration;
//! use sqs_local::SqsLocal;
//! use sqs_local::faults::{Fault, Faults, Rule};
//!
//! let faults = Faults::seeded(7)
//!     .rule(Rule::new(Fault::Throttle).action("ReceiveMessage").chance(0.1))
//!     .rule(Rule::new(Fault::LoseAnswer).action("DeleteMessageBatch").times(1))
//!     .rule(Rule::new(Fault::Unavailable).from(Duration::from_secs(60)).until(Duration::from_secs(120)));
//! let sqs = SqsLocal::builder().layer(faults.clone()).build();
//! # let _ = sqs;
//! assert_eq!(faults.injected(Fault::Throttle), 0);
//! ```

mod batch;
#[cfg(feature = "server")]
mod file;
mod rule;
mod service;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::time::Instant;
use tower_layer::Layer;

pub use self::rule::{Fault, Rule};
pub use self::service::FaultService;

/// Rules of what goes wrong, and how often it did. Clones share both.
///
/// For every request the rules are asked in their order; those that match and whose chance comes up all apply.
#[derive(Debug, Clone)]
pub struct Faults {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    rules: Vec<Rule>,
    rng: StdRng,
    start: Option<Instant>,
    injected: BTreeMap<Fault, u64>,
}

impl Faults {
    /// No rules yet, and the seed that all chances come from.
    pub fn seeded(seed: u64) -> Self {
        let state = State {
            rules: Vec::new(),
            rng: StdRng::seed_from_u64(seed),
            start: None,
            injected: BTreeMap::new(),
        };
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// Adds a rule, also while requests are under way.
    #[must_use]
    pub fn rule(self, rule: Rule) -> Self {
        self.lock().rules.push(rule);
        self
    }

    /// Takes all rules away: from now on nothing goes wrong.
    pub fn clear(&self) {
        self.lock().rules.clear();
    }

    /// How often a fault happened.
    pub fn injected(&self, fault: Fault) -> u64 {
        self.lock().injected.get(&fault).copied().unwrap_or(0)
    }

    /// How often each fault happened that happened at all.
    pub fn all_injected(&self) -> BTreeMap<Fault, u64> {
        self.lock().injected.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S> Layer<S> for Faults {
    type Service = FaultService<S>;

    fn layer(&self, inner: S) -> FaultService<S> {
        // Times in rules count from here.
        self.lock().start.get_or_insert_with(Instant::now);
        FaultService::new(inner, self.clone())
    }
}
