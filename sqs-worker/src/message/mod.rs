//! What travels: typed payloads with a wire name, their bodies, and the attributes beside them.
//!
//! | item | one sentence |
//! |---|---|
//! | [`Message`] | a payload type: its wire name, its version, its idempotency key and its group |
//! | [`Codec`] | turns a payload into a body and back; [`Json`] unless the type says otherwise |
//! | [`Text`], [`Base64`] | bodies that are one string, bodies that are bytes |
//! | [`Incoming`] | what a body is decoded from: the text, and what the attributes say about it |
//! | [`Attributes`] | the sender's own attributes, the framework's filtered out |
//! | [`Headers`] | what the framework keeps in its one packed attribute |
//! | [`FailureRecord`] | why a message is in a dead-letter queue |

mod attributes;
mod base64;
mod codec;
mod decode;
mod failure;
mod headers;
mod json;
#[cfg(feature = "msgpack")]
mod msgpack;
mod text;

use serde::{Serialize, de::DeserializeOwned};

#[cfg(feature = "msgpack")]
pub use self::msgpack::MessagePack;
pub use self::{
    attributes::{Attributes, CONTENT_TYPE_ATTRIBUTE, HEADERS_ATTRIBUTE, NAME_ATTRIBUTE},
    base64::Base64,
    codec::{Codec, CodecError},
    decode::{DecodeError, EncodeError, Incoming},
    failure::FailureRecord,
    headers::{Headers, HeadersError},
    json::Json,
    text::Text,
};

/// A payload that travels through a queue.
///
/// The wire name is what routes a message to its handler, so that one queue can carry several types; it is
/// chosen by hand and never the Rust path, which a refactoring would change under messages already sent.
///
/// Usually derived:
///
/// ```
/// # #[cfg(feature = "macros")] {
/// use serde::{Deserialize, Serialize};
/// use sqs_worker::Message;
///
/// #[derive(Debug, Serialize, Deserialize, Message)]
/// #[message(name = "orders.placed", version = 2)]
/// struct OrderPlaced {
///     #[message(key)]
///     id: u64,
///     #[message(group)]
///     customer: u64,
///     cents: u64,
/// }
///
/// let order = OrderPlaced { id: 7, customer: 3, cents: 990 };
/// assert_eq!(OrderPlaced::NAME, "orders.placed");
/// assert_eq!(order.key().as_deref(), Some("7"));
/// assert_eq!(order.group().as_deref(), Some("3"));
/// # }
/// ```
///
/// Written by hand it is one constant:
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use sqs_worker::Message;
///
/// #[derive(Serialize, Deserialize)]
/// struct Ping;
///
/// impl Message for Ping {
///     const NAME: &'static str = "ping";
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a queue message",
    label = "this type does not implement `Message`",
    note = "a handler's first parameter is the payload, by value",
    note = "add `#[derive(Serialize, Deserialize, Message)]` and `#[message(name = \"orders.placed\")]` to `{Self}`"
)]
pub trait Message: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The wire name, for example `orders.placed`: sent in the attribute [`NAME_ATTRIBUTE`].
    ///
    /// For an enum of messages it is a label for the whole set and is never sent; see [`name`](Self::name).
    const NAME: &'static str;

    /// The version of the payload's shape, 1 unless said otherwise; sent in [`Headers::version`].
    const VERSION: u32 = 1;

    /// Every wire name that decodes to this type: [`NAME`](Self::NAME), then the aliases of earlier days;
    /// for an enum of messages, the names of all its variants.
    const NAMES: &'static [&'static str] = &[Self::NAME];

    /// What [`encode`](Self::encode) writes, as a media type; sent in the attribute
    /// [`CONTENT_TYPE_ATTRIBUTE`] when it is not JSON.
    const CONTENT_TYPE: &'static str = Json::CONTENT_TYPE;

    /// The wire name of this value: [`NAME`](Self::NAME), or the variant's name for an enum of messages.
    fn name(&self) -> &'static str {
        Self::NAME
    }

    /// The version of this value: [`VERSION`](Self::VERSION), or the variant's for an enum of messages.
    fn version(&self) -> u32 {
        Self::VERSION
    }

    /// The idempotency key, which is also the [deduplication id](Self::deduplication_id). `None`, the default, means
    /// that two equal messages are two messages.
    fn key(&self) -> Option<String> {
        None
    }

    /// The deduplication id on a FIFO queue: the [`key`](Self::key) unless said otherwise.
    fn deduplication_id(&self) -> Option<String> {
        self.key()
    }

    /// The message group of a FIFO queue, or the tenant of a fair queue. `None` is the default.
    fn group(&self) -> Option<String> {
        None
    }

    /// What [`encode`](Self::encode) writes for this value: [`CONTENT_TYPE`](Self::CONTENT_TYPE), or the
    /// variant's for an enum of messages.
    fn content_type(&self) -> &'static str {
        Self::CONTENT_TYPE
    }

    /// Writes the body.
    ///
    /// # Errors
    ///
    /// When the payload's own `Serialize` fails, or the codec has no form for it.
    fn encode(&self) -> Result<String, EncodeError> {
        Json.encode(self)
            .map_err(|cause| EncodeError::new(self.name(), cause))
    }

    /// Reads a body.
    ///
    /// The default takes JSON and refuses other content types. The derive overrides it for enums, other
    /// codecs and older versions.
    ///
    /// # Errors
    ///
    /// When the body is not a `Self`; the error names the queue, the message and the place in the body.
    fn decode(incoming: &Incoming<'_>) -> Result<Self, DecodeError> {
        incoming.decode_with(&Json)
    }
}

/// A [`Message`] whose every value has a [`key`](Message::key): what an idempotent handler asks for.
///
/// Derived with the message when one field is marked `#[message(key)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no idempotency key",
    label = "an idempotent handler needs a message with a key",
    note = "mark the field that identifies one order, one payment, one mail with `#[message(key)]`",
    note = "or name the key in the handler: `idempotent(key = |message: &{Self}| message.id)`"
)]
pub trait Keyed: Message {}

/// A [`Message`] that is answered, and the type of its answer.
///
/// Derived with the message by `#[message(name = "..", reply = Quote)]`. A handler that returns
/// [`Reply<R>`](crate::handler::Reply) takes a request whose `Reply` is `R`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a request, so there is nothing to reply to",
    label = "this message names no reply type",
    note = "say what answers it: `#[message(name = \"..\", reply = Quote)]`"
)]
pub trait Request: Message {
    /// What answers this request.
    type Reply: Message;
}
