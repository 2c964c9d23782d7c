//! The service that the doors call: the engine with its layers, of whatever types they are.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tower_service::Service;

use crate::api::{Answer, Request};
use crate::error::Error;
use crate::service::{EngineFuture, EngineService};

/// The future of a [`Stack`].
pub type StackFuture = Pin<Box<dyn Future<Output = Result<Answer, Error>> + Send>>;

/// The engine with the layers put around it so far.
///
/// It is a [`Service`] of [`Request`]s, always ready, and cheap to clone. Layers given to
/// [`Builder::layer`](crate::Builder::layer) wrap it.
#[derive(Clone)]
pub struct Stack {
    call: Arc<dyn Fn(Request) -> StackFuture + Send + Sync>,
}

impl Stack {
    /// A stack of one service.
    pub(crate) fn new<S>(service: S) -> Self
    where
        S: Service<Request, Response = Answer, Error = Error> + Clone + Send + Sync + 'static,
        S::Future: Send,
    {
        Self {
            call: Arc::new(move |request| {
                let mut service = service.clone();
                Box::pin(async move {
                    std::future::poll_fn(|cx| service.poll_ready(cx)).await?;
                    service.call(request).await
                })
            }),
        }
    }
}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stack").finish_non_exhaustive()
    }
}

impl Service<Request> for Stack {
    type Response = Answer;
    type Error = Error;
    type Future = StackFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> StackFuture {
        (self.call)(request)
    }
}

/// What the doors hold: no allocation a call unless there are layers.
#[derive(Debug, Clone)]
pub(crate) enum Entrance {
    Plain(EngineService),
    Layered(Stack),
}

impl Entrance {
    pub(crate) fn call(&self, request: Request) -> EntranceFuture {
        match self {
            Self::Plain(service) => EntranceFuture::Plain(service.clone().call(request)),
            Self::Layered(stack) => EntranceFuture::Layered(stack.clone().call(request)),
        }
    }
}

#[expect(clippy::large_enum_variant, reason = "the plain way is there to save the box")]
pub(crate) enum EntranceFuture {
    Plain(EngineFuture),
    Layered(StackFuture),
}

impl Future for EntranceFuture {
    type Output = Result<Answer, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Self::Plain(future) => Pin::new(future).poll(cx),
            Self::Layered(future) => future.as_mut().poll(cx),
        }
    }
}
