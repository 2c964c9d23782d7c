//! What `#[handler]` needs.

use std::convert::Infallible;

use tower::{Service, service_fn, util::BoxCloneSyncService};

use super::FieldText;
use crate::{
    handler::{
        BoxBatchHandler, BoxHandler, Delivery, FromBatch, FromDelivery, HandlerError, HandlerSpec,
        IntoBatchOutcome, IntoOutcome, Outcome, TimedOut, timed,
    },
    message::Message,
};

/// Builds the service of a handler with its settings.
pub fn build<M, A, S, F, Fut>(spec: &HandlerSpec, state: S, call: F) -> BoxHandler
where
    M: Message,
    A: FromDelivery<S> + Send + 'static,
    S: Clone + Send + Sync + 'static,
    F: Fn(M, A) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output: IntoOutcome<M>> + Send + 'static,
{
    timed(spec, move |delivery| {
        let (call, state) = (call.clone(), state.clone());
        async move {
            let message = delivery.decode::<M>().map_err(HandlerError::dead_letter)?;
            let extracted = A::from_delivery(&delivery, &state).await.map_err(Into::into)?;
            call(message, extracted).await.into_outcome()
        }
    })
}

/// Builds the service of a batch handler.
///
/// A body that does not decode is the failure of its own message; the others go on.
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
            let (mut results, mut messages, mut decoded) = (Vec::new(), Vec::new(), Vec::new());
            for delivery in deliveries {
                match delivery.decode::<M>() {
                    Ok(message) => {
                        messages.push(message);
                        decoded.push(delivery);
                        results.push(None);
                    }
                    Err(error) => results.push(Some(Err(HandlerError::dead_letter(error)))),
                }
            }
            let len = messages.len();
            let run = async {
                match A::from_batch(&decoded, &state).await {
                    Ok(extracted) => call(messages, extracted).await.into_batch_outcome(len),
                    Err(error) => Err::<(), _>(error).into_batch_outcome(len),
                }
            };
            let handled = match len {
                0 => Vec::new(),
                _ => limit
                    .run(run)
                    .await
                    .unwrap_or_else(|expired| Err::<(), _>(expired).into_batch_outcome(len)),
            };
            let mut handled = handled.into_iter();
            let missing = || Err(HandlerError::msg("the handler gave no outcome for this message"));
            let each = results
                .into_iter()
                .map(|result| result.or_else(|| handled.next()).unwrap_or_else(missing));
            Ok::<_, Infallible>(each.collect())
        }
    }))
}

/// A batch handler as a handler of batches of one.
pub fn batch_of_one(batch: BoxBatchHandler) -> BoxHandler {
    BoxCloneSyncService::new(service_fn(move |delivery: Delivery| {
        let mut batch = batch.clone();
        async move {
            let results: Vec<Result<Outcome, HandlerError>> = match batch.call(vec![delivery]).await {
                Ok(results) => results,
                Err(never) => match never {},
            };
            results
                .into_iter()
                .next()
                .unwrap_or_else(|| Err(HandlerError::msg("the batch gave no outcome")))
        }
    }))
}

/// The idempotency key that the message itself has.
pub fn key_of<M: Message>(delivery: &Delivery) -> Result<Option<String>, HandlerError> {
    Ok(delivery.decode::<M>().map_err(HandlerError::dead_letter)?.key())
}

/// The idempotency key that the handler's attribute computes.
pub fn key_by<M: Message, K: FieldText>(
    delivery: &Delivery,
    key: impl FnOnce(&M) -> K,
) -> Result<Option<String>, HandlerError> {
    let message = delivery.decode::<M>().map_err(HandlerError::dead_letter)?;
    Ok(Some(super::text(&key(&message))))
}
