//! What SQS says a message's MD5s are, against what arrived.
//!
//! A checksum of transport, not of trust: SQS computes it when the message is sent, so that a body which was damaged
//! anywhere on its way is not taken for what was sent ([message metadata]).
//!
//! [message metadata]: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html

use std::{collections::HashMap, ops::Range};

use aws_sdk_sqs::types::{Message, MessageAttributeValue};

use super::digests::{Digest, digests};

/// A part of a message that has a checksum of its own.
pub(crate) type Part = &'static str;

/// For each of the messages of a receive, which part of it does not match its checksum, if one does not. A checksum that
/// SQS did not send is not missed.
pub(crate) fn mismatches(messages: &[Message]) -> Vec<Option<Part>> {
    let mut written = Vec::new();
    let attributes: Vec<Range<usize>> = messages
        .iter()
        .map(|message| {
            let start = written.len();
            if let (Some(_), Some(attributes)) =
                (message.md5_of_message_attributes(), message.message_attributes())
            {
                write_attributes(attributes, &mut written);
            }
            start..written.len()
        })
        .collect();
    let mut texts = Vec::with_capacity(2 * messages.len());
    let mut expected = Vec::with_capacity(2 * messages.len());
    for (place, (message, attributes)) in messages.iter().zip(attributes).enumerate() {
        if let Some(md5) = message.md5_of_body() {
            texts.push(message.body().unwrap_or_default().as_bytes());
            expected.push((place, "body", md5));
        }
        if let Some(md5) = message
            .md5_of_message_attributes()
            .filter(|_| !attributes.is_empty())
        {
            texts.push(&written[attributes]);
            expected.push((place, "attributes", md5));
        }
    }
    let mut found = vec![None; messages.len()];
    for ((place, part, md5), digest) in expected.into_iter().zip(digests(&texts)) {
        if !is_written(&digest, md5) {
            found[place].get_or_insert(part);
        }
    }
    found
}

/// By name: the length of each of name, type and value, and its bytes, with a byte in front of the value that tells
/// text from binary. Lengths are four bytes, the highest first.
fn write_attributes(attributes: &HashMap<String, MessageAttributeValue>, bytes: &mut Vec<u8>) {
    let mut sorted: Vec<_> = attributes.iter().collect();
    sorted.sort_unstable_by_key(|(name, _)| *name);
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
}

/// Whether this is the digest that SQS wrote.
fn is_written(digest: &Digest, hex: &str) -> bool {
    let digits = hex.as_bytes();
    digits.len() == 2 * digest.len()
        && digest
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
        let messages = [
            message("hello", BODY, ATTRIBUTES),
            message("hallo", BODY, ATTRIBUTES),
            message("hello", BODY, BODY),
            message("hello", "5d41", ATTRIBUTES),
            message("hallo", BODY, BODY),
        ];
        let found = [None, Some("body"), Some("attributes"), Some("body"), Some("body")];
        assert_eq!(mismatches(&messages), found);
        for (message, found) in messages.iter().zip(found) {
            assert_eq!(mismatches(std::slice::from_ref(message)), [found], "alone");
        }
    }

    #[test]
    fn without_checksums_nothing_is_checked() {
        assert_eq!(mismatches(&[Message::builder().body("hello").build()]), [None]);
    }

    #[test]
    fn a_checksum_of_attributes_that_did_not_come_is_not_compared() {
        let message = Message::builder()
            .body("hello")
            .md5_of_message_attributes(ATTRIBUTES);
        assert_eq!(mismatches(&[message.build()]), [None]);
    }
}
