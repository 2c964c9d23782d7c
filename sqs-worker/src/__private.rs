//! What the macros' expansions need. No part of the API: it changes without notice.

pub use std::string::{String, ToString};

use crate::handler::{BoxHandler, Delivery, Handler, HandlerError, HandlerSpec, boxed_as};
use crate::message::Message;

/// Builds the service of a handler with its settings.
pub fn build<H, A, S>(spec: &HandlerSpec, handler: H, state: S) -> BoxHandler
where
    H: Handler<A, S>,
    S: Clone + Send + Sync + 'static,
{
    boxed_as(spec, handler, state)
}

/// The idempotency key that the message itself has.
pub fn key_of<M: Message>(delivery: &Delivery) -> Result<Option<String>, HandlerError> {
    Ok(delivery.decode::<M>().map_err(HandlerError::dead_letter)?.key())
}

/// The idempotency key that the handler's attribute computes.
pub fn key_by<M: Message, K: ToString>(
    delivery: &Delivery,
    key: impl FnOnce(&M) -> K,
) -> Result<Option<String>, HandlerError> {
    let message = delivery.decode::<M>().map_err(HandlerError::dead_letter)?;
    Ok(Some(key(&message).to_string()))
}
