//! What became of each message.

use super::SendError;

/// A message that SQS has taken.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sent {
    /// The id that SQS gave it.
    pub message_id: String,
    /// Its number within its group; FIFO queues only.
    pub sequence_number: Option<String>,
}

/// One result for every message given to [`send_all`](super::QueueProducer::send_all), in the same order.
#[derive(Debug)]
#[must_use = "messages may have failed: look at `failed()`, or use `into_result()`"]
pub struct SendReport {
    results: Vec<Result<Sent, SendError>>,
}

impl SendReport {
    pub(super) fn new(results: Vec<Result<Sent, SendError>>) -> Self {
        Self { results }
    }

    /// All results, in the order of the messages.
    pub fn results(&self) -> &[Result<Sent, SendError>] {
        &self.results
    }

    /// The same, owned.
    pub fn into_results(self) -> Vec<Result<Sent, SendError>> {
        self.results
    }

    /// How many were sent.
    pub fn sent(&self) -> usize {
        self.results.iter().filter(|result| result.is_ok()).count()
    }

    /// Those that were not sent: position among the messages, and why.
    pub fn failed(&self) -> impl Iterator<Item = (usize, &SendError)> {
        self.results
            .iter()
            .enumerate()
            .filter_map(|(position, result)| Some((position, result.as_ref().err()?)))
    }

    /// Everything that was sent, or the first error.
    ///
    /// # Errors
    ///
    /// The first error, although other messages may have been sent.
    pub fn into_result(self) -> Result<Vec<Sent>, SendError> {
        self.results.into_iter().collect()
    }
}
