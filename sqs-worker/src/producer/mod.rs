//! Sending: typed messages, packed into batches, with a result for every one of them.
//!
//! | file | what happens there |
//! |---|---|
//! | `outgoing.rs` | a message becomes a body, attributes and ids; everything SQS would refuse is refused here |
//! | `deliver.rs` | batches are sent, and entries that failed are sent again |
//! | `report.rs` | every message gets its own result |

mod deliver;
mod error;
mod outgoing;
mod report;
mod send;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use aws_sdk_sqs::Client;
use tokio::sync::OnceCell;

use self::deliver::deliver;
pub(crate) use self::outgoing::Outgoing;
pub use self::{
    error::SendError,
    report::{SendReport, Sent},
    send::Send,
};
use crate::{
    clients,
    message::Message,
    queue::{self, QueueRef},
};

/// Sends messages to queues. A clone is cheap and shares what is known of the queues.
///
/// # Examples
///
/// ```no_run
/// use std::time::Duration;
/// use sqs_worker::Producer;
/// # #[derive(serde::Serialize, serde::Deserialize)] struct OrderPlaced { id: u64 }
/// # impl sqs_worker::Message for OrderPlaced { const NAME: &'static str = "orders.placed"; }
/// # async fn run(client: aws_sdk_sqs::Client) -> Result<(), sqs_worker::producer::SendError> {
/// let orders = Producer::new(client).to("orders");
/// let sent = orders.send(&OrderPlaced { id: 1 }).delay(Duration::from_secs(5)).await?;
/// println!("sent as {}", sent.message_id);
///
/// let report = orders.send_all((0..25).map(|id| OrderPlaced { id })).await;
/// for (position, error) in report.failed() {
///     eprintln!("order {position}: {error}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Producer {
    client: Client,
    queues: Arc<Mutex<BTreeMap<String, QueueProducer>>>,
}

impl Producer {
    /// A producer that sends through `client`.
    ///
    /// The client's configuration is kept; where it has no time-outs an attempt may take 5 seconds, and a call with
    /// all its attempts 15.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "like `Worker::new`; a client is a handle"
    )]
    pub fn new(client: Client) -> Self {
        Self {
            client: clients::commands(&client),
            queues: Arc::default(),
        }
    }

    /// A producer for one queue, by name, URL or ARN.
    ///
    /// Nothing is asked of SQS before the first send; a name that cannot be one is an error of that send.
    pub fn to(&self, queue: impl Into<String>) -> QueueProducer {
        let queue = queue.into();
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || self.unshared(&queue);
        queues.entry(queue.clone()).or_insert_with(new).clone()
    }

    /// The same without remembering it here.
    pub(crate) fn unshared(&self, queue: &str) -> QueueProducer {
        QueueProducer {
            client: self.client.clone(),
            queue: Arc::from(queue),
            url: Arc::default(),
        }
    }
}

impl fmt::Debug for Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer").finish_non_exhaustive()
    }
}

/// Sends messages to one queue; from [`Producer::to`]. A clone is cheap.
#[derive(Clone)]
pub struct QueueProducer {
    client: Client,
    queue: Arc<str>,
    url: Arc<OnceCell<String>>,
}

/// A queue that can be sent to.
struct Target<'a> {
    client: &'a Client,
    queue: QueueRef,
    url: &'a str,
}

impl QueueProducer {
    /// Sends one message: await what this returns, after setting what this message needs.
    ///
    /// ```no_run
    /// # use sqs_worker::producer::{QueueProducer, SendError};
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct OrderPlaced { id: u64 }
    /// # impl sqs_worker::Message for OrderPlaced { const NAME: &'static str = "orders.placed"; }
    /// # async fn run(orders: QueueProducer) -> Result<(), SendError> {
    /// orders.send(&OrderPlaced { id: 7 }).attribute("source", "shop").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn send<M: Message>(&self, message: &M) -> Send<'_> {
        Send::new(self, Outgoing::of(message))
    }

    /// Sends any number of messages in as few calls as SQS allows: up to ten messages and 1 MiB each.
    ///
    /// One result for each message, in order; nothing is dropped. Entries that fail and are not at fault themselves
    /// are sent again, up to five times. In a FIFO queue a group's order holds: what comes after a message that
    /// could not be sent is not sent either.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves it unknown which of the messages were sent.
    pub async fn send_all<M, I>(&self, messages: I) -> SendReport
    where
        M: Message,
        I: IntoIterator<Item = M>,
    {
        let outgoing = messages
            .into_iter()
            .map(|message| Outgoing::of(&message))
            .collect();
        self.send_outgoing(outgoing).await
    }

    pub(crate) async fn send_outgoing(&self, outgoing: Vec<Result<Outgoing, SendError>>) -> SendReport {
        let target = match self.target().await {
            Ok(target) => target,
            Err(error) => {
                let all = outgoing.iter().map(|_| Err(error.duplicate())).collect();
                return SendReport::new(all);
            }
        };
        let checked = outgoing
            .into_iter()
            .map(|message| message.and_then(|message| message.checked(&target.queue)))
            .collect();
        SendReport::new(deliver(&target, checked).await)
    }

    async fn target(&self) -> Result<Target<'_>, SendError> {
        let queue: QueueRef = self.queue.parse()?;
        let url = self
            .url
            .get_or_try_init(|| queue::url_of(&self.client, &queue))
            .await?;
        Ok(Target {
            client: &self.client,
            queue,
            url,
        })
    }
}

impl fmt::Debug for QueueProducer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueProducer")
            .field("queue", &self.queue)
            .finish_non_exhaustive()
    }
}
