//! Handlers that carry their settings: what the macros make.

use std::fmt;

use super::{BoxBatchHandler, BoxHandler, HandlerSpec};

/// A handler that carries its own settings: what `#[handler]` makes of a function.
///
/// `#[handler] async fn charge(..)` leaves the function as it is and adds a type of the same name that implements
/// this trait, so that `charge(..)` calls the function and `.handler::<charge>()` mounts it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be mounted on a worker whose state is `{S}`",
    label = "not a handler for the state `{S}`",
    note = "`{Self}` has to be an async function marked `#[handler]`; mount other functions with `.route(function)`"
)]
pub trait HandlerDef<S>: 'static {
    /// Its settings.
    const SPEC: HandlerSpec;

    /// The service that decodes, extracts and calls the function, with the function's own timeout.
    ///
    /// For a batch handler it is a service of batches of one.
    fn build(state: S) -> BoxHandler;

    /// The service of a batch handler: one that has [`HandlerSpec::batch`]. `None` for all others.
    fn build_batch(state: S) -> Option<BoxBatchHandler> {
        let _ = state;
        None
    }
}

/// Several handlers that are mounted together: what `#[handlers]` makes of an `impl` block.
///
/// The service struct is a part of the worker's state, so `S` has to give it by [`FromRef`](super::FromRef).
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no handlers for a worker whose state is `{S}`",
    label = "not a group of handlers for the state `{S}`",
    note = "mark its `impl` block `#[handlers]` and the methods in it `#[handler(queue = \"orders\")]`",
    note = "and let `{S}` have a `{Self}`: a field, and `#[derive(FromRef)]`"
)]
pub trait HandlerGroup<S> {
    /// The handlers, in the order of their methods.
    fn entries() -> Vec<HandlerEntry<S>>;
}

/// One handler as a value: its settings, and how to build it.
pub struct HandlerEntry<S> {
    /// Its settings.
    pub spec: HandlerSpec,
    /// [`HandlerDef::build`].
    pub build: fn(S) -> BoxHandler,
    /// [`HandlerDef::build_batch`].
    pub build_batch: fn(S) -> Option<BoxBatchHandler>,
}

impl<S> HandlerEntry<S> {
    /// The entry of a handler made by `#[handler]`.
    pub fn of<H: HandlerDef<S>>() -> Self {
        Self {
            spec: H::SPEC,
            build: H::build,
            build_batch: H::build_batch,
        }
    }
}

impl<S> Clone for HandlerEntry<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for HandlerEntry<S> {}

impl<S> fmt::Debug for HandlerEntry<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandlerEntry")
            .field("spec", &self.spec)
            .finish_non_exhaustive()
    }
}
