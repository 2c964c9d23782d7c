//! Amazon SQS in memory, faithful to the rules of the real one, with a clock you hold.
//!
//! * In Rust, in the same process: [`SqsLocal::client`] is the AWS SDK's own client, talking to queues in memory.
//! * From any language: the program `sqs-local` serves the same queues over HTTP.
//!
//! All time is tokio's. Under its paused clock a visibility timeout of twelve hours passes in a millisecond, and the
//! same test gives the same answers every time.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let sqs = sqs_local::SqsLocal::new();
//! let client = sqs.client();
//! let url = client.create_queue().queue_name("orders").send().await?.queue_url.unwrap_or_default();
//! client.send_message().queue_url(&url).message_body("one").send().await?;
//! let received = client.receive_message().queue_url(&url).send().await?;
//! assert_eq!(received.messages()[0].body(), Some("one"));
//! assert_eq!(sqs.queue("orders").unwrap().in_flight().len(), 1);
//! # Ok(())
//! # }
//! ```
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
