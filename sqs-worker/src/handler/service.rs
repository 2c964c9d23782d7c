//! Handlers as tower services.

use std::{any::type_name, future::poll_fn, pin::pin, task::Poll, time::Duration};

use tokio::time::{Instant, timeout_at};
use tower::{service_fn, util::BoxCloneSyncService};

use super::{Delivery, Handler, HandlerError, HandlerSpec, Outcome};
use crate::message::Message;

/// A handler of any type: a tower service that takes a delivery and gives an outcome.
///
/// A clone costs one allocation; it is always ready.
pub type BoxHandler = BoxCloneSyncService<Delivery, Outcome, HandlerError>;

/// The service that decodes the payload, extracts the other parameters and calls the handler.
///
/// A body that does not decode fails with [`Disposition::DeadLetter`](super::Disposition::DeadLetter): a second
/// try would fail the same way. The handler is then not called. A run longer than [`DEFAULT_TIMEOUT`] is dropped, and
/// its message tried again.
///
/// ```
/// use sqs_worker::{Delivery, Outcome, handler::boxed};
/// use tower::ServiceExt;
/// # #[derive(serde::Serialize, serde::Deserialize)] struct Ping { n: u32 }
/// # impl sqs_worker::Message for Ping { const NAME: &'static str = "ping"; }
///
/// async fn handle(ping: Ping) {
///     println!("{}", ping.n);
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let service = boxed(handle, ());
/// let outcome = service.oneshot(Delivery::fake(r#"{"n": 1}"#).build()).await?;
/// assert_eq!(outcome, Outcome::Ack);
/// # Ok::<(), sqs_worker::HandlerError>(()) }).unwrap();
/// ```
pub fn boxed<H, A, S>(handler: H, state: S) -> BoxHandler
where
    H: Handler<A, S>,
    S: Clone + Send + Sync + 'static,
{
    boxed_as(
        &HandlerSpec::new(type_name::<H>(), H::Message::NAME),
        handler,
        state,
    )
}

/// The same with these settings.
pub(crate) fn boxed_as<H, A, S>(spec: &HandlerSpec, handler: H, state: S) -> BoxHandler
where
    H: Handler<A, S>,
    S: Clone + Send + Sync + 'static,
{
    timed(spec, move |delivery| {
        let (handler, state) = (handler.clone(), state.clone());
        async move {
            let message = delivery
                .decode::<H::Message>()
                .map_err(HandlerError::dead_letter)?;
            handler.call(message, delivery, state).await
        }
    })
}

/// How long a handler may run that says nothing else: as long as a Lambda function may at most ([quotas]).
///
/// There is always a limit: handlers that hang would otherwise take one permit after the other, until the worker
/// silently receives nothing any more.
///
/// [quotas]: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// A service of this run, with the timeout of its settings or the [default](DEFAULT_TIMEOUT): a run that takes longer
/// is dropped, and its message tried again.
pub(crate) fn timed<F, Fut>(spec: &HandlerSpec, run: F) -> BoxHandler
where
    F: Fn(Delivery) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<Outcome, HandlerError>> + Send + 'static,
{
    let limit = TimedOut::of(spec);
    BoxCloneSyncService::new(service_fn(move |delivery| {
        let run = run(delivery);
        async move {
            limit
                .run(run)
                .await
                .unwrap_or_else(|expired| Err(HandlerError::retry(expired)))
        }
    }))
}

/// A handler did not finish within its timeout; the message is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("handler `{handler}` did not finish within its timeout of {timeout:?}")]
#[non_exhaustive]
pub struct TimedOut {
    /// The handler's name.
    pub handler: &'static str,
    /// Its timeout.
    pub timeout: Duration,
}

impl TimedOut {
    /// What a run of this handler will have exceeded.
    pub(crate) fn of(spec: &HandlerSpec) -> Self {
        Self {
            handler: spec.name,
            timeout: spec.timeout.unwrap_or(DEFAULT_TIMEOUT),
        }
    }

    /// What the run gives, or this when it is not done in time; it is then dropped.
    pub(crate) async fn run<F: Future>(self, run: F) -> Result<F::Output, Self> {
        let deadline = Instant::now().checked_add(self.timeout);
        let mut run = pin!(run);
        // One that does not wait needs no timer.
        if let Poll::Ready(output) = poll_fn(|cx| Poll::Ready(run.as_mut().poll(cx))).await {
            return Ok(output);
        }
        match deadline {
            Some(deadline) => timeout_at(deadline, run).await.map_err(|_| self),
            None => Ok(run.await),
        }
    }
}

#[cfg(test)]
mod tests {
    use tower::ServiceExt;

    use super::*;
    use crate::handler::{Disposition, ReceiveCount, State};

    #[derive(Debug, serde::Serialize, serde::Deserialize)]
    struct Ping {
        n: u32,
    }

    impl crate::Message for Ping {
        const NAME: &'static str = "ping";
    }

    fn ping() -> Delivery {
        Delivery::fake(r#"{"n": 4}"#)
            .queue("pings")
            .receive_count(2)
            .build()
    }

    #[tokio::test]
    async fn the_payload_comes_first_and_the_extractors_follow() {
        async fn handle(ping: Ping, State(bonus): State<u32>, ReceiveCount(n): ReceiveCount) -> Outcome {
            Outcome::dead_letter(format!("{} {bonus} {n}", ping.n))
        }
        let outcome = boxed(handle, 7_u32).oneshot(ping()).await.unwrap();
        assert_eq!(outcome, Outcome::dead_letter("4 7 2"));
    }

    #[tokio::test]
    async fn a_body_that_does_not_decode_is_dead_lettered_and_the_handler_not_called() {
        async fn handle(_: Ping) {
            panic!("called");
        }
        let delivery = Delivery::fake(r#"{"n": "four"}"#).queue("pings").build();
        let error = boxed(handle, ()).oneshot(delivery).await.unwrap_err();
        assert_eq!(error.disposition(), Disposition::DeadLetter);
        assert!(
            error
                .to_string()
                .starts_with("cannot decode message `ping` of queue `pings`: at `n`:"),
            "{error}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_past_its_timeout_is_dropped_and_tried_again() {
        async fn handle(_: Ping) {
            std::future::pending::<()>().await;
        }
        let spec = HandlerSpec::new("stall", "ping").timeout(Duration::from_secs(600));
        let error = boxed_as(&spec, handle, ()).oneshot(ping()).await.unwrap_err();
        assert_eq!(error.disposition(), Disposition::Retry { after: None });
        assert_eq!(
            error.to_string(),
            "handler `stall` did not finish within its timeout of 600s"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_handler_that_names_no_timeout_has_fifteen_minutes() {
        async fn handle(_: Ping) {
            std::future::pending::<()>().await;
        }
        let started = tokio::time::Instant::now();
        let stall = boxed_as(&HandlerSpec::new("stall", "ping"), handle, ());
        assert!(stall.oneshot(ping()).await.is_err());
        assert_eq!(started.elapsed(), DEFAULT_TIMEOUT);
    }
}
