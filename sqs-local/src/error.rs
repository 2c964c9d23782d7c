//! One error type and one table of what AWS calls each error.

use std::borrow::Cow;
use std::fmt;

use crate::api::Answer;

/// Why a request was refused, as SQS names it.
///
/// Each kind is one row of the error table: the shape in the JSON protocol's `__type`, the code of the query protocol
/// (which the JSON protocol repeats in the header `x-amzn-query-error`), and the HTTP status.
///
/// Source: the Smithy model of `com.amazonaws.sqs` (trait `aws.protocols#awsQueryError`) and answers recorded on AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The queue does not exist (any more).
    QueueDoesNotExist,
    /// A queue of this name exists with other attributes.
    QueueNameExists,
    /// A queue of this name was deleted less than 60 s ago.
    QueueDeletedRecently,
    /// The queue was purged less than 60 s ago.
    PurgeQueueInProgress,
    /// The receipt handle is not one that this queue gave out.
    ReceiptHandleIsInvalid,
    /// The message is not in flight.
    MessageNotInflight,
    /// A limit of the account or of the queue is reached, such as 120 000 messages in flight.
    OverLimit,
    /// Too many requests: slow down.
    RequestThrottled,
    /// The queue or task behind an ARN does not exist.
    ResourceNotFound,
    /// Two entries of a batch have the same id.
    BatchEntryIdsNotDistinct,
    /// The messages of a batch are longer than 1 MiB together.
    BatchRequestTooLong,
    /// A batch without entries.
    EmptyBatchRequest,
    /// An entry's id has characters it may not have, or too many.
    InvalidBatchEntryId,
    /// More than ten entries in a batch.
    TooManyEntriesInBatchRequest,
    /// The operation is not possible on this queue.
    UnsupportedOperation,
    /// No queue attribute has this name.
    InvalidAttributeName,
    /// A queue attribute's value is out of range.
    InvalidAttributeValue,
    /// The body has characters that a message may not have.
    InvalidMessageContents,
    /// The request is not signed, or its signature is wrong.
    InvalidSecurity,
    /// The address does not name a queue.
    InvalidAddress,
    /// A parameter's value is out of range. Not in the model, but what AWS sends.
    InvalidParameterValue,
    /// A parameter is missing. Not in the model, but what AWS sends.
    MissingParameter,
    /// The action does not exist.
    InvalidAction,
    /// No action was named at all.
    UnknownOperation,
    /// The body of the request could not be read as the protocol says.
    Serialization,
    /// The caller may not do this.
    AccessDenied,
    /// The temporary credentials of the caller have expired.
    ExpiredToken,
    /// The access key of the caller is not known.
    InvalidClientTokenId,
    /// The request was signed too long ago, or in the future.
    RequestExpired,
    /// An entry of a batch failed inside the service.
    InternalError,
    /// Something broke inside the service (HTTP 500).
    InternalFailure,
    /// The service cannot take requests at the moment (HTTP 503).
    ServiceUnavailable,
    /// The request is larger than the server takes (HTTP 413).
    RequestTooLarge,
    /// No answer at all: the connection ends. Only faults make it.
    Disconnected,
}

impl ErrorKind {
    /// The shape, the query code and the HTTP status.
    const fn row(self) -> (&'static str, &'static str, u16) {
        match self {
            Self::QueueDoesNotExist => (
                "QueueDoesNotExist",
                "AWS.SimpleQueueService.NonExistentQueue",
                400,
            ),
            Self::QueueNameExists => ("QueueNameExists", "QueueAlreadyExists", 400),
            Self::QueueDeletedRecently => (
                "QueueDeletedRecently",
                "AWS.SimpleQueueService.QueueDeletedRecently",
                400,
            ),
            Self::PurgeQueueInProgress => (
                "PurgeQueueInProgress",
                "AWS.SimpleQueueService.PurgeQueueInProgress",
                403,
            ),
            Self::ReceiptHandleIsInvalid => ("ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", 404),
            Self::MessageNotInflight => (
                "MessageNotInflight",
                "AWS.SimpleQueueService.MessageNotInflight",
                400,
            ),
            Self::OverLimit => ("OverLimit", "OverLimit", 403),
            Self::RequestThrottled => ("RequestThrottled", "RequestThrottled", 403),
            Self::ResourceNotFound => ("ResourceNotFoundException", "ResourceNotFoundException", 404),
            Self::BatchEntryIdsNotDistinct => (
                "BatchEntryIdsNotDistinct",
                "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
                400,
            ),
            Self::BatchRequestTooLong => (
                "BatchRequestTooLong",
                "AWS.SimpleQueueService.BatchRequestTooLong",
                400,
            ),
            Self::EmptyBatchRequest => (
                "EmptyBatchRequest",
                "AWS.SimpleQueueService.EmptyBatchRequest",
                400,
            ),
            Self::InvalidBatchEntryId => (
                "InvalidBatchEntryId",
                "AWS.SimpleQueueService.InvalidBatchEntryId",
                400,
            ),
            Self::TooManyEntriesInBatchRequest => (
                "TooManyEntriesInBatchRequest",
                "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
                400,
            ),
            Self::UnsupportedOperation => (
                "UnsupportedOperation",
                "AWS.SimpleQueueService.UnsupportedOperation",
                400,
            ),
            Self::InvalidAttributeName => ("InvalidAttributeName", "InvalidAttributeName", 400),
            Self::InvalidAttributeValue => ("InvalidAttributeValue", "InvalidAttributeValue", 400),
            Self::InvalidMessageContents => ("InvalidMessageContents", "InvalidMessageContents", 400),
            Self::InvalidSecurity => ("InvalidSecurity", "InvalidSecurity", 403),
            Self::InvalidAddress => ("InvalidAddress", "InvalidAddress", 404),
            Self::InvalidParameterValue => ("InvalidParameterValueException", "InvalidParameterValue", 400),
            Self::MissingParameter => ("MissingRequiredParameterException", "MissingParameter", 400),
            Self::InvalidAction => ("InvalidAction", "InvalidAction", 400),
            Self::UnknownOperation => ("UnknownOperationException", "UnknownOperationException", 404),
            Self::Serialization => ("SerializationException", "MalformedInput", 400),
            Self::AccessDenied => ("AccessDeniedException", "AccessDenied", 403),
            Self::ExpiredToken => ("ExpiredTokenException", "ExpiredToken", 403),
            Self::InvalidClientTokenId => ("InvalidClientTokenId", "InvalidClientTokenId", 403),
            Self::RequestExpired => ("RequestExpired", "RequestExpired", 403),
            Self::InternalError => ("InternalError", "InternalError", 500),
            Self::InternalFailure => ("InternalFailure", "InternalFailure", 500),
            Self::ServiceUnavailable => ("ServiceUnavailable", "ServiceUnavailable", 503),
            Self::RequestTooLarge => ("RequestEntityTooLarge", "RequestEntityTooLarge", 413),
            Self::Disconnected => ("Disconnected", "Disconnected", 500),
        }
    }

    /// The name of the shape, as in `"__type": "com.amazonaws.sqs#QueueDoesNotExist"`.
    pub const fn shape(self) -> &'static str {
        self.row().0
    }

    /// The code of the query protocol, such as `AWS.SimpleQueueService.NonExistentQueue`. The SDKs match on it.
    pub const fn code(self) -> &'static str {
        self.row().1
    }

    /// The HTTP status.
    pub const fn status(self) -> u16 {
        self.row().2
    }

    /// Whether the request is to blame (a status below 500) and not the service.
    pub const fn is_sender_fault(self) -> bool {
        self.status() < 500
    }

    /// Whether the shape is in the SQS model; the others carry another namespace in `__type`.
    pub(crate) const fn is_modelled(self) -> bool {
        !matches!(
            self,
            Self::InvalidAction
                | Self::UnknownOperation
                | Self::Serialization
                | Self::AccessDenied
                | Self::ExpiredToken
                | Self::InvalidClientTokenId
                | Self::RequestExpired
                | Self::InternalError
                | Self::InternalFailure
                | Self::ServiceUnavailable
                | Self::RequestTooLarge
                | Self::Disconnected
        )
    }
}

/// A refused request: a [kind](ErrorKind) and the text AWS would send with it.
#[derive(Clone)]
pub struct Error {
    kind: ErrorKind,
    message: Cow<'static, str>,
    effect: Option<Box<Result<Answer, Error>>>,
}

impl Error {
    /// An error of this kind with this text.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            message: message.into(),
            effect: None,
        }
    }

    /// The answer was made, and then lost on its way: the caller sees a connection that ends.
    pub fn lost(effect: Result<Answer, Self>) -> Self {
        let mut lost = Self::new(
            ErrorKind::Disconnected,
            "the connection was closed before the answer was sent",
        );
        lost.effect = Some(Box::new(effect));
        lost
    }

    /// What happened.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The text for people.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What the service did before the answer was lost, if that is what happened; see [`Error::lost`].
    pub fn effect(&self) -> Option<&Result<Answer, Self>> {
        self.effect.as_deref()
    }

    pub(crate) fn invalid_value(name: &str, value: impl fmt::Display, reason: impl fmt::Display) -> Self {
        Self::new(
            ErrorKind::InvalidParameterValue,
            format!("Value {value} for parameter {name} is invalid. Reason: {reason}"),
        )
    }

    pub(crate) fn invalid_attribute(name: &str) -> Self {
        Self::new(
            ErrorKind::InvalidAttributeValue,
            format!("Invalid value for the parameter {name}."),
        )
    }

    pub(crate) fn missing(name: &str) -> Self {
        Self::new(
            ErrorKind::MissingParameter,
            format!("The request must contain the parameter {name}."),
        )
    }

    pub(crate) fn no_queue() -> Self {
        Self::new(
            ErrorKind::QueueDoesNotExist,
            "The specified queue does not exist.",
        )
    }

    pub(crate) fn serialization(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Serialization, message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.kind)
            .field("message", &self.message)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.code(), self.message)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_the_code_clients_match_on() {
        let error = Error::no_queue();
        assert_eq!(
            error.to_string(),
            "AWS.SimpleQueueService.NonExistentQueue: The specified queue does not exist."
        );
    }
}
