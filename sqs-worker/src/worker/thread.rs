//! Where the engine runs.
//!
//! Polls, leases and settling belong together on one thread: tasks that hop between threads pay for it in wake-ups and
//! cold caches, twice the CPU of one thread for a pipeline like this one. On a runtime of several threads the engine
//! therefore has a thread of its own, with a small runtime, and only handlers are spread over the caller's. It has a
//! second use: handlers that block every thread of their runtime do not keep leases from being renewed.
//!
//! On a runtime of one thread it runs there, as any task. Under a paused clock, which only such a runtime has, the engine
//! so sees the time that everybody sees.

use tokio::{
    runtime::{Builder, Handle, RuntimeFlavor},
    sync::oneshot,
};
use tokio_util::sync::CancellationToken;

use super::{Report, Worker, WorkerError};

/// Runs a worker where its engine should run. Dropping the future stops everything.
pub(super) async fn run<S>(
    worker: Worker<S>,
    stop: CancellationToken,
    hurry: CancellationToken,
) -> Result<Report, WorkerError>
where
    S: Clone + Send + Sync + 'static,
{
    let here = Handle::current();
    if here.runtime_flavor() == RuntimeFlavor::CurrentThread {
        return worker.work(stop, hurry, here).await;
    }
    let runtime = match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::warn!("no thread for the worker's engine, so it runs among the handlers: {error}");
            return worker.work(stop, hurry, here).await;
        }
    };
    let (done, ended) = oneshot::channel();
    // Cancelled when this future is dropped.
    let alive = CancellationToken::new();
    let (dropped, _guard) = (alive.clone(), alive.drop_guard());
    let log = tracing::dispatcher::get_default(Clone::clone);
    let span = tracing::Span::current();
    let work = move || {
        let _log = tracing::dispatcher::set_default(&log);
        let _span = span.enter();
        runtime.block_on(async move {
            tokio::select! {
                biased;
                () = dropped.cancelled() => {}
                report = worker.work(stop, hurry, here) => drop(done.send(report)),
            }
        });
    };
    let thread = match std::thread::Builder::new().name("sqs-worker".into()).spawn(work) {
        Ok(thread) => thread,
        Err(error) => panic!("no thread can be started for the worker's engine: {error}"),
    };
    match ended.await {
        Ok(report) => {
            // It is past its last await; what is left is to let go of its runtime.
            drop(thread);
            report
        }
        // It panicked: so does whoever waits for it, rather than believe that it works.
        Err(_) => match thread.join() {
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(()) => unreachable!("the engine sends its report before it ends"),
        },
    }
}
