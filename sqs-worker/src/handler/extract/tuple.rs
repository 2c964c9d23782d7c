//! Several extractors as one.

use super::FromDelivery;
use crate::handler::{Delivery, HandlerError};

macro_rules! tuples {
    ($($extractor:ident)*) => {
        /// In order; the first that rejects ends it.
        #[diagnostic::do_not_recommend]
        #[allow(non_snake_case, unused_variables)]
        impl<S: Sync, $($extractor: FromDelivery<S> + Send,)*> FromDelivery<S> for ($($extractor,)*) {
            type Rejection = HandlerError;

            async fn from_delivery(delivery: &Delivery, state: &S) -> Result<Self, HandlerError> {
                $(let $extractor = $extractor::from_delivery(delivery, state).await.map_err(Into::into)?;)*
                Ok(($($extractor,)*))
            }
        }
    };
}

tuples!();
tuples!(T1);
tuples!(T1 T2);
tuples!(T1 T2 T3);
tuples!(T1 T2 T3 T4);
tuples!(T1 T2 T3 T4 T5);
tuples!(T1 T2 T3 T4 T5 T6);
tuples!(T1 T2 T3 T4 T5 T6 T7);
tuples!(T1 T2 T3 T4 T5 T6 T7 T8);
tuples!(T1 T2 T3 T4 T5 T6 T7 T8 T9);
tuples!(T1 T2 T3 T4 T5 T6 T7 T8 T9 T10);
tuples!(T1 T2 T3 T4 T5 T6 T7 T8 T9 T10 T11);
tuples!(T1 T2 T3 T4 T5 T6 T7 T8 T9 T10 T11 T12);
tuples!(T1 T2 T3 T4 T5 T6 T7 T8 T9 T10 T11 T12 T13);
tuples!(T1 T2 T3 T4 T5 T6 T7 T8 T9 T10 T11 T12 T13 T14);
tuples!(T1 T2 T3 T4 T5 T6 T7 T8 T9 T10 T11 T12 T13 T14 T15);
tuples!(T1 T2 T3 T4 T5 T6 T7 T8 T9 T10 T11 T12 T13 T14 T15 T16);
tuples!(T1 T2 T3 T4 T5 T6 T7 T8 T9 T10 T11 T12 T13 T14 T15 T16 T17);
