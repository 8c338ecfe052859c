//! WebSockets of other programs: the handshake, and a connection on which both sides write texts.

use crate::{
    error::{ApiError, ApiResult},
    openapi::{Gives, Success, Takes},
    state::Api,
};
use axum::{
    body::Body,
    extract::FromRequestParts,
    http::{HeaderName, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use futures::{SinkExt, StreamExt};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use std::{future::Future, sync::Arc, time::Duration};
use tokio::time::timeout;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        handshake::derive_accept_key,
        protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode},
    },
};

/// Bytes of one message.
const LARGEST: usize = 64 * 1024;
/// How long the other side may take nothing of what it is sent.
const SLOWEST: Duration = Duration::from_secs(10);
/// For the other side to hear that the connection is closed.
const GOODBYE: Duration = Duration::from_secs(1);

/// A request to go on as a WebSocket.
pub struct Upgrade {
    key: HeaderValue,
    upgrade: OnUpgrade,
}

impl Takes for Upgrade {}

impl FromRequestParts<Arc<Api>> for Upgrade {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Api>) -> ApiResult<Self> {
        let has = |name: HeaderName, word: &str| {
            let values = parts.headers.get_all(name);
            let mut words = values.iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(','));
            words.any(|w| w.trim().eq_ignore_ascii_case(word))
        };
        let asked = has(header::CONNECTION, "upgrade")
            && has(header::UPGRADE, "websocket")
            && has(header::SEC_WEBSOCKET_VERSION, "13");
        let key = parts.headers.get(header::SEC_WEBSOCKET_KEY).filter(|_| asked).cloned();
        let upgrade = parts.extensions.remove::<OnUpgrade>();
        key.zip(upgrade).map(|(key, upgrade)| Self { key, upgrade }).ok_or_else(|| {
            ApiError::new(StatusCode::BAD_REQUEST, "MALFORMED", "only a WebSocket of version 13 can be opened here")
        })
    }
}

/// Says that the connection goes on as a WebSocket.
pub struct Opened(Response);

impl IntoResponse for Opened {
    fn into_response(self) -> Response {
        self.0
    }
}

impl Gives for Opened {
    fn success() -> Success {
        Success::WebSocket
    }
}

impl Upgrade {
    /// Answers, and goes on with what `talk` does on the connection.
    ///
    /// # Errors
    /// None in practice: the answer is made of what was read from a request.
    pub fn open<T, F>(self, talk: T) -> ApiResult<Opened>
    where
        T: FnOnce(Socket) -> F + Send + 'static,
        F: Future<Output = ()> + Send,
    {
        let Self { key, upgrade } = self;
        let accept = derive_accept_key(key.as_bytes());
        tokio::spawn(async move {
            // Otherwise the other side is gone already.
            if let Ok(upgraded) = upgrade.await {
                talk(Socket::new(upgraded).await).await;
            }
        });
        Response::builder()
            .status(StatusCode::SWITCHING_PROTOCOLS)
            .header(header::CONNECTION, "Upgrade")
            .header(header::UPGRADE, "websocket")
            .header(header::SEC_WEBSOCKET_ACCEPT, accept)
            .body(Body::empty())
            .map(Opened)
            .map_err(|_| ApiError::internal())
    }
}

/// An open connection.
pub struct Socket(WebSocketStream<TokioIo<Upgraded>>);

/// The other side is gone, or as good as gone.
#[derive(Debug)]
pub struct Gone;

impl Socket {
    async fn new(upgraded: Upgraded) -> Self {
        let config = WebSocketConfig::default().max_message_size(Some(LARGEST)).max_frame_size(Some(LARGEST));
        Self(WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await)
    }

    /// The next text; other kinds of messages are passed over, pings are answered.
    ///
    /// # Errors
    /// [`Gone`].
    pub async fn hear(&mut self) -> Result<String, Gone> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => return Ok(text.as_str().to_owned()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(Gone),
                Some(Ok(_)) => {}
            }
        }
    }

    /// # Errors
    /// [`Gone`], also if nothing of it is taken for too long.
    pub async fn say(&mut self, text: String) -> Result<(), Gone> {
        let sent = timeout(SLOWEST, self.0.send(Message::text(text))).await;
        sent.map_err(|_| Gone)?.map_err(|_| Gone)
    }

    /// Closes it; who is told that the server `restarts` may open another one.
    pub async fn close(mut self, restarts: bool) {
        let code = if restarts { CloseCode::Restart } else { CloseCode::Normal };
        let frame = CloseFrame { code, reason: "".into() };
        // Who does not listen finds it closed.
        let _ = timeout(GOODBYE, self.0.close(Some(frame))).await;
    }
}
