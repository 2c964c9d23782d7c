//! The network between callers and SQS: every request takes a moment to get there, and every answer a moment back.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use sqs_local::{
    Error,
    api::{Answer, Request},
};
use tower::{Layer, Service};

/// A layer of [`SqsLocal`](sqs_local::SqsLocal) that delays everything by a time up to a limit, drawn from a seed.
#[derive(Clone, Debug)]
pub(crate) struct Latency {
    most: Duration,
    dice: Arc<Mutex<StdRng>>,
}

impl Latency {
    pub(crate) fn up_to(most: Duration, seed: u64) -> Self {
        Self {
            most,
            dice: Arc::new(Mutex::new(StdRng::seed_from_u64(seed))),
        }
    }

    async fn passes(&self) {
        if self.most.is_zero() {
            return;
        }
        let most = self.most.as_micros() as u64;
        let time = self
            .dice
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .random_range(0..=most);
        tokio::time::sleep(Duration::from_micros(time)).await;
    }
}

impl<S> Layer<S> for Latency {
    type Service = Distant<S>;

    fn layer(&self, inner: S) -> Distant<S> {
        Distant {
            inner,
            latency: self.clone(),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Distant<S> {
    inner: S,
    latency: Latency,
}

impl<S> Service<Request> for Distant<S>
where
    S: Service<Request, Response = Answer, Error = Error> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Answer;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Answer, Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let (mut inner, latency) = (self.inner.clone(), self.latency.clone());
        Box::pin(async move {
            latency.passes().await;
            let answer = inner.call(request).await;
            latency.passes().await;
            answer
        })
    }
}
