//! The calls that settle messages and keep leases: one batch in, one result for every entry out.

use std::task::{Context, Poll};

use aws_sdk_sqs::{
    Client,
    types::{
        BatchResultErrorEntry, ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry,
        SendMessageBatchRequestEntry,
    },
};
use futures_util::future::BoxFuture;
use tower_service::Service;

use crate::{batch::by_position, error::SqsError, queue::Queue};

/// One batch call, of one to ten entries.
#[derive(Debug)]
pub(crate) enum Command {
    /// Delete the messages with these receipt handles.
    Delete(Vec<String>),
    /// Hide the messages with these receipt handles for so many seconds from now.
    Hide(Vec<(String, i32)>),
    /// Send these messages to the dead-letter queue.
    Bury(Vec<SendMessageBatchRequestEntry>),
}

/// What became of each entry, in the order in which they went in.
pub(crate) type Results = Vec<Result<(), SqsError>>;

/// The batch calls of one queue, as a tower service. It is always ready: the batchers in front of it bound what is
/// under way.
#[derive(Clone, Debug)]
pub(crate) struct Commands {
    client: Client,
    queue: Queue,
    /// The dead-letter queue's name and URL.
    dead_letter: Option<(String, String)>,
}

impl Commands {
    pub(crate) fn new(client: Client, queue: Queue, dead_letter: Option<(String, String)>) -> Self {
        Self {
            client,
            queue,
            dead_letter,
        }
    }
}

impl Service<Command> for Commands {
    type Response = Results;
    type Error = SqsError;
    type Future = BoxFuture<'static, Result<Results, SqsError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), SqsError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, command: Command) -> Self::Future {
        let Self {
            client,
            queue,
            dead_letter,
        } = self.clone();
        match command {
            Command::Delete(handles) => Box::pin(delete(client, queue, handles)),
            Command::Hide(changes) => Box::pin(hide(client, queue, changes)),
            Command::Bury(entries) => Box::pin(bury(client, dead_letter, entries)),
        }
    }
}

async fn delete(client: Client, queue: Queue, handles: Vec<String>) -> Result<Results, SqsError> {
    const ACTION: &str = "DeleteMessage";
    let count = handles.len();
    let mut request = client.delete_message_batch().queue_url(&queue.url);
    for (position, handle) in handles.into_iter().enumerate() {
        request = request.entries(
            DeleteMessageBatchRequestEntry::builder()
                .id(position.to_string())
                .receipt_handle(handle)
                .build()
                .map_err(|error| incomplete(ACTION, &queue.name, &error))?,
        );
    }
    let answer = request
        .send()
        .await
        .map_err(|error| SqsError::from_sdk(ACTION, &queue.name, error))?;
    let successful = answer.successful.iter().map(|entry| (entry.id(), ()));
    Ok(results(ACTION, &queue.name, count, successful, &answer.failed))
}

async fn hide(client: Client, queue: Queue, changes: Vec<(String, i32)>) -> Result<Results, SqsError> {
    const ACTION: &str = "ChangeMessageVisibility";
    let count = changes.len();
    let mut request = client.change_message_visibility_batch().queue_url(&queue.url);
    for (position, (handle, seconds)) in changes.into_iter().enumerate() {
        request = request.entries(
            ChangeMessageVisibilityBatchRequestEntry::builder()
                .id(position.to_string())
                .receipt_handle(handle)
                .visibility_timeout(seconds)
                .build()
                .map_err(|error| incomplete(ACTION, &queue.name, &error))?,
        );
    }
    let answer = request
        .send()
        .await
        .map_err(|error| SqsError::from_sdk(ACTION, &queue.name, error))?;
    let successful = answer.successful.iter().map(|entry| (entry.id(), ()));
    Ok(results(ACTION, &queue.name, count, successful, &answer.failed))
}

async fn bury(
    client: Client,
    dead_letter: Option<(String, String)>,
    entries: Vec<SendMessageBatchRequestEntry>,
) -> Result<Results, SqsError> {
    const ACTION: &str = "SendMessage";
    let (name, url) = dead_letter.unwrap_or_default();
    let count = entries.len();
    let answer = client
        .send_message_batch()
        .queue_url(url)
        .set_entries(Some(entries))
        .send()
        .await
        .map_err(|error| SqsError::from_sdk(ACTION, &name, error))?;
    let successful = answer.successful.iter().map(|entry| (entry.id(), ()));
    Ok(results(ACTION, &name, count, successful, &answer.failed))
}

fn results<'a>(
    action: &'static str,
    queue: &str,
    count: usize,
    successful: impl Iterator<Item = (&'a str, ())>,
    failed: &'a [BatchResultErrorEntry],
) -> Results {
    by_position(
        count,
        successful,
        failed
            .iter()
            .map(|entry| (entry.id(), SqsError::from_entry(action, queue, entry))),
        || SqsError::unanswered(action, queue),
    )
}

fn incomplete(action: &'static str, queue: &str, error: &dyn std::error::Error) -> SqsError {
    SqsError::local(
        action,
        queue,
        crate::error::ErrorClass::Rejected,
        error.to_string(),
    )
}
