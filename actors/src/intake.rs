//! The way from the log into the inboxes: one batch, one transaction, then hints. Each lane has an actor of its own, which
//! works where this node owns the lane.

use crate::node::Shared;
use colloquy_domain::{
    lookahead::{Limits, Lookahead, Read},
    placement::Lane,
    ports::{Cursor, LogEntry, StoreError, TakenIn},
    time::Timestamp,
};
use futures::join;
use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, SupervisionEvent, async_trait};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

/// How often entries past their retention are forgotten.
const TRIM_EVERY: Duration = Duration::from_secs(60);
/// Wait after a store failure.
const RETRY: Duration = Duration::from_millis(200);
/// How often a lane of another node is looked at: it may become ours.
const NOT_OURS: Duration = Duration::from_millis(50);
/// How often a mover that rests for want of memory looks whether there is some again.
const NO_MEMORY: Duration = Duration::from_millis(50);
/// What one lane may hold in memory between the log and the inboxes.
const LOOK_AHEAD: Limits = Limits { entries: 8192, bytes: 8 << 20 };

struct Intake;

struct Mover;

enum Msg {
    /// Move one batch.
    Pump,
}

struct State {
    shared: Arc<Shared>,
    lane: Lane,
    /// `None` until the cursor is read, and again whenever it may have moved without us.
    ahead: Option<Lookahead>,
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
        Ok(State { shared, lane, ahead: None, trimmed_at })
    }

    async fn handle(&self, myself: ActorRef<Msg>, Msg::Pump: Msg, state: &mut State) -> Result<(), ActorProcessingErr> {
        let shared = Arc::clone(&state.shared);
        let _moving = shared.moving.read().await;
        if !state.shared.ports.ownership.owns(state.lane) {
            // Whoever has it moves the cursor.
            state.ahead = None;
            myself.send_after(NOT_OURS, || Msg::Pump);
            return Ok(());
        }
        if rests(&state.shared) {
            state.ahead = None;
            myself.send_after(NO_MEMORY, || Msg::Pump);
            return Ok(());
        }
        match pump(state).await {
            // What was moved has to arrive in memory before it can be said whether there is room for more.
            Ok(Moved::Some) if state.shared.settings.pressure.is_pressed() => {
                myself.send_after(NO_MEMORY, || Msg::Pump);
            }
            Ok(Moved::Some) => myself.send_message(Msg::Pump)?,
            Ok(Moved::Nothing { cursor, read }) => {
                trim(state, cursor).await;
                let (shared, lane) = (Arc::clone(&state.shared), state.lane);
                tokio::spawn(async move {
                    shared.ports.log.wait(lane, read).await;
                    // The intake may be gone meanwhile; the next one begins with a pump of its own.
                    let _ = myself.send_message(Msg::Pump);
                });
            }
            Err(StoreError::Stale) => {
                // Somebody else moved the cursor: read it again.
                myself.send_after(RETRY, || Msg::Pump);
            }
            Err(e) if e.is_retry() => {
                tracing::warn!(lane = state.lane.0, error = %e, "intake waits for the store");
                myself.send_after(RETRY, || Msg::Pump);
            }
            Err(e) => return Err(Box::new(e)),
        }
        Ok(())
    }
}

/// Whether what is in the log has to wait there. While nothing is in memory it is not conversations that fill it, and waiting
/// would free nothing: then a batch is let through.
fn rests(shared: &Shared) -> bool {
    shared.settings.pressure.is_pressed() && shared.active.load(Ordering::Relaxed) > 0
}

enum Moved {
    Some,
    Nothing { cursor: Cursor, read: Cursor },
}

/// Moves one batch, and reads on meanwhile if there is more. After an error the next one begins at the cursor: a move may have
/// happened for all that, and what was ahead of the cursor is recognised.
async fn pump(state: &mut State) -> Result<Moved, StoreError> {
    let (shared, lane) = (Arc::clone(&state.shared), state.lane);
    let batch = shared.settings.intake_batch;
    let mut ahead = match state.ahead.take() {
        Some(ahead) => ahead,
        None => Lookahead::new(shared.ports.inbox.cursor(lane).await?, LOOK_AHEAD),
    };
    let mut failed = None;
    if ahead.is_empty() {
        failed = read(&shared, lane, ahead.wants(batch)).await.into(&mut ahead);
    }
    let next = ahead.next(batch);
    if next.is_nothing() {
        if let Some(error) = failed {
            return Err(error);
        }
        let (cursor, read) = (next.to, ahead.frontier());
        state.ahead = Some(ahead);
        return Ok(Moved::Nothing { cursor, read });
    }
    let wanted = if ahead.has_backlog() { ahead.wants(batch) } else { Vec::new() };
    let moving = shared.ports.inbox.take_in(lane, next.from, next.to, next.entries);
    let (taken, more) = join!(moving, read(&shared, lane, wanted));
    let TakenIn { hints, released } = taken?;
    shared.look(hints);
    released.into_iter().for_each(|channel| shared.wake_channel(channel));
    more.into(&mut ahead);
    state.ahead = Some(ahead);
    Ok(Moved::Some)
}

/// What the log gave, and why it did not give the rest. That will be asked for again, and the error be told when nothing else is
/// left to move: an entry that cannot be read does not hold up those before it.
struct Found {
    entries: Vec<(Read, Vec<LogEntry>)>,
    failed: Option<StoreError>,
}

impl Found {
    fn into(self, ahead: &mut Lookahead) -> Option<StoreError> {
        for (read, entries) in self.entries {
            ahead.fill(read, entries);
        }
        self.failed
    }
}

async fn read(shared: &Shared, lane: Lane, wanted: Vec<Read>) -> Found {
    let mut found = Found { entries: Vec::with_capacity(wanted.len()), failed: None };
    for read in wanted {
        match shared.ports.log.read(lane, read.after, read.max).await {
            Ok(entries) => found.entries.push((read, entries)),
            Err(error) => {
                found.failed = Some(error);
                break;
            }
        }
    }
    found
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
