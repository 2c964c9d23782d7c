//! What `#[handler(batch(..))]` needs.

use std::{
    any::Any,
    convert::Infallible,
    panic::{AssertUnwindSafe, resume_unwind},
    sync::Arc,
};

use futures_util::FutureExt as _;
use tower::{Service, service_fn, util::BoxCloneSyncService};

use crate::{
    handler::{
        BatchPanicked, BoxBatchHandler, BoxHandler, Delivery, FromBatch, HandlerError, HandlerSpec,
        IntoBatchOutcome, Outcome, TimedOut,
    },
    message::Message,
};

type Settled = Result<Outcome, HandlerError>;

/// Builds the service of a batch handler.
///
/// A message that does not decode, or lacks what the handler asks for, fails by itself; the others go on.
pub fn build_batch<M, A, S, F, Fut>(spec: &HandlerSpec, state: S, call: F) -> BoxBatchHandler
where
    M: Message,
    A: FromBatch<S> + Send + 'static,
    S: Clone + Send + Sync + 'static,
    F: Fn(Vec<M>, A) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output: IntoBatchOutcome> + Send + 'static,
{
    let limit = TimedOut::of(spec);
    BoxCloneSyncService::new(service_fn(move |deliveries: Vec<Delivery>| {
        let (call, state) = (call.clone(), state.clone());
        async move {
            let mut batch = Batch::<M>::decode(deliveries);
            let places = batch.places.clone();
            let run = async {
                if let Some(extracted) = batch.extract::<A, S>(&state).await {
                    let messages = std::mem::take(&mut batch.messages);
                    let len = messages.len();
                    batch.settle(call(messages, extracted).await.into_batch_outcome(len));
                }
            };
            // A panic is that of the messages the function had, not of those that never reached it.
            let ended = AssertUnwindSafe(limit.run(run)).catch_unwind().await;
            let why: Box<dyn Fn() -> HandlerError + Send> = match ended {
                Ok(Ok(())) => return Ok(batch.finish()),
                Ok(Err(expired)) => Box::new(move || HandlerError::retry(expired)),
                Err(panic) => {
                    let text: Arc<str> = panic_text(&*panic).into();
                    Box::new(move || BatchPanicked::error(text.clone()))
                }
            };
            for place in places {
                batch.settled[place].get_or_insert_with(|| Err(why()));
            }
            Ok::<_, Infallible>(batch.finish())
        }
    }))
}

/// A batch handler as a handler of batches of one.
pub fn batch_of_one(batch: BoxBatchHandler) -> BoxHandler {
    BoxCloneSyncService::new(service_fn(move |delivery: Delivery| {
        let mut batch = batch.clone();
        async move {
            let settled = match batch.call(vec![delivery]).await {
                Ok(settled) => settled,
                Err(never) => match never {},
            };
            let settled = settled.into_iter().next().unwrap_or_else(|| Err(forgotten()));
            if let Some(text) = settled.as_ref().err().and_then(BatchPanicked::text) {
                resume_unwind(Box::new(text.to_string()));
            }
            settled
        }
    }))
}

/// What a panic said.
pub(crate) fn panic_text(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

fn forgotten() -> HandlerError {
    HandlerError::msg("the handler gave no outcome for this message")
}

/// A batch on its way: what is settled, and the messages that are still to be handled.
struct Batch<M> {
    /// One for each delivery, in their order.
    settled: Vec<Option<Settled>>,
    /// The places of the following two among the deliveries.
    places: Vec<usize>,
    messages: Vec<M>,
    deliveries: Vec<Delivery>,
}

impl<M: Message> Batch<M> {
    fn decode(all: Vec<Delivery>) -> Self {
        let mut batch = Self {
            settled: Vec::new(),
            places: Vec::new(),
            messages: Vec::new(),
            deliveries: Vec::new(),
        };
        for (place, delivery) in all.into_iter().enumerate() {
            match delivery.decode() {
                Ok(message) => {
                    batch.settled.push(None);
                    batch.places.push(place);
                    batch.messages.push(message);
                    batch.deliveries.push(delivery);
                }
                Err(error) => batch.settled.push(Some(Err(HandlerError::dead_letter(error)))),
            }
        }
        batch
    }

    /// What the handler asks for beside the messages; `None` when no message is left to handle.
    async fn extract<A: FromBatch<S>, S>(&mut self, state: &S) -> Option<A> {
        while !self.messages.is_empty() {
            let rejection = match A::from_batch(&self.deliveries, state).await {
                Ok(extracted) => return Some(extracted),
                Err(rejection) => rejection,
            };
            match rejection.index.filter(|index| *index < self.messages.len()) {
                Some(index) => {
                    self.settled[self.places.remove(index)] = Some(Err(rejection.error));
                    self.messages.remove(index);
                    self.deliveries.remove(index);
                }
                None => {
                    let len = self.messages.len();
                    self.settle(Err::<(), _>(rejection.error).into_batch_outcome(len));
                    self.messages.clear();
                }
            }
        }
        None
    }

    /// Takes one result for each message that was left.
    fn settle(&mut self, results: Vec<Settled>) {
        for (place, result) in self.places.iter().zip(results) {
            self.settled[*place] = Some(result);
        }
    }

    fn finish(self) -> Vec<Settled> {
        self.settled
            .into_iter()
            .map(|settled| settled.unwrap_or_else(|| Err(forgotten())))
            .collect()
    }
}
