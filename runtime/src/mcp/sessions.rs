//! Sessions with servers, kept while they are used.

use colloquy_domain::{failure::Failure, ids::ToolServerId, time::Timestamp, tool_server::OfferedTool};
use rmcp::{RoleClient, model::ClientConfig, service::RunningService};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{sync::OnceCell, time::Instant};

/// A session that nobody used for so long is closed.
const IDLE: Duration = Duration::from_secs(300);
/// A server that could not be reached is not tried again for so long.
const PAUSE: Duration = Duration::from_secs(10);

/// Whose session: after a change of its settings, a server is another one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Key {
    Connected(ToolServerId, Timestamp),
    Local(String),
}

pub struct Session {
    pub service: RunningService<RoleClient, ClientConfig>,
    /// What it offers, once it was asked.
    pub tools: OnceCell<Vec<OfferedTool>>,
}

impl Session {
    pub fn new(service: RunningService<RoleClient, ClientConfig>) -> Self {
        Self { service, tools: OnceCell::new() }
    }

    fn is_over(&self) -> bool {
        self.service.is_closed() || self.service.is_transport_closed()
    }
}

/// One for each key, opened by whoever comes first.
#[derive(Default)]
pub struct Sessions(Mutex<HashMap<Key, Slot>>);

struct Slot {
    used: Instant,
    state: Arc<tokio::sync::Mutex<State>>,
}

#[derive(Default)]
enum State {
    #[default]
    Closed,
    Open(Arc<Session>),
    Failed(Instant, Failure),
}

impl Sessions {
    /// The open one, or a new one.
    ///
    /// # Errors
    /// Those of `open`; for a while also without another try.
    pub async fn get(
        &self,
        key: Key,
        open: impl AsyncFnOnce() -> Result<Session, Failure>,
    ) -> Result<Arc<Session>, Failure> {
        let state = self.slot(key);
        let mut state = state.lock().await;
        match &*state {
            State::Open(session) if !session.is_over() => return Ok(Arc::clone(session)),
            State::Failed(at, failure) if at.elapsed() < PAUSE => return Err(failure.clone()),
            _ => {}
        }
        match open().await {
            Ok(session) => {
                let session = Arc::new(session);
                *state = State::Open(Arc::clone(&session));
                Ok(session)
            }
            Err(failure) => {
                *state = State::Failed(Instant::now(), failure.clone());
                Err(failure)
            }
        }
    }

    /// Whoever needs it next opens another one.
    pub fn forget(&self, key: &Key) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    /// Also closes those that nobody uses: whoever still holds one ends its call first.
    fn slot(&self, key: Key) -> Arc<tokio::sync::Mutex<State>> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        slots.retain(|other, slot| *other == key || now - slot.used < IDLE);
        let slot = slots.entry(key).or_insert_with(|| Slot { used: now, state: Arc::default() });
        slot.used = now;
        Arc::clone(&slot.state)
    }
}
