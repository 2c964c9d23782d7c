//! What a completed record keeps: nothing, or the reply.

use serde::{Deserialize, Serialize};

use crate::handler::{Outcome, ReplyMessage};

#[derive(Serialize, Deserialize)]
struct Recorded<'a> {
    name: std::borrow::Cow<'a, str>,
    version: u32,
    content_type: std::borrow::Cow<'a, str>,
    body: std::borrow::Cow<'a, str>,
}

/// The bytes for an outcome that completes its key; `None` for one that does not.
pub(super) fn record(outcome: &Outcome) -> Option<Vec<u8>> {
    match outcome {
        Outcome::Ack => Some(Vec::new()),
        Outcome::Reply(reply) => {
            let recorded = Recorded {
                name: (&*reply.name).into(),
                version: reply.version,
                content_type: (&*reply.content_type).into(),
                body: (&*reply.body).into(),
            };
            Some(serde_json::to_vec(&recorded).unwrap_or_default())
        }
        _ => None,
    }
}

/// The outcome for a duplicate. Bytes that make no sense are those of a later version: the work is done all the same.
pub(super) fn replay(result: &[u8]) -> Outcome {
    if result.is_empty() {
        return Outcome::Ack;
    }
    match serde_json::from_slice::<Recorded<'_>>(result) {
        Ok(recorded) => Outcome::Reply(ReplyMessage {
            name: recorded.name.into_owned().into(),
            version: recorded.version,
            content_type: recorded.content_type.into_owned().into(),
            body: recorded.body.into_owned(),
        }),
        Err(error) => {
            tracing::warn!("a recorded reply cannot be read and is not sent again: {error}");
            Outcome::Ack
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply() -> Outcome {
        Outcome::Reply(ReplyMessage {
            name: "quoted".into(),
            version: 2,
            content_type: "application/json".into(),
            body: r#"{"cents":"ä\n"}"#.into(),
        })
    }

    #[test]
    fn a_reply_is_replayed_as_it_was() {
        assert_eq!(replay(&record(&reply()).unwrap()), reply());
    }

    #[test]
    fn an_acknowledgement_needs_no_bytes() {
        assert_eq!(record(&Outcome::Ack), Some(Vec::new()));
        assert_eq!(replay(b""), Outcome::Ack);
    }

    #[test]
    fn what_is_not_done_is_not_recorded() {
        for outcome in [
            Outcome::retry(),
            Outcome::release(),
            Outcome::dead_letter("no"),
            Outcome::defer(std::time::Duration::ZERO),
        ] {
            assert_eq!(record(&outcome), None, "{outcome:?}");
        }
    }

    #[test]
    fn bytes_of_another_kind_acknowledge() {
        assert_eq!(replay(b"\xff"), Outcome::Ack);
    }
}
