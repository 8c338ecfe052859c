//! When the operating system asks us to end.

use std::future::Future;

/// Resolves at Ctrl-C or SIGTERM, of those that come from now on: the handlers are there before the first wait.
pub fn stop_signal() -> impl Future<Output = ()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{Signal, SignalKind, signal};
        // One that cannot be had ends the process in the system's own way.
        let of = |kind| signal(kind).ok();
        let (mut terminate, mut interrupt) = (of(SignalKind::terminate()), of(SignalKind::interrupt()));
        async fn come(signal: &mut Option<Signal>) {
            match signal {
                Some(signal) => _ = signal.recv().await,
                None => std::future::pending().await,
            }
        }
        async move {
            tokio::select! {
                () = come(&mut terminate) => {}
                () = come(&mut interrupt) => {}
            }
        }
    }
    #[cfg(not(unix))]
    async {
        let _ = tokio::signal::ctrl_c().await;
    }
}
