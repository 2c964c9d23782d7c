//! Workers and producers for Amazon SQS: plain async functions over typed payloads, on a tower stack.
//!
//! ```no_run
//! use serde::{Deserialize, Serialize};
//! use sqs_worker::{HandlerError, Message, ResultExt, State, Worker, handler, shutdown_signal};
//!
//! #[derive(Debug, Serialize, Deserialize, Message)]
//! #[message(name = "orders.placed")]
//! struct OrderPlaced {
//!     id: u64,
//!     cents: u64,
//! }
//!
//! #[derive(Clone)]
//! struct Bank;
//!
//! impl Bank {
//!     async fn charge(&self, _cents: u64) -> Result<(), std::io::Error> {
//!         Ok(())
//!     }
//! }
//!
//! #[handler(queue = "orders", concurrency = 32, timeout = "1m", retry(max = 5, base = "2s", cap = "5m"))]
//! async fn charge(order: OrderPlaced, State(bank): State<Bank>) -> Result<(), HandlerError> {
//!     bank.charge(order.cents).await?; // an error: tried again with backoff, dead-lettered after five attempts
//!     Ok(()) // deleted, once SQS has confirmed it
//! }
//!
//! # async fn main_(client: aws_sdk_sqs::Client) -> Result<(), sqs_worker::WorkerError> {
//! let report = Worker::new(client, Bank).handler::<charge>().run_until(shutdown_signal()).await?;
//! assert!(report.is_clean());
//! # Ok(())
//! # }
//! ```
//!
//! # What becomes of a message
//!
//! | the handler | the message |
//! |---|---|
//! | returns `()`, `Ok(())`, [`Outcome::ack()`] | is deleted |
//! | fails with any error, panics, or runs out of time | is hidden for the next delay of its schedule, then tried again |
//! | fails for the last time it may | goes to the dead-letter queue with the reason |
//! | fails with [`or_dead_letter`](ResultExt::or_dead_letter), returns [`Outcome::dead_letter`] | goes there at once |
//! | is never called, because the body or the name is unknown | goes there at once |
//!
//! The dead-letter queue is the target of the queue's redrive policy, or the one named with
//! [`QueueOptions::dead_letter`]. Without one a message stays in its queue. Every copy there carries its
//! [failure record](message::FailureRecord): why, after how many attempts, from which queue, by which handler.
//!
//! # What holds
//!
//! * A message is deleted when its handler has succeeded, never before.
//! * It does not run twice at once while its lease holds: the lease counts from the instant the receive was sent, and is
//!   renewed for as long as the handler runs, up to SQS's twelve hours. When it is lost the handler is ended.
//! * In a FIFO queue a group runs one message at a time, in order, also when one fails: it is tried again in place, and
//!   neither it nor those behind it are received anew.
//! * No error ends polling, no request can hang, no error is retried without a delay.
//!
//! Standard queues may deliver a message twice and out of order all the same: that is SQS. Write handlers that bear it.
//!
//! # Where to look
//!
//! | for | see |
//! |---|---|
//! | the worker, its options and its end | [`worker`], [`QueueOptions`], [`Report`] |
//! | several queues, priorities, limits | [`Worker::shared_concurrency`], [`QueueOptions`] |
//! | pausing, resizing, health checks | [`Worker::control`], [`Worker::health`] |
//! | many messages at a time | [`handler`](mod@handler#many-messages-at-a-time) |
//! | long handlers, and being told to end | [`Lease`] |
//! | what a handler may take and return | [`handler`](mod@handler) |
//! | payloads, names, versions, codecs | [`message`] |
//! | sending | [`producer`] |
//! | testing handlers without a broker | [`testing`] |
//!
//! # Permissions
//!
//! The worker's role needs, on its queues, `sqs:GetQueueUrl`, `sqs:GetQueueAttributes`, `sqs:ReceiveMessage`,
//! `sqs:DeleteMessage` and `sqs:ChangeMessageVisibility`, and `sqs:GetQueueUrl` and `sqs:SendMessage` on their
//! dead-letter queues. A producer needs `sqs:GetQueueUrl` and `sqs:SendMessage`.
//!
//! # Features
//!
//! | feature | default | |
//! |---|---|---|
//! | `macros` | yes | `#[handler]`, `#[handlers]`, `#[derive(Message)]`, `#[derive(FromRef)]` |
//! | `signal` | yes | [`shutdown_signal`] |
//! | `msgpack` | no | the codec `MessagePack` |

// The macros write absolute paths, `::sqs_worker::..`, which have to hold in this crate's own tests too.
#[allow(unused_extern_crates)]
extern crate self as sqs_worker;

mod backoff;
mod batch;
mod clients;
mod error;
pub mod handler;
pub mod idempotency;
pub mod message;
pub mod producer;
mod queue;
pub mod request;
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
    request::Requester,
    worker::{QueueOptions, Report, Worker, WorkerError},
};
#[cfg(feature = "macros")]
mod macros;
#[cfg(feature = "macros")]
#[doc(inline)]
pub use self::macros::{FromRef, Message, handler, handlers};
