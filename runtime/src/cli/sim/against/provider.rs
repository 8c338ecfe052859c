//! This command as the provider of the server's channels: a small HTTP server.

use super::live::{Live, Way};
use crate::exit::CommandResult;
use anyhow::Context;
use bytes::Bytes;
use colloquy_sim::Delivered;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Request, Response, StatusCode, body::Incoming, header, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::Value;
use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{net::TcpListener, task::JoinHandle};

/// Bytes of a request; no message is longer.
const LIMIT: usize = 1 << 20;
/// When WhatsApp tells that a message arrived.
const ARRIVES: Duration = Duration::from_millis(200);

pub struct Provider {
    listener: Arc<TcpListener>,
    /// What the server calls it.
    pub url: String,
}

impl Provider {
    /// # Errors
    /// Nobody can listen there.
    pub async fn listen(at: SocketAddr, url: Option<&str>) -> CommandResult<Self> {
        let listener = TcpListener::bind(at).await.with_context(|| format!("cannot listen on {at}"))?;
        let url = match url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("http://{}", listener.local_addr()?),
        };
        Ok(Self { listener: Arc::new(listener), url })
    }

    /// Answers until it is aborted.
    pub fn serve(&self, live: &Arc<Live>) -> JoinHandle<()> {
        let (listener, live) = (Arc::clone(&self.listener), Arc::clone(live));
        tokio::spawn(async move {
            loop {
                // A connection that failed before it was there concerns nobody.
                let Ok((stream, _)) = listener.accept().await else { continue };
                let live = Arc::clone(&live);
                tokio::spawn(async move {
                    let service = service_fn(|request| answer(&live, request));
                    // A server that hangs up is its own business.
                    let _ = http1::Builder::new()
                        .timer(TokioTimer::new())
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        })
    }
}

/// `/{number of the channel}/…`: what follows is the provider's own path.
async fn answer(live: &Arc<Live>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let path: Vec<&str> = parts.uri.path().split('/').skip(1).collect();
    let found = path.split_first().and_then(|(n, rest)| Some((live.channel(n)?, rest)));
    let Some((channel, rest)) = found else { return Ok(plain(StatusCode::NOT_FOUND)) };
    let Some(Way::Provider { id, connected }) = live.way(channel) else { return Ok(plain(StatusCode::NOT_FOUND)) };
    let Ok(body) = Limited::new(body, LIMIT).collect().await else { return Ok(plain(StatusCode::PAYLOAD_TOO_LARGE)) };
    let body: Option<Value> = serde_json::from_slice(&body.to_bytes()).ok();
    let (said, delivered) = connected.answer(rest, body.as_ref());
    if let Some(delivered) = delivered {
        live.taken(&format!("{channel}/{}", delivered.peer), delivered.clone());
        tokio::spawn(arrives(Arc::clone(live), channel.to_owned(), id.clone(), delivered));
    }
    let status = StatusCode::from_u16(said.status).unwrap_or(StatusCode::OK);
    let text = said.body.unwrap_or_default().to_string();
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    Ok(response)
}

fn plain(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::new()));
    *response.status_mut() = status;
    response
}

async fn arrives(live: Arc<Live>, channel: String, id: String, delivered: Delivered) {
    let Some(Way::Provider { connected, .. }) = live.way(&channel) else { return };
    tokio::time::sleep(ARRIVES).await;
    if let Some(payload) = connected.arrived(&delivered, Live::now())
        && let Err(how) = live.deliver(&id, &payload).await
    {
        live.not_done(format!("the status of a message to {channel}/{} was not accepted: {how}", delivered.peer));
    }
}
