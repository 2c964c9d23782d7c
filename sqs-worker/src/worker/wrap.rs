//! What stands between the router and a handler, because the handler's settings ask for it.

use std::{collections::HashMap, sync::Arc};

use aws_sdk_sqs::Client;
use tokio::time::Instant;
use tower::util::BoxCloneSyncService;
use tower_layer::Layer as _;

use super::{WorkerError, clock::Clock, stats::Counters};
use crate::{
    handler::{BoxHandler, HandlerSpec},
    idempotency::{self, Idempotency, IdempotencyLayer},
    producer::Producer,
    request::{self, LateLayer, ReplyLayer},
};

/// Refuses handlers that need what the worker does not have, or that would swallow each other's messages.
pub(super) fn check<'a>(
    specs: impl Iterator<Item = &'a HandlerSpec>,
    has_store: bool,
) -> Result<(), WorkerError> {
    let mut scopes: HashMap<&str, &HandlerSpec> = HashMap::new();
    for spec in specs.filter(|spec| spec.idempotent) {
        if !has_store {
            return Err(WorkerError::Unsupported {
                handler: spec.name,
                why: "it is `idempotent`, and the worker has no store for that: add `.idempotency(MemoryStore::new())` \
                      to a worker that is alone, or a store that your workers share, for example \
                      `.idempotency(RedisStore::connect(url).await?)`",
            });
        }
        let scope = idempotency::scope(spec);
        let first = *scopes.entry(scope).or_insert(spec);
        if (first.module, first.name) != (spec.module, spec.name) {
            return Err(WorkerError::SharedScope {
                first: first.name,
                second: spec.name,
                scope,
            });
        }
    }
    Ok(())
}

/// One handler with what its settings ask for around it.
pub(super) fn handler(
    spec: &HandlerSpec,
    mut handler: BoxHandler,
    idempotency: Option<&Idempotency>,
    clock: Clock,
    stats: &Arc<Counters>,
) -> BoxHandler {
    let counted = stats.clone();
    let count = move |event| match event {
        idempotency::Event::Duplicate => counted.duplicates.one(),
        idempotency::Event::StoreError => counted.store_errors.one(),
        idempotency::Event::RecordLost => counted.records_lost.one(),
    };
    if let Some(layer) = idempotency.and_then(|idempotency| IdempotencyLayer::of(spec, idempotency, count)) {
        handler = BoxCloneSyncService::new(layer.layer(handler));
    }
    if spec.replies {
        let layer = LateLayer::new(move || clock.at(Instant::now()), replies(stats));
        handler = BoxCloneSyncService::new(layer.layer(handler));
    }
    handler
}

/// All handlers of a queue, the user's layers included, with what sends their replies around them.
pub(super) fn queue(
    specs: &[HandlerSpec],
    handler: BoxHandler,
    client: &Client,
    stats: &Arc<Counters>,
) -> BoxHandler {
    if !specs.iter().any(|spec| spec.replies) {
        return handler;
    }
    let layer = ReplyLayer::new(Producer::new(client.clone()), replies(stats));
    BoxCloneSyncService::new(layer.layer(handler))
}

fn replies(stats: &Arc<Counters>) -> impl Fn(request::Event) + Send + Sync + 'static {
    let stats = stats.clone();
    move |event| match event {
        request::Event::Replied => stats.replies.one(),
        request::Event::Refused => stats.refusals.one(),
        request::Event::Late => stats.late_requests.one(),
    }
}
