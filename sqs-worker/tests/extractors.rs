//! Each extractor: what it gives, what it does when that is not there.

use std::{
    convert::Infallible,
    num::ParseIntError,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use sqs_worker::{
    Delivery, Extension, FromDelivery, FromRef, Group, HandlerError, Headers, Lease, Message, MessageId,
    Outcome, QueueName, ReceiveCount, SentAt, State,
    handler::{
        CorrelationId, Deadline, DeduplicationId, Disposition, FakeDelivery, FirstReceivedAt, Header,
        NamedAttribute, Raw, SentAttributes,
    },
    testing::{OutcomeExt, TestWorker},
};

fn fake() -> FakeDelivery {
    Delivery::fake("{}")
}

fn time(millis: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(millis)
}

async fn extract<T: FromDelivery<()>>(fake: FakeDelivery) -> Result<T, HandlerError> {
    T::from_delivery(&fake.build(), &()).await.map_err(Into::into)
}

/// An extractor that lacks what it asks for, and its text.
async fn missing<T: FromDelivery<()>>() -> String {
    let Err(error) = extract::<T>(fake()).await else {
        panic!("extracted from nothing")
    };
    assert_eq!(
        error.disposition(),
        Disposition::DeadLetter,
        "it will be missing at the next try too"
    );
    error.to_string()
}

#[derive(Debug, PartialEq)]
struct Tenant(u64);

impl FromStr for Tenant {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        text.parse().map(Self)
    }
}

impl NamedAttribute for Tenant {
    const NAME: &'static str = "tenant";
}

#[tokio::test]
async fn what_every_message_has_is_always_given() {
    let fake = fake().queue("orders").message_id("m-1").receive_count(3);
    assert_eq!(
        extract::<QueueName>(fake.clone()).await.unwrap(),
        QueueName("orders".into())
    );
    assert_eq!(
        extract::<MessageId>(fake.clone()).await.unwrap(),
        MessageId("m-1".into())
    );
    assert_eq!(
        extract::<ReceiveCount>(fake.clone()).await.unwrap(),
        ReceiveCount(3)
    );
    assert_eq!(extract::<Raw>(fake.clone()).await.unwrap(), Raw("{}".into()));
    assert!(!extract::<Lease>(fake.clone()).await.unwrap().is_lost());
    assert_eq!(extract::<Delivery>(fake).await.unwrap().message_id(), "m-1");
}

#[tokio::test]
async fn a_message_without_a_count_is_received_for_the_first_time() {
    assert_eq!(extract::<ReceiveCount>(fake()).await.unwrap(), ReceiveCount(1));
}

#[tokio::test]
async fn what_a_message_may_lack_is_given_when_it_is_there() {
    let fake = fake()
        .group("g")
        .deduplication_id("d")
        .sent_at(time(1_500))
        .first_received_at(time(2_500))
        .correlation_id("c")
        .deadline(time(9_000));
    assert_eq!(extract::<Group>(fake.clone()).await.unwrap(), Group("g".into()));
    assert_eq!(
        extract::<DeduplicationId>(fake.clone()).await.unwrap(),
        DeduplicationId("d".into())
    );
    assert_eq!(
        extract::<SentAt>(fake.clone()).await.unwrap(),
        SentAt(time(1_500))
    );
    assert_eq!(
        extract::<FirstReceivedAt>(fake.clone()).await.unwrap(),
        FirstReceivedAt(time(2_500))
    );
    assert_eq!(
        extract::<CorrelationId>(fake.clone()).await.unwrap(),
        CorrelationId("c".into())
    );
    assert_eq!(extract::<Deadline>(fake).await.unwrap(), Deadline(time(9_000)));
}

#[tokio::test]
async fn what_is_missing_dead_letters_and_says_what_to_do() {
    assert_eq!(
        missing::<Group>().await,
        "the message has no message group, which its handler asks for by `Group`; send it with one, or take \
         `Option<Group>`"
    );
    assert!(
        missing::<DeduplicationId>()
            .await
            .contains("`Option<DeduplicationId>`")
    );
    assert!(missing::<SentAt>().await.contains("time of sending"));
    assert!(
        missing::<FirstReceivedAt>()
            .await
            .contains("time of the first receive")
    );
    assert!(missing::<CorrelationId>().await.contains("correlation id"));
    assert!(missing::<Deadline>().await.contains("deadline"));
}

#[tokio::test]
async fn an_option_is_none_where_it_is_missing() {
    assert_eq!(extract::<Option<Group>>(fake()).await.unwrap(), None);
    assert_eq!(
        extract::<Option<Group>>(fake().group("g")).await.unwrap(),
        Some(Group("g".into()))
    );
}

#[tokio::test]
async fn a_result_leaves_the_rejection_to_the_handler() {
    type Taken = Result<Group, <Group as FromDelivery<()>>::Rejection>;
    let rejected = extract::<Taken>(fake()).await.unwrap().unwrap_err();
    assert_eq!(rejected.extractor, "Group");
}

#[tokio::test]
async fn a_header_is_parsed() {
    let Header(tenant) = extract::<Header<Tenant>>(fake().attribute("tenant", "7"))
        .await
        .unwrap();
    assert_eq!(tenant, Tenant(7));
    let Header(tenant) = extract::<Header<Tenant>>(fake().number("tenant", 8))
        .await
        .unwrap();
    assert_eq!(tenant, Tenant(8));
}

#[tokio::test]
async fn a_header_that_does_not_parse_is_wrong_and_not_absent() {
    let wrong = fake().attribute("tenant", "acme");
    let error = extract::<Option<Header<Tenant>>>(wrong).await.unwrap_err();
    assert_eq!(error.disposition(), Disposition::DeadLetter);
    assert_eq!(
        error.to_string(),
        "the attribute `tenant` is not what the handler takes it for: invalid digit found in string"
    );
}

#[tokio::test]
async fn a_header_that_is_absent_is_none_or_dead_letters() {
    assert!(extract::<Option<Header<Tenant>>>(fake()).await.unwrap().is_none());
    assert!(
        missing::<Header<Tenant>>()
            .await
            .starts_with("the message has no attribute `tenant`")
    );
}

#[tokio::test]
async fn an_extension_that_no_layer_left_is_tried_again() {
    let error = extract::<Extension<u32>>(fake()).await.unwrap_err();
    assert_eq!(
        error.disposition(),
        Disposition::Retry { after: None },
        "the message is not to blame"
    );
    assert!(error.to_string().contains("no layer left a `u32`"), "{error}");
    assert!(extract::<Option<Extension<u32>>>(fake()).await.unwrap().is_none());
}

#[tokio::test]
async fn attributes_are_those_of_the_sender_alone() {
    let fake = fake()
        .name("orders.placed")
        .content_type("application/json")
        .headers(Headers {
            version: Some(2),
            ..Headers::default()
        })
        .attribute("tenant", "acme")
        .number("cents", 990)
        .attribute("number", "7")
        .binary("blob", [1, 2]);
    let attributes = extract::<SentAttributes>(fake).await.unwrap();
    assert_eq!(attributes.all().len(), 4);
    assert_eq!(attributes.get_str("tenant"), Some("acme"));
    assert_eq!(attributes.get_number::<u64>("cents"), Some(990));
    assert_eq!(attributes.get_number::<u64>("number"), None, "a string");
    assert_eq!(attributes.get_binary("blob"), Some(&[1, 2][..]));
    assert_eq!(attributes.get_str("message-name"), None);
    assert!(!attributes.all().is_empty());
}

#[tokio::test]
async fn state_is_the_state_itself_or_a_part_of_it() {
    struct Cards(&'static str);
    #[derive(Clone)]
    struct App(&'static str);
    impl FromRef<App> for Cards {
        fn from_ref(app: &App) -> Self {
            Self(app.0)
        }
    }
    let delivery = fake().build();
    let State(app) = State::<App>::from_delivery(&delivery, &App("whole"))
        .await
        .unwrap();
    let State(Cards(part)) = State::from_delivery(&delivery, &app).await.unwrap();
    assert_eq!((app.0, part), ("whole", "whole"));
}

#[tokio::test]
async fn headers_that_something_else_wrote_count_as_none() {
    let delivery = fake().attribute("sqs-worker", "not ours").build();
    assert_eq!(delivery.headers(), &Headers::default());
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Ping;

impl Message for Ping {
    const NAME: &'static str = "ping";
}

/// Counts how often it is extracted.
struct Counted;

impl FromDelivery<Arc<AtomicUsize>> for Counted {
    type Rejection = Infallible;

    async fn from_delivery(_: &Delivery, count: &Arc<AtomicUsize>) -> Result<Self, Infallible> {
        count.fetch_add(1, Ordering::Relaxed);
        Ok(Self)
    }
}

#[tokio::test]
async fn extraction_goes_in_order_and_ends_at_the_first_rejection() {
    async fn handle(_: Ping, _: Counted, _: Group, _: Counted) {}
    let count = Arc::new(AtomicUsize::new(0));
    let worker = TestWorker::new(count.clone()).route(handle);
    worker.deliver(Ping).await.assert_dead_letter("no message group");
    assert_eq!(count.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_tuple_extracts_its_parts() {
    async fn handle(_: Ping, (QueueName(queue), ReceiveCount(n)): (QueueName, ReceiveCount)) -> Outcome {
        Outcome::dead_letter(format!("{queue} {n}"))
    }
    TestWorker::new(())
        .route(handle)
        .deliver(Ping)
        .await
        .assert_dead_letter("fake 1");
}
