//! What `#[derive(Message)]` needs.

use crate::message::{Codec, CodecError, DecodeError, EncodeError, Incoming, Message, NAME_ATTRIBUTE};

/// The text of a key or a group.
pub fn text(field: &impl FieldText) -> String {
    field.to_string()
}

/// What a field marked as key, group or deduplication id has to be.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a key or a group",
    label = "no `Display` for this field's type",
    note = "a key and a group travel as text: mark a field that has `Display`, or an `Option` of one"
)]
pub trait FieldText: ToString {}

#[diagnostic::do_not_recommend]
impl<T: std::fmt::Display> FieldText for T {}

/// Writes a body with the codec that the type names.
pub fn encode<M: Message, C: Codec>(message: &M, codec: &C) -> Result<String, EncodeError> {
    codec
        .encode(message)
        .map_err(|cause| EncodeError::new(message.name(), cause))
}

/// Reads a body that may be of the version before.
///
/// A message without a version is of version 1: producers of ours leave that one out.
pub fn upcast<New: Message + From<Old>, Old: Message>(
    own_names: &[&str],
    incoming: &Incoming<'_>,
    decode: impl FnOnce() -> Result<New, DecodeError>,
) -> Result<New, DecodeError> {
    let has_old_name = incoming
        .sent_name()
        .is_some_and(|name| Old::NAMES.contains(&name) && !own_names.contains(&name));
    if has_old_name || incoming.sent_version().unwrap_or(1) < New::VERSION {
        Old::decode(incoming).map(New::from)
    } else {
        decode()
    }
}

/// The error of an enum of messages that has no variant for a message.
pub fn no_variant<M: Message>(incoming: &Incoming<'_>) -> DecodeError {
    let reason = match incoming.sent_name() {
        Some(_) => format!(
            "`{}` has no variant of that name; it has {}",
            M::NAME,
            M::NAMES.join(", ")
        ),
        None => format!(
            "it has no attribute `{NAME_ATTRIBUTE}`, and `{}` finds its variant by that; it has {}",
            M::NAME,
            M::NAMES.join(", ")
        ),
    };
    incoming.error::<M>(CodecError::new(reason))
}
