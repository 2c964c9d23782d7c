//! What can go wrong between us and SQS, sorted by what to do about it.

use std::{error::Error as StdError, fmt, time::Duration};

use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::error::display::DisplayErrorContext;

use crate::{backoff::Schedule, handler::BoxError};

/// The kind of a failed SQS call: what it means for the worker, not which of SQS's codes it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorClass {
    /// SQS or KMS asked for fewer requests.
    Throttled,
    /// No usable answer: connection refused or lost, a time-out, HTTP 5xx.
    Unavailable,
    /// The queue has as many messages in flight as SQS allows (about 120 000).
    OverLimit,
    /// The queue does not exist, or not in this region and account.
    QueueMissing,
    /// The credentials are valid but may not do this.
    AccessDenied,
    /// There are no credentials, or SQS does not accept them (expired, unknown).
    Credentials,
    /// The queue's encryption key cannot be used.
    Kms,
    /// The receipt handle is no longer good: the lease is over.
    HandleGone,
    /// The request itself is wrong.
    Rejected,
}

impl ErrorClass {
    /// Whether the same request may succeed later without anybody changing anything.
    pub const fn is_transient(self) -> bool {
        matches!(self, Self::Throttled | Self::Unavailable | Self::OverLimit)
    }

    /// How long to wait before polling again after this error, by how often it came in a row. Never zero: a poll
    /// loop without a delay turns one wrong permission into a bill.
    pub(crate) const fn poll_schedule(self) -> Schedule {
        match self {
            Self::Throttled | Self::Unavailable | Self::HandleGone => {
                Schedule::new(Duration::from_secs(1), Duration::from_secs(30))
            }
            Self::OverLimit => Schedule::new(Duration::from_secs(5), Duration::from_secs(30)),
            Self::QueueMissing | Self::AccessDenied | Self::Credentials | Self::Kms | Self::Rejected => {
                Schedule::new(Duration::from_secs(5), Duration::from_secs(60))
            }
        }
    }

    /// Sorts SQS's error codes; `status` helps where the code is missing or unknown.
    fn of_code(code: &str, message: &str, status: Option<u16>) -> Self {
        let code = code.strip_prefix("AWS.SimpleQueueService.").unwrap_or(code);
        match code {
            "QueueDoesNotExist" | "NonExistentQueue" | "QueueDeletedRecently" => Self::QueueMissing,
            "OverLimit" => Self::OverLimit,
            "KMS.ThrottlingException" | "KmsThrottled" => Self::Throttled,
            "ReceiptHandleIsInvalid" | "MessageNotInflight" => Self::HandleGone,
            "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" | "InvalidSecurity" => {
                Self::AccessDenied
            }
            "ExpiredToken"
            | "ExpiredTokenException"
            | "InvalidClientTokenId"
            | "UnrecognizedClientException"
            | "SignatureDoesNotMatch"
            | "InvalidSignatureException"
            | "RequestExpired"
            | "MissingAuthenticationToken"
            | "MissingAuthenticationTokenException"
            | "IncompleteSignature"
            | "InvalidAccessKeyId" => Self::Credentials,
            "InternalError" | "InternalFailure" | "ServiceUnavailable" | "RequestTimeout" => {
                Self::Unavailable
            }
            _ if code.contains("Throttl")
                || matches!(
                    code,
                    "SlowDown" | "TooManyRequestsException" | "RequestLimitExceeded"
                ) =>
            {
                Self::Throttled
            }
            _ if code.starts_with("KMS.") || code.starts_with("Kms") => Self::Kms,
            // An expired handle and a spent 12-hour budget both come as InvalidParameterValue.
            _ if message.contains("receipt handle")
                || message.contains("Total VisibilityTimeout")
                || message.contains("not available for visibility timeout change") =>
            {
                Self::HandleGone
            }
            _ => match status {
                Some(429) => Self::Throttled,
                Some(500..) => Self::Unavailable,
                Some(401 | 403) => Self::AccessDenied,
                _ => Self::Rejected,
            },
        }
    }
}

/// A call to SQS that failed: which, on which queue, why, and what to do about it.
///
/// Its text is one sentence or two that can be read alone; [`source`](StdError::source) has the SDK's own error.
#[derive(Debug)]
pub struct SqsError {
    action: &'static str,
    queue: String,
    class: ErrorClass,
    code: Option<String>,
    message: String,
    source: Option<BoxError>,
}

impl SqsError {
    /// Sorts an SDK error. `action` is the IAM action without its prefix, for example `ReceiveMessage`.
    pub(crate) fn from_sdk<E>(action: &'static str, queue: &str, error: SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        let code = error.code().map(str::to_owned);
        let status = error.raw_response().map(|response| response.status().as_u16());
        let (class, message) = match &error {
            SdkError::TimeoutError(_) => (
                ErrorClass::Unavailable,
                "no answer within the time-out".to_owned(),
            ),
            SdkError::DispatchFailure(failure) => dispatch_failure(failure),
            SdkError::ConstructionFailure(_) => {
                (ErrorClass::Rejected, DisplayErrorContext(&error).to_string())
            }
            _ => {
                let message = error.message().unwrap_or("no message").to_owned();
                (
                    ErrorClass::of_code(code.as_deref().unwrap_or(""), &message, status),
                    message,
                )
            }
        };
        Self {
            action,
            queue: queue.to_owned(),
            class,
            code,
            message,
            source: Some(Box::new(error)),
        }
    }

    /// Sorts one entry of a batch answer's `Failed` list.
    pub(crate) fn from_entry(
        action: &'static str,
        queue: &str,
        entry: &aws_sdk_sqs::types::BatchResultErrorEntry,
    ) -> Self {
        let message = entry.message().unwrap_or("no message").to_owned();
        let class = match ErrorClass::of_code(entry.code(), &message, None) {
            // SQS says itself whether the entry was at fault.
            ErrorClass::Rejected if !entry.sender_fault() => ErrorClass::Unavailable,
            class => class,
        };
        Self {
            action,
            queue: queue.to_owned(),
            class,
            code: Some(entry.code().to_owned()),
            message,
            source: None,
        }
    }

    /// An answer that does not mention one of the entries it was asked about.
    pub(crate) fn unanswered(action: &'static str, queue: &str) -> Self {
        Self::local(
            action,
            queue,
            ErrorClass::Unavailable,
            "the answer does not mention this entry",
        )
    }

    /// An error found on our side, before a call or in its answer.
    pub(crate) fn local(
        action: &'static str,
        queue: &str,
        class: ErrorClass,
        message: impl Into<String>,
    ) -> Self {
        Self {
            action,
            queue: queue.to_owned(),
            class,
            code: None,
            message: message.into(),
            source: None,
        }
    }

    /// The same error for another entry of the same call. The SDK's error stays with the original.
    pub(crate) fn duplicate(&self) -> Self {
        Self {
            action: self.action,
            queue: self.queue.clone(),
            class: self.class,
            code: self.code.clone(),
            message: self.message.clone(),
            source: None,
        }
    }

    /// What the error means.
    pub fn class(&self) -> ErrorClass {
        self.class
    }

    /// SQS's error code, if SQS answered.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// The queue, as the user named it.
    pub fn queue(&self) -> &str {
        &self.queue
    }

    /// The IAM action without its prefix, for example `ReceiveMessage`.
    pub fn action(&self) -> &'static str {
        self.action
    }

    fn advice(&self) -> String {
        match self.class {
            ErrorClass::Throttled => "it is tried again more slowly".into(),
            ErrorClass::Unavailable => {
                "check the endpoint, the region and the network between here and there".into()
            }
            ErrorClass::OverLimit => {
                "about 120 000 messages are in flight: finish or release some, or use more queues".into()
            }
            ErrorClass::QueueMissing => {
                "create the queue, or correct its name, the region or the account of the credentials".into()
            }
            ErrorClass::AccessDenied => format!("add sqs:{} on this queue to the role", self.action),
            ErrorClass::Credentials => "renew or set the AWS credentials".into(),
            ErrorClass::Kms => {
                "check that the queue's KMS key is enabled and that the role may use it".into()
            }
            ErrorClass::HandleGone => {
                "the message's lease is over and another consumer may have it: raise the visibility timeout"
                    .into()
            }
            ErrorClass::Rejected => "the request is wrong as it stands and is not sent again".into(),
        }
    }
}

fn dispatch_failure(
    failure: &aws_smithy_runtime_api::client::result::DispatchFailure,
) -> (ErrorClass, String) {
    let connector = failure.as_connector_error();
    let text = connector.map_or_else(
        || "the request could not be sent".into(),
        |e| innermost(e).to_string(),
    );
    let lowered = text.to_lowercase();
    // The SDK reports missing credentials as a failure to dispatch.
    if lowered.contains("credentials") || lowered.contains("identity") {
        return (ErrorClass::Credentials, text);
    }
    let what = match connector {
        Some(error) if error.is_timeout() => "no connection within the time-out",
        _ => "no connection",
    };
    (ErrorClass::Unavailable, format!("{what}: {text}"))
}

fn innermost<'a>(error: &'a (dyn StdError + 'static)) -> &'a (dyn StdError + 'static) {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error
}

impl fmt::Display for SqsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "sqs:{} on queue `{}` failed: {}",
            self.action,
            self.queue,
            self.message.trim_end_matches('.')
        )?;
        if let Some(code) = &self.code {
            write!(f, " ({code})")?;
        }
        write!(f, "; {}", self.advice())
    }
}

impl StdError for SqsError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_by_what_to_do() {
        let class = |code, message, status| ErrorClass::of_code(code, message, status);
        assert_eq!(
            class("AWS.SimpleQueueService.NonExistentQueue", "", Some(400)),
            ErrorClass::QueueMissing
        );
        assert_eq!(class("OverLimit", "", Some(403)), ErrorClass::OverLimit);
        assert_eq!(
            class("KMS.ThrottlingException", "", Some(400)),
            ErrorClass::Throttled
        );
        assert_eq!(class("KMS.DisabledException", "", Some(400)), ErrorClass::Kms);
        assert_eq!(class("RequestThrottled", "", Some(403)), ErrorClass::Throttled);
        assert_eq!(class("ExpiredToken", "", Some(403)), ErrorClass::Credentials);
        assert_eq!(class("SomethingNew", "", Some(403)), ErrorClass::AccessDenied);
        assert_eq!(class("SomethingNew", "", Some(503)), ErrorClass::Unavailable);
        assert_eq!(class("SomethingNew", "", Some(400)), ErrorClass::Rejected);
    }

    #[test]
    fn an_expired_handle_is_known_by_its_text() {
        for text in [
            "Value abc for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.",
            "Value 43200 for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the message is beyond the limit [43200 seconds].",
        ] {
            assert_eq!(
                ErrorClass::of_code("InvalidParameterValue", text, Some(400)),
                ErrorClass::HandleGone
            );
        }
    }

    #[test]
    fn no_class_polls_again_without_a_delay() {
        use ErrorClass::*;
        for class in [
            Throttled,
            Unavailable,
            OverLimit,
            QueueMissing,
            AccessDenied,
            Credentials,
            Kms,
            HandleGone,
            Rejected,
        ] {
            assert!(
                class.poll_schedule().delay(1) >= Duration::from_secs(1),
                "{class:?}"
            );
        }
    }

    #[test]
    fn the_text_names_queue_action_code_and_cure() {
        let error = SqsError {
            action: "ReceiveMessage",
            queue: "orders".into(),
            class: ErrorClass::AccessDenied,
            code: Some("AccessDenied".into()),
            message: "User is not authorized.".into(),
            source: None,
        };
        assert_eq!(
            error.to_string(),
            "sqs:ReceiveMessage on queue `orders` failed: User is not authorized (AccessDenied); \
             add sqs:ReceiveMessage on this queue to the role"
        );
    }
}
