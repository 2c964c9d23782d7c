//! What layers leave on a delivery.

use std::{any::type_name, convert::Infallible};

use super::{FromDelivery, OptionalFromDelivery};
use crate::handler::Delivery;

/// A value that a layer put on this delivery, by [`Delivery::extensions_mut`].
///
/// For what belongs to the worker and not to one message, take [`State`](super::State): a missing extension is
/// found when the message comes, missing state when compiling.
///
/// ```
/// use sqs_worker::{Delivery, Extension, FromDelivery};
///
/// #[derive(Debug, Clone, PartialEq)]
/// struct Tenant(&'static str);
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let mut delivery = Delivery::fake("{}").build();
/// delivery.extensions_mut().insert(Tenant("acme"));
///
/// let Extension(tenant) = Extension::<Tenant>::from_delivery(&delivery, &()).await?;
/// assert_eq!(tenant, Tenant("acme"));
/// # Ok::<(), sqs_worker::HandlerError>(()) }).unwrap();
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extension<T>(pub T);

/// No layer left a value of this type; the message is tried again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "no layer left a `{type_name}` on the delivery; add the layer that does, or take `Option<Extension<..>>`"
)]
#[non_exhaustive]
pub struct MissingExtension {
    /// The type's name.
    pub type_name: &'static str,
}

impl<S: Sync, T: Clone + Send + Sync + 'static> FromDelivery<S> for Extension<T> {
    type Rejection = MissingExtension;

    async fn from_delivery(delivery: &Delivery, _state: &S) -> Result<Self, MissingExtension> {
        let missing = MissingExtension {
            type_name: type_name::<T>(),
        };
        delivery.extensions().get().cloned().map(Self).ok_or(missing)
    }
}

impl<S: Sync, T: Clone + Send + Sync + 'static> OptionalFromDelivery<S> for Extension<T> {
    type Rejection = Infallible;

    async fn from_delivery(delivery: &Delivery, _state: &S) -> Result<Option<Self>, Infallible> {
        Ok(delivery.extensions().get().cloned().map(Self))
    }
}
