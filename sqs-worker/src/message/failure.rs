//! Why a message is in a dead-letter queue.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

/// The record a worker adds to a message that it sends to a dead-letter queue.
///
/// It travels in [`Headers::failure`](super::Headers::failure), so that whoever looks at the dead-letter queue
/// sees what failed without searching logs.
///
/// ```
/// use std::time::SystemTime;
/// use sqs_worker::message::{FailureRecord, Headers};
///
/// let record = FailureRecord {
///     error: vec!["the charge failed".to_owned(), "card declined".to_owned()],
///     attempts: 3,
///     handler: Some("charge".to_owned()),
///     ..FailureRecord::new("the charge failed: card declined", "orders", SystemTime::UNIX_EPOCH)
/// };
/// let headers = Headers { failure: Some(record), ..Headers::default() };
/// assert!(headers.encode().contains(r#""failed-at":0,"queue":"orders","handler":"charge""#));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FailureRecord {
    /// Why it was given up, in one sentence.
    pub reason: String,
    /// The error, then what caused it, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub error: Vec<String>,
    /// How often SQS had delivered it.
    pub attempts: u32,
    /// When SQS delivered it for the first time.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "super::headers::optional_millis"
    )]
    pub first_received: Option<SystemTime>,
    /// When it was given up.
    #[serde(with = "super::headers::millis")]
    pub failed_at: SystemTime,
    /// The queue it came from.
    pub queue: String,
    /// The handler that gave it up; `None` when no handler took it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handler: Option<String>,
    /// Its id in the queue it came from: it has another one in the dead-letter queue.
    pub message_id: String,
    /// Its deduplication id in the queue it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dedup_id: Option<String>,
}

impl FailureRecord {
    /// A record with nothing but the required parts.
    pub fn new(reason: impl Into<String>, queue: impl Into<String>, failed_at: SystemTime) -> Self {
        Self {
            reason: reason.into(),
            error: Vec::new(),
            attempts: 1,
            first_received: None,
            failed_at,
            queue: queue.into(),
            handler: None,
            message_id: String::new(),
            dedup_id: None,
        }
    }
}
