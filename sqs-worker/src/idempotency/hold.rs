//! A record that is ours: kept in step with the message's lease, then completed or released.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use tokio::time::{Instant, sleep, timeout_at};

use super::{Begun, Claim, Idempotency, OnStoreError, Owner, PayloadHash, RecordKey, StoreError, Written};
use crate::{
    backoff::Schedule,
    handler::{Delivery, Lease},
};

/// The pauses between tries of one write.
const AGAIN: Schedule = Schedule::new(Duration::from_millis(200), Duration::from_secs(5));

/// How long a completion is tried before the message is acknowledged without it. It is done; running it again is the
/// one thing that must not happen.
const RECORD: Duration = Duration::from_secs(60);

/// The lease of a record whose message has none: one that a test delivers.
const DETACHED: Duration = Duration::from_secs(12 * 60 * 60);

/// Why a run must not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// Its lease was over, and another run has taken the key.
    Taken,
    /// The store was silent until the record's lease ended: another run may have taken the key.
    Silent,
}

/// What is left to do when a run is dropped.
enum Rest {
    /// The handler runs: free the key.
    Release,
    /// The handler is done: say so.
    Complete(Vec<u8>),
    Nothing,
}

/// The record of one run.
pub(super) struct Hold {
    pub(super) idempotency: Idempotency,
    pub(super) failed: Arc<dyn Fn(&StoreError) + Send + Sync>,
    key: RecordKey,
    owner: Owner,
    lease: Lease,
    ttl: Duration,
    /// When the record's lease ends by the last write that the store confirmed.
    until: Instant,
    rest: Rest,
}

impl Hold {
    /// Not a record yet: [`begin`](Self::begin) makes it one.
    pub(super) fn new(
        idempotency: Idempotency,
        failed: Arc<dyn Fn(&StoreError) + Send + Sync>,
        key: RecordKey,
        ttl: Duration,
        delivery: &Delivery,
    ) -> Self {
        Self {
            idempotency,
            failed,
            key,
            owner: Owner::new(),
            lease: delivery.lease().clone(),
            ttl,
            until: Instant::now(),
            rest: Rest::Nothing,
        }
    }

    /// Claims the key, trying for so long.
    pub(super) async fn begin(
        &mut self,
        attempt: u32,
        payload: PayloadHash,
        patience: Duration,
    ) -> Result<Begun, StoreError> {
        let give_up = Instant::now() + patience;
        // An answer may be lost after the write: whatever happens from here on, the key is not left behind.
        self.rest = Rest::Release;
        for tries in 1.. {
            let (now, lease) = (Instant::now(), self.remaining());
            let claim = Claim::new(self.key, self.owner, lease, payload).attempt(attempt);
            match self.idempotency.store.begin(claim).await {
                Ok(Begun::Granted) => {
                    self.until = now + lease;
                    return Ok(Begun::Granted);
                }
                Ok(other) => {
                    self.rest = Rest::Nothing;
                    return Ok(other);
                }
                Err(error) => {
                    (self.failed)(&error);
                    let pause = AGAIN.delay(tries);
                    if Instant::now() + pause > give_up {
                        return Err(error);
                    }
                    sleep(pause).await;
                }
            }
        }
        unreachable!("tries are not counted to the end")
    }

    /// Renews the record's lease whenever the message's is extended. Ends only when the record is lost.
    pub(super) async fn keep(&mut self) -> Lost {
        let Some(mut seen) = self.lease.deadline() else {
            return std::future::pending().await;
        };
        loop {
            seen = self.lease.extended(seen).await;
            if let Err(lost) = self.renew().await {
                return lost;
            }
        }
    }

    async fn renew(&mut self) -> Result<(), Lost> {
        for tries in 1.. {
            let (now, lease) = (Instant::now(), self.remaining());
            let renew = self.idempotency.store.renew(self.key, self.owner, lease);
            let answer = match self.idempotency.on_error {
                OnStoreError::Run => renew.await,
                OnStoreError::Wait => timeout_at(self.until, renew).await.map_err(|_| Lost::Silent)?,
            };
            match answer {
                Ok(Written::Done) => {
                    self.until = now + lease;
                    return Ok(());
                }
                Ok(Written::NotOwner) => {
                    self.rest = Rest::Nothing;
                    return Err(Lost::Taken);
                }
                Err(error) => (self.failed)(&error),
            }
            let pause = sleep(AGAIN.delay(tries));
            match self.idempotency.on_error {
                OnStoreError::Run => pause.await,
                OnStoreError::Wait => timeout_at(self.until, pause).await.map_err(|_| Lost::Silent)?,
            }
        }
        Ok(())
    }

    /// Records what the run gave. `false` when there is no such record: the store does not answer, or the record is no
    /// longer ours.
    pub(super) async fn complete(&mut self, result: Vec<u8>) -> bool {
        let give_up = Instant::now() + RECORD;
        self.rest = Rest::Complete(result.clone());
        for tries in 1.. {
            let store = &self.idempotency.store;
            match store
                .complete(self.key, self.owner, result.clone(), self.ttl)
                .await
            {
                Ok(written) => {
                    self.rest = Rest::Nothing;
                    return written == Written::Done;
                }
                Err(error) => (self.failed)(&error),
            }
            let pause = AGAIN.delay(tries);
            if Instant::now() + pause > give_up {
                break;
            }
            sleep(pause).await;
        }
        self.rest = Rest::Nothing;
        false
    }

    /// Frees the key for the next attempt. A store that does not answer frees it when the lease ends.
    pub(super) async fn release(&mut self) {
        match self.idempotency.store.release(self.key, self.owner).await {
            Ok(Written::Done | Written::NotOwner) => {}
            Err(error) => (self.failed)(&error),
        }
        self.rest = Rest::Nothing;
    }

    fn remaining(&self) -> Duration {
        self.lease.remaining().min(DETACHED)
    }
}

/// A run that is dropped, because the worker stops, the lease is lost or a layer ran out of patience, does not block
/// its key until the lease ends; and what the handler finished stays finished.
impl Drop for Hold {
    fn drop(&mut self) {
        let rest = std::mem::replace(&mut self.rest, Rest::Nothing);
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let (store, key, owner, ttl) = (self.idempotency.store.clone(), self.key, self.owner, self.ttl);
        let write: BoxFuture<'static, _> = match rest {
            Rest::Nothing => return,
            Rest::Release => Box::pin(async move { store.release(key, owner).await }),
            Rest::Complete(result) => Box::pin(async move { store.complete(key, owner, result, ttl).await }),
        };
        runtime.spawn(async move {
            if let Err(error) = write.await {
                tracing::warn!(%key, "the record of a run that was ended stays until its lease ends: {error}");
            }
        });
    }
}
