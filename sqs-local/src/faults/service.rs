//! Does to requests what the rules planned.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rand::seq::SliceRandom as _;
use tower_service::Service;

use super::rule::Planned;
use super::{Fault, Faults, batch};
use crate::api::{Answer, ChangeMessageVisibility, Operation, Payload, ReceivedMessage, Request};
use crate::error::Error;

/// A service with [`Faults`] around it.
#[derive(Debug, Clone)]
pub struct FaultService<S> {
    inner: S,
    faults: Faults,
}

impl<S> FaultService<S> {
    pub(super) fn new(inner: S, faults: Faults) -> Self {
        Self { inner, faults }
    }

    /// The service inside.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The service inside, to change it.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Takes the faults off.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S> Service<Request> for FaultService<S>
where
    S: Service<Request, Response = Answer, Error = Error> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Answer;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Answer, Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let planned = self.faults.lock().plan(&request.operation);
        if planned.is_empty() {
            return Box::pin(self.inner.call(request));
        }
        // The clone was not asked whether it is ready; the one that was goes along with this request.
        let clone = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, clone);
        Box::pin(
            Faulty {
                inner,
                faults: self.faults.clone(),
                planned,
            }
            .answer(request),
        )
    }
}

/// One request and what is to happen to it.
struct Faulty<S> {
    inner: S,
    faults: Faults,
    planned: Vec<Planned>,
}

impl<S> Faulty<S>
where
    S: Service<Request, Response = Answer, Error = Error>,
{
    async fn answer(mut self, mut request: Request) -> Result<Answer, Error> {
        for planned in std::mem::take(&mut self.planned) {
            match planned.fault {
                Fault::SlowRequest => {
                    self.note(planned.fault);
                    tokio::time::sleep(planned.delay).await;
                }
                Fault::Hang => {
                    self.note(planned.fault);
                    std::future::pending::<()>().await;
                }
                fault => match fault.refusal() {
                    Some(error) => {
                        self.note(fault);
                        return Err(error);
                    }
                    None => self.planned.push(planned),
                },
            }
        }
        if self.finds_nothing(&request) {
            return Ok(Answer::Received(Vec::new()));
        }
        if let Some(answer) = self.forgets_delete(&request) {
            return Ok(answer);
        }
        let failing = match self.of(Fault::PartialBatch) {
            Some(planned) => {
                batch::take_out(&mut request.operation, planned.share, &mut self.faults.lock().rng)
            }
            None => Default::default(),
        };
        let again = self.of(Fault::Duplicate).is_some().then(|| request.clone());
        let mut answer = if !failing.is_empty() && batch::is_empty(&request.operation) {
            Ok(batch::nothing(&request.operation))
        } else {
            self.inner.call(request).await
        };
        if !failing.is_empty()
            && let Ok(answer) = &mut answer
        {
            self.note(Fault::PartialBatch);
            batch::put_back(answer, failing);
        }
        if let Ok(Answer::Received(messages)) = &mut answer {
            self.reorder(messages);
            self.damage(messages);
            if let Some(request) = again {
                self.show_again(messages, &request).await;
            }
        }
        if let Some(planned) = self.of(Fault::SlowAnswer) {
            self.note(planned.fault);
            tokio::time::sleep(planned.delay).await;
        }
        if self.of(Fault::LoseAnswer).is_some() {
            self.note(Fault::LoseAnswer);
            return Err(Error::lost(answer));
        }
        answer
    }

    fn of(&self, fault: Fault) -> Option<Planned> {
        self.planned
            .iter()
            .find(|planned| planned.fault == fault)
            .copied()
    }

    fn note(&self, fault: Fault) {
        self.faults.lock().note(fault);
    }

    /// A short poll that asks the wrong servers.
    fn finds_nothing(&self, request: &Request) -> bool {
        let short = matches!(&request.operation, Operation::ReceiveMessage(poll) if poll.wait_time_seconds == Some(0));
        let empty = short && self.of(Fault::EmptyReceive).is_some();
        if empty {
            self.note(Fault::EmptyReceive);
        }
        empty
    }

    /// A delete that is acknowledged and not done.
    fn forgets_delete(&self, request: &Request) -> Option<Answer> {
        self.of(Fault::Duplicate).filter(|_| !is_fifo(request))?;
        let answer = match &request.operation {
            Operation::DeleteMessage(_) => Answer::Settled(None),
            Operation::DeleteMessageBatch(request) => {
                let ids = request
                    .entries
                    .iter()
                    .flatten()
                    .map(|entry| (entry.id.clone().unwrap_or_default(), None));
                Answer::SettledBatch {
                    successful: ids.collect(),
                    failed: Vec::new(),
                }
            }
            _ => return None,
        };
        self.note(Fault::Duplicate);
        Some(answer)
    }

    fn reorder(&self, messages: &mut [ReceivedMessage]) {
        if self.of(Fault::Reorder).is_some()
            && messages.iter().all(|message| message.payload.sequence.is_none())
        {
            messages.shuffle(&mut self.faults.lock().rng);
            self.note(Fault::Reorder);
        }
    }

    fn damage(&self, messages: &mut [ReceivedMessage]) {
        if self.of(Fault::Damage).is_none() || messages.is_empty() {
            return;
        }
        for message in messages {
            let mut body = String::from(&*message.payload.body);
            body.pop();
            message.payload = Arc::new(Payload {
                body: body.into(),
                ..(*message.payload).clone()
            });
        }
        self.note(Fault::Damage);
    }

    /// Shows received messages to others at once.
    async fn show_again(&mut self, messages: &[ReceivedMessage], request: &Request) {
        if messages.is_empty() || is_fifo(request) {
            return;
        }
        self.note(Fault::Duplicate);
        for message in messages {
            let show = ChangeMessageVisibility {
                queue_url: request.operation.queue_url().map(ToOwned::to_owned),
                receipt_handle: Some(message.receipt_handle().to_owned()),
                visibility_timeout: Some(0),
            };
            let operation = Operation::ChangeMessageVisibility(show);
            // If it fails there is no duplicate, which is no worse.
            let _ = self
                .inner
                .call(Request {
                    caller: request.caller.clone(),
                    operation,
                })
                .await;
        }
    }
}

fn is_fifo(request: &Request) -> bool {
    request
        .operation
        .queue_name()
        .is_some_and(|name| name.ends_with(".fifo"))
}
