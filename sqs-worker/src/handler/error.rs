//! An error that knows what becomes of the message.

use std::{error::Error, fmt, time::Duration};

use super::Outcome;

/// Any error, as `tower` and the standard library box it.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// Why a handler failed, and what becomes of its message.
///
/// Every error converts into one with `?`, and is then tried again: most failures pass. Those that do not are
/// marked where they happen, with [`ResultExt`](super::ResultExt):
///
/// ```
/// use sqs_worker::{HandlerError, ResultExt, handler::Disposition};
///
/// fn parse(amount: &str) -> Result<u64, HandlerError> {
///     Ok(amount.parse::<u64>().or_dead_letter()?) // the same text fails again tomorrow
/// }
///
/// let error = parse("ten").unwrap_err();
/// assert_eq!(error.disposition(), Disposition::DeadLetter);
/// assert_eq!(error.to_string(), "invalid digit found in string");
/// ```
///
/// It does not implement [`Error`] itself, or it could not be made from every error. Where an [`Error`] is
/// asked for, convert it into a [`BoxError`]: [`from_boxed`](Self::from_boxed) gives it back unharmed.
pub struct HandlerError {
    source: BoxError,
    then: Disposition,
}

/// What becomes of a message whose handler failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Disposition {
    /// It is received again.
    Retry {
        /// How long it stays hidden; `None` takes the delay of the handler's retry schedule.
        after: Option<Duration>,
    },
    /// It goes to the dead-letter queue.
    DeadLetter,
    /// It is deleted: the failure does not matter.
    Drop,
}

impl HandlerError {
    /// This error; the message is tried again after the delay of the handler's retry schedule.
    pub fn retry(error: impl Into<BoxError>) -> Self {
        Self::new(error, Disposition::Retry { after: None })
    }

    /// This error; the message is tried again after this long, at most what is left of its 12 hours.
    pub fn retry_after(error: impl Into<BoxError>, delay: Duration) -> Self {
        Self::new(error, Disposition::Retry { after: Some(delay) })
    }

    /// This error; the message goes to the dead-letter queue.
    pub fn dead_letter(error: impl Into<BoxError>) -> Self {
        Self::new(error, Disposition::DeadLetter)
    }

    /// This error; the message is deleted all the same.
    pub fn drop(error: impl Into<BoxError>) -> Self {
        Self::new(error, Disposition::Drop)
    }

    /// An error of nothing but this text; the message is tried again.
    ///
    /// ```
    /// let error = sqs_worker::HandlerError::msg("the warehouse is closed");
    /// assert_eq!(error.to_string(), "the warehouse is closed");
    /// ```
    pub fn msg(text: impl fmt::Display) -> Self {
        Self::retry(text.to_string())
    }

    /// This error with this disposition.
    ///
    /// A `HandlerError` that comes boxed is opened, so that errors do not pile up; its disposition is replaced.
    pub fn new(error: impl Into<BoxError>, then: Disposition) -> Self {
        Self {
            source: Self::from_boxed(error.into()).source,
            then,
        }
    }

    /// Opens a box: a `HandlerError` that was boxed comes out as it went in, any other error is tried again.
    ///
    /// A layer whose error is a [`BoxError`], as tower's own are, so keeps what the handler decided.
    ///
    /// ```
    /// use sqs_worker::{HandlerError, handler::{BoxError, Disposition}};
    ///
    /// let boxed: BoxError = HandlerError::dead_letter("no such customer").into();
    /// assert_eq!(HandlerError::from_boxed(boxed).disposition(), Disposition::DeadLetter);
    /// ```
    pub fn from_boxed(error: BoxError) -> Self {
        match error.downcast::<Carried>() {
            Ok(carried) => carried.0,
            Err(source) => Self {
                source,
                then: Disposition::Retry { after: None },
            },
        }
    }

    /// The same error with another disposition.
    #[must_use]
    pub fn then(mut self, then: Disposition) -> Self {
        self.then = then;
        self
    }

    /// What becomes of the message.
    pub fn disposition(&self) -> Disposition {
        self.then
    }

    /// The error itself.
    pub fn source(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.source
    }

    /// The error's text, then the text of what caused it, outermost first.
    ///
    /// A text that the one before it already ends with is left out: many errors repeat their cause.
    pub fn chain(&self) -> Vec<String> {
        let mut texts: Vec<String> = vec![self.source.to_string()];
        let mut cause = self.source.source();
        while let Some(error) = cause {
            let text = error.to_string();
            if !texts.last().is_some_and(|last| last.ends_with(&text)) {
                texts.push(text);
            }
            cause = error.source();
        }
        texts
    }

    /// The outcome this error amounts to: what a worker does when no layer deals with the error.
    pub fn into_outcome(self) -> Outcome {
        match self.then {
            Disposition::Retry { after } => Outcome::Retry { after },
            Disposition::DeadLetter => Outcome::dead_letter(self.to_string()),
            Disposition::Drop => Outcome::Ack,
        }
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for HandlerError {
    fn from(error: E) -> Self {
        Self::retry(error)
    }
}

/// What a handler may fail with: any error type, [`HandlerError`], a [`BoxError`], or text.
///
/// Implemented for all of them; there is nothing to implement.
#[diagnostic::on_unimplemented(
    message = "a handler cannot fail with `{Self}`",
    label = "`{Self}` is not an error",
    note = "implement `std::error::Error` for it (`#[derive(thiserror::Error)]`), return `HandlerError`, or `String`",
    note = "it has to be `Send + Sync + 'static` too: the worker carries it to another thread"
)]
pub trait IntoHandlerError {
    /// The error, with the disposition it carries; a plain one is tried again.
    fn into_handler_error(self) -> HandlerError;
}

#[diagnostic::do_not_recommend]
impl<E: Into<BoxError>> IntoHandlerError for E {
    fn into_handler_error(self) -> HandlerError {
        HandlerError::from_boxed(self.into())
    }
}

impl From<HandlerError> for BoxError {
    fn from(error: HandlerError) -> Self {
        Box::new(Carried(error))
    }
}

/// The whole chain, joined by `: `.
impl fmt::Display for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.chain().join(": "))
    }
}

impl fmt::Debug for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandlerError")
            .field("source", &self.source)
            .field("then", &self.then)
            .finish()
    }
}

/// A `HandlerError` inside a [`BoxError`].
#[derive(Debug)]
struct Carried(HandlerError);

impl fmt::Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.source.fmt(f)
    }
}

impl Error for Carried {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source.source()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the charge failed")]
    struct Charge(#[source] Declined);

    #[derive(Debug, thiserror::Error)]
    #[error("declined")]
    struct Declined;

    #[test]
    fn the_text_is_the_whole_chain() {
        let error = HandlerError::from(Charge(Declined));
        assert_eq!(error.to_string(), "the charge failed: declined");
        assert_eq!(error.chain(), ["the charge failed", "declined"]);
    }

    #[test]
    fn a_cause_that_the_text_repeats_is_said_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("the charge failed: {0}")]
        struct Repeats(#[source] Declined);
        assert_eq!(
            HandlerError::from(Repeats(Declined)).to_string(),
            "the charge failed: declined"
        );
    }

    #[test]
    fn a_box_gives_back_what_went_in() {
        let boxed: BoxError = HandlerError::drop(Charge(Declined)).into();
        assert_eq!(boxed.to_string(), "the charge failed");
        let error = HandlerError::from_boxed(boxed);
        assert_eq!(error.disposition(), Disposition::Drop);
        assert!(error.source().is::<Charge>());
    }

    #[test]
    fn a_boxed_handler_error_is_opened_before_it_is_wrapped_again() {
        let inner = HandlerError::retry(Declined);
        let outer = HandlerError::dead_letter(inner);
        assert!(outer.source().is::<Declined>());
        assert_eq!(outer.disposition(), Disposition::DeadLetter);
    }

    #[test]
    fn each_disposition_is_an_outcome() {
        assert_eq!(HandlerError::retry("x").into_outcome(), Outcome::retry());
        assert_eq!(
            HandlerError::dead_letter("x").into_outcome(),
            Outcome::dead_letter("x")
        );
        assert_eq!(HandlerError::drop("x").into_outcome(), Outcome::Ack);
    }
}
