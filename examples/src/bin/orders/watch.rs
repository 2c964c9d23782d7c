//! A tower layer of our own: sees every outcome, changes none.

use sqs_worker::{Delivery, HandlerError, Outcome, handler::Disposition};
use tower::{Layer, util::BoxCloneSyncService};
use tower::{Service, ServiceExt};

use crate::shop::Shop;

type Handler = BoxCloneSyncService<Delivery, Outcome, HandlerError>;

/// Writes what went wrong on the screen.
#[derive(Clone)]
pub struct Watch(pub Shop);

impl Layer<Handler> for Watch {
    type Service = Handler;

    fn layer(&self, inner: Handler) -> Handler {
        let shop = self.0.clone();
        BoxCloneSyncService::new(tower::service_fn(move |delivery: Delivery| {
            let (mut inner, shop) = (inner.clone(), shop.clone());
            async move {
                let (name, attempt) = (
                    delivery.name().unwrap_or("no name").to_owned(),
                    delivery.receive_count(),
                );
                let result = inner.ready().await?.call(delivery).await;
                if let Err(error) = &result {
                    let then = match error.disposition() {
                        Disposition::DeadLetter => "dead letter",
                        _ => "again",
                    };
                    shop.trouble(format!("{name}, attempt {attempt}: {error} -> {then}"));
                }
                result
            }
        }))
    }
}
