//! Serving the router on a listener.

use axum::Router;
use std::{future::Future, io, net::SocketAddr, time::Duration};
use tokio::net::TcpListener;

/// How long open requests may take when the server stops.
const GRACE: Duration = Duration::from_secs(5);

/// Serves until `stop` resolves; requests under way get [`GRACE`] to finish (a stream may last longer than that).
///
/// # Errors
/// The listener's.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (told, tell) = tokio::sync::oneshot::channel();
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let graceful = axum::serve(listener, service).with_graceful_shutdown(async move {
        stop.await;
        // Nobody listens only if serving ended by itself.
        let _ = told.send(());
    });
    let late = async {
        if tell.await.is_err() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        result = async { graceful.await } => result,
        () = late => Ok(()),
    }
}
