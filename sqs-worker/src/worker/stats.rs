//! What a worker has done so far, in numbers.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(pub(crate) $name: Counter,)*
        }

        /// A worker's numbers at one moment. All but [`in_flight`](Self::in_flight) and [`running`](Self::running)
        /// only grow, and count since the worker was built.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct StatsSnapshot {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Stats {
            /// The numbers now. Each is exact; read one after another, they may be a message apart.
            pub fn snapshot(&self) -> StatsSnapshot {
                StatsSnapshot { $($name: self.0.$name.get(),)* }
            }
        }
    };
}

counters! {
    /// Messages that receives brought, repeated deliveries included.
    received,
    /// Messages taken in that are not settled yet.
    in_flight,
    /// Handlers running.
    running,
    /// Handlers that ended, however they ended.
    handled,
    /// Messages deleted after their handler succeeded, each confirmed by SQS.
    acked,
    /// Messages hidden for another attempt.
    retried,
    /// Messages of FIFO queues kept for another attempt in place, under their lease.
    retried_in_place,
    /// Messages given back untouched: at shutdown, or because their handler asked for it.
    released,
    /// Messages hidden untried: their idempotency key is in progress, or cannot be claimed yet.
    deferred,
    /// Messages acknowledged without running, because their idempotency key is done; counted in `acked` too.
    duplicates,
    /// Runs whose idempotency record was lost to another, or could not be completed.
    records_lost,
    /// Calls of the idempotency store that failed.
    store_errors,
    /// Replies sent to those who asked.
    replies,
    /// Requesters told that their request was given up.
    refusals,
    /// Requests that came to their handler too late, and were acknowledged unhandled; counted in `acked` too.
    late_requests,
    /// Messages sent to the dead-letter queue and deleted.
    dead_lettered,
    /// Messages that should have been dead-lettered and were left to the queue's own redrive policy.
    left_to_redrive,
    /// Messages deleted because their handler's error said to drop them.
    dropped,
    /// Messages whose body or attributes did not match the MD5 that SQS sent; they were given back.
    corrupted,
    /// Handlers that panicked.
    panics,
    /// Leases that ended before their message was settled.
    leases_lost,
    /// Messages received again while in flight: the new handle was taken, nothing started twice.
    received_again,
    /// Acknowledgements that SQS never confirmed while the lease lasted.
    acks_unconfirmed,
    /// Messages that came back although they were done, and were deleted without running.
    repeats_deleted,
    /// Renewals of a lease that SQS confirmed.
    renewals,
    /// Polls that failed.
    poll_errors,
    /// `ReceiveMessage` requests.
    receive_requests,
    /// `ReceiveMessage` requests that brought nothing.
    empty_receives,
    /// `DeleteMessageBatch` requests.
    delete_requests,
    /// `ChangeMessageVisibilityBatch` requests, for renewals and retries.
    visibility_requests,
    /// `SendMessageBatch` requests to dead-letter queues.
    dead_letter_requests,
}

/// A live view of a worker's numbers, from [`Worker::stats`](crate::Worker::stats). Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Stats(pub(crate) Arc<Counters>);

impl StatsSnapshot {
    /// All requests to SQS, other than those that send replies.
    pub fn requests(&self) -> u64 {
        self.receive_requests + self.delete_requests + self.visibility_requests + self.dead_letter_requests
    }
}

/// One number that several threads may read and one task writes.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, count: usize) {
        self.0.fetch_add(count as u64, Ordering::Relaxed);
    }

    pub(crate) fn one(&self) {
        self.add(1);
    }

    pub(crate) fn minus_one(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
