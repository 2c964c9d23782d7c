//! What all batches have in common: one to ten entries with distinct ids, each with its own result.

use crate::api::{ChangeVisibilityEntry, DeleteEntry, SendEntry};
use crate::error::{Error, ErrorKind};

/// An entry of a batch.
pub(crate) trait BatchEntry {
    /// The name of the type in the API, which the texts of errors mention.
    const TYPE: &'static str;
    fn id(&self) -> &str;
}

macro_rules! entries {
    ($($ty:ty => $name:literal,)*) => {$(
        impl BatchEntry for $ty {
            const TYPE: &'static str = $name;
            fn id(&self) -> &str {
                self.id.as_deref().unwrap_or_default()
            }
        }
    )*};
}

entries! {
    SendEntry => "SendMessageBatchRequestEntry",
    DeleteEntry => "DeleteMessageBatchRequestEntry",
    ChangeVisibilityEntry => "ChangeMessageVisibilityBatchRequestEntry",
}

/// Refuses a batch that has no entries, too many, or ids that are not good and distinct.
pub(crate) fn check<E: BatchEntry>(entries: Option<Vec<E>>) -> Result<Vec<E>, Error> {
    let entries = entries.unwrap_or_default();
    if entries.is_empty() {
        return Err(Error::new(
            ErrorKind::EmptyBatchRequest,
            format!("There should be at least one {} in the request.", E::TYPE),
        ));
    }
    if entries.len() > 10 {
        return Err(Error::new(
            ErrorKind::TooManyEntriesInBatchRequest,
            format!(
                "Maximum number of entries per request are 10. You have sent {}.",
                entries.len()
            ),
        ));
    }
    for (index, entry) in entries.iter().enumerate() {
        let id = entry.id();
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if !(1..=80).contains(&id.len()) || !id.bytes().all(allowed) {
            return Err(Error::new(
                ErrorKind::InvalidBatchEntryId,
                "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most \
                 80 letters long.",
            ));
        }
        if entries[..index].iter().any(|other| other.id() == id) {
            return Err(Error::new(
                ErrorKind::BatchEntryIdsNotDistinct,
                format!("Id {id} repeated."),
            ));
        }
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: &str) -> DeleteEntry {
        DeleteEntry {
            id: Some(id.to_owned()),
            receipt_handle: None,
        }
    }

    #[test]
    fn ids_are_distinct_short_and_plain() {
        let refused = |ids: &[&str]| {
            check(Some(ids.iter().map(|id| entry(id)).collect()))
                .unwrap_err()
                .kind()
        };
        assert!(check(Some(vec![entry("a-1"), entry("a_1")])).is_ok());
        assert_eq!(refused(&["a", "a"]), ErrorKind::BatchEntryIdsNotDistinct);
        assert_eq!(refused(&["a b"]), ErrorKind::InvalidBatchEntryId);
        assert_eq!(refused(&[&"a".repeat(81)]), ErrorKind::InvalidBatchEntryId);
        assert_eq!(refused(&[""]), ErrorKind::InvalidBatchEntryId);
        assert_eq!(refused(&[]), ErrorKind::EmptyBatchRequest);
        assert_eq!(refused(&["a"; 11]), ErrorKind::TooManyEntriesInBatchRequest);
    }
}
