//! The worker's side: replies are sent before their request is deleted, and requests that are too late are not handled.

use std::{
    sync::Arc,
    task::{Context, Poll},
    time::SystemTime,
};

use futures_util::future::BoxFuture;
use tower_layer::Layer;
use tower_service::Service;

use super::outbox::Outbox;
use crate::{
    error::ErrorClass,
    handler::{Delivery, Disposition, HandlerError, Outcome, ReplyMessage},
    message::Headers,
    producer::{Outgoing, Producer, SendError},
};

/// The longest reason of a refusal, in bytes.
const MAX_REASON: usize = 1_024;

/// What is worth counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A reply was sent.
    Replied,
    /// A requester was told that its request was given up.
    Refused,
    /// A request came too late to be handled.
    Late,
}

type Observer = Arc<dyn Fn(Event) + Send + Sync>;

/// Sends what handlers reply to where their requests ask for.
///
/// It stands outside the user's layers, so that they see the reply, and so that one of theirs may give one.
#[derive(Clone)]
pub(crate) struct ReplyLayer {
    outbox: Arc<Outbox>,
    observer: Observer,
}

/// Leaves requests alone whose deadline has passed.
#[derive(Clone)]
pub(crate) struct LateLayer {
    now: Arc<dyn Fn() -> SystemTime + Send + Sync>,
    observer: Observer,
}

impl ReplyLayer {
    pub(crate) fn new(producer: Producer, observer: impl Fn(Event) + Send + Sync + 'static) -> Self {
        Self {
            outbox: Outbox::new(producer),
            observer: Arc::new(observer),
        }
    }

    async fn settle(
        &self,
        request: Request,
        result: Result<Outcome, HandlerError>,
    ) -> Result<Outcome, HandlerError> {
        match &result {
            Ok(Outcome::Reply(reply)) => {
                let Some(to) = request.reply_to else {
                    tracing::warn!(
                        queue = request.queue,
                        message_id = request.message_id,
                        "the reply goes nowhere: the request says no queue for it; ask with a `Requester`"
                    );
                    return Ok(Outcome::Ack);
                };
                let outgoing = Outgoing::reply(reply, request.headers);
                self.outbox.send(&to, outgoing).await.map_err(unsent)?;
                (self.observer)(Event::Replied);
                return Ok(Outcome::Ack);
            }
            Ok(Outcome::DeadLetter { reason }) => self.refuse(request, reason).await,
            Err(error) if matches!(error.disposition(), Disposition::DeadLetter | Disposition::Drop) => {
                self.refuse(request, &error.to_string()).await;
            }
            _ => {}
        }
        result
    }

    /// Tells the requester, who would otherwise wait in vain. It is a courtesy: when it cannot be sent, that is that.
    async fn refuse(&self, mut request: Request, reason: &str) {
        let Some(to) = request.reply_to.take() else { return };
        let end = reason.floor_char_boundary(MAX_REASON);
        request.headers.refused = Some(reason[..end].to_owned());
        let nothing = ReplyMessage {
            name: "sqs-worker.refused".into(),
            version: 1,
            content_type: "application/json".into(),
            body: "null".to_owned(),
        };
        match self
            .outbox
            .send(&to, Outgoing::reply(&nothing, request.headers))
            .await
        {
            Ok(_) => (self.observer)(Event::Refused),
            Err(error) => tracing::warn!(
                queue = request.queue,
                "a requester was not told of a failure: {error}"
            ),
        }
    }
}

/// A reply that could not be sent comes again with its request, unless it never can be.
fn unsent(error: SendError) -> HandlerError {
    let transient = match &error {
        SendError::Sqs(error) => error.class() != ErrorClass::Rejected,
        _ => false,
    };
    let error = NotReplied(error);
    if transient {
        HandlerError::retry(error)
    } else {
        HandlerError::dead_letter(error)
    }
}

/// The handler is done, and its reply could not be sent.
#[derive(Debug, thiserror::Error)]
#[error("the reply was not sent: {0}")]
struct NotReplied(#[source] SendError);

/// What a reply needs to know of its request.
struct Request {
    queue: String,
    message_id: String,
    reply_to: Option<String>,
    headers: Headers,
}

impl Request {
    fn of(delivery: &Delivery) -> Self {
        let theirs = delivery.headers();
        Self {
            queue: delivery.queue_name().to_owned(),
            message_id: delivery.message_id().to_owned(),
            reply_to: theirs.reply_to.clone(),
            headers: Headers {
                correlation_id: theirs.correlation_id.clone(),
                ..Headers::default()
            },
        }
    }
}

impl LateLayer {
    pub(crate) fn new(
        now: impl Fn() -> SystemTime + Send + Sync + 'static,
        observer: impl Fn(Event) + Send + Sync + 'static,
    ) -> Self {
        Self {
            now: Arc::new(now),
            observer: Arc::new(observer),
        }
    }
}

impl<S> Layer<S> for ReplyLayer {
    type Service = Replying<S>;

    fn layer(&self, inner: S) -> Replying<S> {
        Replying {
            inner,
            layer: self.clone(),
        }
    }
}

impl<S> Layer<S> for LateLayer {
    type Service = InTime<S>;

    fn layer(&self, inner: S) -> InTime<S> {
        InTime {
            inner,
            layer: self.clone(),
        }
    }
}

/// A service whose replies are sent.
#[derive(Clone)]
pub(crate) struct Replying<S> {
    inner: S,
    layer: ReplyLayer,
}

/// A service that gets no request whose deadline has passed.
#[derive(Clone)]
pub(crate) struct InTime<S> {
    inner: S,
    layer: LateLayer,
}

impl<S> Service<Delivery> for Replying<S>
where
    S: Service<Delivery, Response = Outcome, Error = HandlerError>,
    S::Future: Send + 'static,
{
    type Response = Outcome;
    type Error = HandlerError;
    type Future = BoxFuture<'static, Result<Outcome, HandlerError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), HandlerError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, delivery: Delivery) -> Self::Future {
        let request = Request::of(&delivery);
        let run = self.inner.call(delivery);
        let layer = self.layer.clone();
        Box::pin(async move {
            let result = run.await;
            layer.settle(request, result).await
        })
    }
}

impl<S> Service<Delivery> for InTime<S>
where
    S: Service<Delivery, Response = Outcome, Error = HandlerError>,
    S::Future: Send + 'static,
{
    type Response = Outcome;
    type Error = HandlerError;
    type Future = BoxFuture<'static, Result<Outcome, HandlerError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), HandlerError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, delivery: Delivery) -> Self::Future {
        let late = delivery
            .headers()
            .deadline
            .is_some_and(|deadline| deadline <= (self.layer.now)());
        if late {
            (self.layer.observer)(Event::Late);
            tracing::info!(
                queue = delivery.queue_name(),
                message_id = delivery.message_id(),
                "request not handled: nobody waits for its reply any more"
            );
            return Box::pin(std::future::ready(Ok(Outcome::Ack)));
        }
        Box::pin(self.inner.call(delivery))
    }
}
