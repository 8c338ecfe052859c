//! The one interpreter of a conversation's effects.

use crate::{
    agents::Permit,
    control,
    conversation::Msg,
    elsewhere, listen, lookup,
    node::Shared,
    spans,
    work::{self, Task},
};
use colloquy_domain::{
    agent::AgentProfile,
    conversation::{Conversation, Effect, Input, Timer},
    ids::AgentId,
    model::HistoryMessage,
    time::Timestamp,
};
use ractor::ActorRef;
use std::{collections::BTreeMap, sync::Arc};
use tokio::{sync::OnceCell, task::AbortHandle};
use tracing::Span;

/// What an effect may use.
pub(crate) struct Cx<'a> {
    pub shared: &'a Arc<Shared>,
    pub myself: &'a ActorRef<Msg>,
    pub conversation: &'a Conversation,
    pub agent: AgentId,
    pub profile: &'a Arc<AgentProfile>,
}

/// Whatever runs for a conversation; dropping it stops all of it and gives the permit back.
#[derive(Default)]
pub(crate) struct Work {
    permit: Option<Permit>,
    tasks: Vec<AbortHandle>,
    typing: Option<AbortHandle>,
    timers: BTreeMap<Timer, AbortHandle>,
    /// Of recordings: no turn ends it.
    listening: Vec<AbortHandle>,
    /// The running turn's, for who exports traces.
    turn: Option<Span>,
    /// The transcript before the running turn, read once.
    history: Arc<OnceCell<Vec<HistoryMessage>>>,
}

impl Work {
    fn cancel(&mut self) {
        self.tasks.drain(..).for_each(|t| t.abort());
    }

    fn end_turn(&mut self) {
        self.cancel();
        if let Some(t) = self.typing.take() {
            t.abort();
        }
        self.timers.retain(|timer, handle| {
            let keep = *timer == Timer::Gather;
            if !keep {
                handle.abort();
            }
            keep
        });
        self.history = Arc::default();
        self.permit = None;
        self.turn = None;
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.end_turn();
        self.timers.values().chain(&self.listening).for_each(AbortHandle::abort);
    }
}

/// Runs one effect. Never waits: what takes time is spawned and comes back as [`Msg::Input`].
pub(crate) fn run(cx: &Cx<'_>, work: &mut Work, effect: Effect) {
    let task = || Task {
        shared: Arc::clone(cx.shared),
        reply_to: cx.myself.clone(),
        conversation: cx.conversation.clone(),
        profile: Arc::clone(cx.profile),
        history: Arc::clone(&work.history),
        span: work.turn.clone().unwrap_or_else(Span::none),
    };
    match effect {
        Effect::SetTimer { timer, at } => set_timer(cx, work, timer, at),
        Effect::Listen { message } => {
            work.listening.retain(|l| !l.is_finished());
            let task = task();
            work.listening.push(tokio::spawn(listen::listen(task, message)).abort_handle());
        }
        Effect::AskPermit { turn } => {
            work.turn = Some(spans::turn(cx.conversation, cx.profile, turn));
            let turn_ref = (cx.conversation.key.id, turn);
            let reply_to = cx.myself.clone();
            let tenant = cx.conversation.key.tenant;
            let permit = cx.shared.agents.ask(tenant, cx.agent, turn_ref, move |answer| {
                let input = match answer {
                    Ok(()) => Input::PermitGranted { turn },
                    Err(why) => Input::PermitRefused { turn, why },
                };
                // Gone meanwhile: its permit was given back by then.
                let _ = reply_to.send_message(Msg::Input(Box::new(input)));
            });
            work.permit = Some(permit);
        }
        Effect::ReturnPermit { turn, cost_micros } => {
            // Another turn's: a grant that came too late, whose permit was given back when it was dropped.
            if let Some(permit) = work.permit.as_mut().filter(|p| p.turn() == turn) {
                permit.cost_micros = cost_micros;
                work.end_turn();
            }
        }
        Effect::ShowTyping { .. } => {
            let (shared, key) = (Arc::clone(cx.shared), cx.conversation.key.clone());
            let last = cx.conversation.turn().and_then(|t| t.items.last());
            let last = last.map(|i| i.inbound.provider_message_id.clone()).unwrap_or_default();
            work.typing = Some(tokio::spawn(work::show_typing(shared, key, last)).abort_handle());
        }
        Effect::Route { turn } => {
            let task = task();
            work.tasks.push(tokio::spawn(elsewhere::route(task, turn)).abort_handle());
        }
        Effect::Retrieve { turn } => {
            let task = task();
            work.tasks.push(tokio::spawn(lookup::retrieve(task, turn)).abort_handle());
        }
        Effect::CallModel { turn, step } => {
            let task = task();
            work.tasks.push(tokio::spawn(work::call_model(task, turn, step)).abort_handle());
        }
        Effect::RunTool { turn, step, index, call, key, resumed, as_unsafe } => {
            let task = task();
            let at = work::CallAt { turn, step, index, resumed, as_unsafe };
            work.tasks.push(tokio::spawn(work::run_tool(task, at, (call, key))).abort_handle());
        }
        Effect::CancelWork { .. } => work.cancel(),
        Effect::PassControl => {
            if !cx.conversation.key.pull {
                // Of no turn: nothing of the conversation ends it.
                let (shared, key) = (Arc::clone(cx.shared), cx.conversation.key.clone());
                tokio::spawn(control::pass(shared, key, cx.conversation.mode.clone()));
            }
        }
        Effect::WakeChannel => {
            if !cx.conversation.key.pull {
                cx.shared.wake_channel(cx.conversation.key.channel);
            }
        }
    }
}

fn set_timer(cx: &Cx<'_>, work: &mut Work, timer: Timer, at: Timestamp) {
    let after = at.since(cx.shared.ports.clock.now());
    let handle = cx.myself.send_after(after, move || Msg::Input(Box::new(Input::TimerFired(timer)))).abort_handle();
    if let Some(old) = work.timers.insert(timer, handle) {
        old.abort();
    }
}
