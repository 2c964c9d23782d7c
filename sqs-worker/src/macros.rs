//! The macros, with their documentation: it is compiled here, where what it speaks of can be used.

#[allow(unused_imports)] // for the links of the documentation
use crate::{Codec, FromDelivery, HandlerError, Lease, Outcome, ReceiveCount, Reply, Request, State};

#[doc = include_str!("docs/from_ref.md")]
pub use sqs_worker_macros::FromRef;
#[doc = include_str!("docs/message.md")]
pub use sqs_worker_macros::Message;
#[doc = include_str!("docs/handler.md")]
pub use sqs_worker_macros::handler;
#[doc = include_str!("docs/handlers.md")]
pub use sqs_worker_macros::handlers;
