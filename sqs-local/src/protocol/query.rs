//! The query protocol's requests: `Action=SendMessage&MessageBody=...`, in the body or in the URL.

use http::Uri;

use super::form::Node;
use crate::api::{
    AddPermission, Blob, CancelMessageMoveTask, ChangeMessageVisibility, ChangeMessageVisibilityBatch,
    ChangeVisibilityEntry, CreateQueue, DeleteEntry, DeleteMessage, DeleteMessageBatch, GetQueueAttributes,
    GetQueueUrl, ListDeadLetterSourceQueues, ListMessageMoveTasks, ListQueues, MessageAttribute,
    MessageAttributes, OnQueue, Operation, ReceiveMessage, RemovePermission, SendEntry, SendMessage,
    SendMessageBatch, SetQueueAttributes, StartMessageMoveTask, TagQueue, UntagQueue,
};
use crate::error::{Error, ErrorKind};

/// Reads the operation from the body, or from the URL if the body has none.
pub(super) fn read(uri: &Uri, body: &[u8]) -> Result<Operation, Error> {
    let mut form = Node::default();
    form.read(uri.query().unwrap_or_default())?;
    form.read(std::str::from_utf8(body).map_err(|_| Error::serialization("The request is not UTF-8."))?)?;
    let Some(action) = form.text("Action") else {
        return Err(Error::new(ErrorKind::UnknownOperation, ""));
    };
    let at_queue = uri.path().len() > 1;
    let queue_url = form
        .text("QueueUrl")
        .or_else(|| at_queue.then(|| uri.path().to_owned()));
    if at_queue && matches!(action.as_str(), "CreateQueue" | "ListQueues") {
        return Err(invalid_action(&action));
    }
    operation(&action, &form, queue_url)
}

fn invalid_action(action: &str) -> Error {
    Error::new(
        ErrorKind::InvalidAction,
        format!("The action {action} is not valid for this endpoint."),
    )
}

fn operation(action: &str, form: &Node, queue_url: Option<String>) -> Result<Operation, Error> {
    Ok(match action {
        "AddPermission" => Operation::AddPermission(AddPermission {
            queue_url,
            label: form.text("Label"),
            account_ids: form.texts("AWSAccountId").unwrap_or_default(),
            actions: form.texts("ActionName").unwrap_or_default(),
        }),
        "CancelMessageMoveTask" => Operation::CancelMessageMoveTask(CancelMessageMoveTask {
            task_handle: form.text("TaskHandle"),
        }),
        "ChangeMessageVisibility" => Operation::ChangeMessageVisibility(ChangeMessageVisibility {
            queue_url,
            receipt_handle: form.text("ReceiptHandle"),
            visibility_timeout: form.number("VisibilityTimeout")?,
        }),
        "ChangeMessageVisibilityBatch" => {
            Operation::ChangeMessageVisibilityBatch(ChangeMessageVisibilityBatch {
                queue_url,
                entries: entries(form, "ChangeMessageVisibilityBatchRequestEntry", |entry| {
                    Ok(ChangeVisibilityEntry {
                        id: entry.text("Id"),
                        receipt_handle: entry.text("ReceiptHandle"),
                        visibility_timeout: entry.number("VisibilityTimeout")?,
                    })
                })?,
            })
        }
        "CreateQueue" => Operation::CreateQueue(CreateQueue {
            queue_name: form.text("QueueName"),
            attributes: form.map("Attribute", "Name", "Value"),
            tags: form.map("Tag", "Key", "Value"),
        }),
        "DeleteMessage" => Operation::DeleteMessage(DeleteMessage {
            queue_url,
            receipt_handle: form.text("ReceiptHandle"),
        }),
        "DeleteMessageBatch" => Operation::DeleteMessageBatch(DeleteMessageBatch {
            queue_url,
            entries: entries(form, "DeleteMessageBatchRequestEntry", |entry| {
                Ok(DeleteEntry {
                    id: entry.text("Id"),
                    receipt_handle: entry.text("ReceiptHandle"),
                })
            })?,
        }),
        "DeleteQueue" => Operation::DeleteQueue(OnQueue { queue_url }),
        "GetQueueAttributes" => Operation::GetQueueAttributes(GetQueueAttributes {
            queue_url,
            attribute_names: form.texts("AttributeName"),
        }),
        "GetQueueUrl" => Operation::GetQueueUrl(GetQueueUrl {
            queue_name: form.text("QueueName"),
            owner: form.text("QueueOwnerAWSAccountId"),
        }),
        "ListDeadLetterSourceQueues" => Operation::ListDeadLetterSourceQueues(ListDeadLetterSourceQueues {
            queue_url,
            max_results: form.number("MaxResults")?,
            next_token: form.text("NextToken"),
        }),
        "ListMessageMoveTasks" => Operation::ListMessageMoveTasks(ListMessageMoveTasks {
            source_arn: form.text("SourceArn"),
            max_results: form.number("MaxResults")?,
        }),
        "ListQueueTags" => Operation::ListQueueTags(OnQueue { queue_url }),
        "ListQueues" => Operation::ListQueues(ListQueues {
            queue_name_prefix: form.text("QueueNamePrefix"),
            max_results: form.number("MaxResults")?,
            next_token: form.text("NextToken"),
        }),
        "PurgeQueue" => Operation::PurgeQueue(OnQueue { queue_url }),
        "ReceiveMessage" => Operation::ReceiveMessage(ReceiveMessage {
            queue_url,
            attribute_names: form.texts("AttributeName"),
            message_system_attribute_names: form.texts("MessageSystemAttributeName"),
            message_attribute_names: form.texts("MessageAttributeName"),
            max_number_of_messages: form.number("MaxNumberOfMessages")?,
            visibility_timeout: form.number("VisibilityTimeout")?,
            wait_time_seconds: form.number("WaitTimeSeconds")?,
            receive_request_attempt_id: form.text("ReceiveRequestAttemptId"),
        }),
        "RemovePermission" => Operation::RemovePermission(RemovePermission {
            queue_url,
            label: form.text("Label"),
        }),
        "SendMessage" => Operation::SendMessage(SendMessage::from_entry(queue_url, send_entry(form)?)),
        "SendMessageBatch" => Operation::SendMessageBatch(SendMessageBatch {
            queue_url,
            entries: entries(form, "SendMessageBatchRequestEntry", send_entry)?,
        }),
        "SetQueueAttributes" => Operation::SetQueueAttributes(SetQueueAttributes {
            queue_url,
            attributes: form.map("Attribute", "Name", "Value"),
        }),
        "StartMessageMoveTask" => Operation::StartMessageMoveTask(StartMessageMoveTask {
            source_arn: form.text("SourceArn"),
            destination_arn: form.text("DestinationArn"),
            max_number_of_messages_per_second: form.number("MaxNumberOfMessagesPerSecond")?,
        }),
        "TagQueue" => Operation::TagQueue(TagQueue {
            queue_url,
            tags: form.map("Tag", "Key", "Value"),
        }),
        "UntagQueue" => Operation::UntagQueue(UntagQueue {
            queue_url,
            tag_keys: form.texts("TagKey").unwrap_or_default(),
        }),
        _ => return Err(invalid_action(action)),
    })
}

fn entries<T>(
    form: &Node,
    name: &str,
    read: impl Fn(&Node) -> Result<T, Error>,
) -> Result<Option<Vec<T>>, Error> {
    let list = form.list(name);
    list.into_iter()
        .filter(|node| !node.is_empty())
        .map(read)
        .collect::<Result<_, _>>()
        .map(Some)
}

fn send_entry(form: &Node) -> Result<SendEntry, Error> {
    Ok(SendEntry {
        id: form.text("Id"),
        message_body: form.text("MessageBody"),
        delay_seconds: form.number("DelaySeconds")?,
        message_attributes: attributes(form, "MessageAttribute")?,
        message_system_attributes: attributes(form, "MessageSystemAttribute")?,
        message_deduplication_id: form.text("MessageDeduplicationId"),
        message_group_id: form.text("MessageGroupId"),
    })
}

fn attributes(form: &Node, name: &str) -> Result<Option<MessageAttributes>, Error> {
    let mut attributes = MessageAttributes::new();
    for node in form.list(name) {
        let (Some(name), Some(value)) = (node.text("Name"), node.child("Value")) else {
            continue;
        };
        let binary_value = match value.text("BinaryValue") {
            Some(text) => Some(
                Blob::decode(&text).ok_or_else(|| Error::serialization("A binary value must be Base64."))?,
            ),
            None => None,
        };
        let (string_value, data_type) = (value.text("StringValue"), value.text("DataType"));
        attributes.insert(
            name,
            MessageAttribute {
                string_value,
                binary_value,
                data_type,
                ..Default::default()
            },
        );
    }
    Ok((!attributes.is_empty()).then_some(attributes))
}
