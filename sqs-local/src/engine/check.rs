//! What a message may look like: characters, names, sizes.
//!
//! Source: SQS API reference, `SendMessage`; Developer Guide, "message metadata" and "quotas related to messages".

use super::digest::attributes_size;
use crate::api::{MessageAttribute, MessageAttributes, SendEntry};
use crate::error::{Error, ErrorKind};

/// `#x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF`
fn is_allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..='\u{10FFFF}')
}

/// Whether all characters may be in a body. Most bodies are printable ASCII, so that is looked at first.
pub(crate) fn has_allowed_characters(text: &str) -> bool {
    text.bytes().all(|byte| (0x20..0x7F).contains(&byte)) || text.chars().all(is_allowed)
}

/// A group id or a deduplication id: 1 to 128 letters, digits and punctuation.
pub(crate) fn id(name: &str, value: &str) -> Result<(), Error> {
    if (1..=128).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    let reason =
        format!("{name} can only include alphanumeric and punctuation characters. 1 to 128 in length.");
    Err(Error::invalid_value(name, value, reason))
}

/// The size of a message as its limits count it.
pub(crate) fn size(entry: &SendEntry) -> usize {
    entry.message_body.as_deref().map_or(0, str::len)
        + entry.message_attributes.as_ref().map_or(0, attributes_size)
}

/// Attributes: at most ten, each with a good name, a type and a value of that type.
pub(crate) fn attributes(attributes: &MessageAttributes) -> Result<(), Error> {
    if attributes.len() > 10 {
        return Err(Error::new(
            ErrorKind::InvalidParameterValue,
            format!(
                "Number of message attributes [{}] exceeds the allowed maximum [10].",
                attributes.len()
            ),
        ));
    }
    attributes
        .iter()
        .try_for_each(|(name, attribute)| check_attribute(name, attribute))
}

fn check_attribute(name: &str, attribute: &MessageAttribute) -> Result<(), Error> {
    let refused = |text: String| Err(Error::new(ErrorKind::InvalidParameterValue, text));
    check_name(name)?;
    let data_type = attribute.data_type.as_deref().unwrap_or_default();
    if data_type.is_empty() {
        return refused(format!(
            "The message attribute '{name}' must contain non-empty message attribute type."
        ));
    }
    if data_type.len() > 256 {
        return refused(format!(
            "The length of message attribute '{name}' type must not exceed 256 bytes."
        ));
    }
    if !attribute.string_list_values.is_empty() || !attribute.binary_list_values.is_empty() {
        return Err(Error::new(
            ErrorKind::UnsupportedOperation,
            "Message attribute list values in SendMessage operation are not supported.",
        ));
    }
    let base = data_type.split('.').next().unwrap_or_default();
    if !matches!(base, "String" | "Number" | "Binary") {
        return refused(format!(
            "The message attribute '{name}' has an invalid message attribute type, the set of supported type prefixes \
             is Binary, Number, and String."
        ));
    }
    if attribute.string_value.is_some() && attribute.binary_value.is_some() {
        return refused(format!("Message (user) attribute '{name}' has multiple values."));
    }
    let right_kind = if base == "Binary" {
        attribute.binary_value.is_some()
    } else {
        attribute.string_value.is_some()
    };
    if !right_kind && (attribute.string_value.is_some() || attribute.binary_value.is_some()) {
        let field = if base == "Binary" {
            "BinaryValue"
        } else {
            "StringValue"
        };
        return refused(format!(
            "The message attribute '{name}' with type '{base}' must use field '{field}'."
        ));
    }
    if attribute.bytes().is_empty() {
        return refused(format!(
            "Message (user) attribute '{name}' must contain a non-empty value of type '{data_type}'."
        ));
    }
    let text = attribute.string_value.as_deref().unwrap_or_default();
    if base == "Number" && text.trim().parse::<f64>().is_err() {
        return refused(format!(
            "Can't cast the value of message (user) attribute '{name}' to a number."
        ));
    }
    if !has_allowed_characters(text) {
        return refused(format!(
            "Message (user) attribute '{name}' contains invalid characters. Valid unicode characters are #x9 | #xA | #xD | \
             #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF"
        ));
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), Error> {
    let refused = |text: String| Err(Error::new(ErrorKind::InvalidParameterValue, text));
    if name.is_empty() || name.len() > 256 {
        return refused(format!(
            "Message (user) attribute name '{name}' must be 1 to 256 characters long."
        ));
    }
    let lower = name.to_ascii_lowercase();
    if lower.starts_with("aws.") || lower.starts_with("amazon.") {
        return refused(format!(
            "Message (user) attribute name '{name}' must not start with a prefix reserved for AWS: 'AWS.' or 'Amazon.'."
        ));
    }
    // Letters of all scripts: recorded on AWS.
    let allowed = name
        .chars()
        .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'));
    if !allowed || name.starts_with('.') || name.ends_with('.') || name.contains("..") {
        return refused(format!(
            "The message attribute name '{name}' is invalid. Attribute name can contain A-Z, a-z, 0-9, underscore (_), \
             hyphen (-), and period (.) characters."
        ));
    }
    Ok(())
}

/// System attributes: `AWSTraceHeader` of type String, and nothing else. Returns its value.
pub(crate) fn trace_header(attributes: Option<&MessageAttributes>) -> Result<Option<&str>, Error> {
    let mut header = None;
    for (name, attribute) in attributes.into_iter().flatten() {
        if name != "AWSTraceHeader" {
            return Err(Error::new(
                ErrorKind::InvalidParameterValue,
                format!("Message system attribute name '{name}' is invalid."),
            ));
        }
        if attribute.data_type.as_deref() != Some("String") {
            return Err(Error::new(
                ErrorKind::InvalidParameterValue,
                "The message system attribute 'AWSTraceHeader' must be of type 'String'.",
            ));
        }
        header = attribute
            .string_value
            .as_deref()
            .filter(|value| !value.is_empty());
        if header.is_none() {
            return Err(Error::new(
                ErrorKind::InvalidParameterValue,
                "Message system attribute 'AWSTraceHeader' must contain a non-empty value of type 'String'.",
            ));
        }
    }
    Ok(header)
}
