//! The shell around one conversation: load, decide, commit, apply, run effects.

use crate::{
    beginning::{self, Left},
    effects::{self, Work},
    node::Shared,
    router::{Command, Pulse},
    supervision::Backoff,
};
use colloquy_domain::{
    agent::AgentProfile,
    conversation::{Commit, Conversation, Ctx, Event, Input, decide, project},
    failure::Failure,
    ids::AgentId,
    model::ModelChoice,
    ports::{InboxHint, Notice, StoreError},
};
use ractor::{Actor, ActorProcessingErr, ActorRef, async_trait};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

/// How often a commit is tried before the actor gives up and is started again later.
const COMMIT_TRIES: usize = 8;
pub(crate) const RETRY_STORE: Backoff = Backoff { first: Duration::from_millis(20), max: Duration::from_secs(2) };

pub struct Shell;

pub enum Msg {
    /// There may be something new in the inbox.
    Look,
    Command(Command),
    /// Own work came back.
    Input(Box<Input>),
}

pub struct Args {
    pub shared: Arc<Shared>,
    pub hint: InboxHint,
    pub pulse: Arc<Pulse>,
    /// Set when the conversation failed too often: end what is pending.
    pub poison: Option<Failure>,
}

pub struct State {
    args: Args,
    loaded: Option<Box<Live>>,
}

/// A loaded conversation.
struct Live {
    conversation: Conversation,
    /// The channel's own agent.
    own: AgentId,
    version: u64,
    /// Of the agent that has it.
    profile: Arc<AgentProfile>,
    work: Work,
}

impl Live {
    /// The one that has the conversation.
    fn agent(&self) -> AgentId {
        self.conversation.active.unwrap_or(self.own)
    }

    /// The conversation went to another agent.
    async fn change_agent(&mut self, shared: &Shared) -> Result<(), StoreError> {
        let tenant = self.conversation.key.tenant;
        let own = shared.agents.profile(tenant, self.own).await?.unwrap_or_else(|| Arc::clone(&self.profile));
        self.profile = acting(shared, &self.conversation, own).await?;
        Ok(())
    }
}

/// The profile of the agent that has the conversation; one that is gone begins no turn, and the channel's own stands in
/// until then.
async fn acting(
    shared: &Shared,
    conversation: &Conversation,
    own: Arc<AgentProfile>,
) -> Result<Arc<AgentProfile>, StoreError> {
    let Some(active) = conversation.active else { return Ok(own) };
    Ok(shared.agents.profile(conversation.key.tenant, active).await?.unwrap_or(own))
}

#[async_trait]
impl Actor for Shell {
    type Msg = Msg;
    type State = State;
    type Arguments = Args;

    async fn pre_start(&self, _: ActorRef<Msg>, args: Args) -> Result<State, ActorProcessingErr> {
        Ok(State { args, loaded: None })
    }

    async fn post_start(&self, myself: ActorRef<Msg>, state: &mut State) -> Result<(), ActorProcessingErr> {
        let InboxHint { tenant, conversation } = state.args.hint;
        let ports = &state.args.shared.ports;
        let loaded = match ports.conversations.load(tenant, conversation).await {
            Ok(loaded) => loaded,
            // Erased meanwhile: there is nothing to do, and nobody to do it for.
            Err(StoreError::NotFound("conversation")) => {
                myself.stop(None);
                return Ok(());
            }
            Err(e) => return Err(e.into()),
        };
        let mut poison = state.args.poison.take();
        let profile = if let Some(profile) = state.args.shared.agents.profile(tenant, loaded.agent).await? {
            profile
        } else {
            poison = Some(Failure::fatal("agent.not_found", "the channel's agent does not exist any more"));
            let choice = ModelChoice {
                provider: String::new(),
                model: String::new(),
                temperature: None,
                max_tokens: None,
                sees_images: false,
            };
            Arc::new(AgentProfile::new(tenant, loaded.agent, String::new(), choice))
        };
        let conversation = Conversation::restore(loaded.key, loaded.snapshot);
        let profile = acting(&state.args.shared, &conversation, profile).await?;
        state.loaded = Some(Box::new(Live {
            conversation,
            own: loaded.agent,
            version: loaded.version,
            profile,
            work: Work::default(),
        }));
        if let Some(cause) = poison {
            // First take in what is pending, so that it gets its outcome; nothing is started for it.
            let arrived = Input::Arrived(loaded.pending);
            step(&myself, state, arrived, Run::Nothing).await?;
            step(&myself, state, Input::Ruled(loaded.rulings), Run::Nothing).await?;
            step(&myself, state, Input::Poisoned { cause }, Run::Effects).await?;
        } else {
            step(&myself, state, Input::Activated, Run::Effects).await?;
            step(&myself, state, Input::Arrived(loaded.pending), Run::Effects).await?;
            step(&myself, state, Input::Ruled(loaded.rulings), Run::Effects).await?;
        }
        Ok(())
    }

    async fn handle(&self, myself: ActorRef<Msg>, msg: Msg, state: &mut State) -> Result<(), ActorProcessingErr> {
        let input = match msg {
            Msg::Input(input) => *input,
            Msg::Command(command) => {
                state.args.pulse.commands.fetch_sub(1, Ordering::AcqRel);
                match command {
                    Command::TakeOver { reason } => Input::TakenOver { reason },
                    Command::GiveBack => Input::Returned,
                    Command::Interrupt { turn, heard } => Input::Interrupted { turn, heard },
                }
            }
            Msg::Look => {
                // Before reading: a hint that comes while reading means another look.
                state.args.pulse.look_pending.store(false, Ordering::Release);
                let Some(live) = &state.loaded else { return Ok(()) };
                let InboxHint { tenant, conversation } = state.args.hint;
                let store = &state.args.shared.ports.conversations;
                let arrived = store.pending(tenant, conversation, live.conversation.seen).await?;
                // Asked only where somebody may have decided something.
                let asked = live.conversation.undoable || !live.conversation.held.is_empty();
                let ruled = if asked { store.rulings(tenant, conversation).await? } else { Vec::new() };
                step(&myself, state, Input::Arrived(arrived), Run::Effects).await?;
                Input::Ruled(ruled)
            }
        };
        step(&myself, state, input, Run::Effects).await
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Run {
    Effects,
    Nothing,
}

/// One input: decide, commit, apply, announce, run.
async fn step(myself: &ActorRef<Msg>, state: &mut State, input: Input, run: Run) -> Result<(), ActorProcessingErr> {
    let Some(live) = &mut state.loaded else { return Ok(()) };
    let shared = &state.args.shared;
    let ports = &shared.ports;
    if let Some(profile) = shared.agents.cached(live.agent()) {
        live.profile = profile;
    }
    let now = ports.clock.now();
    let decision = decide(&live.conversation, input, &Ctx { now, profile: &live.profile, own: live.own });
    let (next, commit) = project(live.conversation.clone(), &decision.events, live.version, now, ports.ids.as_ref());
    admitted(shared, &live.conversation, &decision.events);
    if let Some(commit) = commit {
        save(shared, &commit).await?;
        live.version += 1;
        announce(shared, &decision.events, &commit);
    }
    withdraw(shared, &live.conversation, &decision.events);
    let is_handed = live.conversation.active != next.active;
    live.conversation = next;
    if is_handed {
        live.change_agent(shared).await?;
    }
    if run == Run::Effects {
        let agent = live.agent();
        let cx = effects::Cx { shared, myself, conversation: &live.conversation, agent, profile: &live.profile };
        for effect in decision.effects {
            effects::run(&cx, &mut live.work, effect);
        }
    }
    let pulse = &state.args.pulse;
    pulse.last_active.store(now.millis(), Ordering::Relaxed);
    pulse.acting.store(live.conversation.is_acting(), Ordering::Release);
    pulse.quiescent.store(live.conversation.is_quiescent(), Ordering::Release);
    Ok(())
}

/// Commits, waiting out passing troubles. Nothing else of the conversation can happen meanwhile, and that is the point.
async fn save(shared: &Shared, commit: &Commit) -> Result<(), StoreError> {
    let mut tries = 0;
    loop {
        match shared.ports.conversations.commit(commit.clone()).await {
            Err(e) if e.is_retry() && tries < COMMIT_TRIES => {
                tries += 1;
                tokio::time::sleep(RETRY_STORE.wait(tries)).await;
            }
            done => return done,
        }
    }
}

/// Tells that messages were taken in: they are durable since the log.
fn admitted(shared: &Shared, conversation: &Conversation, events: &[Event]) {
    for event in events {
        if let Event::Admitted { items, .. } = event {
            let messages = items.iter().map(|i| i.inbound.provider_message_id.clone()).collect();
            let (tenant, conversation) = (conversation.key.tenant, conversation.key.id);
            shared.ports.announcer.announce(Notice::Admitted { tenant, conversation, messages });
        }
    }
}

/// Of what was shown of answers, whatever no answer comes for any more.
fn withdraw(shared: &Arc<Shared>, conversation: &Conversation, events: &[Event]) {
    if conversation.key.pull {
        return;
    }
    for event in events {
        let left = match event {
            Event::TurnEnded { turn, notice: None, .. } | Event::TurnAbandoned { turn, .. } => Left::By(*turn),
            Event::TurnOpened { turn, .. } => Left::Before(*turn),
            _ => continue,
        };
        tokio::spawn(beginning::withdraw(Arc::clone(shared), conversation.key.clone(), left));
    }
}

/// Durable facts, told after their commit: which words came to nothing, what was said, which messages it settled.
fn announce(shared: &Shared, events: &[Event], commit: &Commit) {
    let (tenant, conversation) = (commit.tenant, commit.conversation);
    for event in events {
        // Whatever its model had written of an answer is not said.
        if let Event::TurnEnded { turn, .. } | Event::TurnAbandoned { turn, .. } | Event::TurnJoined { turn } = event {
            shared.ports.announcer.announce(Notice::DeltaReset { tenant, conversation, turn: *turn });
        }
    }
    let replies = events.iter().filter_map(|e| match e {
        Event::Replied { reply, .. } | Event::Noticed { reply, .. } | Event::TurnEnded { notice: Some(reply), .. } => {
            Some(reply)
        }
        _ => None,
    });
    for (message, reply) in commit.messages.iter().zip(replies) {
        let notice = Notice::Replied { tenant, conversation, message: message.id, reply: reply.clone() };
        shared.ports.announcer.announce(notice);
    }
    if !commit.settled.is_empty() {
        let settled = commit.settled.clone();
        shared.ports.announcer.announce(Notice::Settled { tenant, conversation, settled });
    }
}
