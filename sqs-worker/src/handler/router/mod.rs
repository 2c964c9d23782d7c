//! Finding the handler by the message's wire name.

mod error;
mod table;

use std::{borrow::Cow, fmt};

use tower::{service_fn, util::BoxCloneSyncService};

pub use self::{
    error::{Place, RouterError},
    table::Unroutable,
};
use super::{
    BoxHandler, Delivery, Handler, HandlerDef, HandlerEntry, HandlerGroup, HandlerSpec, IntoOutcome, boxed_as,
};
use crate::message::Message;

type Build<S> = Box<dyn FnOnce(S) -> BoxHandler + Send>;

/// The handlers of one queue, or of several, found by the message's wire name.
///
/// A message without a name, as senders other than ours send it, goes to the only handler there is, or to the
/// one that [`unnamed`](Self::unnamed) chooses.
///
/// ```
/// use sqs_worker::{Delivery, Outcome, handler::Router};
/// use tower::ServiceExt;
/// # #[derive(serde::Serialize, serde::Deserialize)] struct Placed { id: u64 }
/// # impl sqs_worker::Message for Placed { const NAME: &'static str = "orders.placed"; }
/// # #[derive(serde::Serialize, serde::Deserialize)] struct Cancelled { id: u64 }
/// # impl sqs_worker::Message for Cancelled { const NAME: &'static str = "orders.cancelled"; }
///
/// async fn placed(order: Placed) {}
/// async fn cancelled(order: Cancelled) -> Outcome { Outcome::retry() }
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let service = Router::new().route(placed).route(cancelled).build(())?;
/// let delivery = Delivery::fake(r#"{"id": 7}"#).name("orders.cancelled").build();
/// assert_eq!(service.oneshot(delivery).await.unwrap(), Outcome::retry());
/// # Ok::<(), sqs_worker::handler::RouterError>(()) }).unwrap();
/// ```
#[must_use = "call `build` to get the service"]
pub struct Router<S> {
    routes: Vec<Route<S>>,
    unnamed: Option<(&'static str, Place)>,
    fallback: Option<Build<S>>,
}

struct Route<S> {
    names: Vec<Cow<'static, str>>,
    spec: HandlerSpec,
    place: Place,
    build: Build<S>,
}

impl<S: Clone + Send + Sync + 'static> Router<S> {
    /// A router without handlers.
    pub fn new() -> Self {
        Self {
            routes: Vec::new(),
            unnamed: None,
            fallback: None,
        }
    }

    /// Mounts a function marked `#[handler]`.
    pub fn handler<H: HandlerDef<S>>(self) -> Self {
        self.entry(HandlerEntry::of::<H>())
    }

    /// Mounts the methods of an `impl` block marked `#[handlers]`.
    pub fn handlers<G: HandlerGroup<S>>(self) -> Self {
        G::entries().into_iter().fold(self, Self::entry)
    }

    /// Mounts a handler given as a value.
    pub fn entry(self, entry: HandlerEntry<S>) -> Self {
        self.entry_as(entry, entry.build)
    }

    /// Mounts a handler whose service is built in another way.
    pub(crate) fn entry_as(
        self,
        entry: HandlerEntry<S>,
        build: impl FnOnce(S) -> BoxHandler + Send + 'static,
    ) -> Self {
        let place = Place {
            handler: entry.spec.name,
            file: entry.spec.file,
            line: entry.spec.line,
        };
        self.add(entry.spec, place, Box::new(build))
    }

    /// Mounts any other handler: a plain async function.
    #[track_caller]
    pub fn route<H, A>(self, handler: H) -> Self
    where
        H: Handler<A, S>,
    {
        let name = short_name(std::any::type_name::<H>());
        let spec = HandlerSpec::new(name, H::Message::NAME)
            .messages(H::Message::NAMES)
            .version(H::Message::VERSION);
        self.add(
            spec,
            Place::caller(name),
            Box::new(move |state| boxed_as(&spec, handler, state)),
        )
    }

    /// Chooses the handler for messages without a name, as senders other than ours send them: the one that takes an
    /// `M`. With one handler only there is nothing to choose.
    #[track_caller]
    pub fn unnamed<M: Message>(self) -> Self {
        self.unnamed_as(M::NAME)
    }

    /// The same by name.
    #[track_caller]
    pub(crate) fn unnamed_as(mut self, name: &'static str) -> Self {
        self.unnamed = Some((name, Place::caller("unnamed")));
        self
    }

    /// Takes the messages that no handler takes: those of an unknown name, and those without a name where it
    /// is not clear whose they are.
    ///
    /// Without a fallback they are dead-lettered, with an error that lists the names that are known.
    ///
    /// ```
    /// use sqs_worker::{Delivery, Outcome, Router};
    /// use tower::ServiceExt;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// let router = Router::new().fallback(|delivery: Delivery| async move {
    ///     println!("nobody wants {:?}", delivery.name());
    ///     Outcome::ack()
    /// });
    /// let service = router.build(())?;
    /// let delivery = Delivery::fake("{}").name("orders.forgotten").build();
    /// assert_eq!(service.oneshot(delivery).await.unwrap(), Outcome::Ack);
    /// # Ok::<(), sqs_worker::handler::RouterError>(()) }).unwrap();
    /// ```
    pub fn fallback<F, Fut>(mut self, fallback: F) -> Self
    where
        F: Fn(Delivery) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output: IntoOutcome<Delivery>> + Send + 'static,
    {
        let service = service_fn(move |delivery| {
            let run = fallback(delivery);
            async move { run.await.into_outcome() }
        });
        self.fallback = Some(Box::new(move |_| BoxCloneSyncService::new(service)));
        self
    }

    /// Adds the handlers of another router; its fallback and its choice for unnamed messages are taken where
    /// this one has none.
    pub fn merge(mut self, other: Self) -> Self {
        self.routes.extend(other.routes);
        self.unnamed = self.unnamed.or(other.unnamed);
        self.fallback = self.fallback.or(other.fallback);
        self
    }

    /// Adds the handlers of another router under a prefix: its `placed` is then found as `orders.placed` with
    /// the prefix `orders.`. Its fallback and its choice for unnamed messages are left behind.
    ///
    /// ```
    /// use sqs_worker::{Delivery, Outcome, Router};
    /// use tower::ServiceExt;
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Placed {}
    /// # impl sqs_worker::Message for Placed { const NAME: &'static str = "placed"; }
    ///
    /// async fn retail(order: Placed) {}
    /// async fn wholesale(order: Placed) -> Outcome { Outcome::retry() }
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// let router = Router::new()
    ///     .nest("retail.", Router::new().route(retail))
    ///     .nest("wholesale.", Router::new().route(wholesale));
    /// let delivery = Delivery::fake("{}").name("wholesale.placed").build();
    /// assert_eq!(router.build(())?.oneshot(delivery).await.unwrap(), Outcome::retry());
    /// # Ok::<(), sqs_worker::handler::RouterError>(()) }).unwrap();
    /// ```
    pub fn nest(mut self, prefix: &str, other: Self) -> Self {
        self.routes.extend(other.routes.into_iter().map(|mut route| {
            for name in &mut route.names {
                *name = Cow::Owned(format!("{prefix}{name}"));
            }
            route
        }));
        self
    }

    /// The settings of the handlers, in the order they were mounted.
    pub fn specs(&self) -> impl Iterator<Item = &HandlerSpec> {
        self.routes.iter().map(|route| &route.spec)
    }

    /// Whether no handler is mounted.
    pub fn is_empty(&self) -> bool {
        self.routes.is_empty()
    }

    /// The service that routes.
    ///
    /// # Errors
    ///
    /// When two handlers take the same name, when there is no handler, or when the handler chosen for unnamed
    /// messages is not mounted.
    pub fn build(self, state: S) -> Result<BoxHandler, RouterError> {
        table::build(self, state, |_, handler| handler)
    }

    /// The same, with each handler wrapped in something that knows its settings.
    pub(crate) fn build_with(
        self,
        state: S,
        wrap: impl Fn(&HandlerSpec, BoxHandler) -> BoxHandler,
    ) -> Result<BoxHandler, RouterError> {
        table::build(self, state, wrap)
    }

    fn add(mut self, spec: HandlerSpec, place: Place, build: Build<S>) -> Self {
        let names = spec.names().map(Cow::Borrowed).collect();
        self.routes.push(Route {
            names,
            spec,
            place,
            build,
        });
        self
    }
}

impl<S: Clone + Send + Sync + 'static> Default for Router<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> fmt::Debug for Router<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let routes = self.routes.iter().map(|route| (&route.names, route.place));
        f.debug_map().entries(routes).finish()
    }
}

/// `shop::orders::charge` is `charge`.
fn short_name(path: &'static str) -> &'static str {
    path.rsplit("::").next().unwrap_or(path)
}
