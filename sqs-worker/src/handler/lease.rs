//! The handler's end of a lease: how long the message is still ours.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Notify, mpsc, oneshot},
    time::Instant,
};

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
    /// [`HELD`], [`CANCELLED`] or [`LOST`]; it only grows.
    stage: AtomicU8,
    /// Notified whenever the deadline or the stage changes.
    changed: Notify,
    /// The handler wants to be told when it is to end.
    listens: AtomicBool,
    /// The message's number, and where to ask for more time.
    id: u64,
    wishes: Option<mpsc::UnboundedSender<Wish>>,
}

/// The message is ours.
const HELD: u8 = 0;
/// Its handler is to end, because the worker does.
const CANCELLED: u8 = 1;
/// It may be another consumer's.
const LOST: u8 = 2;

/// A handler asks for more time.
#[derive(Debug)]
pub(crate) struct Wish {
    pub(crate) id: u64,
    /// From when it is read.
    pub(crate) time: Duration,
    /// Answered when SQS has confirmed it; dropped when the lease is lost.
    pub(crate) answer: oneshot::Sender<()>,
}

/// The lease is lost: another consumer may have the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the message's lease is lost: another consumer may have the message by now")]
#[non_exhaustive]
pub struct LeaseLost;

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
            Some(state) if state.is_past(LOST) => Duration::ZERO,
            Some(state) => state.deadline().saturating_duration_since(Instant::now()),
        }
    }

    /// Whether the message may by now be with another consumer. What this one does from here on, another may
    /// be doing too, and nothing is settled any more.
    pub fn is_lost(&self) -> bool {
        self.state.as_ref().is_some_and(|state| state.is_past(LOST))
    }

    /// Hides the message for at least this long from now, and returns how long it is hidden then.
    ///
    /// Leases are extended without being asked. This is for a handler that knows better: that it will not be able to
    /// let anything else run for a while, say, or that hands the message's work to something that outlives it. A time
    /// below what is [left](Self::remaining) asks SQS for nothing; a message is hidden for 12 hours at most, counted
    /// from its receive, and less is returned where that is the limit. A [detached](Self::detached) lease returns
    /// [`Duration::MAX`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use sqs_worker::Lease;
    ///
    /// # fn burn(_: &str) {}
    /// async fn compress(lease: Lease) -> Result<(), sqs_worker::HandlerError> {
    ///     lease.extend(Duration::from_secs(600)).await?;
    ///     burn("ten minutes without a pause");
    ///     Ok(())
    /// }
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(compress(Lease::detached())).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`LeaseLost`], before or while SQS is asked; the handler then has the time to tidy up that
    /// [`cancelled`](Self::cancelled) gives. Errors of SQS are no errors here: the call is made again for as
    /// long as the lease lasts.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves open whether SQS was asked; the lease is kept either way.
    pub async fn extend(&self, time: Duration) -> Result<Duration, LeaseLost> {
        let Some(state) = &self.state else {
            return Ok(Duration::MAX);
        };
        if state.is_past(LOST) {
            return Err(LeaseLost);
        }
        if self.remaining() < time
            && let Some(wishes) = &state.wishes
        {
            state.listens.store(true, Ordering::Relaxed);
            let (answer, answered) = oneshot::channel();
            let id = state.id;
            wishes.send(Wish { id, time, answer }).map_err(|_| LeaseLost)?;
            answered.await.map_err(|_| LeaseLost)?;
        }
        Ok(self.remaining())
    }

    /// Waits until the handler should end: its lease is lost, or the worker is shutting down and the handler's time is
    /// over. For ever when it is [detached](Self::detached).
    ///
    /// Without this a handler is simply dropped at its next `await` when that happens. One that has called it (or
    /// [`lost`](Self::lost), or [`extend`](Self::extend)) is told, and has five seconds to tidy up after a lost lease, or
    /// one second at shutdown (but no more than half of the time that is kept for settling), before it is dropped all the
    /// same. What it returns then counts for nothing after a lost lease, and is settled at shutdown.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing: the next call sees the same.
    pub async fn cancelled(&self) {
        match &self.state {
            Some(state) => state.reached(CANCELLED).await,
            None => std::future::pending().await,
        }
    }

    /// Waits until the lease is lost; for ever when it is [detached](Self::detached).
    ///
    /// A handler that waits for it is told before it is dropped, as with [`cancelled`](Self::cancelled).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing: the next call sees the same.
    pub async fn lost(&self) {
        match &self.state {
            Some(state) => state.reached(LOST).await,
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
            let extended = state.changed.notified();
            let deadline = state.deadline();
            if deadline != seen {
                return deadline;
            }
            extended.await;
        }
    }
}

impl LeaseState {
    /// The lease of message number `id`, which lasts until `deadline`; more time is asked for through `wishes`.
    pub(crate) fn new(deadline: Instant, id: u64, wishes: Option<mpsc::UnboundedSender<Wish>>) -> Self {
        Self {
            deadline: Mutex::new(deadline),
            stage: AtomicU8::new(HELD),
            changed: Notify::new(),
            listens: AtomicBool::new(false),
            id,
            wishes,
        }
    }

    /// When the message becomes visible again, by the last extension that SQS confirmed.
    pub(crate) fn deadline(&self) -> Instant {
        *self.deadline.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the deadline of a confirmed extension.
    pub(crate) fn extend_to(&self, deadline: Instant) {
        *self.deadline.lock().unwrap_or_else(PoisonError::into_inner) = deadline;
        self.changed.notify_waiters();
    }

    /// Tells every handle that the message is no longer ours.
    pub(crate) fn lose(&self) {
        self.reach(LOST);
    }

    /// Tells the handler to end.
    pub(crate) fn cancel(&self) {
        self.reach(CANCELLED);
    }

    fn reach(&self, stage: u8) {
        self.stage.fetch_max(stage, Ordering::Release);
        self.changed.notify_waiters();
    }

    fn is_past(&self, stage: u8) -> bool {
        self.stage.load(Ordering::Acquire) >= stage
    }

    async fn reached(&self, stage: u8) {
        self.listens.store(true, Ordering::Relaxed);
        loop {
            // It listens before it looks, so that no change falls in between.
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.is_past(stage) {
                return;
            }
            changed.await;
        }
    }

    /// Whether the handler wants to be told, rather than just be dropped.
    pub(crate) fn has_listener(&self) -> bool {
        self.listens.load(Ordering::Relaxed)
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
        let state = Arc::new(LeaseState::new(
            Instant::now() + Duration::from_secs(seconds),
            1,
            None,
        ));
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
    async fn a_cancelled_lease_is_not_lost_but_a_lost_one_is_cancelled() {
        let (state, lease) = lease_of(30);
        state.cancel();
        lease.cancelled().await;
        assert!(!lease.is_lost() && !lease.remaining().is_zero());
        let (state, lease) = lease_of(30);
        state.lose();
        lease.cancelled().await;
        assert!(lease.is_lost() && state.has_listener());
    }

    #[tokio::test(start_paused = true)]
    async fn extending_asks_only_for_what_is_missing() {
        let (sender, mut wishes) = mpsc::unbounded_channel();
        let state = Arc::new(LeaseState::new(
            Instant::now() + Duration::from_secs(30),
            7,
            Some(sender),
        ));
        let lease = Lease::new(state.clone());
        assert_eq!(
            lease.extend(Duration::from_secs(20)).await,
            Ok(Duration::from_secs(30))
        );
        assert!(wishes.is_empty());

        let asking = tokio::spawn({
            let lease = lease.clone();
            async move { lease.extend(Duration::from_secs(90)).await }
        });
        let wish = wishes.recv().await.unwrap();
        assert_eq!((wish.id, wish.time), (7, Duration::from_secs(90)));
        state.extend_to(Instant::now() + wish.time);
        wish.answer.send(()).unwrap();
        assert_eq!(asking.await.unwrap(), Ok(Duration::from_secs(90)));

        state.lose();
        assert_eq!(lease.extend(Duration::from_secs(1)).await, Err(LeaseLost));
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
