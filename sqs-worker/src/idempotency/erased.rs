//! The store behind a pointer, each call with a time-out.

use std::time::Duration;

use futures_util::future::BoxFuture;

use super::{Begun, Claim, IdempotencyStore, Owner, RecordKey, StoreError, Written};

/// How long one call may take before it is dropped.
const CALL: Duration = Duration::from_secs(5);

type Answer<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// Any [`IdempotencyStore`].
pub(crate) trait DynStore: Send + Sync {
    fn begin(&self, claim: Claim) -> Answer<'_, Begun>;
    fn renew(&self, key: RecordKey, owner: Owner, lease: Duration) -> Answer<'_, Written>;
    fn complete(&self, key: RecordKey, owner: Owner, result: Vec<u8>, ttl: Duration) -> Answer<'_, Written>;
    fn release(&self, key: RecordKey, owner: Owner) -> Answer<'_, Written>;
}

impl<S: IdempotencyStore> DynStore for S {
    fn begin(&self, claim: Claim) -> Answer<'_, Begun> {
        within(IdempotencyStore::begin(self, claim))
    }

    fn renew(&self, key: RecordKey, owner: Owner, lease: Duration) -> Answer<'_, Written> {
        within(IdempotencyStore::renew(self, key, owner, lease))
    }

    fn complete(&self, key: RecordKey, owner: Owner, result: Vec<u8>, ttl: Duration) -> Answer<'_, Written> {
        within(IdempotencyStore::complete(self, key, owner, result, ttl))
    }

    fn release(&self, key: RecordKey, owner: Owner) -> Answer<'_, Written> {
        within(IdempotencyStore::release(self, key, owner))
    }
}

fn within<'a, T: Send + 'a>(call: impl Future<Output = Result<T, StoreError>> + Send + 'a) -> Answer<'a, T> {
    Box::pin(async move {
        tokio::time::timeout(CALL, call)
            .await
            .unwrap_or_else(|_| Err(StoreError::new(format!("no answer within {CALL:?}"))))
    })
}
