//! Extractors: what a handler may ask for beside its payload.
//!
//! The first parameter of a handler is the payload. Every other one implements [`FromDelivery`]:
//!
//! | parameter | what it is |
//! |---|---|
//! | [`State<T>`] | a part of the worker's state, resolved when compiling |
//! | [`Extension<T>`] | a value that a layer left on this delivery |
//! | [`MessageId`], [`QueueName`], [`ReceiveCount`], [`SentAt`], [`FirstReceivedAt`] | what SQS says |
//! | [`Attempt`] | which attempt this is, those counted in that no receive brought |
//! | [`Group`], [`DeduplicationId`] | the FIFO ids |
//! | [`Header<T>`](Header), [`SentAttributes`] | one attribute of the sender, parsed; all of them |
//! | [`CorrelationId`], [`Deadline`] | what the framework's headers say |
//! | [`Raw`] | the body as text |
//! | [`Lease`], [`Delivery`] | the message's lease; everything |
//! | `Option<T>` | `None` where `T` is absent; only for extractors that can be |
//! | `Result<T, T::Rejection>` | the rejection, for the handler to deal with |
//! | `(T1, T2, ..)` | several as one |

mod attributes;
mod extension;
mod header;
mod metadata;
mod state;
mod tuple;

use std::convert::Infallible;

pub use self::{
    attributes::SentAttributes,
    extension::{Extension, MissingExtension},
    header::{Header, HeaderRejection, NamedAttribute},
    metadata::{
        Attempt, CorrelationId, Deadline, DeduplicationId, FirstReceivedAt, Group, MessageId,
        MissingMetadata, QueueName, Raw, ReceiveCount, SentAt,
    },
    state::{FromRef, State},
};
use super::{Delivery, HandlerError, Lease};

/// What a handler may take beside its payload.
///
/// `S` is the worker's state. An extractor that has no use for it is implemented for every `S`:
///
/// ```
/// use std::convert::Infallible;
/// use sqs_worker::{Delivery, FromDelivery};
///
/// /// Whether this is the last try before the queue gives the message up.
/// struct LastTry(bool);
///
/// impl<S: Sync> FromDelivery<S> for LastTry {
///     type Rejection = Infallible;
///
///     async fn from_delivery(delivery: &Delivery, _state: &S) -> Result<Self, Infallible> {
///         Ok(Self(delivery.receive_count() >= 5))
///     }
/// }
/// ```
///
/// A rejection decides about the message as any error does: a plain one is tried again, see [`HandlerError`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a handler parameter of a worker whose state is `{S}`",
    label = "not an extractor for the state `{S}`",
    note = "the first parameter is the payload; every other one is an extractor: `State<T>`, `ReceiveCount`, `Lease`, `Delivery`, ..",
    note = "a type of your own: `impl FromDelivery<{S}> for {Self}`"
)]
pub trait FromDelivery<S>: Sized {
    /// What happens when it is not there.
    type Rejection: Into<HandlerError>;

    /// Takes it out of the delivery or the state.
    ///
    /// # Cancel safety
    ///
    /// It may be dropped at any `await`, as the whole run may: leave nothing half done there.
    ///
    /// # Errors
    ///
    /// When the delivery lacks it; the handler is then not called.
    fn from_delivery(
        delivery: &Delivery,
        state: &S,
    ) -> impl Future<Output = Result<Self, Self::Rejection>> + Send;
}

/// An extractor that may be absent, and so may be asked for as an `Option`.
///
/// Absent and wrong are two things: an attribute that is there and does not parse is a rejection, not `None`.
///
/// ```
/// use sqs_worker::{Group, Outcome, handler::boxed};
/// # use sqs_worker::Delivery;
/// # use tower::ServiceExt;
/// # #[derive(serde::Serialize, serde::Deserialize)] struct Order {}
/// # impl sqs_worker::Message for Order { const NAME: &'static str = "order"; }
///
/// async fn handle(order: Order, group: Option<Group>) -> Outcome {
///     match group {
///         Some(Group(tenant)) => Outcome::dead_letter(tenant),
///         None => Outcome::ack(),
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let outcome = boxed(handle, ()).oneshot(Delivery::fake("{}").build()).await.unwrap();
/// assert_eq!(outcome, Outcome::Ack);
/// # });
/// ```
#[diagnostic::on_unimplemented(
    message = "`Option<{Self}>` cannot be a handler parameter of a worker whose state is `{S}`",
    label = "`{Self}` is not an extractor that may be absent",
    note = "take `{Self}` itself, or `Result<{Self}, Rejection>` to deal with its rejection"
)]
pub trait OptionalFromDelivery<S>: Sized {
    /// What happens when it is there and wrong.
    type Rejection: Into<HandlerError>;

    /// Takes it out of the delivery or the state, `None` when it is absent.
    ///
    /// # Errors
    ///
    /// When it is there and wrong; the handler is then not called.
    fn from_delivery(
        delivery: &Delivery,
        state: &S,
    ) -> impl Future<Output = Result<Option<Self>, Self::Rejection>> + Send;
}

impl<S: Sync, T: OptionalFromDelivery<S>> FromDelivery<S> for Option<T> {
    type Rejection = T::Rejection;

    async fn from_delivery(delivery: &Delivery, state: &S) -> Result<Self, Self::Rejection> {
        T::from_delivery(delivery, state).await
    }
}

impl<S: Sync, T: FromDelivery<S>> FromDelivery<S> for Result<T, T::Rejection> {
    type Rejection = Infallible;

    async fn from_delivery(delivery: &Delivery, state: &S) -> Result<Self, Infallible> {
        Ok(T::from_delivery(delivery, state).await)
    }
}

impl<S: Sync> FromDelivery<S> for Delivery {
    type Rejection = Infallible;

    async fn from_delivery(delivery: &Delivery, _state: &S) -> Result<Self, Infallible> {
        Ok(delivery.clone())
    }
}

impl<S: Sync> FromDelivery<S> for Lease {
    type Rejection = Infallible;

    async fn from_delivery(delivery: &Delivery, _state: &S) -> Result<Self, Infallible> {
        Ok(delivery.lease().clone())
    }
}
