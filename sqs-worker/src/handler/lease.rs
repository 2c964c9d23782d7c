//! The handler's end of a lease: how long the message is still ours.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

/// The time for which SQS hides a message from other consumers, seen from the handler.
///
/// The worker extends it while the handler runs, so most handlers never look at it. It is an extractor for
/// those that do: a long job that wants to stop early when the message is no longer its own.
///
/// ```
/// use sqs_worker::Lease;
///
/// # async fn copy_next_chunk() -> bool { false }
/// async fn copy(lease: Lease) {
///     while copy_next_chunk().await {
///         if lease.is_lost() {
///             return; // another consumer has the message by now
///         }
///     }
/// }
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(copy(Lease::detached()));
/// ```
#[derive(Clone, Default)]
pub struct Lease {
    state: Option<Arc<LeaseState>>,
}

/// What the worker and the handlers share of one lease.
#[derive(Debug)]
pub(crate) struct LeaseState {
    deadline: Mutex<Instant>,
    extended: Notify,
    lost: CancellationToken,
}

impl Lease {
    /// A lease of no worker, for tests: it lasts for ever and is never lost.
    ///
    /// ```
    /// let lease = sqs_worker::Lease::detached();
    /// assert_eq!(lease.remaining(), std::time::Duration::MAX);
    /// ```
    pub const fn detached() -> Self {
        Self { state: None }
    }

    /// A lease on this state.
    pub(crate) fn new(state: Arc<LeaseState>) -> Self {
        Self { state: Some(state) }
    }

    /// How long the message is still hidden, by the last extension that SQS confirmed; zero once that has
    /// passed or the lease is lost, and [`Duration::MAX`] for a [detached](Self::detached) one.
    pub fn remaining(&self) -> Duration {
        match &self.state {
            None => Duration::MAX,
            Some(state) if state.lost.is_cancelled() => Duration::ZERO,
            Some(state) => state.deadline().saturating_duration_since(Instant::now()),
        }
    }

    /// Whether the message may by now be with another consumer. What this one does from here on, another may
    /// be doing too, and nothing is settled any more.
    pub fn is_lost(&self) -> bool {
        self.state.as_ref().is_some_and(|state| state.lost.is_cancelled())
    }

    /// Waits until the lease is lost; for ever when it is [detached](Self::detached).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing: the next call sees the same.
    pub async fn lost(&self) {
        match &self.state {
            Some(state) => state.lost.cancelled().await,
            None => std::future::pending().await,
        }
    }

    /// When the message becomes visible again; `None` when it is detached.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.state.as_ref().map(|state| state.deadline())
    }

    /// Waits until the deadline is another than `seen`; for ever when it is detached. Dropping it loses nothing.
    pub(crate) async fn extended(&self, seen: Instant) -> Instant {
        let Some(state) = &self.state else {
            return std::future::pending().await;
        };
        loop {
            // Listens first: an extension between the look and the wait would be missed.
            let extended = state.extended.notified();
            let deadline = state.deadline();
            if deadline != seen {
                return deadline;
            }
            extended.await;
        }
    }
}

impl LeaseState {
    /// A lease that lasts until `deadline`.
    pub(crate) fn new(deadline: Instant) -> Self {
        Self {
            deadline: Mutex::new(deadline),
            extended: Notify::new(),
            lost: CancellationToken::new(),
        }
    }

    /// When the message becomes visible again, by the last extension that SQS confirmed.
    pub(crate) fn deadline(&self) -> Instant {
        *self.deadline.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the deadline of a confirmed extension.
    pub(crate) fn extend_to(&self, deadline: Instant) {
        *self.deadline.lock().unwrap_or_else(PoisonError::into_inner) = deadline;
        self.extended.notify_waiters();
    }

    /// Tells every handle that the message is no longer ours.
    pub(crate) fn lose(&self) {
        self.lost.cancel();
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Lease");
        match &self.state {
            None => debug.field("detached", &true).finish(),
            Some(_) => debug
                .field("remaining", &self.remaining())
                .field("lost", &self.is_lost())
                .finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease_of(seconds: u64) -> (Arc<LeaseState>, Lease) {
        let state = Arc::new(LeaseState::new(Instant::now() + Duration::from_secs(seconds)));
        (state.clone(), Lease::new(state))
    }

    #[tokio::test(start_paused = true)]
    async fn what_remains_shrinks_with_time_and_stops_at_zero() {
        let (_state, lease) = lease_of(30);
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(lease.remaining(), Duration::from_secs(20));
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(lease.remaining(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn an_extension_is_seen_by_every_clone() {
        let (state, lease) = lease_of(30);
        let clone = lease.clone();
        state.extend_to(Instant::now() + Duration::from_secs(90));
        assert_eq!(clone.remaining(), Duration::from_secs(90));
        assert_eq!(lease.remaining(), Duration::from_secs(90));
    }

    #[tokio::test(start_paused = true)]
    async fn an_extension_wakes_who_waits_for_it_and_one_before_the_wait_is_not_missed() {
        let (state, lease) = lease_of(30);
        let (first, second) = (state.deadline(), state.deadline() + Duration::from_secs(20));
        let waits = lease.clone();
        let waiting = tokio::spawn(async move { waits.extended(first).await });
        tokio::task::yield_now().await;
        state.extend_to(second);
        assert_eq!(waiting.await.unwrap(), second);
        assert_eq!(lease.extended(first).await, second);
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_lease_wakes_who_waits_and_has_nothing_left() {
        let (state, lease) = lease_of(30);
        let waits = lease.clone();
        let waiting = tokio::spawn(async move { waits.lost().await });
        state.lose();
        waiting.await.unwrap();
        assert!(lease.is_lost());
        assert_eq!(lease.remaining(), Duration::ZERO);
    }
}
