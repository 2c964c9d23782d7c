//! The listener: polls the queue for replies and hands each to who waits for it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use aws_sdk_sqs::{
    Client,
    types::{DeleteMessageBatchRequestEntry, Message},
};
use futures_util::{StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use tokio::{
    select,
    sync::{OnceCell, watch},
    time::{Instant, sleep, sleep_until},
};
use tokio_util::task::AbortOnDropHandle;

use super::{
    AskError,
    queue::{Kind, ReplyQueue},
    waiters::Waiters,
};
use crate::{
    backoff::Schedule,
    batch::MAX_ENTRIES,
    clients,
    error::{ErrorClass, SqsError},
    handler::Delivery,
};

/// The longest long poll that SQS has.
const WAIT: Duration = Duration::from_secs(20);

/// How often a queue of this process is said to be in use. It is swept after five times as long, at the earliest.
const TOUCH: Duration = Duration::from_secs(60);

/// A queue that was just created may be unknown to parts of SQS for a moment.
const NEW: Duration = Duration::from_secs(10);

/// Everything about the queue for replies; the listener ends when it is dropped.
pub(super) struct Inbox {
    pub(super) shared: Arc<Shared>,
    /// The first queue's name. Chosen once: an attempt that is dropped and made again finds the same queue.
    name: String,
    listener: OnceCell<AbortOnDropHandle<()>>,
}

/// What those who ask and the listener share.
pub(super) struct Shared {
    client: Client,
    polls: Client,
    kind: Kind,
    pub(super) waiters: Arc<Waiters>,
    /// The queue, while there is one.
    queue: watch::Sender<Option<ReplyQueue>>,
    /// Replies that came and that nobody waited for.
    pub(super) unclaimed: AtomicU64,
    closed: AtomicBool,
}

impl Inbox {
    pub(super) fn new(client: &Client, kind: Kind) -> Self {
        Self {
            name: kind.name(),
            shared: Arc::new(Shared {
                client: clients::commands(client),
                polls: clients::polls(client, WAIT),
                kind,
                waiters: Arc::default(),
                queue: watch::Sender::new(None),
                unclaimed: AtomicU64::new(0),
                closed: AtomicBool::new(false),
            }),
            listener: OnceCell::new(),
        }
    }

    /// The URL for the next request to name. The first call makes the queue and begins to listen.
    pub(super) async fn url(&self) -> Result<Arc<str>, AskError> {
        self.open().await?;
        let mut queue = self.shared.queue.subscribe();
        loop {
            if self.is_closed() {
                return Err(AskError::Closed);
            }
            if let Some(queue) = &*queue.borrow_and_update() {
                return Ok(queue.url.clone());
            }
            if queue.changed().await.is_err() {
                return Err(AskError::Closed);
            }
        }
    }

    async fn open(&self) -> Result<(), AskError> {
        let open = || async {
            if self.is_closed() {
                return Err(AskError::Closed);
            }
            let queue = self.shared.kind.open(&self.shared.client, &self.name).await?;
            self.shared.queue.send_replace(Some(queue));
            let listener = Listener::new(self.shared.clone());
            Ok(AbortOnDropHandle::new(tokio::spawn(listener.run())))
        };
        self.listener.get_or_try_init(open).await?;
        Ok(())
    }

    pub(super) fn is_closed(&self) -> bool {
        self.shared.closed.load(Ordering::Acquire)
    }

    /// The queue's name, while there is one.
    pub(super) fn queue_name(&self) -> Option<Arc<str>> {
        self.shared
            .queue
            .borrow()
            .as_ref()
            .map(|queue| queue.name.clone())
    }

    /// Stops listening, sends everybody away, and deletes the queue if it is of this process.
    pub(super) async fn close(&self) -> Result<(), SqsError> {
        self.shared.closed.store(true, Ordering::Release);
        if let Some(listener) = self.listener.get() {
            listener.abort();
        }
        let queue = self.shared.queue.send_replace(None);
        self.shared.waiters.dismiss();
        match queue {
            Some(queue) if self.shared.kind.is_own() => queue.delete(&self.shared.client).await,
            _ => Ok(()),
        }
    }
}

/// The task that listens.
struct Listener {
    shared: Arc<Shared>,
    deletions: FuturesUnordered<BoxFuture<'static, ()>>,
    /// When the queue was opened, until a poll of it has succeeded.
    unproven: Option<Instant>,
    failures: u32,
    touched: u64,
    touch_at: Instant,
}

impl Listener {
    fn new(shared: Arc<Shared>) -> Self {
        let now = Instant::now();
        Self {
            shared,
            deletions: FuturesUnordered::new(),
            unproven: Some(now),
            failures: 0,
            touched: 0,
            touch_at: now + TOUCH,
        }
    }

    /// Listens until it is aborted.
    async fn run(mut self) {
        loop {
            let Some(queue) = self.shared.queue.borrow().clone() else {
                self.reopen().await;
                continue;
            };
            match self.poll(&queue).await {
                Ok(messages) => {
                    (self.failures, self.unproven) = (0, None);
                    self.arrived(&queue, messages);
                }
                Err(error) => self.failed(&queue, &error).await,
            }
        }
    }

    /// One long poll. Meanwhile what has arrived is deleted, and the queue is kept from being swept.
    async fn poll(&mut self, queue: &ReplyQueue) -> Result<Vec<Message>, SqsError> {
        let poll = self
            .shared
            .polls
            .receive_message()
            .queue_url(&*queue.url)
            .max_number_of_messages(MAX_ENTRIES as i32)
            .wait_time_seconds(WAIT.as_secs() as i32)
            .message_attribute_names("All")
            .send();
        let mut poll = Box::pin(poll);
        loop {
            select! {
                biased;
                Some(()) = self.deletions.next() => {}
                () = sleep_until(self.touch_at), if self.shared.kind.is_own() => self.touch(queue),
                answer = &mut poll => {
                    let answer = answer.map_err(|error| SqsError::from_sdk("ReceiveMessage", &queue.name, error))?;
                    return Ok(answer.messages.unwrap_or_default());
                }
            }
        }
    }

    fn touch(&mut self, queue: &ReplyQueue) {
        self.touched += 1;
        self.touch_at = Instant::now() + TOUCH;
        let (shared, queue, count) = (self.shared.clone(), queue.clone(), self.touched);
        self.deletions.push(Box::pin(async move {
            if let Err(error) = queue.touch(&shared.client, count).await {
                tracing::warn!("the queue for replies looks abandoned to a sweep: {error}");
            }
        }));
    }

    /// Hands replies over and deletes them all: what nobody waits for now nobody will.
    fn arrived(&mut self, queue: &ReplyQueue, messages: Vec<Message>) {
        let mut entries = Vec::with_capacity(messages.len());
        for (position, message) in messages.into_iter().enumerate() {
            let entry = DeleteMessageBatchRequestEntry::builder()
                .id(position.to_string())
                .set_receipt_handle(message.receipt_handle.clone());
            entries.extend(entry.build().ok());
            let reply = Delivery::new(queue.name.clone(), message);
            let message_id = reply.message_id().to_owned();
            if !self.shared.waiters.hand_over(reply) {
                self.shared.unclaimed.fetch_add(1, Ordering::Relaxed);
                tracing::debug!(queue = %queue.name, message_id, "a reply came that nobody waits for: too late, or not ours");
            }
        }
        if entries.is_empty() {
            return;
        }
        let (shared, queue) = (self.shared.clone(), queue.clone());
        self.deletions.push(Box::pin(async move {
            let delete = shared
                .client
                .delete_message_batch()
                .queue_url(&*queue.url)
                .set_entries(Some(entries));
            if let Err(error) = delete.send().await {
                let error = SqsError::from_sdk("DeleteMessage", &queue.name, error);
                tracing::debug!("replies that were taken come once more: {error}");
            }
        }));
    }

    /// Waits before the next poll: no error is followed by another poll at once.
    async fn failed(&mut self, queue: &ReplyQueue, error: &SqsError) {
        let is_new = self.unproven.is_some_and(|opened| opened.elapsed() < NEW);
        if error.class() == ErrorClass::QueueMissing && self.shared.kind.is_own() && !is_new {
            tracing::warn!("the queue for replies is gone, and those who wait for one are told: {error}");
            self.shared.queue.send_replace(None);
            self.shared.waiters.dismiss();
            return;
        }
        self.failures += 1;
        let schedule = if is_new {
            Schedule::new(Duration::from_secs(1), Duration::from_secs(2))
        } else {
            error.class().poll_schedule()
        };
        let delay = schedule.jittered(self.failures, &mut rand::rng());
        if !is_new {
            tracing::warn!(queue = %queue.name, "{error}; the next poll is in {delay:.1?}");
        }
        self.pause(delay).await;
    }

    /// Makes another queue in place of the one that is gone. SQS does not give a name again for a minute.
    async fn reopen(&mut self) {
        let name = self.shared.kind.name();
        match self.shared.kind.open(&self.shared.client, &name).await {
            Ok(queue) => {
                self.unproven = Some(Instant::now());
                self.failures = 0;
                self.shared.queue.send_replace(Some(queue));
            }
            Err(error) => {
                self.failures += 1;
                let delay = ErrorClass::QueueMissing
                    .poll_schedule()
                    .jittered(self.failures, &mut rand::rng());
                tracing::warn!("{error}; it is tried again in {delay:.1?}");
                self.pause(delay).await;
            }
        }
    }

    async fn pause(&mut self, delay: Duration) {
        let pause = sleep(delay);
        tokio::pin!(pause);
        loop {
            select! {
                biased;
                Some(()) = self.deletions.next() => {}
                () = &mut pause => return,
            }
        }
    }
}
