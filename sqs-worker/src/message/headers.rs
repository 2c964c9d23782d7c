//! The framework's own attribute: several headers packed into one.
//!
//! SQS allows ten attributes a message. Everything the framework has to say beside the name and the content
//! type shares one attribute, [`HEADERS_ATTRIBUTE`](super::HEADERS_ATTRIBUTE), as a compact JSON object.

use std::{collections::BTreeMap, time::SystemTime};

use serde::{Deserialize, Serialize};

use super::FailureRecord;

/// What the framework says about a message, packed into one attribute.
///
/// Unknown keys are ignored when read, so that an older worker reads what a newer one wrote.
///
/// ```
/// use sqs_worker::message::Headers;
///
/// let headers = Headers { version: Some(2), ..Headers::default() };
/// assert_eq!(headers.encode(), r#"{"version":2}"#);
/// assert_eq!(Headers::parse(r#"{"version":2,"later":true}"#)?, headers);
/// # Ok::<(), sqs_worker::message::HeadersError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Headers {
    /// The version of the payload's shape.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// Ties a reply to its request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// The queue, by URL or name, that the reply goes to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// When the answer stops being useful; on the wire in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none", with = "optional_millis")]
    pub deadline: Option<SystemTime>,
    /// Why a request was given up: this is what came in place of its reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// Why the message is in this dead-letter queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<FailureRecord>,
    /// Headers that applications added.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, String>,
}

impl Headers {
    /// The attribute's value: a JSON object without spaces, empty parts left out.
    pub fn encode(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads the attribute's value.
    ///
    /// # Errors
    ///
    /// When it is not the JSON object that [`encode`](Self::encode) writes.
    pub fn parse(text: &str) -> Result<Self, HeadersError> {
        serde_json::from_str(text).map_err(HeadersError)
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The packed attribute of a message is not what this framework writes.
#[derive(Debug, thiserror::Error)]
#[error(
    "the attribute `{}` is not the JSON object that sqs-worker writes",
    super::HEADERS_ATTRIBUTE
)]
pub struct HeadersError(#[source] serde_json::Error);

/// A time as milliseconds since 1970.
pub(super) mod millis {
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        serializer.serialize_u64(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemTime, D::Error> {
        let millis = u64::deserialize(deserializer)?;
        UNIX_EPOCH
            .checked_add(Duration::from_millis(millis))
            .ok_or_else(|| serde::de::Error::custom("a time past what this system can represent"))
    }
}

/// The same for a time that may be missing.
pub(super) mod optional_millis {
    use std::time::SystemTime;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Millis(#[serde(with = "super::millis")] SystemTime);

    pub(crate) fn serialize<S: Serializer>(
        time: &Option<SystemTime>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        time.map(Millis).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<SystemTime>, D::Error> {
        Ok(Option::<Millis>::deserialize(deserializer)?.map(|millis| millis.0))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let headers = Headers {
            version: Some(3),
            correlation_id: Some("c-1".into()),
            reply_to: Some("replies".into()),
            deadline: Some(UNIX_EPOCH + Duration::from_millis(1_700_000_000_123)),
            refused: Some("no such article".into()),
            failure: Some(FailureRecord {
                error: vec!["declined".into(), "no funds".into()],
                first_received: Some(UNIX_EPOCH + Duration::from_millis(5)),
                ..FailureRecord::new("card declined", "orders", UNIX_EPOCH + Duration::from_millis(9))
            }),
            extra: BTreeMap::from([("tenant".into(), "acme".into())]),
        };
        assert_eq!(Headers::parse(&headers.encode()).unwrap(), headers);
    }

    #[test]
    fn empty_headers_are_an_empty_object() {
        assert!(Headers::default().is_empty());
        assert_eq!(Headers::default().encode(), "{}");
    }

    #[test]
    fn times_travel_as_milliseconds() {
        let headers = Headers {
            deadline: Some(UNIX_EPOCH + Duration::from_millis(1_500)),
            ..Headers::default()
        };
        assert_eq!(headers.encode(), r#"{"deadline":1500}"#);
    }

    #[test]
    fn text_that_is_not_json_names_the_attribute() {
        let error = Headers::parse("hello").unwrap_err();
        assert!(error.to_string().contains("`sqs-worker`"), "{error}");
    }

    #[test]
    fn a_time_past_the_systems_range_is_an_error_not_a_panic() {
        let text = format!(r#"{{"deadline":{}}}"#, u64::MAX);
        assert!(Headers::parse(&text).is_ok() || Headers::parse(&text).is_err());
    }
}
