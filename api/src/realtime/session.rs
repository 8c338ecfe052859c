//! A socket's life after the handshake: one task hears, speaks and does what the client asks, one thing at a time.

use super::{
    ears::{Ears, Heard, STOPPING},
    frame::{Frame, Names},
};
use crate::state::Api;
use colloquy_domain::ids::ConversationId;
use serde_json::Value;
use socketioxide::{
    SendError, SocketError,
    extract::{AckSender, SocketRef},
};
use std::{collections::HashSet, sync::Arc, time::Duration};
use tokio::{
    sync::{Notify, mpsc},
    time::{Instant, sleep},
};

/// How long a client may take nothing of what waits for it.
const SLOWEST: Duration = Duration::from_secs(10);
/// How often it is looked whether there is room again.
const ROOM_EVERY: Duration = Duration::from_millis(20);
/// How long it is tried to tell a client that does not listen that it is cut off; its transport ends before.
const FAREWELL: Duration = Duration::from_secs(60);
const FAREWELL_EVERY: Duration = Duration::from_secs(1);

/// Something that a client wants done.
pub struct Asked {
    pub name: String,
    pub body: Value,
    pub ack: AckSender,
}

/// See the module.
pub struct Session {
    pub(super) api: Arc<Api>,
    pub(super) ears: Ears,
    pub(super) names: Names,
    asked: mpsc::Receiver<Asked>,
    /// The socket is disconnected.
    gone: Arc<Notify>,
    /// Conversations that were joined before: they are told again only if the client says from where.
    pub(super) known: HashSet<ConversationId>,
    /// When it last said that somebody writes.
    pub(super) wrote_at: Option<Instant>,
}

/// Why a session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// It is disconnected already.
    Gone,
    /// It took nothing for too long.
    Slow,
    /// The server stops, which closes all transports.
    Stopping,
    /// The credential opens nothing any more.
    Refused(&'static str),
}

impl Session {
    pub fn new(api: Arc<Api>, ears: Ears, names: Names, asked: mpsc::Receiver<Asked>, gone: Arc<Notify>) -> Self {
        let known = ears.joined_ones();
        Self { api, ears, names, asked, gone, known, wrote_at: None }
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
            let done = tokio::select! {
                Some(asked) = self.asked.recv() => self.answer(socket, asked).await,
                heard = self.ears.next() => self.tell(socket, heard).await,
            };
            if let Err(cut) = done {
                return cut;
            }
        }
    }

    async fn answer(&mut self, socket: &SocketRef, asked: Asked) -> Result<(), Cut> {
        let (again, answer) = self.command(&asked.name, asked.body).await;
        for frame in &again {
            self.emit(socket, frame).await?;
        }
        asked.ack.send(&answer).map_err(|e| cut_by(&e))
    }

    async fn tell(&self, socket: &SocketRef, heard: Heard) -> Result<(), Cut> {
        if let Some(frame) = heard.frame() {
            self.emit(socket, &frame).await?;
        }
        match heard {
            Heard::End(STOPPING) => Err(Cut::Stopping),
            Heard::End(reason) => Err(Cut::Refused(reason)),
            Heard::Told(_) | Heard::Passing(_) => Ok(()),
        }
    }

    async fn emit(&self, socket: &SocketRef, frame: &Frame) -> Result<(), Cut> {
        for name in frame.kind.names(self.names) {
            emit(socket, name, &frame.body).await?;
        }
        Ok(())
    }
}

/// Waits for room; what waits for a client is bounded.
pub(super) async fn emit(socket: &SocketRef, name: &str, body: &Value) -> Result<(), Cut> {
    let until = Instant::now() + SLOWEST;
    while let Err(e) = socket.emit(name, body) {
        match cut_by(&e) {
            Cut::Slow if Instant::now() < until && socket.connected() => sleep(ROOM_EVERY).await,
            cut => return Err(cut),
        }
    }
    Ok(())
}

fn cut_by(e: &SendError) -> Cut {
    match e {
        SendError::Socket(SocketError::InternalChannelFull) => Cut::Slow,
        _ => Cut::Gone,
    }
}

pub(super) async fn farewell(socket: SocketRef, cut: Cut) {
    match cut {
        Cut::Gone | Cut::Stopping => return,
        Cut::Slow => tracing::info!(realtime.cut = "slow", "a socket takes nothing and is cut off"),
        Cut::Refused(code) => tracing::info!(realtime.cut = code, "a socket is cut off"),
    }
    let until = Instant::now() + FAREWELL;
    while socket.connected() && Instant::now() < until {
        if socket.clone().disconnect().is_ok() {
            return;
        }
        sleep(FAREWELL_EVERY).await;
    }
}
