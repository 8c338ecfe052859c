//! Agents: their profiles, and one desk for each that grants turns.

use crate::{
    node::Shared,
    pressure::Pressure,
    slot::Slot,
    turnstile::{Place, Turnstile},
};
use colloquy_domain::{
    agent::{AgentProfile, PermitEvent, PermitInput, Permits, Refusal, TurnRef, decide, evolve},
    ids::{AgentId, TenantId, TurnNo},
    ports::{AgentDirectory, StoreError},
    routing::{OpenRoute, Route},
    team::{Member, Teammate},
    time::Timestamp,
};
use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, SupervisionEvent, async_trait};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, OnceLock, PoisonError, RwLock},
    time::Duration,
};
use tokio::{sync::oneshot, task::AbortHandle};

/// How long it may take until a desk knows that the tenant's budget or plan is used up, or is not any more.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Wait before a turn asks again whose desk went away.
const ASK_AGAIN: Duration = Duration::from_millis(200);

type Answer = oneshot::Sender<Result<(), Refusal>>;

/// What conversations hold of the agents.
#[derive(Clone)]
pub struct Agents {
    directory: Arc<dyn AgentDirectory>,
    profiles: Arc<RwLock<HashMap<AgentId, Arc<AgentProfile>>>>,
    slot: Slot<Msg>,
    turnstile: Arc<Turnstile>,
}

/// A turn's permit, asked for or granted; dropping it gives it back.
pub struct Permit {
    agents: Agents,
    agent: (TenantId, AgentId),
    turn: TurnRef,
    asking: AbortHandle,
    /// Among all turns of the node, since it was granted.
    _place: Arc<OnceLock<Place>>,
    /// What the turn cost so far, for the budget.
    pub cost_micros: u64,
}

impl Permit {
    /// The turn that it is for.
    pub const fn turn(&self) -> TurnNo {
        self.turn.1
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.asking.abort();
        let (tenant, agent) = self.agent;
        self.agents.tell(Msg::Desk(tenant, agent, DeskMsg::Returned(self.turn, self.cost_micros)));
    }
}

impl Agents {
    /// `max_turns`: of all agents together, at the same time.
    pub fn new(directory: Arc<dyn AgentDirectory>, max_turns: usize, pressure: Arc<Pressure>) -> Self {
        let turnstile = Turnstile::new(max_turns, pressure);
        Self { directory, profiles: Arc::default(), slot: Slot::default(), turnstile }
    }

    /// Lets turns begin that may do so now.
    pub fn admit(&self) {
        self.turnstile.admit();
    }

    pub fn tell(&self, msg: Msg) {
        self.slot.tell(msg);
    }

    /// The profile, from memory if it was read before.
    pub async fn profile(&self, tenant: TenantId, agent: AgentId) -> Result<Option<Arc<AgentProfile>>, StoreError> {
        match self.cached(agent).filter(|p| p.tenant == tenant) {
            Some(profile) => Ok(Some(profile)),
            None => self.refresh_profile(tenant, agent).await,
        }
    }

    pub fn cached(&self, agent: AgentId) -> Option<Arc<AgentProfile>> {
        self.profiles.read().unwrap_or_else(PoisonError::into_inner).get(&agent).cloned()
    }

    /// Reads the profile again; one that cannot be read is forgotten, so that its next use reads it.
    pub async fn refresh(&self, tenant: TenantId, agent: AgentId) {
        if let Err(e) = self.refresh_profile(tenant, agent).await {
            tracing::warn!(tenant.id = %tenant, agent.id = %agent, error = %e, "profile not read");
            self.profiles.write().unwrap_or_else(PoisonError::into_inner).remove(&agent);
        }
    }

    /// Those to whom the agent may hand now: they exist and are switched on.
    pub async fn team(&self, of: &AgentProfile) -> Result<Vec<Teammate>, StoreError> {
        self.present(of.tenant, &of.team).await
    }

    /// Those whom it may ask now.
    pub async fn specialists(&self, of: &AgentProfile) -> Result<Vec<Teammate>, StoreError> {
        self.present(of.tenant, &of.specialists).await
    }

    async fn present(&self, tenant: TenantId, members: &[Member]) -> Result<Vec<Teammate>, StoreError> {
        let mut present = Vec::new();
        for member in members {
            if let Some(p) = self.profile(tenant, member.agent).await?.filter(|p| p.enabled) {
                present.push(Teammate { agent: p.id, name: p.name.clone(), when: member.when.clone() });
            }
        }
        Ok(present)
    }

    /// Where its routes lead now.
    pub async fn routes(&self, of: &AgentProfile) -> Result<Vec<OpenRoute>, StoreError> {
        let mut open = Vec::new();
        for Route { to, when, examples } in &of.routes {
            if let Some(p) = self.profile(of.tenant, *to).await?.filter(|p| p.enabled) {
                let (when, examples) = (when.clone(), examples.clone());
                open.push(OpenRoute { to: p.id, name: p.name.clone(), when, examples });
            }
        }
        Ok(open)
    }

    async fn refresh_profile(&self, tenant: TenantId, agent: AgentId) -> Result<Option<Arc<AgentProfile>>, StoreError> {
        let profile = self.directory.profile(tenant, agent).await?.map(Arc::new);
        let mut profiles = self.profiles.write().unwrap_or_else(PoisonError::into_inner);
        match &profile {
            Some(p) => profiles.insert(agent, Arc::clone(p)),
            None => profiles.remove(&agent),
        };
        Ok(profile)
    }

    /// Asks for a permit until there is an answer, even if the desk is started anew meanwhile.
    pub fn ask(
        &self,
        tenant: TenantId,
        agent: AgentId,
        turn: TurnRef,
        answer: impl FnOnce(Result<(), Refusal>) + Send + 'static,
    ) -> Permit {
        let (slot, turnstile) = (self.slot.clone(), Arc::clone(&self.turnstile));
        let place = Arc::new(OnceLock::new());
        let granted = Arc::clone(&place);
        let asking = tokio::spawn(async move {
            loop {
                let (sender, receiver) = oneshot::channel();
                slot.tell(Msg::Desk(tenant, agent, DeskMsg::Asked(turn, sender)));
                if let Ok(result) = receiver.await {
                    if result.is_ok() {
                        // Set once: this is the only place where it is.
                        let _ = granted.set(turnstile.enter(tenant).await);
                    }
                    return answer(result);
                }
                tokio::time::sleep(ASK_AGAIN).await;
            }
        });
        let (agent, asking) = ((tenant, agent), asking.abort_handle());
        Permit { agents: self.clone(), agent, turn, asking, _place: place, cost_micros: 0 }
    }
}

/// Supervises the desks.
struct Supervisor;

pub enum Msg {
    Desk(TenantId, AgentId, DeskMsg),
    ProfileChanged(TenantId, AgentId),
}

struct State {
    shared: Arc<Shared>,
    desks: HashMap<AgentId, ActorRef<DeskMsg>>,
}

pub async fn start(shared: Arc<Shared>, parent: ActorCell) -> Result<ActorCell, ActorProcessingErr> {
    let slot = shared.agents.slot.clone();
    let (actor, _) = Actor::spawn_linked(None, Supervisor, shared, parent).await?;
    slot.fill(actor.clone());
    Ok(actor.get_cell())
}

#[async_trait]
impl Actor for Supervisor {
    type Msg = Msg;
    type State = State;
    type Arguments = Arc<Shared>;

    async fn pre_start(&self, _: ActorRef<Msg>, shared: Arc<Shared>) -> Result<State, ActorProcessingErr> {
        Ok(State { shared, desks: HashMap::new() })
    }

    async fn handle(&self, myself: ActorRef<Msg>, msg: Msg, state: &mut State) -> Result<(), ActorProcessingErr> {
        let (tenant, agent, msg) = match msg {
            Msg::Desk(tenant, agent, msg) => (tenant, agent, msg),
            Msg::ProfileChanged(tenant, agent) => (tenant, agent, DeskMsg::ProfileChanged),
        };
        if !state.desks.contains_key(&agent) && matches!(msg, DeskMsg::Asked(..)) {
            let args = (Arc::clone(&state.shared), tenant, agent);
            let (desk, _) = Actor::spawn_linked(None, Desk, args, myself.get_cell()).await?;
            state.desks.insert(agent, desk);
        }
        if let Some(desk) = state.desks.get(&agent) {
            // A desk that is just failing: its askers notice and ask again.
            let _ = desk.send_message(msg);
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        _: ActorRef<Msg>,
        event: SupervisionEvent,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        // A desk is started again by the next turn that asks; those that were asking wait a little and ask again.
        if let SupervisionEvent::ActorFailed(cell, cause) = event {
            tracing::error!(error = %cause, "agent's desk failed");
            state.desks.retain(|_, desk| desk.get_id() != cell.get_id());
        } else if let SupervisionEvent::ActorTerminated(cell, ..) = event {
            state.desks.retain(|_, desk| desk.get_id() != cell.get_id());
        }
        Ok(())
    }
}

/// One agent's desk.
struct Desk;

pub enum DeskMsg {
    Asked(TurnRef, Answer),
    Returned(TurnRef, u64),
    ProfileChanged,
}

struct DeskState {
    shared: Arc<Shared>,
    tenant: TenantId,
    agent: AgentId,
    permits: Permits,
    asking: BTreeMap<TurnRef, Answer>,
    /// When the tenant was last looked at.
    looked: Option<Timestamp>,
}

#[async_trait]
impl Actor for Desk {
    type Msg = DeskMsg;
    type State = DeskState;
    type Arguments = (Arc<Shared>, TenantId, AgentId);

    async fn pre_start(
        &self,
        _: ActorRef<DeskMsg>,
        (shared, tenant, agent): Self::Arguments,
    ) -> Result<DeskState, ActorProcessingErr> {
        Ok(DeskState { shared, tenant, agent, permits: Permits::default(), asking: BTreeMap::new(), looked: None })
    }

    async fn post_start(&self, _: ActorRef<DeskMsg>, state: &mut DeskState) -> Result<(), ActorProcessingErr> {
        let ports = &state.shared.ports;
        let spent = ports.conversations.spent(state.tenant, state.agent, ports.clock.now()).await?;
        apply(state, PermitInput::LedgerRead(spent)).await
    }

    async fn handle(
        &self,
        _: ActorRef<DeskMsg>,
        msg: DeskMsg,
        state: &mut DeskState,
    ) -> Result<(), ActorProcessingErr> {
        let input = match msg {
            DeskMsg::Asked(turn, answer) => {
                look(state).await?;
                state.asking.insert(turn, answer);
                PermitInput::Asked(turn)
            }
            DeskMsg::Returned(turn, cost) => PermitInput::Returned(turn, cost),
            DeskMsg::ProfileChanged => PermitInput::ProfileChanged,
        };
        apply(state, input).await
    }
}

/// Sees whether the tenant may go on, unless that was just seen.
async fn look(state: &mut DeskState) -> Result<(), ActorProcessingErr> {
    let now = state.shared.ports.clock.now();
    if state.looked.is_some_and(|at| at <= now && now < at + LOOK_AGAIN) {
        return Ok(());
    }
    state.looked = Some(now);
    let barred = state.shared.agents.directory.barred(state.tenant, now).await?;
    apply(state, PermitInput::TenantLooked(barred)).await
}

async fn apply(state: &mut DeskState, input: PermitInput) -> Result<(), ActorProcessingErr> {
    let Some(profile) = state.shared.agents.profile(state.tenant, state.agent).await? else {
        std::mem::take(&mut state.asking)
            .into_iter()
            .for_each(|(_, answer)| _ = answer.send(Err(Refusal::AgentDisabled)));
        return Ok(());
    };
    let events = decide(&state.permits, input, &profile, state.shared.ports.clock.now());
    for event in &events {
        state.permits = evolve(std::mem::take(&mut state.permits), event);
        // An asker that is gone returns its permit by itself.
        match event {
            PermitEvent::Granted(turn, _) => _ = state.asking.remove(turn).map(|a| a.send(Ok(()))),
            PermitEvent::Refused(turn, why) => _ = state.asking.remove(turn).map(|a| a.send(Err(*why))),
            PermitEvent::Freed(turn) => _ = state.asking.remove(turn),
            PermitEvent::Queued(_) | PermitEvent::Charged(_) | PermitEvent::Barred(_) => {}
        }
    }
    Ok(())
}
