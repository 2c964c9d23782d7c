//! The query protocol's answers.

use crate::api::{Answer, MessageAttribute, MoveTask, ReceivedMessage, SentMessage};
use crate::engine::digest::Hex;
use crate::error::{Error, ErrorKind};

const NAMESPACE: &str = "http://queue.amazonaws.com/doc/2012-11-05/";

pub(super) fn write(operation: &str, answer: &Answer, request_id: &str) -> Vec<u8> {
    let mut xml = Xml::new();
    let response = format!("{operation}Response");
    xml.raw(&format!("<{response} xmlns=\"{NAMESPACE}\">"));
    if !matches!(answer, Answer::Done | Answer::Settled(_)) {
        xml.within(&format!("{operation}Result"), |xml| {
            result(xml, operation, answer);
        });
    }
    xml.within("ResponseMetadata", |xml| xml.text("RequestId", request_id));
    xml.raw(&format!("</{response}>"));
    xml.0.into_bytes()
}

pub(super) fn write_error(error: &Error, request_id: &str) -> Vec<u8> {
    let mut xml = Xml::new();
    if error.kind() == ErrorKind::UnknownOperation {
        xml.raw("<UnknownOperationException/>");
        return xml.0.into_bytes();
    }
    let kind = error.kind();
    let message = match kind {
        ErrorKind::QueueDoesNotExist => "The specified queue does not exist for this wsdl version.",
        _ => error.message(),
    };
    xml.raw(&format!("<ErrorResponse xmlns=\"{NAMESPACE}\">"));
    xml.within("Error", |xml| {
        xml.text(
            "Type",
            if kind.is_sender_fault() {
                "Sender"
            } else {
                "Receiver"
            },
        );
        xml.text("Code", kind.code());
        xml.text("Message", message);
        xml.raw("<Detail/>");
    });
    xml.text("RequestId", request_id);
    xml.raw("</ErrorResponse>");
    xml.0.into_bytes()
}

fn result(xml: &mut Xml, operation: &str, answer: &Answer) {
    match answer {
        Answer::Done | Answer::Settled(_) => {}
        Answer::QueueUrl(url) => xml.text("QueueUrl", url),
        Answer::QueueUrls { urls, next_token } | Answer::DeadLetterSources { urls, next_token } => {
            for url in urls {
                xml.text("QueueUrl", url);
            }
            xml.optional("NextToken", next_token.as_deref());
        }
        Answer::Attributes(attributes) => {
            for (name, value) in attributes {
                xml.pair("Attribute", "Name", name, value);
            }
        }
        Answer::Tags(tags) => {
            for (key, value) in tags {
                xml.pair("Tag", "Key", key, value);
            }
        }
        Answer::Sent(message) => sent(xml, message),
        Answer::SentBatch { successful, .. } => {
            for entry in successful {
                xml.within("SendMessageBatchResultEntry", |xml| {
                    xml.text("Id", &entry.id);
                    sent(xml, &entry.message);
                });
            }
        }
        Answer::Received(messages) => {
            for message in messages {
                xml.within("Message", |xml| received(xml, message));
            }
        }
        Answer::SettledBatch { successful, .. } => {
            for (id, _) in successful {
                xml.within(&format!("{operation}ResultEntry"), |xml| xml.text("Id", id));
            }
        }
        Answer::MoveStarted(handle) => xml.text("TaskHandle", handle),
        Answer::MoveCancelled(moved) => xml.text("ApproximateNumberOfMessagesMoved", &moved.to_string()),
        Answer::MoveTasks(tasks) => {
            for task in tasks {
                xml.within("ListMessageMoveTasksResultEntry", |xml| move_task(xml, task));
            }
        }
    }
    if let Answer::SentBatch { failed, .. } | Answer::SettledBatch { failed, .. } = answer {
        for entry in failed {
            xml.within("BatchResultErrorEntry", |xml| {
                xml.text("Id", &entry.id);
                xml.text("SenderFault", if entry.sender_fault { "true" } else { "false" });
                xml.text("Code", entry.code);
                xml.text("Message", &entry.message);
            });
        }
    }
}

fn sent(xml: &mut Xml, message: &SentMessage) {
    xml.text("MessageId", &message.message_id.to_string());
    xml.text("MD5OfMessageBody", &Hex(message.body_md5).to_string());
    xml.optional(
        "MD5OfMessageAttributes",
        message.md5_of_message_attributes().as_deref(),
    );
    xml.optional(
        "MD5OfMessageSystemAttributes",
        message.md5_of_message_system_attributes().as_deref(),
    );
    xml.optional(
        "SequenceNumber",
        message
            .sequence_number
            .map(|number| number.to_string())
            .as_deref(),
    );
}

fn received(xml: &mut Xml, message: &ReceivedMessage) {
    xml.text("MessageId", &message.message_id().to_string());
    xml.text("ReceiptHandle", message.receipt_handle());
    xml.text("MD5OfBody", &Hex(message.payload.body_md5).to_string());
    xml.text("Body", message.body());
    for (name, value) in message.system_attributes() {
        xml.pair("Attribute", "Name", name, value);
    }
    xml.optional(
        "MD5OfMessageAttributes",
        message.attributes_md5.map(|md5| Hex(md5).to_string()).as_deref(),
    );
    for (name, value) in message.message_attributes() {
        xml.within("MessageAttribute", |xml| {
            xml.text("Name", name);
            xml.within("Value", |xml| attribute(xml, value));
        });
    }
}

fn attribute(xml: &mut Xml, value: &MessageAttribute) {
    xml.optional("StringValue", value.string_value.as_deref());
    xml.optional(
        "BinaryValue",
        value
            .binary_value
            .as_ref()
            .map(crate::api::Blob::encode)
            .as_deref(),
    );
    xml.optional("DataType", value.data_type.as_deref());
}

fn move_task(xml: &mut Xml, task: &MoveTask) {
    xml.optional("TaskHandle", task.task_handle.as_deref());
    xml.text("Status", task.status);
    xml.text("SourceArn", &task.source_arn);
    xml.optional("DestinationArn", task.destination_arn.as_deref());
    let rate = task
        .max_number_of_messages_per_second
        .map(|rate| rate.to_string());
    xml.optional("MaxNumberOfMessagesPerSecond", rate.as_deref());
    xml.text(
        "ApproximateNumberOfMessagesMoved",
        &task.approximate_number_of_messages_moved.to_string(),
    );
    xml.text(
        "ApproximateNumberOfMessagesToMove",
        &task.approximate_number_of_messages_to_move.to_string(),
    );
    xml.optional("FailureReason", task.failure_reason);
    xml.text("StartedTimestamp", &task.started_timestamp.to_string());
}

/// A document in the making.
struct Xml(String);

impl Xml {
    fn new() -> Self {
        Self("<?xml version=\"1.0\"?>".to_owned())
    }

    fn raw(&mut self, text: &str) {
        self.0.push_str(text);
    }

    /// An element; one without content is written `<Name/>`.
    fn within(&mut self, name: &str, content: impl FnOnce(&mut Self)) {
        self.raw("<");
        self.raw(name);
        self.raw(">");
        let before = self.0.len();
        content(self);
        if self.0.len() == before {
            self.0.insert(before - 1, '/');
            return;
        }
        self.raw("</");
        self.raw(name);
        self.raw(">");
    }

    fn text(&mut self, name: &str, text: &str) {
        self.within(name, |xml| xml.escaped(text));
    }

    fn optional(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    fn pair(&mut self, element: &str, key_name: &str, key: &str, value: &str) {
        self.within(element, |xml| {
            xml.text(key_name, key);
            xml.text("Value", value);
        });
    }

    fn escaped(&mut self, text: &str) {
        let mut rest = text;
        while let Some(at) = rest.find(['&', '<', '>', '"', '\r']) {
            let (plain, special) = rest.split_at(at);
            self.raw(plain);
            self.raw(match special.as_bytes().first() {
                Some(b'&') => "&amp;",
                Some(b'<') => "&lt;",
                Some(b'>') => "&gt;",
                Some(b'"') => "&quot;",
                // A parser would turn a bare carriage return into a line feed.
                _ => "&#xD;",
            });
            rest = &special[1..];
        }
        self.raw(rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_and_empty_elements_are_short() {
        let mut xml = Xml(String::new());
        xml.text("A", "a<b>&\"\r\n");
        xml.text("B", "");
        assert_eq!(xml.0, "<A>a&lt;b&gt;&amp;&quot;&#xD;\n</A><B/>");
    }
}
