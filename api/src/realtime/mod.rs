//! Who is connected and hears at once what happens: Socket.io and server-sent events.
//!
//! What happened is read from the store, where it was committed ([`subscription`]); notices of this node and of others
//! (over the relay) only say when to look. Typing and presence are told and not kept. One task for each tenant with
//! somebody connected reads for all of them ([`lobby`]); each connection knows where it is among the events, so that who
//! falls behind or comes back reads the rest from the store, in order and once, and nothing queues up for them here.

mod commands;
mod ears;
mod frame;
mod guest;
mod lobby;
mod people;
mod session;
mod socket;
mod subscription;
mod visit;

pub use ears::{Ears, Heard, Joined};
pub use frame::{Frame, Names};
pub use guest::{Guest, Visitor, Word};
pub use socket::route;

use crate::{
    error::{ApiError, ApiResult},
    state::Api,
};
use axum::http::StatusCode;
use colloquy_domain::{ids::TenantId, placement::NodeId, rate::Caller};
use lobby::Lobby;
use socketioxide::SocketIo;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError, Weak},
    time::Duration,
};
use tokio::{sync::watch, time::timeout};

/// Connections of one tenant to one node.
const MOST_CONNECTIONS: usize = 2_000;
/// With so many, no more visitors are let in: the team keeps its places.
const MOST_WITH_VISITORS: usize = 1_500;
/// For connections to hear that the server stops, and then for their transports to end.
const GOODBYE: Duration = Duration::from_secs(1);

/// Everybody who is connected to this node.
#[derive(Default)]
pub struct Realtime {
    /// Of tenants with somebody connected.
    lobbies: Mutex<HashMap<TenantId, Weak<Lobby>>>,
    /// How many visitors of one address are connected.
    visitors: Mutex<HashMap<Caller, usize>>,
    sockets: OnceLock<SocketIo>,
    closing: watch::Sender<bool>,
    node: OnceLock<NodeId>,
}

impl Realtime {
    /// The tenant's lobby; it is there as long as somebody holds it. `most` connections may be there, this one included.
    ///
    /// # Errors
    /// 429 if too many are connected, or the store's.
    async fn lobby(&self, api: &Arc<Api>, tenant: TenantId, most: usize) -> ApiResult<Arc<Lobby>> {
        let node = *self.node.get_or_init(|| NodeId(api.ids.uuid()));
        let lobby = {
            let mut lobbies = self.lobbies.lock().unwrap_or_else(PoisonError::into_inner);
            match lobbies.get(&tenant).and_then(Weak::upgrade) {
                Some(lobby) => lobby,
                None => {
                    lobbies.retain(|_, lobby| lobby.strong_count() > 0);
                    let lobby = Arc::new(Lobby::new(api, tenant, node));
                    lobbies.insert(tenant, Arc::downgrade(&lobby));
                    lobby
                }
            }
        };
        if Arc::strong_count(&lobby) > most {
            return Err(too_many("too many connections of one tenant"));
        }
        lobby.begin(api).await?;
        Ok(lobby)
    }

    /// Becomes true when the server stops; who listens is waited for, shortly.
    pub fn closing(&self) -> watch::Receiver<bool> {
        self.closing.subscribe()
    }

    /// Tells everybody that the server stops, and ends their connections.
    pub async fn close(&self) {
        self.closing.send_replace(true);
        if timeout(GOODBYE, self.closing.closed()).await.is_err() {
            tracing::info!("some connections did not hear that the server stops");
        }
        if let Some(sockets) = self.sockets.get()
            && timeout(GOODBYE, sockets.close()).await.is_err()
        {
            tracing::info!("some sockets did not close in time");
        }
    }
}

fn too_many(message: &str) -> ApiError {
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_CONNECTIONS", message)
}
