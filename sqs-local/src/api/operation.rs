//! The twenty-three operations.

use super::request::{
    AddPermission, CancelMessageMoveTask, ChangeMessageVisibility, ChangeMessageVisibilityBatch, CreateQueue,
    DeleteMessage, DeleteMessageBatch, GetQueueAttributes, GetQueueUrl, ListDeadLetterSourceQueues,
    ListMessageMoveTasks, ListQueues, OnQueue, ReceiveMessage, RemovePermission, SendMessage,
    SendMessageBatch, SetQueueAttributes, StartMessageMoveTask, TagQueue, UntagQueue,
};

macro_rules! operations {
    ($($(#[$meta:meta])* $name:ident($ty:ident) $url:tt,)*) => {
        /// An operation of the SQS API and what it asks.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Operation {
            $($(#[$meta])* $name($ty),)*
        }

        impl Operation {
            /// The names of all operations, in the order of the alphabet.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name),)*];

            /// The operation's name, such as `SendMessage`.
            pub const fn name(&self) -> &'static str {
                match self { $(Self::$name(_) => stringify!($name),)* }
            }

            /// The queue URL in the request, for the operations that have one.
            pub fn queue_url(&self) -> Option<&str> {
                match self { $(Self::$name(_request) => operations!(@url _request $url),)* }
            }

            /// Reads an operation from JSON; `None` if there is no operation of this name.
            pub(crate) fn from_json(name: &str, body: &[u8]) -> Option<serde_json::Result<Self>> {
                Some(match name {
                    $(stringify!($name) => serde_json::from_slice(body).map(Self::$name),)*
                    _ => return None,
                })
            }
        }
    };
    (@url $request:ident queue) => { $request.queue_url.as_deref() };
    (@url $request:ident none) => { None };
}

operations! {
    /// Adds a statement to a queue's policy.
    AddPermission(AddPermission) queue,
    /// Stops a move task.
    CancelMessageMoveTask(CancelMessageMoveTask) none,
    /// Hides a message for longer, or shows it now.
    ChangeMessageVisibility(ChangeMessageVisibility) queue,
    /// The same for up to ten messages.
    ChangeMessageVisibilityBatch(ChangeMessageVisibilityBatch) queue,
    /// Creates a queue.
    CreateQueue(CreateQueue) none,
    /// Deletes a message.
    DeleteMessage(DeleteMessage) queue,
    /// Deletes up to ten messages.
    DeleteMessageBatch(DeleteMessageBatch) queue,
    /// Deletes a queue and all in it.
    DeleteQueue(OnQueue) queue,
    /// Reads attributes of a queue.
    GetQueueAttributes(GetQueueAttributes) queue,
    /// Asks for the URL of a queue.
    GetQueueUrl(GetQueueUrl) none,
    /// Lists the queues whose dead-letter queue this is.
    ListDeadLetterSourceQueues(ListDeadLetterSourceQueues) queue,
    /// Lists the latest move tasks of a dead-letter queue.
    ListMessageMoveTasks(ListMessageMoveTasks) none,
    /// Lists a queue's tags.
    ListQueueTags(OnQueue) queue,
    /// Lists queues.
    ListQueues(ListQueues) none,
    /// Deletes all messages of a queue.
    PurgeQueue(OnQueue) queue,
    /// Receives messages.
    ReceiveMessage(ReceiveMessage) queue,
    /// Takes a statement from a queue's policy.
    RemovePermission(RemovePermission) queue,
    /// Sends a message.
    SendMessage(SendMessage) queue,
    /// Sends up to ten messages.
    SendMessageBatch(SendMessageBatch) queue,
    /// Changes attributes of a queue.
    SetQueueAttributes(SetQueueAttributes) queue,
    /// Moves a dead-letter queue's messages.
    StartMessageMoveTask(StartMessageMoveTask) none,
    /// Adds tags.
    TagQueue(TagQueue) queue,
    /// Takes tags away.
    UntagQueue(UntagQueue) queue,
}

impl Operation {
    /// The name of the queue in the request: from its URL, or for `CreateQueue` and `GetQueueUrl` the name asked for.
    pub fn queue_name(&self) -> Option<&str> {
        match self {
            Self::CreateQueue(request) => request.queue_name.as_deref(),
            Self::GetQueueUrl(request) => request.queue_name.as_deref(),
            Self::StartMessageMoveTask(request) => request
                .source_arn
                .as_deref()
                .and_then(|arn| arn.rsplit(':').next()),
            Self::ListMessageMoveTasks(request) => request
                .source_arn
                .as_deref()
                .and_then(|arn| arn.rsplit(':').next()),
            _ => self
                .queue_url()
                .and_then(|url| url.rsplit('/').next())
                .filter(|name| !name.is_empty()),
        }
    }
}
