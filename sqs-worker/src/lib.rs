//! Workers and producers for Amazon SQS.

// The macros write absolute paths, `::sqs_worker::..`, which have to hold in this crate's own tests too.
#[allow(unused_extern_crates)]
extern crate self as sqs_worker;

pub mod handler;
pub mod message;
pub mod testing;

#[doc(hidden)]
pub mod __private;

#[doc(inline)]
pub use self::{
    handler::{
        Delivery, Extension, FromDelivery, FromRef, Group, Handler, HandlerDef, HandlerError, Lease,
        MessageId, Outcome, QueueName, ReceiveCount, Reply, ResultExt, Router, SentAt, State,
    },
    message::{Codec, Headers, Message, Request},
};
#[cfg(feature = "macros")]
mod macros;
#[cfg(feature = "macros")]
#[doc(inline)]
pub use self::macros::{FromRef, Message, handler, handlers};
