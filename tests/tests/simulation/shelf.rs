//! Where workers keep which keys are done: one memory for all of them, and a note of what each did with it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use sqs_worker::{
    Message as _,
    idempotency::{
        Begun, Claim, IdempotencyStore, MemoryStore, Owner, PayloadHash, RecordKey, StoreError, Written,
    },
};
use tokio_util::sync::CancellationToken;

use crate::{
    history::{Actor, History, What},
    scenario::Scenario,
    wire::{self, Task},
};

/// One life of a worker's way to the memory.
#[derive(Debug)]
pub(crate) struct Shelf {
    actor: Actor,
    history: History,
    store: Arc<MemoryStore>,
    /// Which message of the scenario has a key and a body.
    plans: HashMap<(RecordKey, PayloadHash), usize>,
    /// What each run has claimed.
    claims: Mutex<HashMap<(RecordKey, Owner), usize>>,
    /// It was killed: a dead process writes nothing.
    gone: CancellationToken,
}

impl Shelf {
    pub(crate) fn new(
        actor: Actor,
        history: &History,
        scenario: &Scenario,
        store: &Arc<MemoryStore>,
        gone: CancellationToken,
    ) -> Self {
        let numbers = 0..scenario.messages.len();
        let plans = numbers.filter_map(|number| {
            let key = RecordKey::of(Task::NAME, &scenario.key(number)?.to_string());
            Some(((key, PayloadHash::of(&wire::body(scenario, number))), number))
        });
        Self {
            actor,
            history: history.clone(),
            store: store.clone(),
            plans: plans.collect(),
            claims: Mutex::default(),
            gone,
        }
    }

    fn is_there(&self) -> Result<(), StoreError> {
        if self.gone.is_cancelled() {
            return Err(StoreError::new("nobody is there"));
        }
        Ok(())
    }
}

impl IdempotencyStore for Shelf {
    async fn begin(&self, claim: Claim) -> Result<Begun, StoreError> {
        self.is_there()?;
        let begun = self.store.begin(claim).await?;
        if begun == Begun::Granted
            && let Some(plan) = self.plans.get(&(claim.key, claim.payload))
        {
            let mut claims = self.claims.lock().unwrap_or_else(PoisonError::into_inner);
            claims.insert((claim.key, claim.owner), *plan);
            self.history.add(self.actor, What::Claimed(*plan));
        }
        Ok(begun)
    }

    async fn renew(&self, key: RecordKey, owner: Owner, lease: Duration) -> Result<Written, StoreError> {
        self.is_there()?;
        self.store.renew(key, owner, lease).await
    }

    async fn complete(
        &self,
        key: RecordKey,
        owner: Owner,
        result: Vec<u8>,
        ttl: Duration,
    ) -> Result<Written, StoreError> {
        self.is_there()?;
        let written = self.store.complete(key, owner, result, ttl).await?;
        let claims = self.claims.lock().unwrap_or_else(PoisonError::into_inner);
        if written == Written::Done
            && let Some(plan) = claims.get(&(key, owner))
        {
            self.history.add(self.actor, What::Recorded(*plan));
        }
        Ok(written)
    }

    async fn release(&self, key: RecordKey, owner: Owner) -> Result<Written, StoreError> {
        self.is_there()?;
        self.store.release(key, owner).await
    }
}
