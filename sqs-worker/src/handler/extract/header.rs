//! One attribute of the sender, by name and type.

use std::{fmt, marker::PhantomData, ops::Deref, str::FromStr};

use super::{FromDelivery, OptionalFromDelivery};
use crate::handler::{Delivery, HandlerError};

/// Names an attribute, for [`Header`].
///
/// ```
/// use sqs_worker::handler::AttributeName;
///
/// struct TenantId;
///
/// impl AttributeName for TenantId {
///     type Value = u64;
///     const NAME: &'static str = "tenant-id";
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` names no attribute",
    label = "`Header<{Self}>` needs to know which attribute it reads",
    note = "`struct TenantId; impl AttributeName for TenantId {{ type Value = u64; const NAME: &str = \"tenant-id\"; }}`, then `Header<TenantId>`"
)]
pub trait AttributeName: Send + Sync + 'static {
    /// What its text parses into.
    type Value: FromStr<Err: fmt::Display> + Send;

    /// The attribute's name.
    const NAME: &'static str;
}

/// The value of one attribute that the sender set, parsed.
///
/// ```
/// use sqs_worker::{Delivery, FromDelivery, handler::{AttributeName, Header}};
///
/// struct TenantId;
///
/// impl AttributeName for TenantId {
///     type Value = u64;
///     const NAME: &'static str = "tenant-id";
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let delivery = Delivery::fake("{}").attribute("tenant-id", "7").build();
/// let tenant = Header::<TenantId>::from_delivery(&delivery, &()).await.unwrap();
/// assert_eq!(*tenant, 7);
/// # });
/// ```
pub struct Header<N: AttributeName> {
    value: N::Value,
    name: PhantomData<fn() -> N>,
}

impl<N: AttributeName> Header<N> {
    /// A header with this value, to call a handler with in a test.
    pub fn new(value: N::Value) -> Self {
        Self {
            value,
            name: PhantomData,
        }
    }

    /// The value.
    pub fn into_inner(self) -> N::Value {
        self.value
    }
}

impl<N: AttributeName> Deref for Header<N> {
    type Target = N::Value;

    fn deref(&self) -> &N::Value {
        &self.value
    }
}

impl<N: AttributeName<Value: fmt::Debug>> fmt::Debug for Header<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Header")
            .field("name", &N::NAME)
            .field("value", &self.value)
            .finish()
    }
}

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

impl<S: Sync, N: AttributeName> OptionalFromDelivery<S> for Header<N> {
    type Rejection = HeaderRejection;

    async fn from_delivery(delivery: &Delivery, _state: &S) -> Result<Option<Self>, HeaderRejection> {
        let Some(text) = delivery.attributes().get_str(N::NAME) else {
            return Ok(None);
        };
        match text.parse() {
            Ok(value) => Ok(Some(Self::new(value))),
            Err(error) => Err(HeaderRejection::Invalid {
                name: N::NAME,
                reason: format!("{error}"),
            }),
        }
    }
}

impl<S: Sync, N: AttributeName> FromDelivery<S> for Header<N> {
    type Rejection = HeaderRejection;

    async fn from_delivery(delivery: &Delivery, state: &S) -> Result<Self, HeaderRejection> {
        let header = <Self as OptionalFromDelivery<S>>::from_delivery(delivery, state).await?;
        header.ok_or(HeaderRejection::Missing { name: N::NAME })
    }
}
