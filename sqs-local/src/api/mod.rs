//! The SQS API as values: what a request asks, what an answer says.
//!
//! Both protocols translate to and from these types, and the engine works on them only. A layer of your own between
//! the doors and the engine (see [`Builder::layer`](crate::Builder::layer)) sees them too: a [`Request`] goes in,
//! an [`Answer`] or an [`Error`](crate::Error) comes out.
//!
//! Field names and meanings are those of the
//! [SQS API reference](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_Operations.html).
//! Everything a client may leave out is an `Option` or may be empty; the engine says what is missing.

mod answer;
mod attribute;
mod message;
mod operation;
mod request;

use std::sync::Arc;

pub use self::answer::{Answer, FailedEntry, MoveTask, SentEntry, SentMessage};
pub use self::attribute::{Blob, MessageAttribute, MessageAttributes};
pub use self::message::{MessageId, ReceivedMessage};
pub use self::operation::Operation;
pub use self::request::{
    AddPermission, CancelMessageMoveTask, ChangeMessageVisibility, ChangeMessageVisibilityBatch,
    ChangeVisibilityEntry, CreateQueue, DeleteEntry, DeleteMessage, DeleteMessageBatch, GetQueueAttributes,
    GetQueueUrl, ListDeadLetterSourceQueues, ListMessageMoveTasks, ListQueues, OnQueue, ReceiveMessage,
    RemovePermission, SendEntry, SendMessage, SendMessageBatch, SetQueueAttributes, StartMessageMoveTask,
    TagQueue, UntagQueue,
};

pub(crate) use self::message::Payload;

/// Who asks, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The twelve-digit account whose queues are meant when a name has no account with it.
    pub account: Arc<str>,
    /// The region, taken from the signature's scope.
    pub region: Arc<str>,
    /// The `X-Amzn-Trace-Id` of the request, which messages sent take on if they have no `AWSTraceHeader`.
    pub trace_id: Option<Arc<str>>,
    /// What queue URLs in answers start with, such as `https://sqs.us-east-1.amazonaws.com`, without a slash at the end.
    pub base_url: Arc<str>,
}

/// One call: who asks for what.
#[derive(Debug, Clone)]
pub struct Request {
    /// Who asks.
    pub caller: Caller,
    /// What for.
    pub operation: Operation,
}
