//! The routing table, and the service that looks messages up in it.

use std::{borrow::Cow, collections::HashMap, sync::Arc};

use tower::{ServiceExt, service_fn, util::BoxCloneSyncService};

use super::{Place, Router, RouterError};
use crate::{
    handler::{BoxHandler, Delivery, HandlerError, HandlerSpec},
    message::NAME_ATTRIBUTE,
};

struct Table {
    handlers: Vec<BoxHandler>,
    by_name: HashMap<Cow<'static, str>, usize>,
    unnamed: Option<usize>,
    fallback: Option<BoxHandler>,
    /// The names in the order they were mounted, for errors.
    known: Arc<str>,
}

pub(super) fn build<S>(
    router: Router<S>,
    state: S,
    wrap: impl Fn(&HandlerSpec, BoxHandler) -> BoxHandler,
) -> Result<BoxHandler, RouterError>
where
    S: Clone + Send + Sync + 'static,
{
    if router.routes.is_empty() && router.fallback.is_none() {
        return Err(RouterError::Empty);
    }
    let mut by_name: HashMap<Cow<'static, str>, usize> = HashMap::new();
    let mut known = Vec::new();
    let places: Vec<Place> = router.routes.iter().map(|route| route.place).collect();
    for (index, route) in router.routes.iter().enumerate() {
        for name in &route.names {
            if let Some(first) = by_name.insert(name.clone(), index) {
                let (first, second) = (places[first], route.place);
                return Err(RouterError::Duplicate {
                    name: name.to_string(),
                    first,
                    second,
                });
            }
            known.push(format!("`{name}`"));
        }
    }
    let unnamed = match router.unnamed {
        Some((message, place)) => {
            let by_type = router
                .routes
                .iter()
                .position(|route| route.spec.message == message);
            let found = by_type.or_else(|| by_name.get(message).copied());
            Some(found.ok_or(RouterError::UnnamedNotMounted { message, place })?)
        }
        None => (router.routes.len() == 1).then_some(0),
    };
    let handlers = router
        .routes
        .into_iter()
        .map(|route| wrap(&route.spec, (route.build)(state.clone())))
        .collect();
    let fallback = router.fallback.map(|build| build(state));
    let known = known.join(", ").into();
    let table = Arc::new(Table {
        handlers,
        by_name,
        unnamed,
        fallback,
        known,
    });
    Ok(BoxCloneSyncService::new(service_fn(move |delivery: Delivery| {
        let found = table.find(&delivery);
        async move { found?.oneshot(delivery).await }
    })))
}

impl Table {
    /// The handler, cloned because a service is called through `&mut`.
    fn find(&self, delivery: &Delivery) -> Result<BoxHandler, HandlerError> {
        let index = match delivery.name() {
            Some(name) => self.by_name.get(name).copied(),
            None => self.unnamed,
        };
        match index {
            Some(index) => Ok(self.handlers[index].clone()),
            None => self
                .fallback
                .clone()
                .ok_or_else(|| HandlerError::dead_letter(self.unroutable(delivery))),
        }
    }

    fn unroutable(&self, delivery: &Delivery) -> Unroutable {
        let (queue, known) = (delivery.queue_name().to_owned(), self.known.clone());
        match delivery.name() {
            Some(name) => Unroutable::Unknown {
                queue,
                name: name.to_owned(),
                known,
            },
            None => Unroutable::Unnamed { queue, known },
        }
    }
}

/// A message that no handler takes; it goes to the dead-letter queue, where it is not lost.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unroutable {
    /// Its name is none of those that are handled.
    #[error(
        "no handler takes message `{name}` of queue `{queue}`; handled here: {known}; mount a handler for it, add its \
         name as an alias of a message, or send it to another queue"
    )]
    Unknown {
        /// The queue it came from.
        queue: String,
        /// Its wire name.
        name: String,
        /// The names that are handled, in the order their handlers were mounted.
        known: Arc<str>,
    },
    /// It has no name, and there are several handlers.
    #[error(
        "a message of queue `{queue}` has no attribute `{NAME_ATTRIBUTE}` and there are several handlers: {known}; send \
         the attribute, or choose a handler with `.unnamed::<Message>()`"
    )]
    Unnamed {
        /// The queue it came from.
        queue: String,
        /// The names that are handled, in the order their handlers were mounted.
        known: Arc<str>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Message,
        handler::{Disposition, Outcome},
    };

    #[derive(serde::Serialize, serde::Deserialize)]
    struct Placed;

    impl Message for Placed {
        const NAME: &'static str = "placed";
        const NAMES: &'static [&'static str] = &["placed", "order-placed"];
    }

    #[derive(serde::Serialize, serde::Deserialize)]
    struct Cancelled;

    impl Message for Cancelled {
        const NAME: &'static str = "cancelled";
    }

    async fn placed(_: Placed) -> Outcome {
        Outcome::dead_letter("placed")
    }

    async fn cancelled(_: Cancelled) -> Outcome {
        Outcome::dead_letter("cancelled")
    }

    fn both() -> Router<()> {
        Router::new().route(placed).route(cancelled)
    }

    async fn outcome(router: Router<()>, name: Option<&str>) -> Result<Outcome, HandlerError> {
        let fake = Delivery::fake("null").queue("orders");
        let fake = match name {
            Some(name) => fake.name(name),
            None => fake,
        };
        router.build(()).unwrap().oneshot(fake.build()).await
    }

    #[tokio::test]
    async fn a_message_goes_to_the_handler_of_its_name() {
        assert_eq!(
            outcome(both(), Some("cancelled")).await.unwrap(),
            Outcome::dead_letter("cancelled")
        );
        assert_eq!(
            outcome(both(), Some("placed")).await.unwrap(),
            Outcome::dead_letter("placed")
        );
    }

    #[tokio::test]
    async fn an_alias_is_a_name_too() {
        assert_eq!(
            outcome(both(), Some("order-placed")).await.unwrap(),
            Outcome::dead_letter("placed")
        );
    }

    #[tokio::test]
    async fn an_unknown_name_is_dead_lettered_and_the_known_ones_are_listed() {
        let error = outcome(both(), Some("refunded")).await.unwrap_err();
        assert_eq!(error.disposition(), Disposition::DeadLetter);
        assert!(
            error.to_string().starts_with(
                "no handler takes message `refunded` of queue `orders`; handled here: `placed`, `order-placed`, `cancelled`; "
            ),
            "{error}"
        );
    }

    #[tokio::test]
    async fn an_unnamed_message_goes_to_the_only_handler() {
        let only = Router::new().route(placed);
        assert_eq!(outcome(only, None).await.unwrap(), Outcome::dead_letter("placed"));
    }

    #[tokio::test]
    async fn an_unnamed_message_with_several_handlers_is_dead_lettered() {
        let error = outcome(both(), None).await.unwrap_err();
        assert_eq!(error.disposition(), Disposition::DeadLetter);
        assert!(
            error.to_string().contains("has no attribute `message-name`"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn an_unnamed_message_goes_to_the_handler_that_was_chosen() {
        let chosen = both().unnamed::<Cancelled>();
        assert_eq!(
            outcome(chosen, None).await.unwrap(),
            Outcome::dead_letter("cancelled")
        );
    }

    #[tokio::test]
    async fn the_choice_for_unnamed_messages_goes_by_the_type_and_not_by_the_name_it_has_here() {
        let nested = Router::new()
            .route(cancelled)
            .nest("shop.", Router::new().route(placed));
        assert_eq!(
            outcome(nested.unnamed::<Placed>(), None).await.unwrap(),
            Outcome::dead_letter("placed")
        );
    }

    #[tokio::test]
    async fn a_merged_router_brings_its_choice_for_unnamed_messages() {
        let other = Router::new().route(cancelled).unnamed::<Cancelled>();
        let router = Router::new().route(placed).merge(other);
        assert_eq!(
            outcome(router, None).await.unwrap(),
            Outcome::dead_letter("cancelled")
        );
    }

    #[tokio::test]
    async fn a_fallback_takes_what_nobody_takes() {
        let router = || {
            both().fallback(|delivery: Delivery| async move {
                Outcome::dead_letter(delivery.name().unwrap_or("unnamed").to_owned())
            })
        };
        assert_eq!(
            outcome(router(), Some("refunded")).await.unwrap(),
            Outcome::dead_letter("refunded")
        );
        assert_eq!(
            outcome(router(), None).await.unwrap(),
            Outcome::dead_letter("unnamed")
        );
        assert_eq!(
            outcome(router(), Some("placed")).await.unwrap(),
            Outcome::dead_letter("placed")
        );
    }

    #[tokio::test]
    async fn a_nested_router_is_found_under_its_prefix_only() {
        let router = || {
            Router::new()
                .route(cancelled)
                .nest("shop.", Router::new().route(placed))
        };
        assert_eq!(
            outcome(router(), Some("shop.placed")).await.unwrap(),
            Outcome::dead_letter("placed")
        );
        assert!(outcome(router(), Some("placed")).await.is_err());
    }

    #[tokio::test]
    async fn a_merged_router_brings_its_handlers() {
        let router = Router::new().route(placed).merge(Router::new().route(cancelled));
        assert_eq!(
            outcome(router, Some("cancelled")).await.unwrap(),
            Outcome::dead_letter("cancelled")
        );
    }

    #[test]
    fn a_name_with_two_handlers_is_refused_and_both_places_are_named() {
        let first = line!() + 1;
        let router = Router::new().route(placed);
        let error = router.merge(Router::new().route(placed)).build(()).unwrap_err();
        let text = error.to_string();
        assert!(
            text.starts_with("message `placed` has two handlers: `placed` ("),
            "{text}"
        );
        assert!(
            text.contains(&format!("table.rs:{first}) and `placed` (")),
            "{text}"
        );
        assert!(text.contains(&format!("table.rs:{})", first + 1)), "{text}");
    }

    #[test]
    fn a_router_without_handlers_is_refused() {
        assert_eq!(Router::new().build(()).unwrap_err(), RouterError::Empty);
    }

    #[test]
    fn a_choice_for_unnamed_messages_that_is_not_mounted_is_refused() {
        let error = Router::new()
            .route(placed)
            .unnamed::<Cancelled>()
            .build(())
            .unwrap_err();
        assert!(
            matches!(
                error,
                RouterError::UnnamedNotMounted {
                    message: "cancelled",
                    ..
                }
            ),
            "{error}"
        );
    }
}
