//! The layer around an idempotent handler.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, resume_unwind},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{FutureExt as _, future::BoxFuture};
use thiserror::Error;
use tower_layer::Layer;
use tower_service::Service;

use super::{
    Begun, Idempotency, MAX_TTL, OnStoreError, PayloadHash, RecordKey, StoreError,
    hold::{Hold, Lost},
    recorded,
};
use crate::handler::{Delivery, HandlerError, HandlerSpec, IdempotencySpec, Outcome};

/// How long a claim is tried, by what becomes of the message then.
const WAIT: Duration = Duration::from_secs(60);
const RUN: Duration = Duration::from_secs(1);

/// How long a message is hidden whose key could not be claimed.
const SILENT: Duration = Duration::from_secs(60);

/// The shortest time for which a message is hidden: SQS counts in seconds.
const SECOND: Duration = Duration::from_secs(1);

/// What is worth counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A message was not run, because its key is done.
    Duplicate,
    /// A call of the store failed.
    StoreError,
    /// A run lost its record, or could not complete it.
    RecordLost,
}

type Observer = Arc<dyn Fn(Event) + Send + Sync>;

/// Runs a handler once for each key.
#[derive(Clone)]
pub(crate) struct IdempotencyLayer {
    idempotency: Idempotency,
    handler: &'static str,
    scope: &'static str,
    spec: IdempotencySpec,
    observer: Observer,
}

impl IdempotencyLayer {
    /// The layer for a handler; `None` where it is not idempotent.
    pub(crate) fn of(
        spec: &HandlerSpec,
        idempotency: &Idempotency,
        observer: impl Fn(Event) + Send + Sync + 'static,
    ) -> Option<Self> {
        let own = spec.idempotency.filter(|_| spec.idempotent)?;
        Some(Self {
            idempotency: idempotency.clone(),
            handler: spec.name,
            scope: scope(spec),
            spec: own,
            observer: Arc::new(observer),
        })
    }
}

/// What the keys of this handler are unique within.
pub(crate) fn scope(spec: &HandlerSpec) -> &'static str {
    spec.idempotency.and_then(|own| own.scope).unwrap_or(spec.message)
}

impl<S> Layer<S> for IdempotencyLayer {
    type Service = Idempotent<S>;

    fn layer(&self, inner: S) -> Idempotent<S> {
        Idempotent {
            inner,
            layer: Arc::new(self.clone()),
        }
    }
}

/// A handler that runs once for each key.
#[derive(Clone)]
pub(crate) struct Idempotent<S> {
    inner: S,
    layer: Arc<IdempotencyLayer>,
}

impl<S> Service<Delivery> for Idempotent<S>
where
    S: Service<Delivery, Response = Outcome, Error = HandlerError> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Outcome;
    type Error = HandlerError;
    type Future = BoxFuture<'static, Result<Outcome, HandlerError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), HandlerError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, delivery: Delivery) -> Self::Future {
        let next = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, next);
        let layer = Arc::clone(&self.layer);
        Box::pin(async move { layer.run(inner, delivery).await })
    }
}

impl IdempotencyLayer {
    async fn run<S>(&self, mut inner: S, delivery: Delivery) -> Result<Outcome, HandlerError>
    where
        S: Service<Delivery, Response = Outcome, Error = HandlerError>,
    {
        let (key, payload) = (self.key(&delivery)?, PayloadHash::of(delivery.body()));
        let mut hold = self.hold(key, &delivery);
        let patience = match self.idempotency.on_error {
            OnStoreError::Wait => WAIT,
            OnStoreError::Run => RUN,
        };
        match hold.begin(delivery.attempt(), payload, patience).await {
            Ok(Begun::Granted) => {}
            Ok(Begun::Completed { payload: theirs, .. } | Begun::InProgress { payload: theirs, .. })
                if theirs != payload =>
            {
                return Err(HandlerError::dead_letter(OtherPayload {
                    handler: self.handler,
                    message: delivery.name().unwrap_or(self.scope).to_owned(),
                    queue: delivery.queue_name().to_owned(),
                }));
            }
            Ok(Begun::Completed { result, .. }) => {
                (self.observer)(Event::Duplicate);
                tracing::debug!(%key, message_id = delivery.message_id(), "not run: its key is done");
                return Ok(recorded::replay(&result));
            }
            Ok(Begun::InProgress { remaining, .. }) => {
                tracing::debug!(%key, message_id = delivery.message_id(), ?remaining, "its key is in progress");
                return Ok(Outcome::defer(remaining.max(SECOND)));
            }
            Err(error) => match self.idempotency.on_error {
                OnStoreError::Wait => {
                    tracing::warn!(
                        queue = delivery.queue_name(),
                        message_id = delivery.message_id(),
                        "message hidden for {SILENT:?}, because its key cannot be claimed: {error}"
                    );
                    return Ok(Outcome::defer(SILENT));
                }
                OnStoreError::Run => {
                    tracing::warn!(
                        queue = delivery.queue_name(),
                        message_id = delivery.message_id(),
                        "message runs unprotected from running twice: {error}"
                    );
                    return inner.call(delivery).await;
                }
            },
        }
        let (queue, message_id) = (delivery.queue_name().to_owned(), delivery.message_id().to_owned());
        // A panic frees the key like any other failure, and goes on.
        let run = AssertUnwindSafe(inner.call(delivery)).catch_unwind();
        let ended = tokio::select! {
            biased;
            ended = run => ended,
            lost = hold.keep() => {
                (self.observer)(Event::RecordLost);
                let why = match lost {
                    Lost::Taken => "another run has taken its key",
                    Lost::Silent => "the store did not answer until the key's lease ended",
                };
                tracing::warn!(queue, message_id, handler = self.handler, "handler ended: {why}");
                return Ok(Outcome::defer(SECOND));
            }
        };
        self.close(hold, ended, &queue, &message_id).await
    }

    /// After the handler: complete what is done, free what is not.
    async fn close(
        &self,
        mut hold: Hold,
        ended: Result<Result<Outcome, HandlerError>, Box<dyn Any + Send>>,
        queue: &str,
        message_id: &str,
    ) -> Result<Outcome, HandlerError> {
        if let Ok(Ok(outcome)) = &ended
            && let Some(result) = recorded::record(outcome)
        {
            if !hold.complete(result).await {
                (self.observer)(Event::RecordLost);
                tracing::error!(
                    queue,
                    message_id,
                    handler = self.handler,
                    "handled, but not recorded as done: a duplicate of this message would run"
                );
            }
        } else {
            hold.release().await;
        }
        ended.unwrap_or_else(|panic| resume_unwind(panic))
    }

    fn hold(&self, key: RecordKey, delivery: &Delivery) -> Hold {
        let observer = self.observer.clone();
        let failed = Arc::new(move |error: &StoreError| {
            observer(Event::StoreError);
            tracing::debug!("{error}");
        });
        let ttl = self.spec.ttl.unwrap_or(self.idempotency.ttl).min(MAX_TTL);
        Hold::new(self.idempotency.clone(), failed, key, ttl, delivery)
    }

    fn key(&self, delivery: &Delivery) -> Result<RecordKey, HandlerError> {
        let key = (self.spec.key)(delivery)?.filter(|key| !key.is_empty());
        let key = key.ok_or_else(|| {
            HandlerError::dead_letter(NoKey {
                handler: self.handler,
                message: delivery.name().unwrap_or(self.scope).to_owned(),
                queue: delivery.queue_name().to_owned(),
            })
        })?;
        Ok(RecordKey::of(self.scope, &key))
    }
}

/// A message whose key is missing or empty; it is dead-lettered.
#[derive(Debug, Error)]
#[error(
    "message `{message}` of queue `{queue}` has no idempotency key, and handler `{handler}` is `idempotent`: fill the \
     field marked `#[message(key)]` when sending, or name a key that every message has with `idempotent(key = ..)`"
)]
struct NoKey {
    handler: &'static str,
    message: String,
    queue: String,
}

/// Two messages that share a key and differ; the second is dead-lettered.
#[derive(Debug, Error)]
#[error(
    "message `{message}` of queue `{queue}` has the idempotency key of another message with a different body, and \
     handler `{handler}` ran or runs on that one: give each its own key, or send duplicates byte for byte"
)]
struct OtherPayload {
    handler: &'static str,
    message: String,
    queue: String,
}
