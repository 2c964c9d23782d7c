//! Batch handlers: messages gathered until there are enough of them, and handled together.
//!
//! Each message runs as any other does, with its own lease, layers and outcome; what it waits for in its innermost
//! service is a batch. So a lease that is lost takes one message out of a batch and leaves the others, and in a FIFO
//! queue a batch holds one message of each group: the next one starts when the one before is settled.

use std::{
    panic::resume_unwind,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, Semaphore, oneshot},
    task::AbortHandle,
};
use tower::{ServiceExt as _, service_fn, util::BoxCloneSyncService};

use crate::handler::{
    BatchPanicked, BatchSpec, BoxBatchHandler, BoxHandler, Delivery, HandlerEntry, HandlerError, Outcome,
};

/// How long a batch waits to be filled unless its handler says otherwise.
const LINGER: Duration = Duration::from_millis(200);

type Settled = Result<Outcome, HandlerError>;

/// The service of a batch handler: takes one message, and answers when the batch that it joined has been handled.
/// `messages` is how many the queue runs at once, so that as many batches run at once as that makes.
pub(super) fn service<S>(entry: &HandlerEntry<S>, batch: BatchSpec, messages: usize, state: S) -> BoxHandler
where
    S: Clone + Send + Sync + 'static,
{
    let Some(handler) = (entry.build_batch)(state.clone()) else {
        return (entry.build)(state);
    };
    let size = batch.size.max(1);
    let gatherer = Arc::new(Gatherer {
        size,
        linger: batch.linger.unwrap_or(LINGER),
        bytes: batch.bytes.unwrap_or(usize::MAX),
        slots: Semaphore::new((messages / size).max(1)),
        open: Mutex::new(None),
    });
    BoxCloneSyncService::new(service_fn(move |delivery| {
        let (gatherer, handler) = (gatherer.clone(), handler.clone());
        async move { gatherer.handle(delivery, handler).await }
    }))
}

/// Puts messages into batches.
#[derive(Debug)]
struct Gatherer {
    size: usize,
    linger: Duration,
    bytes: usize,
    /// How many batches may run at once.
    slots: Semaphore,
    /// The batch that messages join now.
    open: Mutex<Option<Open>>,
}

/// The batch that is being filled, and the task that waits for it to be.
#[derive(Clone, Debug)]
struct Open {
    batch: Arc<Batch>,
    task: Arc<Task>,
}

#[derive(Debug, Default)]
struct Batch {
    members: Mutex<Members>,
    full: Notify,
}

#[derive(Debug, Default)]
struct Members {
    list: Vec<Member>,
    /// Of all bodies.
    bytes: usize,
}

/// A message that waits for its batch.
#[derive(Debug)]
struct Member {
    delivery: Delivery,
    answer: oneshot::Sender<Answer>,
}

/// What became of one message of a batch.
#[derive(Debug)]
enum Answer {
    Settled(Settled),
    /// The handler panicked, with this text.
    Panicked(Arc<str>),
}

/// Ends the task of a batch when the last of those who wait for it is gone.
#[derive(Debug)]
struct Task(AbortHandle);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Gatherer {
    /// # Cancel safety
    ///
    /// Dropping the future takes the message out of a batch that has not begun, and ends one that has when nobody else
    /// waits for it.
    async fn handle(self: Arc<Self>, delivery: Delivery, handler: BoxBatchHandler) -> Settled {
        let (answer, answered) = oneshot::channel();
        let _task = self.join(Member { delivery, answer }, handler);
        match answered.await {
            Ok(Answer::Settled(settled)) => settled,
            // Each message of the batch counts as one whose handler panicked; the text was printed when it did.
            Ok(Answer::Panicked(text)) => resume_unwind(Box::new(text.to_string())),
            Err(_) => Err(HandlerError::msg(
                "the batch ended without an outcome for this message",
            )),
        }
    }

    /// Adds a message to the open batch, or opens one. Whoever joins keeps the task alive.
    fn join(self: &Arc<Self>, member: Member, handler: BoxBatchHandler) -> Arc<Task> {
        let bytes = member.delivery.body().len();
        let mut open = lock(&self.open);
        let has_room = |open: &Open| lock(&open.batch.members).bytes + bytes <= self.bytes;
        if let Some(full) = open.take_if(|open| !has_room(open)) {
            full.batch.full.notify_one();
        }
        let Open { batch, task } = open.get_or_insert_with(|| self.open(handler)).clone();
        let mut members = lock(&batch.members);
        members.list.push(member);
        members.bytes += bytes;
        if members.list.len() >= self.size || members.bytes >= self.bytes {
            *open = None;
            batch.full.notify_one();
        }
        drop(members);
        task
    }

    fn open(self: &Arc<Self>, handler: BoxBatchHandler) -> Open {
        let batch = Arc::<Batch>::default();
        let run = self.clone().run(batch.clone(), handler);
        let task = Arc::new(Task(tokio::spawn(run).abort_handle()));
        Open { batch, task }
    }

    /// Waits until a batch is full or has waited long enough, and for a free place; then handles what is in it.
    async fn run(self: Arc<Self>, batch: Arc<Batch>, handler: BoxBatchHandler) {
        tokio::select! {
            biased;
            () = batch.full.notified() => {}
            () = tokio::time::sleep(self.linger) => {}
        }
        // It is never closed.
        let Ok(_slot) = self.slots.acquire().await else {
            return;
        };
        lock(&self.open).take_if(|open| Arc::ptr_eq(&open.batch, &batch));
        let mut members = std::mem::take(&mut lock(&batch.members).list);
        // Those that have gone meanwhile are not ours any more.
        members.retain(|member| !member.answer.is_closed());
        if members.is_empty() {
            return;
        }
        let deliveries = members.iter().map(|member| member.delivery.clone()).collect();
        let settled = match handler.oneshot(deliveries).await {
            Ok(settled) => settled,
            Err(never) => match never {},
        };
        for (member, settled) in members.into_iter().zip(settled) {
            let answer = match settled {
                Err(error) => match BatchPanicked::text(&error) {
                    Some(text) => Answer::Panicked(text),
                    None => Answer::Settled(Err(error)),
                },
                settled => Answer::Settled(settled),
            };
            drop(member.answer.send(answer));
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
