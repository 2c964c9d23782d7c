//! Amazon SQS in memory, faithful to the rules of the real one, with a clock you hold.
//!
//! * In Rust, in the same process: [`SqsLocal::client`] is the AWS SDK's own client, talking to queues in memory.
//! * From any language: the program `sqs-local`, or a `server::Server` of your own, serves the same queues over HTTP.
//!
//! # A test of code that knows nothing of this crate
//!
//! The code takes an `aws_sdk_sqs::Client`. The test gives it one:
//!
//! ```
//! # #[cfg(feature = "connector")]
//! # mod example {
//! // Handles one message, and gives it back at once if that fails.
//! async fn work(client: &aws_sdk_sqs::Client, url: &str) -> Result<(), aws_sdk_sqs::Error> {
//!     let received = client.receive_message().queue_url(url).wait_time_seconds(20).send().await?;
//!     for message in received.messages() {
//!         let handle = message.receipt_handle().unwrap_or_default();
//!         match message.body() {
//!             Some("good") => {
//!                 client.delete_message().queue_url(url).receipt_handle(handle).send().await?;
//!             }
//!             _ => {
//!                 let release = client.change_message_visibility().queue_url(url).receipt_handle(handle);
//!                 release.visibility_timeout(0).send().await?;
//!             }
//!         }
//!     }
//!     Ok(())
//! }
//!
//! # pub fn main() {
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test()).unwrap();
//! # }
//! // In a test of yours: #[tokio::test(start_paused = true)]
//! async fn test() -> Result<(), Box<dyn std::error::Error>> {
//!     let sqs = sqs_local::SqsLocal::new();
//!     let client = sqs.client();
//!     let url = client.create_queue().queue_name("orders").send().await?.queue_url.unwrap();
//!     client.send_message().queue_url(&url).message_body("bad").send().await?;
//!
//!     work(&client, &url).await?;
//!
//!     let queue = sqs.queue("orders").unwrap();
//!     assert_eq!(queue.available().len(), 1, "it can be tried again at once");
//!     assert_eq!(queue.messages[0].receive_count, 1);
//!     assert_eq!(sqs.journal().count("DeleteMessage"), 0);
//!     Ok(())
//! }
//! # }
//! # #[cfg(feature = "connector")]
//! # fn main() { example::main() }
//! # #[cfg(not(feature = "connector"))]
//! # fn main() {}
//! ```
//!
//! # Time
//!
//! All time is tokio's: delays, visibility timeouts, retention, deduplication windows, long polls, and the clock that
//! the SDK signs with. Under [`tokio::time::pause`](https://docs.rs/tokio/latest/tokio/time/fn.pause.html) a visibility
//! timeout of twelve hours passes in a millisecond. [`SqsLocal::advance`] lets time pass there; on a running clock
//! [`SqsLocal::skip`] moves this SQS's clock alone. Paused time and real sockets do not go together: use the in-process
//! client where the clock is paused.
//!
//! # Determinism
//!
//! Ids and handles come from a [seed](Builder::seed), nothing depends on the order in a hash map, and the calendar is
//! looked at once, for the [epoch](Builder::epoch). On a current-thread runtime the same test gives the same journal.
//!
//! # Asserting
//!
//! [`SqsLocal::queue`] gives a [snapshot](QueueSnapshot) of every message in a queue. [`SqsLocal::journal`] has every
//! request: what it carried, what it did, what it cost, how it ended, and [the least IAM policy](journal::Journal::iam_policy)
//! for all of them.
//!
//! # Faults
//!
//! [`faults`] throttles, loses answers, delivers twice and more, as a tower layer; [`Builder::layer`] takes layers of
//! your own as well.
//!
//! # Features
//!
//! * `connector` (default): [`SqsLocal::client`] and the other ways into the AWS SDK for Rust
//! * `server` (default): the module `server` and the program
//!
//! Without either there is the engine, and [`SqsLocal::call`].
#![forbid(unsafe_code)]
// What only the doors use is unused when there is none.
#![cfg_attr(not(any(feature = "connector", feature = "server")), allow(dead_code))]

pub mod api;
mod clock;
#[cfg(feature = "connector")]
mod connector;
#[cfg(any(feature = "connector", feature = "server"))]
mod door;
mod engine;
mod error;
pub mod faults;
pub mod journal;
mod local;
#[cfg(any(feature = "connector", feature = "server"))]
mod protocol;
#[cfg(feature = "server")]
pub mod server;
mod service;
pub mod snapshot;
mod stack;
mod waiting;

pub use self::error::{Error, ErrorKind};
pub use self::local::{Builder, SqsLocal};
pub use self::service::{EngineFuture, EngineService};
pub use self::snapshot::QueueSnapshot;
pub use self::stack::{Stack, StackFuture};

/// The examples of the README.
#[cfg(all(doctest, feature = "connector"))]
#[doc = include_str!("../README.md")]
struct Readme;
