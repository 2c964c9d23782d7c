//! Workers and producers for Amazon SQS.

// The macros write absolute paths, `::sqs_worker::..`, which have to hold in this crate's own tests too.
#[allow(unused_extern_crates)]
extern crate self as sqs_worker;

mod backoff;
mod batch;
mod clients;
mod error;
pub mod handler;
pub mod message;
pub mod producer;
mod queue;
pub mod testing;
pub mod worker;

#[doc(hidden)]
pub mod __private;

#[cfg(feature = "signal")]
#[doc(inline)]
pub use self::worker::shutdown_signal;
#[doc(inline)]
pub use self::{
    backoff::Schedule,
    error::{ErrorClass, SqsError},
    handler::{
        Delivery, Extension, FromDelivery, FromRef, Group, Handler, HandlerDef, HandlerError, Lease,
        MessageId, Outcome, QueueName, ReceiveCount, Reply, ResultExt, Router, SentAt, State,
    },
    message::{Codec, Headers, Message, Request},
    producer::Producer,
    queue::{QueueRef, QueueRefError},
    worker::{QueueOptions, Report, Worker, WorkerError},
};
#[cfg(feature = "macros")]
mod macros;
#[cfg(feature = "macros")]
#[doc(inline)]
pub use self::macros::{FromRef, Message, handler, handlers};
