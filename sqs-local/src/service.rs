//! The engine as a service: operations in, answers out, long polls waited for.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::sync::Notify;
use tower_service::Service;

use crate::api::{Answer, Request};
use crate::clock::Clock;
use crate::engine::{Engine, Millis, QueueNumber};
use crate::error::Error;
use crate::waiting::Lines;

/// What all doors of one SQS share.
#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    pub(crate) clock: Clock,
}

#[derive(Debug)]
pub(crate) struct State {
    /// Counts the requests that may have changed anything.
    pub(crate) changes: u64,
    pub(crate) engine: Engine,
    pub(crate) lines: Lines,
}

impl Shared {
    pub(crate) fn new(engine: Engine, clock: Clock) -> Self {
        Self {
            state: Mutex::new(State {
                changes: 0,
                engine,
                lines: Lines::default(),
            }),
            clock,
        }
    }

    /// The state, and the time it is looked at.
    pub(crate) fn lock(&self) -> (MutexGuard<'_, State>, Millis) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Read under the lock, so that the engine never sees time run backwards.
        let now = self.clock.now();
        (state, now)
    }
}

impl State {
    fn apply(&mut self, request: Request, now: Millis) -> Result<Answer, Error> {
        self.changes += 1;
        let answer = self.engine.apply(request, now);
        for queue in self.engine.take_touched() {
            self.lines.wake(queue, &mut self.engine, now);
        }
        answer
    }
}

/// The engine as a [`Service`] of [`Request`]s: what layers wrap and doors call.
///
/// It is always ready. A request takes effect when its future is polled first. A `ReceiveMessage` waits for a message as
/// long as it asks to.
///
/// # Cancel safety
///
/// Dropping the future of a waiting `ReceiveMessage` loses no message: none is taken into flight before the future
/// itself returns it.
#[derive(Debug, Clone)]
pub struct EngineService {
    shared: Arc<Shared>,
}

impl EngineService {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}

impl Service<Request> for EngineService {
    type Response = Answer;
    type Error = Error;
    type Future = EngineFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> EngineFuture {
        EngineFuture {
            step: Step::Start(Arc::clone(&self.shared), Some(request)),
        }
    }
}

/// The answer of an [`EngineService`] to come.
#[must_use = "futures do nothing unless polled"]
pub struct EngineFuture {
    step: Step,
}

#[expect(
    clippy::large_enum_variant,
    reason = "most requests never wait, and a box would cost each of them"
)]
enum Step {
    Start(Arc<Shared>, Option<Request>),
    Waiting(Pin<Box<dyn Future<Output = Result<Answer, Error>> + Send>>),
}

impl std::fmt::Debug for EngineFuture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EngineFuture").finish_non_exhaustive()
    }
}

impl Future for EngineFuture {
    type Output = Result<Answer, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Step::Start(shared, request) = &mut self.step {
            let request = request.take().expect("a future is not polled after it is done");
            let (mut state, now) = shared.lock();
            let long_poll = match state.engine.waiting(&request) {
                Some((queue, wait)) if wait > 0 => {
                    Some((queue, now + Millis::from(wait) * 1000, request.clone()))
                }
                _ => None,
            };
            match long_poll {
                // Whoever came before is served before.
                Some((queue, ..)) if state.lines.is_occupied(queue) => {}
                _ => {
                    let answer = state.apply(request, now);
                    if long_poll.is_none() || !found_nothing(&answer) {
                        return Poll::Ready(answer);
                    }
                }
            }
            let Some((queue, until, request)) = long_poll else {
                unreachable!("only a long poll gets here")
            };
            let (ticket, bell) = state.lines.join(queue);
            let State { engine, lines, .. } = &mut *state;
            lines.wake(queue, engine, now);
            drop(state);
            let place = PlaceInLine {
                shared: Arc::clone(shared),
                queue,
                ticket,
            };
            self.step = Step::Waiting(Box::pin(wait(place, bell, request, until)));
        }
        match &mut self.step {
            Step::Waiting(waiting) => waiting.as_mut().poll(cx),
            Step::Start(..) => unreachable!("it was just replaced"),
        }
    }
}

fn found_nothing(answer: &Result<Answer, Error>) -> bool {
    matches!(answer, Ok(Answer::Received(messages)) if messages.is_empty())
}

/// Waits in line until there is a message or the time is up.
async fn wait(
    place: PlaceInLine,
    bell: Arc<Notify>,
    request: Request,
    until: Millis,
) -> Result<Answer, Error> {
    loop {
        let next = {
            let (mut state, _) = place.shared.lock();
            let due = state
                .engine
                .next_due(place.queue)
                .filter(|_| state.lines.is_first(place.queue, place.ticket));
            state.lines.rest(place.queue, place.ticket, due);
            due.map_or(until, |due| due.min(until))
        };
        tokio::select! {
            () = bell.notified() => {}
            () = tokio::time::sleep_until(place.shared.clock.instant(next)) => {}
        }
        let (mut state, now) = place.shared.lock();
        let answer = state.apply(request.clone(), now);
        if !found_nothing(&answer) || now >= until {
            drop(state);
            return answer;
        }
    }
}

/// Leaves the line when dropped, however that comes.
struct PlaceInLine {
    shared: Arc<Shared>,
    queue: QueueNumber,
    ticket: u64,
}

impl Drop for PlaceInLine {
    fn drop(&mut self) {
        let (mut state, now) = self.shared.lock();
        let State { engine, lines, .. } = &mut *state;
        lines.leave(self.queue, self.ticket, engine, now);
    }
}
