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
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
            .expect("SIGTERM can be listened to");
        tokio::select! {
            result = interrupt => result.expect("Ctrl-C can be listened to"),
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    interrupt.await.expect("Ctrl-C can be listened to");
}
