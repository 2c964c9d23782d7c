//! The layer that writes the journal.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tower_layer::Layer;
use tower_service::Service;

use super::{EntryRecord, Outcome, Recorder, RequestRecord};
use crate::api::{Answer, FailedEntry, Operation, ReceivedMessage, Request, SendEntry, SentMessage};
use crate::error::{Error, ErrorKind};

/// What AWS charges as one request.
const CHUNK: u64 = 64 * 1024;

#[derive(Debug, Clone)]
pub(crate) struct JournalLayer {
    recorder: Recorder,
}

impl JournalLayer {
    pub(crate) fn new(recorder: Recorder) -> Self {
        Self { recorder }
    }
}

impl<S> Layer<S> for JournalLayer {
    type Service = JournalService<S>;

    fn layer(&self, inner: S) -> JournalService<S> {
        JournalService {
            inner,
            recorder: self.recorder.clone(),
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct JournalService<S> {
    inner: S,
    recorder: Recorder,
}

impl<S> Service<Request> for JournalService<S>
where
    S: Service<Request, Response = Answer, Error = Error>,
    S::Future: Send + 'static,
{
    type Response = Answer;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Answer, Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let mut page = Page::open(&self.recorder, &request);
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await;
            page.note(&answer);
            answer
        })
    }
}

/// A record in the making; written when dropped, so that a caller who goes away is noted too.
struct Page {
    recorder: Recorder,
    record: Option<RequestRecord>,
}

impl Page {
    fn open(recorder: &Recorder, request: &Request) -> Self {
        let began = recorder.shared.clock.since_start();
        let operation = &request.operation;
        let queue = operation.queue_name().map(ToOwned::to_owned);
        let record = RequestRecord {
            action: operation.name(),
            resource: resource(request, queue.as_deref()),
            queue,
            began,
            ended: began,
            entries: Vec::new(),
            bytes: sent_bytes(operation),
            billing_units: 1,
            outcome: Outcome::Abandoned,
            lost: false,
        };
        Self {
            recorder: recorder.clone(),
            record: Some(record),
        }
    }

    fn note(&mut self, answer: &Result<Answer, Error>) {
        let Some(record) = &mut self.record else { return };
        let mut answer = answer;
        if let Err(error) = answer
            && error.kind() == ErrorKind::Disconnected
        {
            record.lost = true;
            match error.effect() {
                Some(effect) => answer = effect,
                None => return,
            }
        }
        match answer {
            Ok(answer) => {
                record.outcome = Outcome::Answered;
                if let Answer::Received(messages) = answer {
                    record.bytes = messages.iter().map(|message| message.payload.size() as u64).sum();
                }
                record.entries = entries(answer);
            }
            Err(error) => record.outcome = Outcome::Refused(error.kind()),
        }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        if let Some(mut record) = self.record.take() {
            record.ended = self.recorder.shared.clock.since_start();
            record.billing_units = record.bytes.div_ceil(CHUNK).max(1);
            self.recorder.record(record);
        }
    }
}

fn resource(request: &Request, queue: Option<&str>) -> String {
    match (&request.operation, queue) {
        (Operation::StartMessageMoveTask(start), _) => start.source_arn.clone().unwrap_or_else(|| "*".into()),
        (Operation::ListMessageMoveTasks(list), _) => list.source_arn.clone().unwrap_or_else(|| "*".into()),
        (_, Some(queue)) => {
            let account = request
                .operation
                .queue_url()
                .and_then(|url| url.rsplit('/').nth(1));
            let account = account
                .filter(|account| !account.is_empty())
                .unwrap_or(&request.caller.account);
            crate::engine::arn(account, &request.caller.region, queue)
        }
        (_, None) => "*".to_owned(),
    }
}

fn sent_bytes(operation: &Operation) -> u64 {
    let size = |body: &Option<String>, attributes: &Option<crate::api::MessageAttributes>| {
        body.as_deref().map_or(0, str::len)
            + attributes
                .as_ref()
                .map_or(0, crate::engine::digest::attributes_size)
    };
    let bytes = match operation {
        Operation::SendMessage(message) => size(&message.message_body, &message.message_attributes),
        Operation::SendMessageBatch(batch) => {
            let of = |entry: &SendEntry| size(&entry.message_body, &entry.message_attributes);
            batch.entries.iter().flatten().map(of).sum()
        }
        _ => 0,
    };
    bytes as u64
}

const ENTRY: EntryRecord = EntryRecord {
    id: String::new(),
    message_id: None,
    receive_count: 0,
    duplicate: false,
    error: None,
};

fn entries(answer: &Answer) -> Vec<EntryRecord> {
    let sent = |id: &str, message: &SentMessage| EntryRecord {
        id: id.to_owned(),
        message_id: Some(message.message_id),
        duplicate: message.duplicate,
        ..ENTRY
    };
    let refused = |entry: &FailedEntry| EntryRecord {
        id: entry.id.clone(),
        error: Some(entry.code),
        ..ENTRY
    };
    let received = |message: &ReceivedMessage| EntryRecord {
        message_id: Some(message.message_id()),
        receive_count: message.receive_count,
        ..ENTRY
    };
    match answer {
        Answer::Sent(message) => vec![sent("", message)],
        Answer::SentBatch { successful, failed } => {
            let successful = successful.iter().map(|entry| sent(&entry.id, &entry.message));
            successful.chain(failed.iter().map(refused)).collect()
        }
        Answer::Received(messages) => messages.iter().map(received).collect(),
        Answer::Settled(message_id) => vec![EntryRecord {
            message_id: *message_id,
            ..ENTRY
        }],
        Answer::SettledBatch { successful, failed } => {
            let settled = successful.iter().map(|(id, message_id)| EntryRecord {
                id: id.clone(),
                message_id: *message_id,
                ..ENTRY
            });
            settled.chain(failed.iter().map(refused)).collect()
        }
        _ => Vec::new(),
    }
}
