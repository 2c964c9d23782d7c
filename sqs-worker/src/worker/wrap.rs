//! What stands between the router and a handler, because the handler's settings ask for it.

use std::{collections::HashMap, sync::Arc};

use tower::util::BoxCloneSyncService;
use tower_layer::Layer as _;

use super::{WorkerError, stats::Counters};
use crate::{
    handler::{BoxHandler, HandlerSpec},
    idempotency::{self, Event, Idempotency, IdempotencyLayer},
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

/// The handler with what its settings ask for around it.
pub(super) fn handler(
    spec: &HandlerSpec,
    handler: BoxHandler,
    idempotency: Option<&Idempotency>,
    stats: &Arc<Counters>,
) -> BoxHandler {
    let stats = stats.clone();
    let count = move |event| match event {
        Event::Duplicate => stats.duplicates.one(),
        Event::StoreError => stats.store_errors.one(),
        Event::RecordLost => stats.records_lost.one(),
    };
    match idempotency.and_then(|idempotency| IdempotencyLayer::of(spec, idempotency, count)) {
        Some(layer) => BoxCloneSyncService::new(layer.layer(handler)),
        None => handler,
    }
}
