//! What SQS says a message's MD5s are, against what arrived.
//!
//! A checksum of transport, not of trust: SQS computes it when the message is sent, so that a body which was damaged
//! anywhere on its way is not taken for what was sent ([message metadata]).
//!
//! [message metadata]: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html

use std::collections::HashMap;

use aws_sdk_sqs::types::{Message, MessageAttributeValue};
use md5::{Digest as _, Md5};

/// Which part of a message does not match its checksum, if one does not. A checksum that SQS did not send is not
/// missed.
pub(crate) fn mismatch(message: &Message) -> Option<&'static str> {
    let body = message.body().unwrap_or_default();
    if let Some(expected) = message.md5_of_body()
        && !matches(Md5::new().chain_update(body), expected)
    {
        return Some("body");
    }
    if let (Some(expected), Some(attributes)) =
        (message.md5_of_message_attributes(), message.message_attributes())
        && !matches(attributes_md5(attributes), expected)
    {
        return Some("attributes");
    }
    None
}

/// By name: the length of each of name, type and value, and its bytes, with a byte in front of the value that tells
/// text from binary. Lengths are four bytes, the highest first.
fn attributes_md5(attributes: &HashMap<String, MessageAttributeValue>) -> Md5 {
    let mut sorted: Vec<_> = attributes.iter().collect();
    sorted.sort_unstable_by_key(|(name, _)| *name);
    // Put together first: the digest is quicker with one piece than with many.
    let mut bytes = Vec::with_capacity(256);
    let mut add = |marker: &[u8], part: &[u8]| {
        bytes.extend_from_slice(marker);
        bytes.extend_from_slice(&(part.len() as u32).to_be_bytes());
        bytes.extend_from_slice(part);
    };
    for (name, value) in sorted {
        add(&[], name.as_bytes());
        add(&[], value.data_type().as_bytes());
        match (value.string_value(), value.binary_value()) {
            (Some(text), _) => add(&[1], text.as_bytes()),
            (None, Some(blob)) => add(&[2], blob.as_ref()),
            (None, None) => {}
        }
    }
    Md5::new_with_prefix(bytes)
}

fn matches(md5: Md5, expected: &str) -> bool {
    let found = md5.finalize();
    let digits = expected.as_bytes();
    digits.len() == 2 * found.len()
        && found
            .iter()
            .zip(digits.chunks_exact(2))
            .all(|(byte, pair)| digit(byte >> 4) == pair[0] && digit(byte & 15) == pair[1])
}

/// SQS writes them in lower case.
fn digit(value: u8) -> u8 {
    if value < 10 {
        b'0' + value
    } else {
        b'a' + value - 10
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_sqs::primitives::Blob;

    use super::*;

    fn text(data_type: &str, value: &str) -> MessageAttributeValue {
        MessageAttributeValue::builder()
            .data_type(data_type)
            .string_value(value)
            .build()
            .unwrap()
    }

    fn message(body: &str, body_md5: &str, attributes_md5: &str) -> Message {
        let binary = MessageAttributeValue::builder()
            .data_type("Binary")
            .binary_value(Blob::new([2, 3, 4]))
            .build()
            .unwrap();
        Message::builder()
            .body(body)
            .md5_of_body(body_md5)
            .message_attributes("int", text("Number", "5"))
            .message_attributes("bin", binary)
            .message_attributes("str", text("String", "SmF2YXNjcmlwdA=="))
            .md5_of_message_attributes(attributes_md5)
            .build()
    }

    const BODY: &str = "5d41402abc4b2a76b9719d911017c592";

    /// Computed apart from this code, with Python's hashlib over the encoding that AWS documents.
    const ATTRIBUTES: &str = "0324f97b08b7a2c0a1dfeed72f736050";

    #[test]
    fn body_and_attributes_are_compared_with_what_sqs_says() {
        assert_eq!(mismatch(&message("hello", BODY, ATTRIBUTES)), None);
        assert_eq!(mismatch(&message("hallo", BODY, ATTRIBUTES)), Some("body"));
        assert_eq!(mismatch(&message("hello", BODY, BODY)), Some("attributes"));
        assert_eq!(mismatch(&message("hello", "5d41", ATTRIBUTES)), Some("body"));
    }

    #[test]
    fn without_checksums_nothing_is_checked() {
        assert_eq!(mismatch(&Message::builder().body("hello").build()), None);
    }
}
