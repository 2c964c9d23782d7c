//! What the operations ask, one type each.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use super::attribute::MessageAttributes;

/// Takes `null` for nothing, as SDKs that write every field do.
pub(super) fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Builds a request type: every field public and documented, every field optional on the wire.
macro_rules! requests {
    ($($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident : $ty:ty,)* })*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Default, PartialEq, Deserialize)]
        #[serde(rename_all = "PascalCase", default)]
        pub struct $name { $($(#[$field_meta])* pub $field: $ty,)* }
    )*};
}

requests! {
    /// Creates a queue, or finds the queue of this name if its attributes do not differ.
    CreateQueue {
        /// 1 to 80 letters, digits, hyphens and underscores; a FIFO queue's name ends in `.fifo`.
        queue_name: Option<String>,
        /// Attributes that differ from their defaults.
        #[serde(deserialize_with = "or_default")]
        attributes: BTreeMap<String, String>,
        /// The tags to give it.
        #[serde(rename = "tags", alias = "Tags", deserialize_with = "or_default")]
        tags: BTreeMap<String, String>,
    }

    /// Asks for the URL of a queue by its name.
    GetQueueUrl {
        /// The name.
        queue_name: Option<String>,
        /// The account that owns it, if not the caller's.
        #[serde(rename = "QueueOwnerAWSAccountId")]
        owner: Option<String>,
    }

    /// Lists the caller's queues in the order of their names.
    ListQueues {
        /// Only queues whose name starts so.
        queue_name_prefix: Option<String>,
        /// At most so many (1 to 1000), with a token for the rest.
        max_results: Option<i32>,
        /// Where the previous page ended.
        next_token: Option<String>,
    }

    /// The request of an operation that needs a queue and nothing else: `DeleteQueue`, `PurgeQueue`, `ListQueueTags`.
    OnQueue {
        /// The queue's URL.
        queue_url: Option<String>,
    }

    /// Lists the queues whose dead-letter queue this is.
    ListDeadLetterSourceQueues {
        /// The dead-letter queue's URL.
        queue_url: Option<String>,
        /// At most so many (1 to 1000), with a token for the rest.
        max_results: Option<i32>,
        /// Where the previous page ended.
        next_token: Option<String>,
    }

    /// Reads attributes of a queue.
    GetQueueAttributes {
        /// The queue's URL.
        queue_url: Option<String>,
        /// The names, or `All`.
        attribute_names: Option<Vec<String>>,
    }

    /// Changes attributes of a queue.
    SetQueueAttributes {
        /// The queue's URL.
        queue_url: Option<String>,
        /// The new values; an empty value takes the attribute away where it can be away.
        #[serde(deserialize_with = "or_default")]
        attributes: BTreeMap<String, String>,
    }

    /// Adds tags to a queue.
    TagQueue {
        /// The queue's URL.
        queue_url: Option<String>,
        /// The tags.
        #[serde(deserialize_with = "or_default")]
        tags: BTreeMap<String, String>,
    }

    /// Takes tags from a queue.
    UntagQueue {
        /// The queue's URL.
        queue_url: Option<String>,
        /// The tags' keys.
        #[serde(deserialize_with = "or_default")]
        tag_keys: Vec<String>,
    }

    /// Adds a statement to a queue's policy.
    AddPermission {
        /// The queue's URL.
        queue_url: Option<String>,
        /// The statement's name.
        label: Option<String>,
        /// The accounts that are allowed to.
        #[serde(rename = "AWSAccountIds", deserialize_with = "or_default")]
        account_ids: Vec<String>,
        /// Actions without their prefix, such as `SendMessage`, or `*`.
        #[serde(deserialize_with = "or_default")]
        actions: Vec<String>,
    }

    /// Takes a statement from a queue's policy.
    RemovePermission {
        /// The queue's URL.
        queue_url: Option<String>,
        /// The statement's name.
        label: Option<String>,
    }

    /// Sends one message.
    SendMessage {
        /// The queue's URL.
        queue_url: Option<String>,
        /// The text.
        message_body: Option<String>,
        /// Seconds before it can be received (0 to 900); the queue's own delay if left out.
        delay_seconds: Option<i32>,
        /// Up to ten attributes.
        message_attributes: Option<MessageAttributes>,
        /// `AWSTraceHeader`, and nothing else.
        message_system_attributes: Option<MessageAttributes>,
        /// Names the message for the five minutes in which a FIFO queue drops its like.
        message_deduplication_id: Option<String>,
        /// The group that keeps its order (FIFO), or the tenant (standard).
        message_group_id: Option<String>,
    }

    /// One message to send.
    SendEntry {
        /// The entry's id in its batch; not used by `SendMessage`.
        id: Option<String>,
        /// The text.
        message_body: Option<String>,
        /// Seconds before it can be received (0 to 900); the queue's own delay if left out.
        delay_seconds: Option<i32>,
        /// Up to ten attributes.
        message_attributes: Option<MessageAttributes>,
        /// `AWSTraceHeader`, and nothing else.
        message_system_attributes: Option<MessageAttributes>,
        /// Names the message for the five minutes in which a FIFO queue drops its like.
        message_deduplication_id: Option<String>,
        /// The group that keeps its order (FIFO), or the tenant (standard).
        message_group_id: Option<String>,
    }

    /// Sends up to ten messages.
    SendMessageBatch {
        /// The queue's URL.
        queue_url: Option<String>,
        /// The messages.
        entries: Option<Vec<SendEntry>>,
    }

    /// Receives up to ten messages.
    ReceiveMessage {
        /// The queue's URL.
        queue_url: Option<String>,
        /// System attributes to return: the older name of the next field.
        attribute_names: Option<Vec<String>>,
        /// System attributes to return, or `All`.
        message_system_attribute_names: Option<Vec<String>>,
        /// Message attributes to return: names, prefixes (`bar.*`), or `All` (`.*`).
        message_attribute_names: Option<Vec<String>>,
        /// 1 to 10, default 1.
        max_number_of_messages: Option<i32>,
        /// Seconds for which the messages are hidden from others (0 to 43 200); the queue's own if left out.
        visibility_timeout: Option<i32>,
        /// Seconds to wait for a message (0 to 20); the queue's own if left out.
        wait_time_seconds: Option<i32>,
        /// FIFO: names the attempt, so that its repetition gets the same messages.
        receive_request_attempt_id: Option<String>,
    }

    /// Deletes a message.
    DeleteMessage {
        /// The queue's URL.
        queue_url: Option<String>,
        /// The handle of its last receive.
        receipt_handle: Option<String>,
    }

    /// One message to delete.
    DeleteEntry {
        /// The entry's id in its batch.
        id: Option<String>,
        /// The handle of its last receive.
        receipt_handle: Option<String>,
    }

    /// Deletes up to ten messages.
    DeleteMessageBatch {
        /// The queue's URL.
        queue_url: Option<String>,
        /// The messages.
        entries: Option<Vec<DeleteEntry>>,
    }

    /// Hides a message for longer, or shows it now.
    ChangeMessageVisibility {
        /// The queue's URL.
        queue_url: Option<String>,
        /// The handle of its last receive.
        receipt_handle: Option<String>,
        /// Seconds from now (0 to 43 200).
        visibility_timeout: Option<i32>,
    }

    /// One message whose visibility changes.
    ChangeVisibilityEntry {
        /// The entry's id in its batch.
        id: Option<String>,
        /// The handle of its last receive.
        receipt_handle: Option<String>,
        /// Seconds from now (0 to 43 200).
        visibility_timeout: Option<i32>,
    }

    /// Changes the visibility of up to ten messages.
    ChangeMessageVisibilityBatch {
        /// The queue's URL.
        queue_url: Option<String>,
        /// The messages.
        entries: Option<Vec<ChangeVisibilityEntry>>,
    }

    /// Starts to move a dead-letter queue's messages to another queue or back to where they came from.
    StartMessageMoveTask {
        /// The dead-letter queue's ARN.
        source_arn: Option<String>,
        /// The ARN of the queue that takes them; each message's source if left out.
        destination_arn: Option<String>,
        /// 1 to 500; as fast as the service likes if left out.
        max_number_of_messages_per_second: Option<i32>,
    }

    /// Lists the latest move tasks of a dead-letter queue.
    ListMessageMoveTasks {
        /// The dead-letter queue's ARN.
        source_arn: Option<String>,
        /// 1 to 10, default 1.
        max_results: Option<i32>,
    }

    /// Stops a move task.
    CancelMessageMoveTask {
        /// What `StartMessageMoveTask` answered.
        task_handle: Option<String>,
    }
}

impl SendMessage {
    /// A message and its queue.
    pub(crate) fn from_entry(queue_url: Option<String>, entry: SendEntry) -> Self {
        Self {
            queue_url,
            message_body: entry.message_body,
            delay_seconds: entry.delay_seconds,
            message_attributes: entry.message_attributes,
            message_system_attributes: entry.message_system_attributes,
            message_deduplication_id: entry.message_deduplication_id,
            message_group_id: entry.message_group_id,
        }
    }

    /// The message without its queue.
    pub(crate) fn into_entry(self) -> SendEntry {
        SendEntry {
            id: None,
            message_body: self.message_body,
            delay_seconds: self.delay_seconds,
            message_attributes: self.message_attributes,
            message_system_attributes: self.message_system_attributes,
            message_deduplication_id: self.message_deduplication_id,
            message_group_id: self.message_group_id,
        }
    }
}
