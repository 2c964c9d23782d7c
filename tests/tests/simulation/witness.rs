//! Two layers around the SQS that write down every request: one beside the engine, which sees what takes effect, and
//! one beside the callers, which sees what they ask and what they are told. The faults are between the two.

use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use sqs_local::{
    Error,
    api::{Answer as Reply, MessageAttributes, Operation, Request},
};
use tower::{Layer, Service};

use crate::{
    history::{
        Actor, Answer, Asked, Book, Delivered, Facts, Handle, History, Msg, Sent, Settled, Stored, What,
    },
    scenario::Scenario,
    wire,
};

/// A run with more requests than this is a storm: the SQS stops answering, and the run fails.
pub(crate) const STORM: usize = 40_000;

tokio::task_local! {
    /// The request that is being served: its number, and what it is about.
    static CURRENT: Current;
}

#[derive(Clone, Debug)]
struct Current {
    number: usize,
    actor: Actor,
    action: &'static str,
}

/// A witness, as a layer of [`SqsLocal`](sqs_local::SqsLocal).
#[derive(Clone, Debug)]
pub(crate) struct Witness {
    history: History,
    scenario: Arc<Scenario>,
    place: Place,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Engine,
    Callers,
}

impl Witness {
    /// The one that goes next to the engine.
    pub(crate) fn of_effects(history: &History, scenario: &Arc<Scenario>) -> Self {
        Self {
            history: history.clone(),
            scenario: scenario.clone(),
            place: Place::Engine,
        }
    }

    /// The one that goes next to the callers.
    pub(crate) fn of_callers(history: &History, scenario: &Arc<Scenario>) -> Self {
        Self {
            place: Place::Callers,
            ..Self::of_effects(history, scenario)
        }
    }
}

impl<S> Layer<S> for Witness {
    type Service = Witnessed<S>;

    fn layer(&self, inner: S) -> Witnessed<S> {
        Witnessed {
            inner,
            witness: self.clone(),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Witnessed<S> {
    inner: S,
    witness: Witness,
}

impl<S> Service<Request> for Witnessed<S>
where
    S: Service<Request, Response = Reply, Error = Error> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Reply;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Reply, Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let mut inner = self.inner.clone();
        let Witness {
            history,
            scenario,
            place,
        } = self.witness.clone();
        match place {
            Place::Callers => Box::pin(async move {
                let actor = Actor::from_endpoint(&request.caller.base_url);
                let action = request.operation.name();
                let number = ask(&history, &scenario, actor, &request.operation);
                if number > STORM {
                    return std::future::pending().await;
                }
                let ids = entry_ids(&history.book(), &request.operation);
                let mut page = Page {
                    history: history.clone(),
                    actor,
                    number,
                    answer: Answer::Abandoned,
                };
                let current = Current {
                    number,
                    actor,
                    action,
                };
                let reply = CURRENT
                    .scope(current, async move { inner.call(request).await })
                    .await;
                page.answer = told(&mut history.book(), &ids, &reply);
                reply
            }),
            Place::Engine => Box::pin(async move {
                let current = CURRENT.with(Clone::clone);
                let operation = request.operation.clone();
                let ids = entry_ids(&history.book(), &operation);
                let reply = inner.call(request).await;
                let now = history.now();
                let answer = took_effect(&mut history.book(), &scenario, now, &operation, &ids, &reply);
                let answer = match answer {
                    // A visibility change that nobody asked for: the fault layer shows messages again.
                    Answer::Settled(entries) if operation.name() != current.action => {
                        Answer::ShownAgain(entries.iter().map(|entry| entry.handle.message).collect())
                    }
                    answer => answer,
                };
                history.add(current.actor, What::Did(current.number, answer));
                reply
            }),
        }
    }
}

/// Writes down the end of a request when it is dropped, so that callers who go away are noted too.
struct Page {
    history: History,
    actor: Actor,
    number: usize,
    answer: Answer,
}

impl Drop for Page {
    fn drop(&mut self) {
        let answer = std::mem::replace(&mut self.answer, Answer::Abandoned);
        self.history.add(self.actor, What::Saw(self.number, answer));
    }
}

/// Writes down a request; returns its number.
fn ask(history: &History, scenario: &Scenario, actor: Actor, operation: &Operation) -> usize {
    let mut book = history.book();
    let seconds =
        |seconds: Option<i32>| Duration::from_secs(seconds.unwrap_or_default().unsigned_abs().into());
    let queue = operation.queue_name().unwrap_or_default().to_owned();
    let asked = match operation {
        Operation::ReceiveMessage(poll) => Asked::Receive {
            queue,
            most: poll.max_number_of_messages.unwrap_or(1),
            wait: poll.wait_time_seconds.unwrap_or_default(),
            visibility: seconds(poll.visibility_timeout),
        },
        Operation::DeleteMessageBatch(batch) => Asked::Delete(
            batch
                .entries
                .iter()
                .flatten()
                .filter_map(|entry| handle(&book, entry.receipt_handle.as_deref()))
                .collect(),
        ),
        Operation::ChangeMessageVisibilityBatch(batch) => Asked::Hide(
            batch
                .entries
                .iter()
                .flatten()
                .filter_map(|entry| {
                    Some((
                        handle(&book, entry.receipt_handle.as_deref())?,
                        seconds(entry.visibility_timeout),
                    ))
                })
                .collect(),
        ),
        Operation::SendMessageBatch(batch) => {
            let entries = batch.entries.iter().flatten();
            let sent = entries.map(|entry| {
                sent(
                    &book,
                    scenario,
                    entry.message_body.as_deref(),
                    entry.message_attributes.as_ref(),
                )
            });
            Asked::Send(queue, sent.collect())
        }
        Operation::SendMessage(message) => {
            let sent = sent(
                &book,
                scenario,
                message.message_body.as_deref(),
                message.message_attributes.as_ref(),
            );
            Asked::Send(queue, vec![sent])
        }
        other => Asked::Other(other.name()),
    };
    book.requests += 1;
    let number = book.requests;
    drop(book);
    history.add(actor, What::Asked(number, asked));
    number
}

fn sent(
    book: &Book,
    scenario: &Scenario,
    body: Option<&str>,
    attributes: Option<&MessageAttributes>,
) -> Sent {
    let (body, none) = (body.unwrap_or_default(), BTreeMap::new());
    let attributes = attributes.unwrap_or(&none);
    let plan = wire::number_in(body).filter(|number| *number < scenario.messages.len());
    let found = attributes.iter().map(|(name, value)| (name.as_str(), value));
    Sent {
        plan: plan.unwrap_or_default(),
        intact: plan.is_some_and(|number| wire::is_intact(scenario, number, body, found)),
        copy_of: wire::copied_from(attributes).and_then(|id| book.by_id.get(&id).copied()),
    }
}

fn handle(book: &Book, handle: Option<&str>) -> Option<Handle> {
    book.handles.get(handle?).copied()
}

/// The handle that each entry of a batch is about, by the entry's id.
fn entry_ids(book: &Book, operation: &Operation) -> BTreeMap<String, Handle> {
    let pair = |id: &Option<String>, receipt: &Option<String>| {
        Some((id.clone()?, handle(book, receipt.as_deref())?))
    };
    match operation {
        Operation::DeleteMessageBatch(batch) => batch
            .entries
            .iter()
            .flatten()
            .filter_map(|entry| pair(&entry.id, &entry.receipt_handle))
            .collect(),
        Operation::ChangeMessageVisibilityBatch(batch) => batch
            .entries
            .iter()
            .flatten()
            .filter_map(|entry| pair(&entry.id, &entry.receipt_handle))
            .collect(),
        // What the fault layer sends to show a message again.
        Operation::ChangeMessageVisibility(one) => pair(&Some(String::new()), &one.receipt_handle)
            .into_iter()
            .collect(),
        _ => BTreeMap::new(),
    }
}

/// What a request did, with new messages and handles entered into the book.
fn took_effect(
    book: &mut Book,
    scenario: &Scenario,
    now: Duration,
    operation: &Operation,
    ids: &BTreeMap<String, Handle>,
    reply: &Result<Reply, Error>,
) -> Answer {
    let queue = operation.queue_name().unwrap_or_default();
    let mut store = |message: &sqs_local::api::SentMessage, body: Option<&str>| {
        let id = message.message_id.to_string();
        if let Some(known) = book.by_id.get(&id) {
            return Stored {
                message: *known,
                duplicate: message.duplicate,
            };
        }
        let number = Msg(book.messages.len());
        book.by_id.insert(id, number);
        book.messages.push(Facts {
            id: message.message_id,
            queue: queue.to_owned(),
            plan: body.and_then(wire::number_in).unwrap_or_default(),
            sent: now,
            original: !queue.contains("-dead"),
        });
        Stored {
            message: number,
            duplicate: message.duplicate,
        }
    };
    match (operation, reply) {
        (Operation::SendMessage(message), Ok(Reply::Sent(sent))) => {
            Answer::Sent(vec![Some(store(sent, message.message_body.as_deref()))])
        }
        (Operation::SendMessageBatch(batch), Ok(Reply::SentBatch { successful, .. })) => {
            let entries = batch.entries.iter().flatten().map(|entry| {
                let sent = successful
                    .iter()
                    .find(|sent| Some(&sent.id) == entry.id.as_ref())?;
                Some(store(&sent.message, entry.message_body.as_deref()))
            });
            Answer::Sent(entries.collect())
        }
        (_, Ok(Reply::Received(messages))) => {
            for message in messages {
                let Some(known) = book.by_id.get(&message.message_id().to_string()).copied() else {
                    continue;
                };
                let receive = book.receives.entry(known).or_default();
                *receive += 1;
                let handle = Handle {
                    message: known,
                    receive: *receive,
                };
                book.handles.insert(message.receipt_handle().to_owned(), handle);
            }
            let delivered = messages.iter().filter_map(|message| {
                let handle = handle(book, Some(message.receipt_handle()))?;
                let plan = book.messages[handle.message.0].plan;
                Some(Delivered {
                    handle,
                    count: message.receive_count(),
                    intact: wire::is_intact(scenario, plan, message.body(), message.message_attributes()),
                })
            });
            Answer::Received(delivered.collect())
        }
        _ => told(book, ids, reply),
    }
}

/// What a caller is told.
fn told(book: &mut Book, ids: &BTreeMap<String, Handle>, reply: &Result<Reply, Error>) -> Answer {
    match reply {
        Ok(Reply::Received(messages)) => Answer::Received(
            messages
                .iter()
                .filter_map(|message| {
                    let handle = handle(book, Some(message.receipt_handle()))?;
                    Some(Delivered {
                        handle,
                        count: message.receive_count(),
                        intact: true,
                    })
                })
                .collect(),
        ),
        Ok(Reply::Settled(message)) => Answer::Settled(
            ids.values()
                .map(|handle| Settled {
                    handle: *handle,
                    ok: true,
                    refused: false,
                    effect: message.is_some(),
                })
                .collect(),
        ),
        Ok(Reply::SettledBatch { successful, failed }) => {
            let done = successful.iter().filter_map(|(id, message)| {
                Some(Settled {
                    handle: *ids.get(id)?,
                    ok: true,
                    refused: false,
                    effect: message.is_some(),
                })
            });
            let failed = failed.iter().filter_map(|entry| {
                Some(Settled {
                    handle: *ids.get(&entry.id)?,
                    ok: false,
                    refused: entry.sender_fault,
                    effect: false,
                })
            });
            Answer::Settled(done.chain(failed).collect())
        }
        Ok(Reply::Sent(sent)) => Answer::Sent(vec![stored(book, sent)]),
        Ok(Reply::SentBatch { successful, .. }) => Answer::Sent(
            successful
                .iter()
                .map(|entry| stored(book, &entry.message))
                .collect(),
        ),
        Ok(_) => Answer::Done,
        Err(error) => Answer::Refused(error.kind().code()),
    }
}

fn stored(book: &Book, sent: &sqs_local::api::SentMessage) -> Option<Stored> {
    let message = *book.by_id.get(&sent.message_id.to_string())?;
    Some(Stored {
        message,
        duplicate: sent.duplicate,
    })
}
