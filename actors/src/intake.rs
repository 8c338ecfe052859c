//! The way from the log into the inboxes: one batch, one transaction, then hints.

use crate::{node::Shared, router};
use colloquy_domain::{
    ports::{Cursor, StoreError},
    time::Timestamp,
};
use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, async_trait};
use std::{sync::Arc, time::Duration};

/// How often entries past their retention are forgotten.
const TRIM_EVERY: Duration = Duration::from_secs(60);
/// Wait after a store failure.
const RETRY: Duration = Duration::from_millis(200);

struct Intake;

enum Msg {
    /// Move one batch.
    Pump,
}

struct State {
    shared: Arc<Shared>,
    cursor: Option<Cursor>,
    trimmed_at: Timestamp,
}

pub async fn start(shared: Arc<Shared>, parent: ActorCell) -> Result<ActorCell, ActorProcessingErr> {
    let (actor, _) = Actor::spawn_linked(None, Intake, shared, parent).await?;
    Ok(actor.get_cell())
}

#[async_trait]
impl Actor for Intake {
    type Msg = Msg;
    type State = State;
    type Arguments = Arc<Shared>;

    async fn pre_start(&self, myself: ActorRef<Msg>, shared: Arc<Shared>) -> Result<State, ActorProcessingErr> {
        myself.send_message(Msg::Pump)?;
        let trimmed_at = shared.ports.clock.now();
        Ok(State { shared, cursor: None, trimmed_at })
    }

    async fn handle(&self, myself: ActorRef<Msg>, Msg::Pump: Msg, state: &mut State) -> Result<(), ActorProcessingErr> {
        match pump(state).await {
            Ok(Moved::Some) => myself.send_message(Msg::Pump)?,
            Ok(Moved::Nothing(cursor)) => {
                trim(state, cursor).await;
                let shared = Arc::clone(&state.shared);
                tokio::spawn(async move {
                    shared.ports.log.wait(cursor).await;
                    // The intake may be gone meanwhile; the next one begins with a pump of its own.
                    let _ = myself.send_message(Msg::Pump);
                });
            }
            Err(StoreError::Stale) => {
                // Somebody else moved the cursor: read it again.
                state.cursor = None;
                myself.send_after(RETRY, || Msg::Pump);
            }
            Err(e) if e.is_retry() => {
                tracing::warn!(error = %e, "intake waits for the store");
                myself.send_after(RETRY, || Msg::Pump);
            }
            Err(e) => return Err(Box::new(e)),
        }
        Ok(())
    }
}

enum Moved {
    Some,
    Nothing(Cursor),
}

async fn pump(state: &mut State) -> Result<Moved, StoreError> {
    let ports = &state.shared.ports;
    let cursor = match state.cursor {
        Some(c) => c,
        None => ports.inbox.cursor().await?,
    };
    state.cursor = Some(cursor);
    let entries = ports.log.read(cursor, state.shared.settings.intake_batch).await?;
    let Some(last) = entries.last().map(|e| e.offset) else {
        return Ok(Moved::Nothing(cursor));
    };
    let hints = ports.inbox.take_in(cursor, entries).await?;
    state.cursor = Some(last);
    state.shared.router.tell(router::Msg::Hints(hints));
    Ok(Moved::Some)
}

async fn trim(state: &mut State, cursor: Cursor) {
    let now = state.shared.ports.clock.now();
    if now.since(state.trimmed_at) < TRIM_EVERY {
        return;
    }
    state.trimmed_at = now;
    let retention = i64::try_from(state.shared.settings.log_retention.as_millis()).unwrap_or(i64::MAX);
    let before = Timestamp(now.millis().saturating_sub(retention));
    if let Err(e) = state.shared.ports.log.trim(cursor, before).await {
        tracing::warn!(error = %e, "log not trimmed");
    }
}
