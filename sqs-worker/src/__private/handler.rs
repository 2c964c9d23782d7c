//! What `#[handler]` needs.

use super::FieldText;
use crate::{
    handler::{BoxHandler, Delivery, FromDelivery, HandlerError, HandlerSpec, IntoOutcome, timed},
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
