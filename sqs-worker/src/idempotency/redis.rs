//! Records in Redis, or in a server that speaks its protocol and runs its scripts, such as Valkey.
//!
//! A record is a hash with the fields `state`, `owner`, `attempt`, `until` (milliseconds since 1970 by the server's
//! clock), `payload` and `result`, under one key with an expiry. Each transition is one script: Redis runs it as a
//! whole, so that what it reads is what it decides on.

use std::{fmt, sync::LazyLock, time::Duration};

use ::redis::{Client, RedisError, Script, aio::ConnectionManager};

use super::{AFTERLIFE, Begun, Claim, IdempotencyStore, Owner, PayloadHash, RecordKey, StoreError, Written};

/// What every record's key begins with, unless said otherwise.
const PREFIX: &str = "sqs-worker:idempotency";

/// Owner, attempt, lease, payload, afterlife. Gives what stands in the way: 0 nothing, 1 a run with its payload and the
/// milliseconds that it has left, 2 a finished one with its payload and its result.
static BEGIN: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        local time = redis.call('TIME')
        local now = time[1] * 1000 + math.floor(time[2] / 1000)
        local record = redis.call('HMGET', KEYS[1], 'state', 'owner', 'until', 'payload', 'result')
        if record[1] == 'completed' then
            return {2, record[4], record[5]}
        end
        if record[1] == 'in progress' and record[2] ~= ARGV[1] and tonumber(record[3]) > now then
            return {1, record[4], string.format('%d', tonumber(record[3]) - now)}
        end
        redis.call('HSET', KEYS[1], 'state', 'in progress', 'owner', ARGV[1], 'attempt', ARGV[2],
            'until', string.format('%d', now + ARGV[3]), 'payload', ARGV[4], 'result', '')
        redis.call('PEXPIRE', KEYS[1], ARGV[3] + ARGV[5])
        return {0, '', ''}
        ",
    )
});

/// Owner, lease, afterlife.
static RENEW: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        local record = redis.call('HMGET', KEYS[1], 'state', 'owner')
        if record[1] ~= 'in progress' or record[2] ~= ARGV[1] then
            return 0
        end
        local time = redis.call('TIME')
        local now = time[1] * 1000 + math.floor(time[2] / 1000)
        redis.call('HSET', KEYS[1], 'until', string.format('%d', now + ARGV[2]))
        redis.call('PEXPIRE', KEYS[1], ARGV[2] + ARGV[3])
        return 1
        ",
    )
});

/// Owner, result, time to live.
static COMPLETE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        local record = redis.call('HMGET', KEYS[1], 'state', 'owner')
        if record[2] ~= ARGV[1] then
            return 0
        end
        if record[1] == 'in progress' then
            redis.call('HSET', KEYS[1], 'state', 'completed', 'result', ARGV[2])
            redis.call('PEXPIRE', KEYS[1], ARGV[3])
        end
        return 1
        ",
    )
});

/// Owner.
static RELEASE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        local record = redis.call('HMGET', KEYS[1], 'state', 'owner')
        if record[1] ~= 'in progress' or record[2] ~= ARGV[1] then
            return 0
        end
        redis.call('DEL', KEYS[1])
        return 1
        ",
    )
});

/// Records in Redis: for workers of several processes.
///
/// One connection carries all calls, and is made anew when it breaks. Times are by the server's clock. It needs a server
/// of version 5 or later, a single one or a primary with replicas; what a failover loses is forgotten, as with every
/// Redis. Set `maxmemory-policy` to one that evicts nothing, or `volatile-ttl`: a record that is evicted early lets its
/// message run again. A record takes about 300 bytes, and the reply where there is one.
///
/// ```no_run
/// # use sqs_worker::{Worker, idempotency::{RedisStore, StoreError}};
/// # async fn worker(client: aws_sdk_sqs::Client) -> Result<Worker<()>, StoreError> {
/// Ok(Worker::new(client, ()).idempotency(RedisStore::connect("redis://127.0.0.1/").await?))
/// # }
/// ```
#[derive(Clone)]
pub struct RedisStore {
    connection: ConnectionManager,
    prefix: String,
}

impl RedisStore {
    /// Connects to the server at this URL: `redis://[user:password@]host[:port][/database]`.
    ///
    /// For TLS (`rediss://`) enable one of the TLS features of the crate `redis` in your own manifest.
    ///
    /// # Errors
    ///
    /// When the URL is none, or no connection can be made.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the connection.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        let client = Client::open(url).map_err(failed)?;
        let connection = ConnectionManager::new(client).await.map_err(failed)?;
        Ok(Self::on(connection))
    }

    /// On a connection of your own making, with the time-outs and the pauses that it has.
    pub fn on(connection: ConnectionManager) -> Self {
        Self {
            connection,
            prefix: PREFIX.to_owned(),
        }
    }

    /// What the keys of its records begin with, before a colon. Default: `sqs-worker:idempotency`. Applications that share a
    /// server and have messages of the same names are told apart by it.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    fn key(&self, key: RecordKey) -> String {
        format!("{}:{key}", self.prefix)
    }
}

impl IdempotencyStore for RedisStore {
    async fn begin(&self, claim: Claim) -> Result<Begun, StoreError> {
        let (found, payload, rest): (u8, Vec<u8>, Vec<u8>) = BEGIN
            .key(self.key(claim.key))
            .arg(claim.owner.to_string())
            .arg(claim.attempt)
            .arg(millis(claim.lease))
            .arg(&claim.payload.as_bytes()[..])
            .arg(millis(AFTERLIFE))
            .invoke_async(&mut self.connection.clone())
            .await
            .map_err(failed)?;
        if found == 0 {
            return Ok(Begun::Granted);
        }
        let payload = PayloadHash::from_bytes(&payload).ok_or_else(|| odd(claim.key, "payload"))?;
        match found {
            1 => {
                let remaining = std::str::from_utf8(&rest).ok().and_then(|text| text.parse().ok());
                let remaining = remaining.ok_or_else(|| odd(claim.key, "until"))?;
                Ok(Begun::InProgress {
                    remaining: Duration::from_millis(remaining),
                    payload,
                })
            }
            _ => Ok(Begun::Completed {
                result: rest,
                payload,
            }),
        }
    }

    async fn renew(&self, key: RecordKey, owner: Owner, lease: Duration) -> Result<Written, StoreError> {
        let renewed = RENEW
            .key(self.key(key))
            .arg(owner.to_string())
            .arg(millis(lease))
            .arg(millis(AFTERLIFE))
            .invoke_async(&mut self.connection.clone())
            .await;
        written(renewed)
    }

    async fn complete(
        &self,
        key: RecordKey,
        owner: Owner,
        result: Vec<u8>,
        ttl: Duration,
    ) -> Result<Written, StoreError> {
        let completed = COMPLETE
            .key(self.key(key))
            .arg(owner.to_string())
            .arg(result)
            .arg(millis(ttl))
            .invoke_async(&mut self.connection.clone())
            .await;
        written(completed)
    }

    async fn release(&self, key: RecordKey, owner: Owner) -> Result<Written, StoreError> {
        let released = RELEASE
            .key(self.key(key))
            .arg(owner.to_string())
            .invoke_async(&mut self.connection.clone())
            .await;
        written(released)
    }
}

fn written(answer: Result<u8, RedisError>) -> Result<Written, StoreError> {
    match answer.map_err(failed)? {
        0 => Ok(Written::NotOwner),
        _ => Ok(Written::Done),
    }
}

fn failed(error: RedisError) -> StoreError {
    StoreError::new(error)
}

fn odd(key: RecordKey, field: &str) -> StoreError {
    StoreError::new(format!(
        "the field `{field}` of record {key} is not what sqs-worker writes"
    ))
}

/// Whole milliseconds, one at least: Redis takes an expiry of zero for a deletion.
fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1)
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}
