//! What it costs to bring one delivery to its handler: routing, extraction, the call. `decode` is beside it, to be
//! subtracted: the payload of `dispatch` is decoded from nothing.
//!
//! `cargo bench -p sqs-worker --bench dispatch`; the aim is under 500 ns for `dispatch/routed`.

use std::{future::Future, hint::black_box, pin::pin, sync::Arc, task::Context};

use criterion::{Criterion, criterion_group, criterion_main};
use serde::{Deserialize, Serialize};
use sqs_worker::{
    Delivery, Message, Outcome, ReceiveCount, Router, State,
    handler::boxed,
    message::{DecodeError, Incoming},
};
use tower::{Service, ServiceExt};

#[derive(Serialize, Deserialize)]
struct Empty;

impl Message for Empty {
    const NAME: &'static str = "empty";

    fn decode(_: &Incoming<'_>) -> Result<Self, DecodeError> {
        Ok(Self)
    }
}

#[derive(Serialize, Deserialize)]
struct Other;

impl Message for Other {
    const NAME: &'static str = "other";
}

#[derive(Serialize, Deserialize)]
struct Order {
    id: u64,
    customer: u64,
    lines: Vec<String>,
}

impl Message for Order {
    const NAME: &'static str = "order";
}

async fn handle(_: Empty, State(sum): State<Arc<u64>>, ReceiveCount(n): ReceiveCount) -> Outcome {
    black_box((sum, n));
    Outcome::ack()
}

async fn other(_: Other) {}

/// Polls once: nothing here waits.
fn now<F: Future>(future: F) -> F::Output {
    let mut context = Context::from_waker(std::task::Waker::noop());
    match pin!(future).poll(&mut context) {
        std::task::Poll::Ready(output) => output,
        std::task::Poll::Pending => panic!("a handler that waits has no place in this benchmark"),
    }
}

fn dispatch(criterion: &mut Criterion) {
    // Timeouts ask the runtime for a timer, even those that are never waited for.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let _entered = runtime.enter();
    let mut group = criterion.benchmark_group("dispatch");
    let delivery = Delivery::fake("").name("empty").receive_count(3).build();
    let mut handler = boxed(handle, Arc::new(7));
    group.bench_function("handler", |bencher| {
        bencher.iter(|| now(handler.call(delivery.clone())).unwrap());
    });
    let router = Router::new()
        .route(handle)
        .route(other)
        .build(Arc::new(7))
        .unwrap();
    group.bench_function("routed", |bencher| {
        bencher.iter(|| now(router.clone().oneshot(delivery.clone())).unwrap());
    });
    group.finish();
}

fn decode(criterion: &mut Criterion) {
    let order = Order {
        id: 7,
        customer: 3,
        lines: vec!["a line of an order, thirty or so".to_owned(); 4],
    };
    let delivery = Delivery::fake_of(&order).unwrap().build();
    criterion.bench_function("decode/200_bytes_of_json", |bencher| {
        bencher.iter(|| black_box(delivery.decode::<Order>().unwrap()));
    });
}

criterion_group!(benches, dispatch, decode);
criterion_main!(benches);
