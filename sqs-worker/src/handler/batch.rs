//! Handlers that take many messages at a time.

use std::{convert::Infallible, sync::Arc};

use tower::util::BoxCloneSyncService;

use super::{Delivery, FromDelivery, FromRef, HandlerError, IntoHandlerError, Outcome, QueueName, State};

/// A batch handler of any type: deliveries in, one result for each in the same order.
pub type BoxBatchHandler = BoxCloneSyncService<Vec<Delivery>, Vec<Result<Outcome, HandlerError>>, Infallible>;

/// A batch handler panicked: the error of each message that it had.
#[derive(Debug, Clone, thiserror::Error)]
#[error("handler panicked: {0}")]
pub(crate) struct BatchPanicked(Arc<str>);

impl BatchPanicked {
    /// The error of one message.
    pub(crate) fn error(text: Arc<str>) -> HandlerError {
        HandlerError::retry(Self(text))
    }

    /// What the panic said, if that is what the error is.
    pub(crate) fn text(error: &HandlerError) -> Option<Arc<str>> {
        error.source().downcast_ref::<Self>().map(|panic| panic.0.clone())
    }
}

/// What a batch handler may return: `()`, one [`Outcome`] for all, a `Vec<Outcome>` with one for each message in
/// their order, or a `Result` of one of them over any error.
///
/// An error is that of every message of the batch.
#[diagnostic::on_unimplemented(
    message = "a batch handler cannot return `{Self}`",
    label = "not something a batch handler may return",
    note = "return `()`, `Outcome` for all, `Vec<Outcome>` with one for each message, or `Result<one of them, E>` with any error type `E`"
)]
pub trait IntoBatchOutcome {
    /// One result for each of `len` messages.
    fn into_batch_outcome(self, len: usize) -> Vec<Result<Outcome, HandlerError>>;
}

impl IntoBatchOutcome for () {
    fn into_batch_outcome(self, len: usize) -> Vec<Result<Outcome, HandlerError>> {
        Outcome::Ack.into_batch_outcome(len)
    }
}

impl IntoBatchOutcome for Outcome {
    fn into_batch_outcome(self, len: usize) -> Vec<Result<Outcome, HandlerError>> {
        vec![self; len].into_iter().map(Ok).collect()
    }
}

impl IntoBatchOutcome for Vec<Outcome> {
    fn into_batch_outcome(self, len: usize) -> Vec<Result<Outcome, HandlerError>> {
        if self.len() != len {
            // Which outcome is whose cannot be known: nothing is acknowledged that may not have been done.
            let text = format!("the handler returned {} outcomes for {len} messages", self.len());
            return (0..len).map(|_| Err(HandlerError::msg(&text))).collect();
        }
        self.into_iter().map(Ok).collect()
    }
}

impl<T: IntoBatchOutcome, E: IntoHandlerError> IntoBatchOutcome for Result<T, E> {
    fn into_batch_outcome(self, len: usize) -> Vec<Result<Outcome, HandlerError>> {
        match self {
            Ok(outcome) => outcome.into_batch_outcome(len),
            Err(error) => {
                let error = error.into_handler_error();
                let (text, then) = (error.to_string(), error.disposition());
                let mut results: Vec<_> = (1..len)
                    .map(|_| Err(HandlerError::new(text.clone(), then)))
                    .collect();
                results.insert(0, Err(error));
                results.truncate(len);
                results
            }
        }
    }
}

/// What a batch handler may take beside its payloads: what belongs to the worker, or a `Vec` of what belongs to
/// each message.
///
/// ```
/// use sqs_worker::handler::{BatchRejection, FromBatch};
/// use sqs_worker::{Delivery, HandlerError};
///
/// /// How many bytes the bodies have together; more than a megabyte is more than the archive takes at a time.
/// struct Bytes(usize);
///
/// impl<S: Sync> FromBatch<S> for Bytes {
///     async fn from_batch(deliveries: &[Delivery], _state: &S) -> Result<Self, BatchRejection> {
///         let bytes = deliveries.iter().map(|delivery| delivery.body().len()).sum();
///         if bytes > 1 << 20 {
///             return Err(BatchRejection::of_all(HandlerError::msg("more than a megabyte")));
///         }
///         Ok(Self(bytes))
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a parameter of a batch handler of a worker whose state is `{S}`",
    label = "not an extractor for a whole batch",
    note = "take `Vec<{Self}>` for one of each message, in their order; `State<T>` and `QueueName` belong to the whole batch"
)]
pub trait FromBatch<S>: Sized {
    /// Takes it out of the deliveries or the state.
    ///
    /// # Errors
    ///
    /// When one of the deliveries lacks it: that one fails, and the others are tried without it. Or when the batch as
    /// a whole lacks it: then all of them fail. The handler is not called with those that failed.
    fn from_batch(
        deliveries: &[Delivery],
        state: &S,
    ) -> impl Future<Output = Result<Self, BatchRejection>> + Send;
}

/// Which message of a batch lacks what the handler asks for, and the error.
#[derive(Debug)]
pub struct BatchRejection {
    pub(crate) index: Option<usize>,
    pub(crate) error: HandlerError,
}

impl BatchRejection {
    /// The message at this place lacks it.
    pub fn of(index: usize, error: impl Into<HandlerError>) -> Self {
        Self {
            index: Some(index),
            error: error.into(),
        }
    }

    /// The batch as a whole lacks it.
    pub fn of_all(error: impl Into<HandlerError>) -> Self {
        Self {
            index: None,
            error: error.into(),
        }
    }
}

impl<S: Sync, T: FromRef<S>> FromBatch<S> for State<T> {
    async fn from_batch(_deliveries: &[Delivery], state: &S) -> Result<Self, BatchRejection> {
        Ok(Self(T::from_ref(state)))
    }
}

impl<S: Sync> FromBatch<S> for QueueName {
    async fn from_batch(deliveries: &[Delivery], _state: &S) -> Result<Self, BatchRejection> {
        Ok(Self(
            deliveries
                .first()
                .map(|first| first.queue_name().to_owned())
                .unwrap_or_default(),
        ))
    }
}

impl<S: Sync, T: FromDelivery<S> + Send> FromBatch<S> for Vec<T> {
    async fn from_batch(deliveries: &[Delivery], state: &S) -> Result<Self, BatchRejection> {
        let mut all = Self::with_capacity(deliveries.len());
        for (index, delivery) in deliveries.iter().enumerate() {
            let extracted = T::from_delivery(delivery, state).await;
            all.push(extracted.map_err(|rejection| BatchRejection::of(index, rejection))?);
        }
        Ok(all)
    }
}

macro_rules! tuples {
    ($($extractor:ident)*) => {
        #[diagnostic::do_not_recommend]
        #[allow(non_snake_case, unused_variables)]
        impl<S: Sync, $($extractor: FromBatch<S> + Send,)*> FromBatch<S> for ($($extractor,)*) {
            async fn from_batch(deliveries: &[Delivery], state: &S) -> Result<Self, BatchRejection> {
                $(let $extractor = $extractor::from_batch(deliveries, state).await?;)*
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
