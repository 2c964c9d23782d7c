//! Answers to requests.

use std::borrow::Cow;

use super::{HandlerError, IntoOutcome, Outcome};
use crate::message::{Message, Request};

/// The answer to a request: what a request-reply handler returns.
///
/// The compiler checks it against the [`Request`] the handler takes.
///
/// ```
/// # #[cfg(feature = "macros")] {
/// use serde::{Deserialize, Serialize};
/// use sqs_worker::{Message, Reply};
///
/// #[derive(Serialize, Deserialize, Message)]
/// #[message(name = "orders.quote", reply = Quote)]
/// struct QuoteRequest { sku: String }
///
/// #[derive(Serialize, Deserialize, Message)]
/// #[message(name = "orders.quoted")]
/// struct Quote { cents: u64 }
///
/// async fn quote(request: QuoteRequest) -> Reply<Quote> {
///     Reply(Quote { cents: 100 * request.sku.len() as u64 })
/// }
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply<R>(pub R);

/// An encoded [`Reply`], ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReplyMessage {
    /// The reply's wire name.
    pub name: Cow<'static, str>,
    /// The version of its shape.
    pub version: u32,
    /// The media type of its body.
    pub content_type: Cow<'static, str>,
    /// Its body.
    pub body: String,
}

impl ReplyMessage {
    /// Encodes a reply.
    ///
    /// # Errors
    ///
    /// When the reply's own `Serialize` fails.
    pub fn new<R: Message>(reply: &R) -> Result<Self, crate::message::EncodeError> {
        let body = reply.encode()?;
        Ok(Self {
            name: reply.name().into(),
            version: reply.version(),
            content_type: reply.content_type().into(),
            body,
        })
    }
}

impl<M, R> IntoOutcome<M> for Reply<R>
where
    M: Request<Reply = R>,
    R: Message,
{
    const REPLIES: bool = true;

    fn into_outcome(self) -> Result<Outcome, HandlerError> {
        // A reply that cannot be encoded will not be encodable at the next try either.
        ReplyMessage::new(&self.0)
            .map(Outcome::Reply)
            .map_err(HandlerError::dead_letter)
    }
}
