//! A message with the same key runs once: records of what is being done and what is done.
//!
//! ```text
//! absent ──begin──▶ in progress (owner, attempt, lease end) ──complete──▶ completed (result, expiry)
//!    ▲                  │  ▲  │                                               │
//!    └────release───────┘  └──┘ renew                                         │
//!    └──────────────────────────────────── expiry ────────────────────────────┘
//! ```
//!
//! A handler marked `idempotent` runs inside a layer that claims the message's key first. Every arrow is one conditional
//! write in the [store](IdempotencyStore), and the condition names the owner: a run that lost its record can neither
//! complete nor release another's.
//!
//! | the key is | the message |
//! |---|---|
//! | absent, or its owner's lease is over | is handled; its record is kept in step with the message's lease |
//! | completed, by the same payload | is acknowledged without running; a request gets the recorded reply once more |
//! | in progress, with the same payload | is hidden until that owner's lease ends; no failure, no attempt |
//! | known with another payload | goes to the dead-letter queue: two messages share a key that should not |
//!
//! The order is: the handler, the record, the deletion of the message. A worker that dies between the first two runs
//! the message again; one that dies between the last two does not. A handler that fails, panics or is ended leaves no
//! record, so that the retry may run.
//!
//! # What remains
//!
//! A handler whose effect is done and that dies before its record is runs again: make the effect and the record one
//! transaction with a store of your own, or let the far side know the key. The same holds for a store that is away for
//! longer than the lease of a message: a run that ends meanwhile cannot say so, and another may take its key. SQS counts
//! each receive of a message that is hidden because of its key: where handlers take many times the visibility time-out
//! and duplicates are common, give the queue a generous `maxReceiveCount`.
//!
//! # What counts as the same
//!
//! The key is what the field marked `#[message(key)]` says, or `idempotent(key = ..)` computes, within a scope: the
//! message's wire name, or `idempotent(scope = "..")`. The stored key is the SHA-256 of both. Handlers of one message
//! that are to run *both*, on two queues for example, need a scope each: a worker refuses to start where two different
//! handlers share one. The payload is compared as a SHA-256 of the body as it was received.
//!
//! # Which store
//!
//! | store | for |
//! |---|---|
//! | [`MemoryStore`] | one process, tests: what it knows ends with the process |
//! | `RedisStore` (feature `redis`) | several workers |
//! | your own [`IdempotencyStore`] | a table next to the data that the handler changes |

mod erased;
mod hold;
mod key;
mod layer;
mod memory;
mod recorded;
#[cfg(feature = "redis")]
mod redis;
mod store;

use std::{fmt, sync::Arc, time::Duration};

#[cfg(feature = "redis")]
pub use self::redis::RedisStore;
pub(crate) use self::{
    erased::DynStore,
    layer::{Event, IdempotencyLayer, scope},
};
pub use self::{
    key::{Owner, PayloadHash, RecordKey},
    memory::MemoryStore,
    store::{Begun, Claim, IdempotencyStore, StoreError, Written},
};

/// A finished key is remembered for a day: SQS hides a message for at most twelve hours, so that everything that was
/// handled but not deleted comes back within that time.
const TTL: Duration = Duration::from_secs(24 * 60 * 60);

/// The longest for which a finished key is remembered: ten years. Clocks cannot count much further.
const MAX_TTL: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// How a record outlives its lease in a store that forgets by itself. Within this time a worker whose renewals failed
/// for a while is still known as the owner, unless another has taken over.
const AFTERLIFE: Duration = Duration::from_secs(60 * 60);

/// A store, and what a worker does with it: what [`Worker::idempotency`](crate::Worker::idempotency) takes.
///
/// A store by itself converts into one, with the defaults.
///
/// ```
/// use std::time::Duration;
/// use sqs_worker::idempotency::{Idempotency, MemoryStore, OnStoreError};
///
/// let idempotency = Idempotency::new(MemoryStore::new())
///     .ttl(Duration::from_secs(7 * 86_400))
///     .on_store_error(OnStoreError::Run);
/// # let _ = idempotency;
/// ```
#[derive(Clone)]
pub struct Idempotency {
    store: Arc<dyn DynStore>,
    on_error: OnStoreError,
    ttl: Duration,
}

/// What becomes of a message whose key cannot be claimed, because the store does not answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnStoreError {
    /// It waits: for a minute in the worker, holding its place so that no more is received; then it is hidden for one
    /// minute and tried again. It does not count as a failed attempt.
    #[default]
    Wait,
    /// It runs unprotected after a second: better twice than late.
    Run,
}

impl Idempotency {
    /// This store, with a day's memory, and messages that wait when it does not answer.
    pub fn new(store: impl IdempotencyStore) -> Self {
        Self {
            store: Arc::new(store),
            on_error: OnStoreError::default(),
            ttl: TTL,
        }
    }

    /// Sets what becomes of messages while the store does not answer. Default: [`OnStoreError::Wait`].
    #[must_use]
    pub fn on_store_error(mut self, policy: OnStoreError) -> Self {
        self.on_error = policy;
        self
    }

    /// Sets how long a finished key is remembered, where the handler does not say so itself with
    /// `idempotent(ttl = "7d")`. From one second to ten years. Default: 24 hours, twice the longest time for which SQS hides a
    /// message.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl.clamp(Duration::from_secs(1), MAX_TTL);
        self
    }
}

impl<S: IdempotencyStore> From<S> for Idempotency {
    fn from(store: S) -> Self {
        Self::new(store)
    }
}

impl fmt::Debug for Idempotency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Idempotency")
            .field("on_error", &self.on_error)
            .field("ttl", &self.ttl)
            .finish_non_exhaustive()
    }
}
