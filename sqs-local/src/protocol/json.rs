//! AWS JSON 1.0.

use serde_json::json;

use super::render::Rendered;
use crate::api::{Answer, Operation};
use crate::error::{Error, ErrorKind};

const TARGET: &str = "AmazonSQS.";

/// Reads the operation of `x-amz-target` from its body.
pub(super) fn read(target: &str, body: &[u8]) -> Result<Operation, Error> {
    let name = target.strip_prefix(TARGET).unwrap_or(target);
    let body = match body.trim_ascii_start() {
        [] => b"{}",
        // An array would be read as fields without names.
        [b'{', ..] => body,
        _ => return Err(Error::serialization("The request is not a JSON object.")),
    };
    match Operation::from_json(name, body) {
        Some(Ok(operation)) => Ok(operation),
        Some(Err(error)) => Err(Error::serialization(format!(
            "The request could not be read: {error}"
        ))),
        None => Err(Error::new(
            ErrorKind::InvalidAction,
            format!("The action {name} is not valid for this endpoint."),
        )),
    }
}

pub(super) fn write(answer: &Answer) -> Vec<u8> {
    let mut body = Vec::with_capacity(512);
    // Writing to memory what has only strings for keys cannot fail.
    let _ = serde_json::to_writer(&mut body, &Rendered(answer));
    body
}

pub(super) fn write_error(error: &Error) -> Vec<u8> {
    let kind = error.kind();
    let space = if kind.is_modelled() {
        "com.amazonaws.sqs"
    } else {
        "com.amazon.coral.service"
    };
    json!({"__type": format!("{space}#{}", kind.shape()), "message": error.message()})
        .to_string()
        .into_bytes()
}
