//! A stand-in for a Qdrant server: the part of its gRPC protocol that this crate uses, served from embedded shards.
//!
//! It runs in the test's process, on a runtime of its own, so that stopping it breaks its connections as a crash does.
//! What it holds outlives a stop and is there again after [`Standin::restart`]. It has no clustering, no disk to
//! recover from, and answers `Unimplemented` to what it does not serve.

mod collections;
mod convert;
mod faults;
mod points;
mod unserved;

use collections::Collections;
use faults::Faults;
use qdrant_client::qdrant::{
    HealthCheckReply, HealthCheckRequest,
    collections_server::CollectionsServer,
    points_server::PointsServer,
    qdrant_server::{Qdrant, QdrantServer},
};
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
    time::Duration,
};
use tokio::{
    net::TcpListener,
    runtime::{Builder, Runtime},
};
use tonic::{
    Code, Request, Response, Status,
    transport::{Identity, ServerTlsConfig, server::TcpIncoming},
};

/// How long a stop waits for what blocks.
const STOP: Duration = Duration::from_secs(10);

/// How the stand-in presents itself.
#[derive(Debug, Clone)]
pub struct StandinOptions {
    /// Asked of every call when there is one.
    pub api_key: Option<String>,
    pub version: String,
    /// Its certificate and its key, in PEM; it speaks TLS then.
    pub identity: Option<(String, String)>,
}

impl Default for StandinOptions {
    fn default() -> Self {
        Self { api_key: None, version: "1.20.0".to_owned(), identity: None }
    }
}

/// A running stand-in; stopped when dropped.
pub struct Standin {
    address: SocketAddr,
    service: Service,
    runtime: Option<Runtime>,
}

/// What serves the calls.
#[derive(Clone)]
struct Service {
    collections: Arc<Collections>,
    faults: Arc<Faults>,
    options: Arc<StandinOptions>,
}

impl Standin {
    /// Starts on a free port of this machine, with its data in `dir`.
    ///
    /// # Errors
    /// When the port cannot be opened, the thread not started or the certificate not read.
    pub fn start(dir: &Path, options: StandinOptions) -> std::io::Result<Self> {
        let service = Service {
            collections: Arc::new(Collections::new(dir)),
            faults: Arc::default(),
            options: Arc::new(options),
        };
        let mut standin = Self { address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), service, runtime: None };
        standin.restart()?;
        Ok(standin)
    }

    /// `http://127.0.0.1:port`, with TLS `https://`.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.service.options.identity.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Breaks all connections and closes the port.
    pub fn stop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Not on this thread: it may be a runtime's, where waiting for another runtime is forbidden.
            let stopping = std::thread::spawn(move || runtime.shutdown_timeout(STOP));
            stopping.join().expect("stopping a runtime does not panic");
        }
    }

    /// Serves again, on the same port.
    ///
    /// # Errors
    /// When the port cannot be opened, the thread not started or the certificate not read.
    pub fn restart(&mut self) -> std::io::Result<()> {
        self.stop();
        let runtime = Builder::new_multi_thread().worker_threads(2).thread_name("standin").enable_all().build()?;
        let listener = std::net::TcpListener::bind(self.address)?;
        listener.set_nonblocking(true)?;
        self.address = listener.local_addr()?;
        let service = self.service.clone();
        let _within = runtime.enter();
        let incoming = TcpIncoming::from(TcpListener::from_std(listener)?).with_nodelay(Some(true));
        let mut server = tonic::transport::Server::builder();
        if let Some((cert, key)) = &service.options.identity {
            let tls = ServerTlsConfig::new().identity(Identity::from_pem(cert, key));
            server = server.tls_config(tls).map_err(std::io::Error::other)?;
        }
        runtime.spawn(async move {
            server
                .add_service(QdrantServer::new(service.clone()))
                .add_service(CollectionsServer::new(service.clone()))
                .add_service(PointsServer::new(service))
                .serve_with_incoming(incoming)
                .await
        });
        self.runtime = Some(runtime);
        Ok(())
    }

    /// Lets the next `calls` calls fail with `code` before anything is done.
    pub fn fail_next(&self, calls: u32, code: Code) {
        self.service.faults.fail_next(calls, code);
    }

    /// Lets the next `calls` calls wait before anything is done.
    pub fn delay_next(&self, calls: u32, delay: Duration) {
        self.service.faults.delay_next(calls, delay);
    }

    /// Lets the call after the next `calls` ones that change points do its work and then fail with `code`, and all
    /// after it fail at once, until [`Standin::heal`]: as if the caller had died there.
    pub fn break_after_writes(&self, calls: u32, code: Code) {
        self.service.faults.break_after_writes(calls, code);
    }

    /// Takes all faults back.
    pub fn heal(&self) {
        self.service.faults.heal();
    }

    /// Calls so far, failed ones included.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.service.faults.calls()
    }
}

impl Drop for Standin {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Service {
    /// What every call passes first.
    async fn admit<T>(&self, request: Request<T>) -> Result<T, Status> {
        self.faults.before().await?;
        if let Some(key) = &self.options.api_key {
            let sent = request.metadata().get("api-key").and_then(|v| v.to_str().ok());
            if sent != Some(key.as_str()) {
                return Err(Status::unauthenticated("Invalid API key or JWT"));
            }
        }
        Ok(request.into_inner())
    }
}

#[tonic::async_trait]
impl Qdrant for Service {
    async fn health_check(&self, request: Request<HealthCheckRequest>) -> Result<Response<HealthCheckReply>, Status> {
        self.admit(request).await?;
        Ok(Response::new(HealthCheckReply {
            title: "stand-in for a vector search engine".to_owned(),
            version: self.options.version.clone(),
            commit: None,
        }))
    }
}

/// Runs what blocks.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Status> + Send + 'static) -> Result<T, Status> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|e| Err(Status::internal(e.to_string())))
}

fn internal(error: impl std::fmt::Display) -> Status {
    Status::internal(error.to_string())
}
