//! Everything a handler may take.
#![allow(clippy::too_many_arguments, clippy::type_complexity)]

use sqs_worker::{
    Delivery, Extension, FromDelivery, Group, HandlerError, Lease, Message, MessageId, Outcome, QueueName,
    ReceiveCount, Router, SentAt, State, handler,
    handler::{CorrelationId, Deadline, DeduplicationId, FirstReceivedAt, Header, NamedAttribute, Raw},
};

#[derive(serde::Serialize, serde::Deserialize, Message)]
#[message(name = "orders.placed")]
struct OrderPlaced {}

struct Tenant(String);

impl std::str::FromStr for Tenant {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl NamedAttribute for Tenant {
    const NAME: &'static str = "tenant";
}

struct LastTry(bool);

impl<S: Sync> FromDelivery<S> for LastTry {
    type Rejection = HandlerError;

    async fn from_delivery(delivery: &Delivery, _: &S) -> Result<Self, HandlerError> {
        Ok(Self(delivery.receive_count() > 4))
    }
}

#[handler(queue = "orders", state = String)]
async fn sixteen(
    _: OrderPlaced,
    State(name): State<String>,
    _: Option<Extension<u32>>,
    _: MessageId,
    _: QueueName,
    _: ReceiveCount,
    _: Raw,
    _: SentAt,
    _: Option<FirstReceivedAt>,
    _: Result<Group, <Group as FromDelivery<String>>::Rejection>,
    _: Option<DeduplicationId>,
    _: Option<CorrelationId>,
    _: Option<Deadline>,
    _: Lease,
    Header(Tenant(tenant)): Header<Tenant>,
    LastTry(last): LastTry,
    (_, _): (Delivery, ReceiveCount),
) -> Result<Outcome, HandlerError> {
    drop((name, tenant, last));
    Ok(Outcome::ack())
}

#[test]
fn a_handler_takes_sixteen_extractors() {
    assert!(
        Router::new()
            .handler::<sixteen>()
            .build("shop".to_owned())
            .is_ok()
    );
}
