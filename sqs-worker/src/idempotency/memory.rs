//! Records in this process.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{AFTERLIFE, Begun, Claim, IdempotencyStore, Owner, PayloadHash, RecordKey, StoreError, Written};

/// How many records are kept unless said otherwise.
const CAPACITY: usize = 100_000;

/// Records in the memory of this process: for workers that are alone, and for tests.
///
/// What it knows ends with the process, so that it protects from what happens while one worker runs: duplicates of SQS,
/// producers that send twice, deletions that are not confirmed. Several workers need a store that they share.
///
/// It is bounded: beyond 100 000 completed records, or [`capacity`](Self::capacity), the one that would expire first is
/// forgotten early. Records in progress are never forgotten; there are as many as messages in flight. A record takes
/// about 300 bytes, and the reply where there is one. Time is tokio's.
///
/// A clone of it does not exist on purpose; share one between workers of a process in an [`Arc`](std::sync::Arc).
///
/// ```
/// # use sqs_worker::{Worker, idempotency::MemoryStore};
/// # fn worker(client: aws_sdk_sqs::Client) -> Worker<()> {
/// Worker::new(client, ()).idempotency(MemoryStore::new())
/// # }
/// ```
pub struct MemoryStore {
    capacity: usize,
    records: Mutex<Records>,
}

#[derive(Default)]
struct Records {
    by_key: HashMap<RecordKey, Record>,
    /// When each record may be forgotten.
    timeline: BTreeSet<(Instant, RecordKey)>,
    completed: usize,
}

struct Record {
    owner: Owner,
    payload: PayloadHash,
    state: State,
    forget: Instant,
}

enum State {
    InProgress { until: Instant },
    Completed { result: Vec<u8> },
}

impl MemoryStore {
    /// An empty store for 100 000 completed records.
    pub fn new() -> Self {
        Self {
            capacity: CAPACITY,
            records: Mutex::default(),
        }
    }

    /// Sets how many completed records are kept: one at least.
    #[must_use]
    pub fn capacity(mut self, records: usize) -> Self {
        self.capacity = records.max(1);
        self
    }

    /// Forgets a key, whatever is known of it: what was done may then be done again.
    pub fn forget(&self, key: RecordKey) {
        self.records().remove(&key);
    }

    /// How many records there are, in progress and completed.
    pub fn len(&self) -> usize {
        self.records().by_key.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The records that are not expired.
    fn records(&self) -> MutexGuard<'_, Records> {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        records.forget_expired(Instant::now());
        records
    }
}

impl Records {
    fn insert(&mut self, key: RecordKey, record: Record) {
        self.remove(&key);
        self.completed += usize::from(record.is_completed());
        self.timeline.insert((record.forget, key));
        self.by_key.insert(key, record);
    }

    fn remove(&mut self, key: &RecordKey) -> Option<Record> {
        let record = self.by_key.remove(key)?;
        self.completed -= usize::from(record.is_completed());
        self.timeline.remove(&(record.forget, *key));
        Some(record)
    }

    fn forget_expired(&mut self, now: Instant) {
        while let Some(&(at, key)) = self.timeline.first()
            && at <= now
        {
            self.remove(&key);
        }
    }

    fn forget_first_completed(&mut self) {
        let first = self.timeline.iter().map(|(_, key)| *key);
        let mut completed = first.filter(|key| self.by_key.get(key).is_some_and(Record::is_completed));
        if let Some(key) = completed.next() {
            self.remove(&key);
        }
    }

    /// The record in progress of this owner.
    fn held(&mut self, key: &RecordKey, owner: Owner) -> Option<Record> {
        let record = self.by_key.get(key)?;
        if record.owner != owner || record.is_completed() {
            return None;
        }
        self.remove(key)
    }
}

impl Record {
    fn in_progress(owner: Owner, payload: PayloadHash, until: Instant) -> Self {
        Self {
            owner,
            payload,
            state: State::InProgress { until },
            forget: until + AFTERLIFE,
        }
    }

    fn is_completed(&self) -> bool {
        matches!(self.state, State::Completed { .. })
    }
}

impl IdempotencyStore for MemoryStore {
    async fn begin(&self, claim: Claim) -> Result<Begun, StoreError> {
        let now = Instant::now();
        let mut records = self.records();
        if let Some(record) = records.by_key.get(&claim.key) {
            let payload = record.payload;
            match &record.state {
                State::Completed { result } => {
                    let result = result.clone();
                    return Ok(Begun::Completed { result, payload });
                }
                State::InProgress { until } if *until > now && record.owner != claim.owner => {
                    let remaining = *until - now;
                    return Ok(Begun::InProgress { remaining, payload });
                }
                State::InProgress { .. } => {}
            }
        }
        records.insert(
            claim.key,
            Record::in_progress(claim.owner, claim.payload, now + claim.lease),
        );
        Ok(Begun::Granted)
    }

    async fn renew(&self, key: RecordKey, owner: Owner, lease: Duration) -> Result<Written, StoreError> {
        let mut records = self.records();
        let Some(record) = records.held(&key, owner) else {
            return Ok(Written::NotOwner);
        };
        records.insert(
            key,
            Record::in_progress(owner, record.payload, Instant::now() + lease),
        );
        Ok(Written::Done)
    }

    async fn complete(
        &self,
        key: RecordKey,
        owner: Owner,
        result: Vec<u8>,
        ttl: Duration,
    ) -> Result<Written, StoreError> {
        let mut records = self.records();
        if let Some(record) = records.by_key.get(&key)
            && record.is_completed()
            && record.owner == owner
        {
            return Ok(Written::Done);
        }
        let Some(record) = records.held(&key, owner) else {
            return Ok(Written::NotOwner);
        };
        if records.completed >= self.capacity {
            records.forget_first_completed();
        }
        records.insert(
            key,
            Record {
                state: State::Completed { result },
                forget: Instant::now() + ttl,
                ..record
            },
        );
        Ok(Written::Done)
    }

    async fn release(&self, key: RecordKey, owner: Owner) -> Result<Written, StoreError> {
        let released = self.records().held(&key, owner);
        Ok(released.map_or(Written::NotOwner, |_| Written::Done))
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("capacity", &self.capacity)
            .field("len", &self.len())
            .finish()
    }
}
