//! A visitor's socket after the handshake: it only hears. What a visitor says goes the way of `POST /api/chat`.

use super::{
    ears::STOPPING,
    guest::{Guest, Word},
    session::{Cut, emit, farewell},
};
use crate::error::ApiError;
use axum::http::StatusCode;
use serde_json::Value;
use socketioxide::extract::SocketRef;
use std::sync::Arc;
use tokio::sync::Notify;

/// See the module.
pub struct Visit {
    guest: Guest,
    /// The socket is disconnected.
    gone: Arc<Notify>,
}

impl Visit {
    pub const fn new(guest: Guest, gone: Arc<Notify>) -> Self {
        Self { guest, gone }
    }

    /// Until the socket is gone or has to go.
    pub async fn run(mut self, socket: SocketRef) {
        let gone = Arc::clone(&self.gone);
        let cut = tokio::select! {
            () = gone.notified() => Cut::Gone,
            cut = self.live(&socket) => cut,
        };
        // Whoever is cut off is not there any more, however long the farewell takes.
        drop(self);
        farewell(socket, cut).await;
    }

    async fn live(&mut self, socket: &SocketRef) -> Cut {
        loop {
            let word = self.guest.next().await;
            if let Err(cut) = emit(socket, word.name(), &word.body()).await {
                return cut;
            }
            match word {
                Word::End(STOPPING) => return Cut::Stopping,
                Word::End(reason) => return Cut::Refused(reason),
                Word::Line(_) | Word::Mode(_) | Word::Typing { .. } => {}
            }
        }
    }
}

/// What a visitor's socket answers to whatever it is asked.
pub fn refused() -> Value {
    ApiError::new(StatusCode::BAD_REQUEST, "UNKNOWN_EVENT", "a visitor's socket only hears: POST /api/chat speaks")
        .body()
}
