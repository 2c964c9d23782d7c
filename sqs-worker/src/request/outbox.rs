//! Sending single messages in company: whatever comes for a queue while a call to it is under way joins the next one.
//!
//! Nobody waits for company, so that a message that is alone leaves at once, and nothing runs in the background: the
//! first to come sends, and hands its turn on when it is done or dropped.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

use crate::{
    error::ErrorClass,
    producer::{Outgoing, Producer, QueueProducer, SendError, Sent},
};

/// How many queues are known by their URL. Requesters come and go; there is no telling when one is gone.
const KNOWN: usize = 1_000;

/// Messages to any number of queues, batched by queue.
pub(crate) struct Outbox {
    producer: Producer,
    queues: Mutex<HashMap<Arc<str>, Line>>,
    known: Mutex<HashMap<Arc<str>, QueueProducer>>,
}

/// Those who wait while somebody sends to a queue. No line means that nobody sends.
type Line = VecDeque<Waiting>;

struct Waiting {
    outgoing: Outgoing,
    next: oneshot::Sender<Next>,
}

enum Next {
    /// It was sent along.
    Sent(Result<Sent, SendError>),
    /// It is this one's turn to send.
    Turn(Turn),
}

/// The right to send to a queue; there is one for each.
struct Turn {
    outbox: Arc<Outbox>,
    queue: Arc<str>,
}

impl Outbox {
    pub(crate) fn new(producer: Producer) -> Arc<Self> {
        Arc::new(Self {
            producer,
            queues: Mutex::default(),
            known: Mutex::default(),
        })
    }

    /// Sends one message to the queue of this name or URL.
    ///
    /// Dropping the future leaves it unknown whether the message was sent. Messages that shared its call are sent again
    /// by their own callers, and may then have been sent twice.
    pub(crate) async fn send(self: &Arc<Self>, queue: &str, outgoing: Outgoing) -> Result<Sent, SendError> {
        let queue: Arc<str> = queue.into();
        loop {
            let turn = match self.join(&queue, &outgoing) {
                Ok(turn) => turn,
                Err(waiting) => match waiting.await {
                    Ok(Next::Sent(result)) => return result,
                    Ok(Next::Turn(turn)) => turn,
                    // Whoever had it in a call was dropped.
                    Err(_) => continue,
                },
            };
            return turn.send(outgoing).await;
        }
    }

    /// The turn, if nobody has it; otherwise a place in the line.
    fn join(
        self: &Arc<Self>,
        queue: &Arc<str>,
        outgoing: &Outgoing,
    ) -> Result<Turn, oneshot::Receiver<Next>> {
        let mut queues = lock(&self.queues);
        if let Some(line) = queues.get_mut(queue) {
            let (next, waiting) = oneshot::channel();
            let outgoing = outgoing.clone();
            line.push_back(Waiting { outgoing, next });
            return Err(waiting);
        }
        queues.insert(queue.clone(), Line::new());
        Ok(Turn {
            outbox: self.clone(),
            queue: queue.clone(),
        })
    }

    fn queue(&self, queue: &Arc<str>) -> QueueProducer {
        let mut known = lock(&self.known);
        if known.len() >= KNOWN {
            known.clear();
        }
        let new = || self.producer.unshared(queue);
        known.entry(queue.clone()).or_insert_with(new).clone()
    }
}

impl Turn {
    /// Sends this message and those in the line.
    async fn send(self, own: Outgoing) -> Result<Sent, SendError> {
        let line = lock(&self.outbox.queues)
            .get_mut(&self.queue)
            .map(std::mem::take)
            .unwrap_or_default();
        // Whoever has left the line does not want it sent any more.
        let (messages, waiting): (Vec<_>, Vec<_>) = line
            .into_iter()
            .filter(|waiting| !waiting.next.is_closed())
            .map(|waiting| (Ok(waiting.outgoing), waiting.next))
            .unzip();
        let all = std::iter::once(Ok(own)).chain(messages).collect();
        let report = self.outbox.queue(&self.queue).send_outgoing(all).await;
        let mut results = report.into_results().into_iter();
        let own = results.next();
        for (next, result) in waiting.into_iter().zip(results) {
            let _ = next.send(Next::Sent(result));
        }
        let own = own.unwrap_or_else(|| unreachable!("one message has one result"));
        if let Err(SendError::Sqs(error)) = &own
            && error.class() == ErrorClass::QueueMissing
        {
            // It may come back with another URL.
            lock(&self.outbox.known).remove(&self.queue);
        }
        own
    }
}

/// Hands the turn to the next in the line.
impl Drop for Turn {
    fn drop(&mut self) {
        let next = {
            let mut queues = lock(&self.outbox.queues);
            let next = queues.get_mut(&self.queue).and_then(Line::pop_front);
            if next.is_none() {
                queues.remove(&self.queue);
            }
            next
        };
        if let Some(next) = next {
            // One that has left gives the turn back by dropping it.
            let _ = next.next.send(Next::Turn(Self {
                outbox: self.outbox.clone(),
                queue: self.queue.clone(),
            }));
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
