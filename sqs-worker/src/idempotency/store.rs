//! The store: four conditional writes.

use std::{sync::Arc, time::Duration};

use thiserror::Error;

use super::{Owner, PayloadHash, RecordKey};
use crate::handler::BoxError;

/// Where the records are.
///
/// Each method is **one** conditional write: whatever is read to decide it is read in the same atomic step. Times are
/// durations from now, by the store's own clock, so that the workers' clocks need not agree. A call that takes longer
/// than five seconds is dropped and made again, so that each has to bear being repeated.
///
/// # Cancel safety
///
/// A future may be dropped at any await. Whether its write happened is then unknown, as after a lost answer, and all
/// four bear that.
///
/// # Examples
///
/// Counting what goes through another store:
///
/// ```
/// use std::{sync::atomic::{AtomicU64, Ordering}, time::Duration};
/// use sqs_worker::idempotency::{
///     Begun, Claim, IdempotencyStore, MemoryStore, Owner, RecordKey, StoreError, Written,
/// };
///
/// struct Counted(MemoryStore, AtomicU64);
///
/// impl IdempotencyStore for Counted {
///     async fn begin(&self, claim: Claim) -> Result<Begun, StoreError> {
///         self.1.fetch_add(1, Ordering::Relaxed);
///         self.0.begin(claim).await
///     }
///
///     async fn renew(&self, key: RecordKey, owner: Owner, lease: Duration) -> Result<Written, StoreError> {
///         self.0.renew(key, owner, lease).await
///     }
///
///     async fn complete(
///         &self,
///         key: RecordKey,
///         owner: Owner,
///         result: Vec<u8>,
///         ttl: Duration,
///     ) -> Result<Written, StoreError> {
///         self.0.complete(key, owner, result, ttl).await
///     }
///
///     async fn release(&self, key: RecordKey, owner: Owner) -> Result<Written, StoreError> {
///         self.0.release(key, owner).await
///     }
/// }
/// ```
pub trait IdempotencyStore: Send + Sync + 'static {
    /// Claims a key.
    ///
    /// Granted when there is no record, when the completed one has expired, when the lease of the one in progress is
    /// over, and when it is in progress by this very owner, whose first claim was answered into the void.
    fn begin(&self, claim: Claim) -> impl Future<Output = Result<Begun, StoreError>> + Send;

    /// Moves the lease's end of a record in progress to `lease` from now, if it is this owner's.
    ///
    /// A lease that is over but that nobody has taken over may still be renewed.
    fn renew(
        &self,
        key: RecordKey,
        owner: Owner,
        lease: Duration,
    ) -> impl Future<Output = Result<Written, StoreError>> + Send;

    /// Turns this owner's record in progress into a completed one that is forgotten after `ttl`. `result` is what a
    /// duplicate is answered with, empty where there is no answer; a reply may have up to 1 MiB.
    ///
    /// [`Written::Done`] also when this owner has completed it before.
    fn complete(
        &self,
        key: RecordKey,
        owner: Owner,
        result: Vec<u8>,
        ttl: Duration,
    ) -> impl Future<Output = Result<Written, StoreError>> + Send;

    /// Removes this owner's record in progress, so that the key is free.
    fn release(
        &self,
        key: RecordKey,
        owner: Owner,
    ) -> impl Future<Output = Result<Written, StoreError>> + Send;
}

/// A store that is shared.
impl<S: IdempotencyStore> IdempotencyStore for Arc<S> {
    fn begin(&self, claim: Claim) -> impl Future<Output = Result<Begun, StoreError>> + Send {
        S::begin(self, claim)
    }

    fn renew(
        &self,
        key: RecordKey,
        owner: Owner,
        lease: Duration,
    ) -> impl Future<Output = Result<Written, StoreError>> + Send {
        S::renew(self, key, owner, lease)
    }

    fn complete(
        &self,
        key: RecordKey,
        owner: Owner,
        result: Vec<u8>,
        ttl: Duration,
    ) -> impl Future<Output = Result<Written, StoreError>> + Send {
        S::complete(self, key, owner, result, ttl)
    }

    fn release(
        &self,
        key: RecordKey,
        owner: Owner,
    ) -> impl Future<Output = Result<Written, StoreError>> + Send {
        S::release(self, key, owner)
    }
}

/// A run that wants to begin.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Claim {
    /// The record's key.
    pub key: RecordKey,
    /// Whose it will be.
    pub owner: Owner,
    /// Which attempt of the message this is, from 1 on; kept for whoever looks at the record.
    pub attempt: u32,
    /// How long the record is this owner's unless renewed: what is left of the message's own lease.
    pub lease: Duration,
    /// What the key stands for.
    pub payload: PayloadHash,
}

impl Claim {
    /// A claim on `key` by `owner`, for `lease` from now: the first attempt.
    pub fn new(key: RecordKey, owner: Owner, lease: Duration, payload: PayloadHash) -> Self {
        Self {
            key,
            owner,
            attempt: 1,
            lease,
            payload,
        }
    }

    /// Sets the number of the attempt.
    #[must_use]
    pub fn attempt(mut self, attempt: u32) -> Self {
        self.attempt = attempt;
        self
    }
}

/// How a claim ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "only a claim that was granted may run"]
pub enum Begun {
    /// The record is this owner's: run.
    Granted,
    /// Another owner's lease holds.
    InProgress {
        /// For how long, unless it is renewed.
        remaining: Duration,
        /// What that one runs on.
        payload: PayloadHash,
    },
    /// It is done.
    Completed {
        /// What was recorded.
        result: Vec<u8>,
        /// What that one ran on.
        payload: PayloadHash,
    },
}

/// Whether a conditional write was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a write that was not made means that the record is somebody else's"]
pub enum Written {
    /// The record was this owner's, and has changed.
    Done,
    /// It is gone, completed by another, or in progress by another: nothing has changed.
    NotOwner,
}

/// A store that did not answer, or not with something it should.
#[derive(Debug, Error)]
#[error("the idempotency store failed: {0}")]
pub struct StoreError(#[source] BoxError);

impl StoreError {
    /// This error of the store.
    pub fn new(error: impl Into<BoxError>) -> Self {
        Self(error.into())
    }
}
