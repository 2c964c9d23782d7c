//! Deciding about a message where an error happens.

use std::{error::Error, time::Duration};

use super::{BoxError, Disposition, HandlerError};

/// Says, at the place of an error, what becomes of the message.
///
/// ```
/// use sqs_worker::{HandlerError, Outcome, ResultExt};
/// # async fn charge() -> Result<(), std::io::Error> { Ok(()) }
/// # async fn send_mail() -> Result<(), std::io::Error> { Ok(()) }
///
/// async fn place() -> Result<Outcome, HandlerError> {
///     charge().await.or_dead_letter()?; // permanent
///     send_mail().await.or_drop()?;     // does not matter
///     Ok(Outcome::ack())
/// }
/// ```
pub trait ResultExt<T, E> {
    /// An error is tried again, after the delay of the handler's retry schedule; so is one with a plain `?`.
    ///
    /// # Errors
    ///
    /// The same error, with its disposition.
    fn or_retry(self) -> Result<T, HandlerError>;

    /// An error is tried again after this long, at most what is left of the message's 12 hours.
    ///
    /// # Errors
    ///
    /// The same error, with its disposition.
    fn or_retry_after(self, delay: Duration) -> Result<T, HandlerError>;

    /// An error sends the message to the dead-letter queue.
    ///
    /// # Errors
    ///
    /// The same error, with its disposition.
    fn or_dead_letter(self) -> Result<T, HandlerError>;

    /// An error deletes the message: nothing is left to do.
    ///
    /// # Errors
    ///
    /// The same error, with its disposition.
    fn or_drop(self) -> Result<T, HandlerError>;

    /// An error decides by itself, by its [`Classify`].
    ///
    /// # Errors
    ///
    /// The same error, with the disposition that it names.
    fn classify(self) -> Result<T, HandlerError>
    where
        E: Classify;
}

impl<T, E: Into<BoxError>> ResultExt<T, E> for Result<T, E> {
    fn or_retry(self) -> Result<T, HandlerError> {
        self.map_err(HandlerError::retry)
    }

    fn or_retry_after(self, delay: Duration) -> Result<T, HandlerError> {
        self.map_err(|error| HandlerError::retry_after(error, delay))
    }

    fn or_dead_letter(self) -> Result<T, HandlerError> {
        self.map_err(HandlerError::dead_letter)
    }

    fn or_drop(self) -> Result<T, HandlerError> {
        self.map_err(HandlerError::drop)
    }

    fn classify(self) -> Result<T, HandlerError>
    where
        E: Classify,
    {
        self.map_err(|error| {
            let then = error.disposition();
            HandlerError::new(error, then)
        })
    }
}

/// An error that knows by itself which of its cases are permanent; [`ResultExt::classify`] asks it.
///
/// ```
/// use sqs_worker::{HandlerError, ResultExt, handler::{Classify, Disposition}};
///
/// #[derive(Debug, thiserror::Error)]
/// enum CardError {
///     #[error("the card was declined")]
///     Declined,
///     #[error("the bank did not answer")]
///     NoAnswer,
/// }
///
/// impl Classify for CardError {
///     fn disposition(&self) -> Disposition {
///         match self {
///             Self::Declined => Disposition::DeadLetter,
///             Self::NoAnswer => Disposition::Retry { after: None },
///         }
///     }
/// }
///
/// fn charge() -> Result<(), CardError> {
///     Err(CardError::Declined)
/// }
///
/// let failed: Result<(), HandlerError> = charge().classify();
/// assert_eq!(failed.unwrap_err().disposition(), Disposition::DeadLetter);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say which of its cases are permanent",
    label = "this error does not implement `Classify`",
    note = "implement `Classify` for it, or decide here: `.or_dead_letter()?`, `.or_retry_after(delay)?`"
)]
pub trait Classify: Error + Send + Sync + 'static {
    /// What becomes of a message whose handler failed with this error.
    fn disposition(&self) -> Disposition;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn then(result: Result<(), HandlerError>) -> Disposition {
        result.unwrap_err().disposition()
    }

    #[test]
    fn each_method_says_what_becomes_of_the_message() {
        let failed = || Err::<(), _>("text");
        let (later, delay) = (
            failed().or_retry_after(Duration::from_secs(9)),
            Some(Duration::from_secs(9)),
        );
        assert_eq!(then(failed().or_retry()), Disposition::Retry { after: None });
        assert_eq!(then(later), Disposition::Retry { after: delay });
        assert_eq!(then(failed().or_dead_letter()), Disposition::DeadLetter);
        assert_eq!(then(failed().or_drop()), Disposition::Drop);
    }

    #[test]
    fn the_last_word_counts() {
        let twice = Err::<(), _>("text").or_dead_letter().or_retry();
        assert_eq!(then(twice), Disposition::Retry { after: None });
    }
}
