//! From what a handler returned to what is done with its message.

use std::time::Duration;

use rand::Rng;

use super::options::{Policy, Settings};
use crate::handler::{Delivery, Disposition, HandlerError, Outcome};

/// Receiving a message again at once only feeds a storm; a second lets another worker have it.
pub(crate) const RELEASE: Duration = Duration::from_secs(1);

/// What is to be done with a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Delete it.
    Delete(Deleted),
    /// Hide it for so long, then let SQS deliver it again.
    Hide(Duration, Hidden),
    /// Send it to the dead-letter queue, then delete it.
    Bury(Failure),
}

/// Why a message is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deleted {
    /// It was handled.
    Acked,
    /// Its handler's error said to drop it.
    Dropped,
    /// It is in the dead-letter queue.
    Buried,
    /// It had been handled before.
    Repeat,
}

/// Why a message is hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hidden {
    /// It failed and will be tried again.
    Retry,
    /// It was not tried, or not to its end.
    Released,
    /// It cannot be tried yet; no attempt of its handler.
    Deferred,
    /// It should have been dead-lettered; the queue's redrive policy has to do it.
    LeftToRedrive,
}

/// Why a message is dead-lettered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Failure {
    /// One sentence.
    pub(crate) reason: String,
    /// The error, then what caused it.
    pub(crate) chain: Vec<String>,
}

/// Turns a handler's result into a plan.
pub(crate) fn decide<R: Rng + ?Sized>(
    result: Result<Outcome, HandlerError>,
    delivery: &Delivery,
    settings: &Settings,
    rng: &mut R,
) -> Plan {
    // Most messages need none, and looking one up has its price.
    let policy = || settings.policy(delivery.name());
    match result {
        Ok(Outcome::Ack) => Plan::Delete(Deleted::Acked),
        Ok(Outcome::Retry { after }) => retry(after, None, delivery, policy(), rng),
        Ok(Outcome::DeadLetter { reason }) => Plan::Bury(Failure {
            reason: reason.into_owned(),
            chain: Vec::new(),
        }),
        Ok(Outcome::Release) => Plan::Hide(RELEASE, Hidden::Released),
        Ok(Outcome::Defer { after }) => Plan::Hide(after, Hidden::Deferred),
        // A reply on a queue none of whose handlers replies: a layer made it up, and nothing sends it.
        Ok(_) => Plan::Hide(policy().retry.cap(), Hidden::Retry),
        Err(error) => match error.disposition() {
            Disposition::Retry { after } => retry(after, Some(&error), delivery, policy(), rng),
            Disposition::DeadLetter => Plan::Bury(Failure {
                reason: error.to_string(),
                chain: error.chain(),
            }),
            Disposition::Drop => {
                tracing::warn!(
                    queue = delivery.queue_name(),
                    message_id = delivery.message_id(),
                    "message dropped, as its handler's error asked: {error}"
                );
                Plan::Delete(Deleted::Dropped)
            }
        },
    }
}

fn retry<R: Rng + ?Sized>(
    after: Option<Duration>,
    error: Option<&HandlerError>,
    delivery: &Delivery,
    policy: &Policy,
    rng: &mut R,
) -> Plan {
    let attempt = delivery.attempt();
    if policy.max_attempts.is_some_and(|max| attempt >= max) {
        let why = error.map_or_else(
            || "its handler asked for another attempt".to_owned(),
            ToString::to_string,
        );
        let times = if attempt == 1 {
            "1 attempt".to_owned()
        } else {
            format!("{attempt} attempts")
        };
        let chain = error.map(HandlerError::chain).unwrap_or_default();
        return Plan::Bury(Failure {
            reason: format!("gave up after {times}: {why}"),
            chain,
        });
    }
    let delay = after.unwrap_or_else(|| policy.retry.jittered(attempt, rng));
    match error {
        Some(error) => tracing::info!(
            queue = delivery.queue_name(),
            message_id = delivery.message_id(),
            attempt,
            ?delay,
            "message will be retried: {error}"
        ),
        None => tracing::debug!(
            queue = delivery.queue_name(),
            message_id = delivery.message_id(),
            attempt,
            ?delay,
            "message will be retried, as its handler asked"
        ),
    }
    Plan::Hide(delay, Hidden::Retry)
}
