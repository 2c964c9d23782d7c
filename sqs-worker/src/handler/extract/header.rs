//! One attribute of the sender, by name and type.

use std::{fmt, str::FromStr};

use super::{FromDelivery, OptionalFromDelivery};
use crate::handler::{Delivery, HandlerError};

/// The type of one attribute: its name, and by [`FromStr`] its form.
///
/// ```
/// use std::{num::ParseIntError, str::FromStr};
/// use sqs_worker::handler::NamedAttribute;
///
/// struct TenantId(u64);
///
/// impl FromStr for TenantId {
///     type Err = ParseIntError;
///
///     fn from_str(text: &str) -> Result<Self, ParseIntError> {
///         text.parse().map(Self)
///     }
/// }
///
/// impl NamedAttribute for TenantId {
///     const NAME: &'static str = "tenant-id";
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no message attribute",
    label = "`Header<{Self}>` needs to know which attribute it reads",
    note = "give it a name: `impl NamedAttribute for TenantId {{ const NAME: &'static str = \"tenant-id\"; }}`, with `FromStr` to parse it"
)]
pub trait NamedAttribute: FromStr<Err: fmt::Display> + Send {
    /// The attribute's name.
    const NAME: &'static str;
}

/// The value of one attribute that the sender set, of type `String` or `Number`, parsed.
///
/// ```
/// use sqs_worker::{Delivery, Outcome, handler::{Header, NamedAttribute, boxed}};
/// use tower::ServiceExt;
/// # #[derive(serde::Serialize, serde::Deserialize)] struct Order {}
/// # impl sqs_worker::Message for Order { const NAME: &'static str = "order"; }
/// # struct TenantId(u64);
/// # impl std::str::FromStr for TenantId {
/// #     type Err = std::num::ParseIntError;
/// #     fn from_str(text: &str) -> Result<Self, Self::Err> { text.parse().map(Self) }
/// # }
/// # impl NamedAttribute for TenantId { const NAME: &'static str = "tenant-id"; }
///
/// async fn bill(order: Order, Header(TenantId(tenant)): Header<TenantId>) -> Outcome {
///     if tenant == 7 { Outcome::ack() } else { Outcome::dead_letter("no such tenant") }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let delivery = Delivery::fake("{}").attribute("tenant-id", "7").build();
/// assert_eq!(boxed(bill, ()).oneshot(delivery).await?, Outcome::Ack);
/// # Ok::<(), sqs_worker::HandlerError>(()) }).unwrap();
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Header<T>(pub T);

/// An attribute is missing, or is not what the handler takes it for; the message goes to the dead-letter queue,
/// because it will be the same at the next try.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeaderRejection {
    /// The sender did not set it.
    Missing {
        /// The attribute.
        name: &'static str,
    },
    /// It does not parse.
    Invalid {
        /// The attribute.
        name: &'static str,
        /// Why not.
        reason: String,
    },
}

impl fmt::Display for HeaderRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { name } => write!(
                f,
                "the message has no attribute `{name}`, which its handler asks for; send it, or take `Option<Header<..>>`"
            ),
            Self::Invalid { name, reason } => {
                write!(
                    f,
                    "the attribute `{name}` is not what the handler takes it for: {reason}"
                )
            }
        }
    }
}

impl From<HeaderRejection> for HandlerError {
    fn from(rejection: HeaderRejection) -> Self {
        Self::dead_letter(rejection.to_string())
    }
}

impl<S: Sync, T: NamedAttribute> OptionalFromDelivery<S> for Header<T> {
    type Rejection = HeaderRejection;

    async fn from_delivery(delivery: &Delivery, _state: &S) -> Result<Option<Self>, HeaderRejection> {
        let Some(text) = delivery.attributes().get_str(T::NAME) else {
            return Ok(None);
        };
        match text.parse() {
            Ok(value) => Ok(Some(Self(value))),
            Err(error) => Err(HeaderRejection::Invalid {
                name: T::NAME,
                reason: format!("{error}"),
            }),
        }
    }
}

impl<S: Sync, T: NamedAttribute> FromDelivery<S> for Header<T> {
    type Rejection = HeaderRejection;

    async fn from_delivery(delivery: &Delivery, state: &S) -> Result<Self, HeaderRejection> {
        let header = <Self as OptionalFromDelivery<S>>::from_delivery(delivery, state).await?;
        header.ok_or(HeaderRejection::Missing { name: T::NAME })
    }
}
