//! What a handler may return.

use super::{HandlerError, IntoHandlerError, Outcome};

/// What a handler of the message `M` may return: `()`, [`Outcome`], [`Reply`](super::Reply), or a `Result` of one
/// of them over any error.
///
/// `()` and an `Ok(())` acknowledge the message. An error decides by itself what becomes of it: see
/// [`HandlerError`].
///
/// ```
/// use sqs_worker::handler::{Disposition, IntoOutcome};
/// use sqs_worker::{HandlerError, Outcome};
///
/// fn outcome(returned: impl IntoOutcome<()>) -> Result<Outcome, HandlerError> {
///     returned.into_outcome()
/// }
///
/// assert_eq!(outcome(()).unwrap(), Outcome::Ack);
/// let failed: Result<(), &str> = Err("the bank is closed");
/// assert_eq!(outcome(failed).unwrap_err().disposition(), Disposition::Retry { after: None });
/// ```
#[diagnostic::on_unimplemented(
    message = "a handler of `{M}` cannot return `{Self}`",
    label = "not something a handler may return",
    note = "return `()`, `Outcome`, `Reply<R>`, or `Result<one of them, E>` with any error type `E`"
)]
pub trait IntoOutcome<M> {
    /// Whether it answers a request: `true` for [`Reply`](super::Reply) and a `Result` of it.
    const REPLIES: bool = false;

    /// The outcome, or the error that decides.
    ///
    /// # Errors
    ///
    /// When the handler returned one.
    fn into_outcome(self) -> Result<Outcome, HandlerError>;
}

impl<M> IntoOutcome<M> for () {
    fn into_outcome(self) -> Result<Outcome, HandlerError> {
        Ok(Outcome::Ack)
    }
}

impl<M> IntoOutcome<M> for Outcome {
    fn into_outcome(self) -> Result<Outcome, HandlerError> {
        Ok(self)
    }
}

impl<M, T, E> IntoOutcome<M> for Result<T, E>
where
    T: IntoOutcome<M>,
    E: IntoHandlerError,
{
    const REPLIES: bool = T::REPLIES;

    fn into_outcome(self) -> Result<Outcome, HandlerError> {
        self.map_err(E::into_handler_error)?.into_outcome()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::handler::Disposition;

    fn outcome(returned: impl IntoOutcome<()>) -> Result<Outcome, HandlerError> {
        returned.into_outcome()
    }

    #[test]
    fn unit_acknowledges() {
        assert_eq!(outcome(()).unwrap(), Outcome::Ack);
        assert_eq!(outcome(Ok::<(), HandlerError>(())).unwrap(), Outcome::Ack);
    }

    #[test]
    fn an_outcome_is_taken_as_it_is() {
        assert_eq!(
            outcome(Ok::<_, HandlerError>(Outcome::retry())).unwrap(),
            Outcome::retry()
        );
    }

    #[test]
    fn any_error_retries() {
        let error = outcome(Err::<(), _>(std::io::Error::other("down"))).unwrap_err();
        assert_eq!(error.disposition(), Disposition::Retry { after: None });
        assert_eq!(outcome(Err::<(), _>("text")).unwrap_err().to_string(), "text");
    }

    #[test]
    fn a_handler_error_keeps_its_disposition() {
        let later = HandlerError::retry_after("busy", Duration::from_secs(9));
        let error = outcome(Err::<(), _>(later)).unwrap_err();
        assert_eq!(
            error.disposition(),
            Disposition::Retry {
                after: Some(Duration::from_secs(9))
            }
        );
    }
}
