//! The way from the log into the inboxes: one batch, one transaction, then hints. Each lane has an actor of its own, which
//! works where this node owns the lane.

use crate::node::Shared;
use colloquy_domain::{
    placement::Lane,
    ports::{Cursor, StoreError},
    time::Timestamp,
};
use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, SupervisionEvent, async_trait};
use std::{sync::Arc, time::Duration};

/// How often entries past their retention are forgotten.
const TRIM_EVERY: Duration = Duration::from_secs(60);
/// Wait after a store failure.
const RETRY: Duration = Duration::from_millis(200);
/// How often a lane of another node is looked at: it may become ours.
const NOT_OURS: Duration = Duration::from_millis(50);

struct Intake;

struct Mover;

enum Msg {
    /// Move one batch.
    Pump,
}

struct State {
    shared: Arc<Shared>,
    lane: Lane,
    cursor: Option<Cursor>,
    trimmed_at: Timestamp,
}

pub async fn start(shared: Arc<Shared>, parent: ActorCell) -> Result<ActorCell, ActorProcessingErr> {
    let (actor, _) = Actor::spawn_linked(None, Intake, shared, parent).await?;
    Ok(actor.get_cell())
}

#[async_trait]
impl Actor for Intake {
    type Msg = ();
    type State = ();
    type Arguments = Arc<Shared>;

    async fn pre_start(&self, myself: ActorRef<()>, shared: Arc<Shared>) -> Result<(), ActorProcessingErr> {
        for lane in (0..shared.ports.log.lanes()).map(Lane) {
            Actor::spawn_linked(None, Mover, (Arc::clone(&shared), lane), myself.get_cell()).await?;
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        _: ActorRef<()>,
        event: SupervisionEvent,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        match event {
            // All lanes begin anew with this actor: the table's limits are for the intake as a whole.
            SupervisionEvent::ActorFailed(_, cause) => Err(cause),
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Actor for Mover {
    type Msg = Msg;
    type State = State;
    type Arguments = (Arc<Shared>, Lane);

    async fn pre_start(
        &self,
        myself: ActorRef<Msg>,
        (shared, lane): (Arc<Shared>, Lane),
    ) -> Result<State, ActorProcessingErr> {
        myself.send_message(Msg::Pump)?;
        let trimmed_at = shared.ports.clock.now();
        Ok(State { shared, lane, cursor: None, trimmed_at })
    }

    async fn handle(&self, myself: ActorRef<Msg>, Msg::Pump: Msg, state: &mut State) -> Result<(), ActorProcessingErr> {
        if !state.shared.ports.ownership.owns(state.lane) {
            // Whoever has it moves the cursor.
            state.cursor = None;
            myself.send_after(NOT_OURS, || Msg::Pump);
            return Ok(());
        }
        match pump(state).await {
            Ok(Moved::Some) => myself.send_message(Msg::Pump)?,
            Ok(Moved::Nothing(cursor)) => {
                trim(state, cursor).await;
                let (shared, lane) = (Arc::clone(&state.shared), state.lane);
                tokio::spawn(async move {
                    shared.ports.log.wait(lane, cursor).await;
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
                tracing::warn!(lane = state.lane.0, error = %e, "intake waits for the store");
                // A move may have happened for all that.
                state.cursor = None;
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
        None => ports.inbox.cursor(state.lane).await?,
    };
    state.cursor = Some(cursor);
    let entries = ports.log.read(state.lane, cursor, state.shared.settings.intake_batch).await?;
    let Some(last) = entries.last().map(|e| e.offset) else {
        return Ok(Moved::Nothing(cursor));
    };
    let hints = ports.inbox.take_in(state.lane, cursor, entries).await?;
    state.cursor = Some(last);
    state.shared.look(hints);
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
    if let Err(e) = state.shared.ports.log.trim(state.lane, cursor, before).await {
        tracing::warn!(error = %e, "log not trimmed");
    }
}
