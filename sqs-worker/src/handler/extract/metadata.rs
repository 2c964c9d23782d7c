//! What SQS and the framework's headers say about a message.

use std::{convert::Infallible, fmt, time::SystemTime};

use super::{FromDelivery, OptionalFromDelivery};
use crate::handler::{Delivery, HandlerError};

/// The id that SQS gave the message.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MessageId(pub String);

/// The name of the queue it came from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct QueueName(pub String);

/// How often the message has been received, this time included: 1 at the first try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReceiveCount(pub u32);

/// Which attempt this is, from 1 on: the receive count, and one more for each time that the worker tried the message
/// again in place, as it does in FIFO queues ([`Delivery::attempt`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attempt(pub u32);

/// The body as it was received, beside the payload that was decoded from it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Raw(pub String);

/// When the message was sent, by the clock of SQS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SentAt(pub SystemTime);

/// When the message was received for the first time, by the clock of SQS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FirstReceivedAt(pub SystemTime);

/// The message group: what a FIFO queue keeps in order, or the tenant of a fair queue.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Group(pub String);

/// The deduplication id; FIFO queues only.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DeduplicationId(pub String);

/// What ties a reply to its request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CorrelationId(pub String);

/// When the answer stops being useful to whoever asked, by the asker's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Deadline(pub SystemTime);

/// The message lacks what the handler asks for.
///
/// It will lack it at the next try too, so the message goes to the dead-letter queue. (A rejection that were an
/// [`Error`](std::error::Error) would be tried again, as every error is.)
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MissingMetadata {
    /// What is missing, in words.
    pub what: &'static str,
    /// The extractor that asked.
    pub extractor: &'static str,
}

impl fmt::Display for MissingMetadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, extractor } = self;
        write!(
            f,
            "the message has no {what}, which its handler asks for by `{extractor}`; "
        )?;
        write!(f, "send it with one, or take `Option<{extractor}>`")
    }
}

impl From<MissingMetadata> for HandlerError {
    fn from(missing: MissingMetadata) -> Self {
        Self::dead_letter(missing.to_string())
    }
}

macro_rules! always_there {
    ($($extractor:ident: $from:expr;)+) => {$(
        impl<S: Sync> FromDelivery<S> for $extractor {
            type Rejection = Infallible;

            async fn from_delivery(delivery: &Delivery, _state: &S) -> Result<Self, Infallible> {
                let from: fn(&Delivery) -> _ = $from;
                Ok(Self(from(delivery)))
            }
        }
    )+};
}

always_there! {
    MessageId: |delivery| delivery.message_id().to_owned();
    QueueName: |delivery| delivery.queue_name().to_owned();
    ReceiveCount: |delivery| delivery.receive_count();
    Attempt: |delivery| delivery.attempt();
    Raw: |delivery| delivery.body().to_owned();
}

macro_rules! maybe_absent {
    ($($extractor:ident ($what:literal): $from:expr;)+) => {$(
        impl<S: Sync> OptionalFromDelivery<S> for $extractor {
            type Rejection = Infallible;

            async fn from_delivery(delivery: &Delivery, _state: &S) -> Result<Option<Self>, Infallible> {
                let from: fn(&Delivery) -> Option<_> = $from;
                Ok(from(delivery).map(Self))
            }
        }

        impl<S: Sync> FromDelivery<S> for $extractor {
            type Rejection = MissingMetadata;

            async fn from_delivery(delivery: &Delivery, _state: &S) -> Result<Self, MissingMetadata> {
                let from: fn(&Delivery) -> Option<_> = $from;
                let missing = MissingMetadata { what: $what, extractor: stringify!($extractor) };
                from(delivery).map(Self).ok_or(missing)
            }
        }
    )+};
}

maybe_absent! {
    SentAt("time of sending"): |delivery| delivery.sent_at();
    FirstReceivedAt("time of the first receive"): |delivery| delivery.first_received_at();
    Group("message group"): |delivery| delivery.group().map(str::to_owned);
    DeduplicationId("deduplication id"): |delivery| delivery.deduplication_id().map(str::to_owned);
    CorrelationId("correlation id"): |delivery| delivery.headers().correlation_id.clone();
    Deadline("deadline"): |delivery| delivery.headers().deadline;
}
