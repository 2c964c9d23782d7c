//! Handlers under test, with no queue: a worker that is handed its messages.
//!
//! Three ways, from the closest to the function to the closest to SQS:
//!
//! 1. Call the function: `charge(order, State(cards), ReceiveCount(1), Lease::detached()).await`.
//! 2. [`TestWorker`]: decoding, routing, extractors, timeouts and layers, as in a worker; no broker.
//! 3. The worker itself on an embedded SQS, under tokio's paused clock.

use std::{
    fmt,
    sync::{Mutex, OnceLock, PoisonError},
    time::Duration,
};

use tower::{ServiceExt, util::BoxCloneSyncService};
use tower_layer::Layer;
use tower_service::Service;

use crate::{
    handler::{
        BoxError, BoxHandler, Delivery, Handler, HandlerDef, HandlerError, HandlerGroup, HandlerSpec,
        Outcome, Router,
    },
    idempotency::{Idempotency, IdempotencyLayer},
    message::{Incoming, Message},
};

/// Runs handlers on messages that a test hands it, through decoding, routing, extractors and layers.
///
/// ```
/// # #[cfg(feature = "macros")] {
/// use serde::{Deserialize, Serialize};
/// use sqs_worker::{HandlerError, Message, ResultExt, State, handler, testing::{OutcomeExt, TestWorker}};
///
/// #[derive(Serialize, Deserialize, Message)]
/// #[message(name = "orders.placed")]
/// struct OrderPlaced { cents: u64 }
///
/// #[handler(queue = "orders")]
/// async fn charge(order: OrderPlaced, State(limit): State<u64>) -> Result<(), HandlerError> {
///     if order.cents > limit {
///         Err("above the limit").or_dead_letter()?;
///     }
///     Ok(())
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let worker = TestWorker::new(100_u64).handler::<charge>();
/// worker.deliver(OrderPlaced { cents: 5 }).await.assert_ack();
/// worker.deliver(OrderPlaced { cents: 500 }).await.assert_dead_letter("above the limit");
/// # }) }
/// ```
///
/// # Panics
///
/// At the first delivery, when the handlers cannot be mounted together; the text says why.
pub struct TestWorker<S> {
    router: Mutex<Option<Router<S>>>,
    state: S,
    layers: Vec<Box<dyn Fn(BoxHandler) -> BoxHandler + Send + Sync>>,
    queues: Vec<(Vec<&'static str>, &'static str)>,
    idempotency: Option<Idempotency>,
    service: OnceLock<BoxHandler>,
}

impl<S: Clone + Send + Sync + 'static> TestWorker<S> {
    /// A worker with this state and no handler.
    pub fn new(state: S) -> Self {
        Self {
            router: Mutex::new(Some(Router::new())),
            state,
            layers: Vec::new(),
            queues: Vec::new(),
            idempotency: None,
            service: OnceLock::new(),
        }
    }

    /// Mounts a function marked `#[handler]`.
    #[must_use]
    pub fn handler<H: HandlerDef<S>>(self) -> Self {
        self.with(Router::handler::<H>)
    }

    /// Mounts the methods of an `impl` block marked `#[handlers]`.
    #[must_use]
    pub fn handlers<G: HandlerGroup<S>>(self) -> Self {
        self.with(Router::handlers::<G>)
    }

    /// Mounts any other handler: a plain async function.
    #[must_use]
    #[track_caller]
    pub fn route<H: Handler<A, S>, A>(self, handler: H) -> Self {
        self.with(|router| router.route(handler))
    }

    /// Adds the handlers of a router, its fallback, and its choice for unnamed messages.
    #[must_use]
    pub fn router(self, router: Router<S>) -> Self {
        self.with(|own| own.merge(router))
    }

    /// Adds a layer; the one added last sees a delivery first.
    ///
    /// Any tower layer over a service of deliveries does. Where its error is a boxed one, as tower's own are, what the
    /// handler decided comes out of the box unharmed.
    #[must_use]
    pub fn layer<L>(mut self, layer: L) -> Self
    where
        L: Layer<BoxHandler> + Send + Sync + 'static,
        L::Service: Service<Delivery, Response = Outcome> + Clone + Send + Sync + 'static,
        <L::Service as Service<Delivery>>::Error: Into<BoxError>,
        <L::Service as Service<Delivery>>::Future: Send + 'static,
    {
        self.layers.push(Box::new(move |inner| {
            let service = layer
                .layer(inner)
                .map_err(|error| HandlerError::from_boxed(error.into()));
            BoxCloneSyncService::new(service)
        }));
        self
    }

    /// Where handlers marked `idempotent` keep which messages are done. Without it they run each time.
    ///
    /// ```
    /// # #[cfg(feature = "macros")] {
    /// use std::sync::{Arc, atomic::{AtomicU32, Ordering}};
    /// use serde::{Deserialize, Serialize};
    /// use sqs_worker::{Message, State, handler, idempotency::MemoryStore, testing::{OutcomeExt, TestWorker}};
    ///
    /// #[derive(Serialize, Deserialize, Message)]
    /// #[message(name = "orders.placed")]
    /// struct OrderPlaced { #[message(key)] id: u64 }
    ///
    /// #[handler(queue = "orders", idempotent)]
    /// async fn charge(_order: OrderPlaced, State(charged): State<Arc<AtomicU32>>) {
    ///     charged.fetch_add(1, Ordering::Relaxed);
    /// }
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// let charged = Arc::new(AtomicU32::new(0));
    /// let worker = TestWorker::new(charged.clone()).handler::<charge>().idempotency(MemoryStore::new());
    /// worker.deliver(OrderPlaced { id: 7 }).await.assert_ack();
    /// worker.deliver(OrderPlaced { id: 7 }).await.assert_ack();
    /// assert_eq!(charged.load(Ordering::Relaxed), 1);
    /// # }) }
    /// ```
    #[must_use]
    pub fn idempotency(mut self, idempotency: impl Into<Idempotency>) -> Self {
        self.idempotency = Some(idempotency.into());
        self
    }

    /// Hands it a message as a producer would send it: named, versioned, from the queue of its handler.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the handler's, at the `await` where it stands; the message is gone with it.
    ///
    /// # Panics
    ///
    /// When the message cannot be encoded, or the handlers cannot be mounted together.
    pub async fn deliver<M: Message>(&self, message: M) -> Outcome {
        let fake = Delivery::fake_of(&message).unwrap_or_else(|error| panic!("{error}"));
        let name = message.name();
        let queue = self
            .queues
            .iter()
            .find(|(names, _)| names.contains(&name))
            .map(|(_, queue)| *queue);
        self.deliver_raw(fake.queue(queue.unwrap_or("fake")).build())
            .await
    }

    /// Hands it a delivery made by hand: [`Delivery::fake`].
    ///
    /// # Panics
    ///
    /// When the handlers cannot be mounted together.
    pub async fn deliver_raw(&self, delivery: Delivery) -> Outcome {
        self.try_deliver(delivery)
            .await
            .unwrap_or_else(HandlerError::into_outcome)
    }

    /// The same, with the error that the handler failed with.
    ///
    /// # Errors
    ///
    /// When the message does not decode, when no handler takes it, or when its handler failed.
    ///
    /// # Panics
    ///
    /// When the handlers cannot be mounted together.
    pub async fn try_deliver(&self, delivery: Delivery) -> Result<Outcome, HandlerError> {
        self.service().oneshot(delivery).await
    }

    fn with(mut self, change: impl FnOnce(Router<S>) -> Router<S>) -> Self {
        let router = self.router.get_mut().unwrap_or_else(PoisonError::into_inner);
        let changed = change(router.take().unwrap_or_default());
        self.queues = changed
            .specs()
            .filter_map(|spec| Some((spec.names().collect(), spec.queue?)))
            .collect();
        *router = Some(changed);
        self
    }

    fn service(&self) -> BoxHandler {
        let built = self.service.get_or_init(|| {
            let router = self.router.lock().unwrap_or_else(PoisonError::into_inner).take();
            let wrap = |spec: &HandlerSpec, handler: BoxHandler| {
                let idempotency = self.idempotency.as_ref();
                match idempotency.and_then(|idempotency| IdempotencyLayer::of(spec, idempotency, |_| {})) {
                    Some(layer) => BoxCloneSyncService::new(layer.layer(handler)),
                    None => handler,
                }
            };
            let built = router.unwrap_or_default().build_with(self.state.clone(), wrap);
            let service = built.unwrap_or_else(|error| panic!("the handlers cannot be mounted: {error}"));
            self.layers.iter().fold(service, |inner, layer| layer(inner))
        });
        built.clone()
    }
}

impl<S> fmt::Debug for TestWorker<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestWorker")
            .field("router", &self.router)
            .finish_non_exhaustive()
    }
}

/// Assertions on an [`Outcome`]; each panics with the outcome it found.
///
/// ```
/// use std::time::Duration;
/// use sqs_worker::{Outcome, testing::OutcomeExt};
///
/// Outcome::retry_after(Duration::from_secs(5)).assert_retry_after(Duration::from_secs(5));
/// Outcome::dead_letter("the card was declined").assert_dead_letter("declined");
/// ```
pub trait OutcomeExt: Sized {
    /// The message was acknowledged.
    fn assert_ack(self);

    /// The message is tried again, whenever that is.
    fn assert_retry(self);

    /// The message is tried again after this long.
    fn assert_retry_after(self, delay: Duration);

    /// The message was given up for a reason that contains this text.
    fn assert_dead_letter(self, reason: &str);

    /// The message was given back untried.
    fn assert_release(self);

    /// The message was answered; gives the answer.
    fn assert_reply<R: Message>(self) -> R;
}

impl OutcomeExt for Outcome {
    #[track_caller]
    fn assert_ack(self) {
        assert_eq!(self, Self::Ack, "the message was not acknowledged");
    }

    #[track_caller]
    fn assert_retry(self) {
        assert!(
            matches!(self, Self::Retry { .. }),
            "the message is not tried again: {self:?}"
        );
    }

    #[track_caller]
    fn assert_retry_after(self, delay: Duration) {
        assert_eq!(
            self,
            Self::retry_after(delay),
            "the message is not tried again after {delay:?}"
        );
    }

    #[track_caller]
    fn assert_dead_letter(self, reason: &str) {
        match &self {
            Self::DeadLetter { reason: found } if found.contains(reason) => {}
            other => panic!("the message was not dead-lettered for {reason:?}: {other:?}"),
        }
    }

    #[track_caller]
    fn assert_release(self) {
        assert_eq!(self, Self::Release, "the message was not released");
    }

    #[track_caller]
    fn assert_reply<R: Message>(self) -> R {
        let Self::Reply(reply) = &self else {
            panic!("the message was not answered: {self:?}")
        };
        let incoming = Incoming::new("replies", &reply.body)
            .name(&*reply.name)
            .version(reply.version)
            .content_type(&*reply.content_type);
        R::decode(&incoming).unwrap_or_else(|error| panic!("{error}"))
    }
}
