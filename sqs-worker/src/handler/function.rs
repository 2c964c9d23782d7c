//! Async functions as handlers.

use super::{Delivery, FromDelivery, HandlerError, IntoOutcome, Outcome};
use crate::message::Message;

/// Something that handles messages of one type: in practice an async function.
///
/// Implemented for every async function (and closure that returns a future) whose first parameter is a
/// [`Message`], whose other parameters, up to sixteen, are [extractors](FromDelivery), and which returns
/// something that is [an outcome](IntoOutcome). The future has to be `Send`.
///
/// `Args` only tells the implementations apart; it is inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a message handler",
    label = "not a handler for the state `{S}`",
    note = "a handler is an `async fn` that takes a `Message` by value, then extractors, and returns `()`, `Outcome`, `Reply<R>` or a `Result` of one of them",
    note = "mark the function `#[handler]` to see which part does not fit"
)]
pub trait Handler<Args, S>: Clone + Send + Sync + 'static {
    /// The payload it takes.
    type Message: Message;

    /// Extracts the other parameters, then runs it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the function's at the `await` where it stands, as a timeout, a lost lease or the end
    /// of a shutdown does. What the function did until then is done: it is run again when the message comes back.
    ///
    /// # Errors
    ///
    /// What the first extractor that fails rejects with, or what the function returns.
    fn call(
        self,
        message: Self::Message,
        delivery: Delivery,
        state: S,
    ) -> impl Future<Output = Result<Outcome, HandlerError>> + Send;
}

macro_rules! functions {
    ($($extractor:ident)*) => {
        #[diagnostic::do_not_recommend]
        #[allow(non_snake_case, unused_variables)]
        impl<F, Fut, M, S, $($extractor,)*> Handler<(M, $($extractor,)*), S> for F
        where
            F: FnOnce(M, $($extractor),*) -> Fut + Clone + Send + Sync + 'static,
            Fut: Future<Output: IntoOutcome<M>> + Send,
            M: Message,
            S: Send + Sync + 'static,
            $($extractor: FromDelivery<S> + Send,)*
        {
            type Message = M;

            async fn call(self, message: M, delivery: Delivery, state: S) -> Result<Outcome, HandlerError> {
                $(
                    let $extractor =
                        $extractor::from_delivery(&delivery, &state).await.map_err(Into::into)?;
                )*
                self(message, $($extractor),*).await.into_outcome()
            }
        }
    };
}

functions!();
functions!(T1);
functions!(T1 T2);
functions!(T1 T2 T3);
functions!(T1 T2 T3 T4);
functions!(T1 T2 T3 T4 T5);
functions!(T1 T2 T3 T4 T5 T6);
functions!(T1 T2 T3 T4 T5 T6 T7);
functions!(T1 T2 T3 T4 T5 T6 T7 T8);
functions!(T1 T2 T3 T4 T5 T6 T7 T8 T9);
functions!(T1 T2 T3 T4 T5 T6 T7 T8 T9 T10);
functions!(T1 T2 T3 T4 T5 T6 T7 T8 T9 T10 T11);
functions!(T1 T2 T3 T4 T5 T6 T7 T8 T9 T10 T11 T12);
functions!(T1 T2 T3 T4 T5 T6 T7 T8 T9 T10 T11 T12 T13);
functions!(T1 T2 T3 T4 T5 T6 T7 T8 T9 T10 T11 T12 T13 T14);
functions!(T1 T2 T3 T4 T5 T6 T7 T8 T9 T10 T11 T12 T13 T14 T15);
functions!(T1 T2 T3 T4 T5 T6 T7 T8 T9 T10 T11 T12 T13 T14 T15 T16);
