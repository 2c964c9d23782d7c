//! The signals that end a worker.

/// Resolves when the process is asked to end: Ctrl-C, or SIGTERM on Unix, which is what Kubernetes, ECS and systemd
/// send.
///
/// # Panics
///
/// If the process may not listen to signals.
///
/// # Cancel safety
///
/// A signal that comes while nobody waits is lost; the first call replaces the system's default of ending the process.
pub async fn shutdown_signal() {
    Signals::listen().next().await;
}

/// Those signals, one after another.
pub(super) struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    /// From now on none is missed.
    #[cfg(unix)]
    pub(super) fn listen() -> Self {
        use tokio::signal::unix::{SignalKind, signal};

        Self {
            interrupt: signal(SignalKind::interrupt()).expect("Ctrl-C can be listened to"),
            terminate: signal(SignalKind::terminate()).expect("SIGTERM can be listened to"),
        }
    }

    #[cfg(not(unix))]
    pub(super) fn listen() -> Self {
        Self {}
    }

    pub(super) async fn next(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            biased;
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
        #[cfg(not(unix))]
        tokio::signal::ctrl_c().await.expect("Ctrl-C can be listened to");
    }
}
