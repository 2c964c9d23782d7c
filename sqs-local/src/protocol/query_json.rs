//! The query protocol's answers for clients that accept JSON: the XML document's shape as JSON.
//!
//! Real SQS answers so for a GET with `Accept: application/json`. That the lists are named as they are is recorded for
//! `ReceiveMessage`, `GetQueueAttributes` and `ListQueues`.

use serde_json::{Value, json};

use super::render::Rendered;
use crate::api::Answer;
use crate::error::Error;

pub(super) fn write(operation: &str, answer: &Answer, request_id: &str) -> Vec<u8> {
    let result = match answer {
        Answer::Received(messages) => json!({"messages": messages}),
        Answer::Attributes(attributes) => {
            let pairs: Vec<Value> = attributes
                .iter()
                .map(|(name, value)| json!({"Name": name, "Value": value}))
                .collect();
            json!({"Attributes": pairs})
        }
        Answer::QueueUrls { urls, next_token } => json!({"queueUrls": urls, "NextToken": next_token}),
        _ => serde_json::to_value(Rendered(answer)).unwrap_or_default(),
    };
    let mut response = json!({"ResponseMetadata": {"RequestId": request_id}});
    if !matches!(answer, Answer::Done | Answer::Settled(_)) {
        response[format!("{operation}Result")] = result;
    }
    json!({format!("{operation}Response"): response})
        .to_string()
        .into_bytes()
}

pub(super) fn write_error(error: &Error, request_id: &str) -> Vec<u8> {
    let fault = if error.kind().is_sender_fault() {
        "Sender"
    } else {
        "Receiver"
    };
    json!({
        "Error": {"Code": error.kind().code(), "Message": error.message(), "Type": fault, "Detail": {}},
        "RequestId": request_id,
    })
    .to_string()
    .into_bytes()
}
