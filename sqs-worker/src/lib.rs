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
//! Standard queues may deliver a message twice and out of order all the same: that is SQS. Write handlers that bear it, or
//! let the worker see to it:
//!
//! # Idempotent handlers
//!
//! A handler marked `idempotent` runs once for each key of its message, whether SQS delivers it twice, a producer sends
//! it twice, or a worker dies after handling and before deleting it. The worker needs a store for that:
//!
//! ```no_run
//! # #[cfg(feature = "macros")] mod example {
//! use serde::{Deserialize, Serialize};
//! use sqs_worker::{Message, Worker, handler, idempotency::MemoryStore};
//!
//! #[derive(Serialize, Deserialize, Message)]
//! #[message(name = "orders.placed")]
//! struct OrderPlaced {
//!     #[message(key)]
//!     id: u64,
//! }
//!
//! #[handler(queue = "orders", idempotent)]
//! async fn charge(order: OrderPlaced) {
//!     println!("charging order {}, once", order.id);
//! }
//!
//! fn worker(client: aws_sdk_sqs::Client) -> Worker<()> {
//!     Worker::new(client, ()).handler::<charge>().idempotency(MemoryStore::new())
//! }
//! # }
//! ```
//!
//! [`MemoryStore`](idempotency::MemoryStore) serves one process. Workers of several processes share Redis, with the feature
//! `redis`:
//!
//! ```no_run
//! # #[cfg(feature = "redis")] mod example {
//! use sqs_worker::{Worker, idempotency::{RedisStore, StoreError}};
//!
//! async fn worker(client: aws_sdk_sqs::Client, url: &str) -> Result<Worker<()>, StoreError> {
//!     Ok(Worker::new(client, ()).idempotency(RedisStore::connect(url).await?))
//! }
//! # }
//! ```
//!
//! What becomes of duplicates, of messages while the store is down, and of a run that loses its lease is told in
//! [`idempotency`].
//!
//! # Request and reply
//!
//! A handler that returns [`Reply`] answers a [`Request`]; a [`Requester`] asks and waits:
//!
//! ```no_run
//! # #[cfg(feature = "macros")] mod example {
//! use std::time::Duration;
//! use serde::{Deserialize, Serialize};
//! use sqs_worker::{Message, Reply, Requester, handler, request::AskError};
//!
//! #[derive(Serialize, Deserialize, Message)]
//! #[message(name = "orders.quote", reply = Quote)]
//! struct QuoteRequest {
//!     sku: String,
//! }
//!
//! #[derive(Serialize, Deserialize, Message)]
//! #[message(name = "orders.quoted")]
//! struct Quote {
//!     cents: u64,
//! }
//!
//! #[handler(queue = "orders")]
//! async fn quote(request: QuoteRequest) -> Reply<Quote> {
//!     Reply(Quote { cents: 100 * request.sku.len() as u64 })
//! }
//!
//! async fn ask(client: aws_sdk_sqs::Client) -> Result<(), AskError> {
//!     let requester = Requester::new(client, "orders");
//!     let quote = requester.ask(&QuoteRequest { sku: "tea".into() }, Duration::from_secs(2)).await?;
//!     println!("{} cents", quote.cents);
//!     Ok(())
//! }
//! # }
//! ```
//!
//! Correlation, deadlines, refusals and the queue for replies are told in [`request`].
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
//! | running once | [`idempotency`] |
//! | asking and answering | [`request`] |
//! | testing handlers without a broker | [`testing`] |
//!
//! # Permissions
//!
//! The worker's role needs, on its queues, `sqs:GetQueueUrl`, `sqs:GetQueueAttributes`, `sqs:ReceiveMessage`,
//! `sqs:DeleteMessage` and `sqs:ChangeMessageVisibility`, and `sqs:GetQueueUrl` and `sqs:SendMessage` on their
//! dead-letter queues. A producer needs `sqs:GetQueueUrl` and `sqs:SendMessage`. What requests and replies need beside
//! that stands in [`request`].
//!
//! # Features
//!
//! | feature | default | |
//! |---|---|---|
//! | `macros` | yes | `#[handler]`, `#[handlers]`, `#[derive(Message)]`, `#[derive(FromRef)]` |
//! | `signal` | yes | [`shutdown_signal`] |
//! | `msgpack` | no | the codec `MessagePack` |
//! | `redis` | no | `RedisStore`: idempotency records that several workers share |

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
