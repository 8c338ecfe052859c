//! Supervises the actors of all connected accounts.

use crate::{
    channel,
    node::Shared,
    supervision::{ACCOUNT, Failures, Intensity, Verdict},
};
use colloquy_domain::ids::ChannelId;
use futures::future::join_all;
use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, SupervisionEvent, async_trait};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use tokio::sync::oneshot;

/// Wait after a store failure.
const RETRY: Duration = Duration::from_secs(1);
/// Within the time that the root gives for stopping.
const STOP: Duration = Duration::from_secs(9);
/// Accounts are restarted for ever; the window only decides how long the backoff remembers.
const FOR_EVER: Intensity = Intensity { max: usize::MAX, window: Duration::from_secs(600) };

struct Supervisor;

pub enum Msg {
    /// Start the actors of all enabled accounts.
    StartAll,
    /// (Re)start the account's actor, or stop it if the account is gone or disabled.
    Changed(ChannelId),
    /// The account's last actor has ended.
    Stopped(ChannelId),
    /// There is something to send.
    Wake(ChannelId),
    /// There may be something to send for any of them.
    WakeAll,
    /// Stop the actors of accounts that this node may not run any more; told when they have ended.
    Release(oneshot::Sender<()>),
}

struct State {
    shared: Arc<Shared>,
    running: BTreeMap<ChannelId, ActorRef<channel::Msg>>,
    /// Their last actors wait for answers; then the account is looked at anew.
    stopping: BTreeSet<ChannelId>,
    failures: BTreeMap<ChannelId, Failures>,
}

pub async fn start(shared: Arc<Shared>, parent: ActorCell) -> Result<ActorCell, ActorProcessingErr> {
    let slot = shared.channels.clone();
    let (actor, _) = Actor::spawn_linked(None, Supervisor, shared, parent).await?;
    slot.fill(actor.clone());
    actor.send_message(Msg::StartAll)?;
    Ok(actor.get_cell())
}

#[async_trait]
impl Actor for Supervisor {
    type Msg = Msg;
    type State = State;
    type Arguments = Arc<Shared>;

    async fn pre_start(&self, _: ActorRef<Msg>, shared: Arc<Shared>) -> Result<State, ActorProcessingErr> {
        Ok(State { shared, running: BTreeMap::new(), stopping: BTreeSet::new(), failures: BTreeMap::new() })
    }

    async fn handle(&self, myself: ActorRef<Msg>, msg: Msg, state: &mut State) -> Result<(), ActorProcessingErr> {
        match msg {
            Msg::Wake(id) => {
                if let Some(actor) = state.running.get(&id) {
                    // A failing one looks by itself when it is back.
                    let _ = actor.send_message(channel::Msg::Wake);
                }
            }
            Msg::WakeAll => {
                for actor in state.running.values() {
                    let _ = actor.send_message(channel::Msg::Look);
                }
            }
            Msg::Release(done) => release(&myself, state, done),
            Msg::StartAll => match state.shared.ports.channels.enabled().await {
                Ok(accounts) => {
                    for account in accounts.into_iter().filter(|a| !state.running.contains_key(&a.id)) {
                        myself.send_message(Msg::Changed(account.id))?;
                    }
                }
                Err(e) => {
                    tracing::warn!(error = %e, "accounts not read");
                    myself.send_after(RETRY, || Msg::StartAll);
                }
            },
            Msg::Changed(id) if state.stopping.contains(&id) => {}
            Msg::Changed(id) => changed(&myself, state, id).await?,
            Msg::Stopped(id) => {
                state.stopping.remove(&id);
                changed(&myself, state, id).await?;
            }
        }
        Ok(())
    }

    async fn post_stop(&self, myself: ActorRef<Msg>, _: &mut State) -> Result<(), ActorProcessingErr> {
        // They end what they are doing; whoever ends without them kills them.
        myself.get_cell().stop_children_and_wait(None, Some(STOP)).await;
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<Msg>,
        event: SupervisionEvent,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        let SupervisionEvent::ActorFailed(cell, cause) = event else { return Ok(()) };
        let found = state.running.iter().find(|(_, a)| a.get_id() == cell.get_id()).map(|(id, _)| *id);
        let Some(id) = found else { return Ok(()) };
        state.running.remove(&id);
        let now = state.shared.ports.clock.now();
        let failures = state.failures.entry(id).or_default();
        let Verdict::Restart { after } = failures.record(now, FOR_EVER, ACCOUNT) else { return Ok(()) };
        tracing::error!(channel.id = %id, error = %cause, restart.after_ms = after.as_millis(), "channel failed");
        myself.send_after(after, move || Msg::Changed(id));
        Ok(())
    }
}

/// Their last deliveries are settled before the accounts go to another node.
fn release(myself: &ActorRef<Msg>, state: &mut State, done: oneshot::Sender<()>) {
    let ownership = Arc::clone(&state.shared.ports.ownership);
    let gone: Vec<_> = state.running.extract_if(.., |id, _| !ownership.owns(*id)).collect();
    state.stopping.extend(gone.iter().map(|(id, _)| *id));
    let myself = myself.clone();
    tokio::spawn(async move {
        let stopped = gone.into_iter().map(|(id, actor)| async move {
            // Gone already: as good as stopped.
            let _ = actor.stop_and_wait(None, None).await;
            id
        });
        for id in join_all(stopped).await {
            let _ = myself.send_message(Msg::Stopped(id));
        }
        // Nobody may be waiting.
        let _ = done.send(());
    });
}

async fn changed(myself: &ActorRef<Msg>, state: &mut State, id: ChannelId) -> Result<(), ActorProcessingErr> {
    if let Some(old) = state.running.remove(&id) {
        // Two actors of one account would send side by side: wait for the old one, but let nobody else wait.
        state.stopping.insert(id);
        let myself = myself.clone();
        tokio::spawn(async move {
            // Gone already: as good as stopped.
            let _ = old.stop_and_wait(None, None).await;
            let _ = myself.send_message(Msg::Stopped(id));
        });
        return Ok(());
    }
    let account = match state.shared.ports.channels.account(id).await {
        Ok(account) => account,
        Err(e) => {
            tracing::warn!(channel.id = %id, error = %e, "account not read");
            myself.send_after(RETRY, move || Msg::Changed(id));
            return Ok(());
        }
    };
    let Some(account) = account.filter(|a| a.enabled && state.shared.ports.ownership.owns(a.id)) else {
        state.failures.remove(&id);
        return Ok(());
    };
    let Some(driver) = state.shared.ports.channels.driver(&account.kind) else {
        tracing::error!(channel.id = %id, channel.kind = %account.kind, "no driver for this kind of channel");
        return Ok(());
    };
    let args = channel::Args { shared: Arc::clone(&state.shared), account, driver };
    let (actor, _) = Actor::spawn_linked(None, channel::Channel, args, myself.get_cell()).await?;
    state.running.insert(id, actor);
    Ok(())
}
