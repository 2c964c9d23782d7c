//! What a record is found by, and whose it is.

use std::fmt;

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// What a record is stored under: the SHA-256 of scope and key.
///
/// Both are hashed with their lengths before them, so that no two pairs give the same bytes. Its `Display` is 64
/// hexadecimal digits.
///
/// ```
/// use sqs_worker::idempotency::RecordKey;
///
/// assert_ne!(RecordKey::of("orders", "17"), RecordKey::of("orders1", "7"));
/// assert_eq!(RecordKey::of("orders", "17").to_string().len(), 64);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordKey([u8; 32]);

/// The SHA-256 of a body, to tell a duplicate from another message with the same key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PayloadHash([u8; 32]);

/// One run of a handler: what every conditional write names. Never the same twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Owner(Uuid);

impl RecordKey {
    /// The key of this scope and this key.
    pub fn of(scope: &str, key: &str) -> Self {
        let mut hash = Sha256::new();
        for part in [scope, key] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Self(hash.finalize().into())
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PayloadHash {
    /// The hash of this body.
    pub fn of(body: &str) -> Self {
        Self(Sha256::digest(body).into())
    }

    /// A hash that a store kept. `None` unless there are 32 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().map(Self).ok()
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Owner {
    /// A new one.
    #[expect(
        clippy::new_without_default,
        reason = "no two are alike, which is not what a default is"
    )]
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }
}

fn hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

impl fmt::Display for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(&self.0, f)
    }
}

impl fmt::Debug for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecordKey({self})")
    }
}

impl fmt::Debug for PayloadHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PayloadHash(")?;
        hex(&self.0, f)?;
        f.write_str(")")
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_between_scope_and_key_makes_another_key() {
        let pairs = [
            ("ab", "c"),
            ("a", "bc"),
            ("", "abc"),
            ("abc", ""),
            ("a\0", "b"),
            ("a", "\0b"),
        ];
        for (index, one) in pairs.iter().enumerate() {
            for other in &pairs[index + 1..] {
                assert_ne!(
                    RecordKey::of(one.0, one.1),
                    RecordKey::of(other.0, other.1),
                    "{one:?} {other:?}"
                );
            }
        }
    }

    #[test]
    fn the_key_never_changes_or_every_record_would_be_lost() {
        assert_eq!(
            RecordKey::of("orders.placed", "17").to_string(),
            // printf '\0\0\0\0\0\0\0\15orders.placed\0\0\0\0\0\0\0\00217' | sha256sum
            "44433f966e03bc676f70501f558f6b549a678ed80beb3444fa621976b8277b39"
        );
    }
}
