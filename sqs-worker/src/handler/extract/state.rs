//! The worker's state.

use std::{
    convert::Infallible,
    ops::{Deref, DerefMut},
};

use super::FromDelivery;
use crate::handler::Delivery;

/// A part of the worker's state: a pool, a client, a setting.
///
/// Which part is found when compiling, through [`FromRef`]: a state that lacks it does not build.
///
/// ```
/// use sqs_worker::{FromRef, State};
/// # #[derive(serde::Serialize, serde::Deserialize)] struct Order;
///
/// #[derive(Clone)]
/// struct Cards;
///
/// #[derive(Clone)]
/// struct App { cards: Cards }
///
/// impl FromRef<App> for Cards {
///     fn from_ref(app: &App) -> Self {
///         app.cards.clone()
///     }
/// }
///
/// async fn charge(order: Order, State(cards): State<Cards>) { }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct State<T>(pub T);

/// How a part is taken out of the worker's state `S`.
///
/// Every state has itself as a part; the derive adds one part for each field.
#[diagnostic::on_unimplemented(
    message = "the worker's state `{S}` has no part of type `{Self}`",
    label = "`State<{Self}>` asks for it",
    note = "give `{S}` a field of this type and `#[derive(FromRef)]`, or write `impl FromRef<{S}> for {Self}`"
)]
pub trait FromRef<S> {
    /// The part, usually a clone of a field.
    fn from_ref(state: &S) -> Self;
}

impl<T: Clone> FromRef<T> for T {
    fn from_ref(state: &T) -> Self {
        state.clone()
    }
}

impl<S: Sync, T: FromRef<S>> FromDelivery<S> for State<T> {
    type Rejection = Infallible;

    async fn from_delivery(_delivery: &Delivery, state: &S) -> Result<Self, Infallible> {
        Ok(Self(T::from_ref(state)))
    }
}

impl<T> Deref for State<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for State<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}
