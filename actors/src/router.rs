//! Activates conversations when there is something to do, lets idle ones go, and meets their failures.

use crate::{
    conversation,
    node::Shared,
    supervision::{CONVERSATION, Failures, Verdict},
};
use colloquy_domain::{
    failure::Failure,
    ids::{ConversationId, TurnNo},
    ports::{InboxHint, StoreError},
    time::Timestamp,
};
use futures::future::join_all;
use ractor::{Actor, ActorCell, ActorId, ActorProcessingErr, ActorRef, SupervisionEvent, async_trait};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::sync::oneshot;

/// Conversations that one recovery step activates.
const RECOVERY_BATCH: usize = 256;
/// Wait after a failure that is the store's, not the conversation's.
const STORE_RETRY: Duration = Duration::from_secs(1);
/// How long a conversation that is let go of may wait for its tools.
const ACTING: Duration = Duration::from_secs(6);
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// How often it is looked whether memory is short.
const MEMORY_TICK: Duration = Duration::from_secs(1);

pub struct Router;

pub enum Msg {
    /// Something is new in these inboxes.
    Hints(Vec<InboxHint>),
    Command(InboxHint, Command),
    /// The conversation's state was written by somebody else: it is loaded again.
    Renew(InboxHint),
    /// A conversation that failed may start again.
    Restart(InboxHint, Option<Failure>),
    /// Let idle conversations go.
    Sweep,
    /// Let all go that can, if memory is short; take up what waited for it, if it is not any more.
    Memory,
    /// Activate conversations with pending work, those after this one.
    Recover(Option<ConversationId>),
    /// Stop conversations that this node may not run any more; told when they have ended.
    Release(oneshot::Sender<()>),
}

/// What people and timers tell a conversation.
#[derive(Debug, Clone)]
pub enum Command {
    TakeOver {
        reason: String,
    },
    GiveBack,
    /// The person spoke over the agent's words of this turn, of which they heard only `heard`.
    Interrupt {
        turn: TurnNo,
        heard: String,
    },
}

/// What the router can see of a conversation without asking it.
#[derive(Debug, Default)]
pub struct Pulse {
    /// A look is on its way: further hints add nothing.
    pub look_pending: AtomicBool,
    /// Commands on their way.
    pub commands: AtomicU32,
    /// Nothing to do and nothing to lose.
    pub quiescent: AtomicBool,
    /// A tool is at work.
    pub acting: AtomicBool,
    /// Milliseconds since the epoch.
    pub last_active: AtomicI64,
}

struct Entry {
    hint: InboxHint,
    actor: ActorRef<conversation::Msg>,
    pulse: Arc<Pulse>,
}

pub struct State {
    shared: Arc<Shared>,
    // In order wherever it is walked: a simulated run must not depend on how a map hashes.
    active: BTreeMap<ConversationId, Entry>,
    by_actor: HashMap<ActorId, ConversationId>,
    /// Conversations that failed lately; `true` while their restart is awaited.
    failing: BTreeMap<ConversationId, (Failures, bool)>,
    /// Conversations were left alone because memory was short.
    left: bool,
}

pub async fn start(shared: Arc<Shared>, parent: ActorCell) -> Result<ActorCell, ActorProcessingErr> {
    let slot = shared.router.clone();
    let (actor, _) = Actor::spawn_linked(None, Router, shared, parent).await?;
    slot.fill(actor.clone());
    // After the slot is filled: what arrives from now on is hinted, what came before is found.
    actor.send_message(Msg::Recover(None))?;
    Ok(actor.get_cell())
}

#[async_trait]
impl Actor for Router {
    type Msg = Msg;
    type State = State;
    type Arguments = Arc<Shared>;

    async fn pre_start(&self, myself: ActorRef<Msg>, shared: Arc<Shared>) -> Result<State, ActorProcessingErr> {
        let tick = (shared.settings.idle_after / 4).max(Duration::from_millis(50));
        myself.send_interval(tick, || Msg::Sweep);
        myself.send_interval(MEMORY_TICK, || Msg::Memory);
        shared.active.store(0, Ordering::Relaxed);
        let (active, by_actor, failing) = (BTreeMap::new(), HashMap::new(), BTreeMap::new());
        Ok(State { shared, active, by_actor, failing, left: false })
    }

    async fn handle(&self, myself: ActorRef<Msg>, msg: Msg, state: &mut State) -> Result<(), ActorProcessingErr> {
        match msg {
            Msg::Hints(hints) => {
                let full = is_full(state);
                for hint in hints {
                    if full && !state.active.contains_key(&hint.conversation) {
                        state.left = true;
                        continue;
                    }
                    look(&myself, state, hint).await?;
                }
            }
            Msg::Command(hint, command) => {
                if let Some(entry) = activate(&myself, state, hint, None).await? {
                    entry.pulse.commands.fetch_add(1, Ordering::AcqRel);
                    entry.actor.send_message(conversation::Msg::Command(command))?;
                }
            }
            Msg::Renew(hint) => renew(&myself, state, hint).await?,
            Msg::Restart(hint, poison) => {
                if let Some(f) = state.failing.get_mut(&hint.conversation) {
                    f.1 = false;
                }
                activate(&myself, state, hint, poison).await?;
            }
            Msg::Sweep => {
                let idle = state.shared.settings.idle_after;
                sweep(state, idle, usize::MAX);
                forgive(state);
            }
            Msg::Memory => memory(&myself, state)?,
            Msg::Recover(_) if is_full(state) => state.left = true,
            Msg::Recover(after) => recover(&myself, state, after).await?,
            Msg::Release(done) => release(state, done),
        }
        state.shared.active.store(state.active.len(), Ordering::Relaxed);
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<Msg>,
        event: SupervisionEvent,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorFailed(cell, cause) => failed(&myself, state, &cell, cause),
            SupervisionEvent::ActorTerminated(cell, _, _) => {
                if let Some(id) = state.by_actor.remove(&cell.get_id()) {
                    state.active.remove(&id);
                }
            }
            _ => {}
        }
        state.shared.active.store(state.active.len(), Ordering::Relaxed);
        Ok(())
    }
}

async fn look(myself: &ActorRef<Msg>, state: &mut State, hint: InboxHint) -> Result<(), ActorProcessingErr> {
    let fresh = !state.active.contains_key(&hint.conversation);
    let Some(entry) = activate(myself, state, hint, None).await? else { return Ok(()) };
    // A fresh one looks by itself when it loads.
    if !fresh && !entry.pulse.look_pending.swap(true, Ordering::AcqRel) {
        entry.actor.send_message(conversation::Msg::Look)?;
    }
    Ok(())
}

/// Stops what runs on a state that is void, and begins again with what is stored. A conversation that is not in memory has
/// nothing to forget.
async fn renew(myself: &ActorRef<Msg>, state: &mut State, hint: InboxHint) -> Result<(), ActorProcessingErr> {
    if let Some(entry) = state.active.remove(&hint.conversation) {
        state.by_actor.remove(&entry.actor.get_id());
        entry.actor.stop(None);
        activate(myself, state, hint, None).await?;
    }
    Ok(())
}

/// The conversation's actor, started if it is not running; `None` while a restart is awaited.
async fn activate<'a>(
    myself: &ActorRef<Msg>,
    state: &'a mut State,
    hint: InboxHint,
    poison: Option<Failure>,
) -> Result<Option<&'a Entry>, ActorProcessingErr> {
    let id = hint.conversation;
    if state.failing.get(&id).is_some_and(|f| f.1) || !state.shared.ports.ownership.owns(id) {
        return Ok(None);
    }
    if !state.active.contains_key(&id) {
        if state.active.len() >= state.shared.settings.max_active {
            sweep(state, Duration::ZERO, state.shared.settings.max_active / 10 + 1);
        }
        let pulse = Arc::new(Pulse::default());
        pulse.last_active.store(state.shared.ports.clock.now().millis(), Ordering::Relaxed);
        let args = conversation::Args { shared: Arc::clone(&state.shared), hint, pulse: Arc::clone(&pulse), poison };
        let (actor, _) = Actor::spawn_linked(None, conversation::Shell, args, myself.get_cell()).await?;
        state.by_actor.insert(actor.get_id(), id);
        state.active.insert(id, Entry { hint, actor, pulse });
    }
    Ok(state.active.get(&id))
}

/// Lets up to `most` conversations go that have had nothing to do for `idle`, the longest idle first.
fn sweep(state: &mut State, idle: Duration, most: usize) {
    let now = state.shared.ports.clock.now();
    let mut gone: Vec<(i64, ConversationId)> = state
        .active
        .iter()
        .filter(|(_, e)| is_idle(&e.pulse, now, idle))
        .map(|(id, e)| (e.pulse.last_active.load(Ordering::Relaxed), *id))
        .collect();
    gone.sort_unstable();
    for (_, id) in gone.into_iter().take(most) {
        if let Some(entry) = state.active.remove(&id) {
            state.by_actor.remove(&entry.actor.get_id());
            entry.actor.stop(None);
        }
    }
}

fn is_idle(pulse: &Pulse, now: Timestamp, idle: Duration) -> bool {
    pulse.quiescent.load(Ordering::Acquire)
        && !pulse.look_pending.load(Ordering::Acquire)
        && pulse.commands.load(Ordering::Acquire) == 0
        && now.since(Timestamp(pulse.last_active.load(Ordering::Relaxed))) >= idle
}

/// Memory is short, and there are conversations that will free some.
fn is_full(state: &State) -> bool {
    state.shared.settings.pressure.is_pressed() && !state.active.is_empty()
}

fn memory(myself: &ActorRef<Msg>, state: &mut State) -> Result<(), ActorProcessingErr> {
    if state.shared.settings.pressure.is_pressed() {
        sweep(state, Duration::ZERO, usize::MAX);
    }
    state.shared.agents.admit();
    if state.left && !is_full(state) {
        state.left = false;
        myself.send_message(Msg::Recover(None))?;
    }
    Ok(())
}

/// Stops what runs in partitions that are not ours any more: at once, or when its tools have come back, so that their
/// outcome is known.
fn release(state: &mut State, done: oneshot::Sender<()>) {
    let ownership = Arc::clone(&state.shared.ports.ownership);
    let gone: Vec<Entry> = state.active.extract_if(.., |id, _| !ownership.owns(*id)).map(|(_, entry)| entry).collect();
    for entry in &gone {
        state.by_actor.remove(&entry.actor.get_id());
    }
    tokio::spawn(async move {
        join_all(gone.into_iter().map(end)).await;
        // Nobody may be waiting.
        let _ = done.send(());
    });
}

async fn end(entry: Entry) {
    let patience = tokio::time::Instant::now() + ACTING;
    while entry.pulse.acting.load(Ordering::Acquire) && tokio::time::Instant::now() < patience {
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    // Gone already: as good as stopped.
    let _ = entry.actor.stop_and_wait(None, None).await;
}

/// Forgets failures that are past their window.
fn forgive(state: &mut State) {
    let window = i64::try_from(CONVERSATION.0.window.as_millis()).unwrap_or(i64::MAX);
    let since = Timestamp(state.shared.ports.clock.now().millis() - window);
    state.failing.retain(|_, (failures, awaited)| *awaited || failures.any_since(since));
}

fn failed(myself: &ActorRef<Msg>, state: &mut State, cell: &ActorCell, cause: ActorProcessingErr) {
    let Some(id) = state.by_actor.remove(&cell.get_id()) else { return };
    let Some(Entry { hint, .. }) = state.active.remove(&id) else { return };
    let store_trouble = cause.downcast_ref::<StoreError>().is_some_and(|e| e.is_retry() || *e == StoreError::Stale);
    let failing = state.failing.entry(id).or_default();
    failing.1 = true;
    let (after, poison) = if store_trouble {
        (STORE_RETRY, None)
    } else {
        let now = state.shared.ports.clock.now();
        match failing.0.record(now, CONVERSATION.0, CONVERSATION.1) {
            Verdict::Restart { after } => (after, None),
            Verdict::Escalate => {
                let why = "the conversation's actor kept failing on what was pending";
                (CONVERSATION.1.max, Some(Failure::fatal("conversation.poisoned", why)))
            }
        }
    };
    tracing::error!(
        tenant.id = %hint.tenant, conversation.id = %id, error = %cause,
        restart.after_ms = after.as_millis(), poisoned = poison.is_some(), "conversation failed"
    );
    myself.send_after(after, move || Msg::Restart(hint, poison));
}

async fn recover(
    myself: &ActorRef<Msg>,
    state: &mut State,
    after: Option<ConversationId>,
) -> Result<(), ActorProcessingErr> {
    match state.shared.ports.conversations.unfinished(after, RECOVERY_BATCH).await {
        Ok(found) => {
            let before = state.active.len();
            for &(tenant, conversation) in &found {
                look(myself, state, InboxHint { tenant, conversation }).await?;
            }
            if let Some(&(_, last)) = found.last() {
                let fresh = state.active.len().saturating_sub(before);
                if fresh > 0 {
                    tracing::info!(conversations = fresh, "recovered conversations with pending work");
                }
                myself.send_message(Msg::Recover(Some(last)))?;
            }
        }
        Err(e) => {
            tracing::warn!(error = %e, "recovery waits for the store");
            myself.send_after(STORE_RETRY, move || Msg::Recover(after));
        }
    }
    Ok(())
}
