//! A conversation that goes from one agent to another, in the middle of a turn.
//!
//! The call that asks for it has its result like every other; once all calls of its step have theirs, the turn goes on with
//! the other agent: it asks its own desk for a permit, looks into its own knowledge, and reads all that was said and done.
//! What was spent so far is charged to whoever spent it.

use super::{
    decide::{Draft, spent},
    effect::Effect,
    event::Event,
    state::{Relay, Turn},
};
use crate::{
    agent::DuringTurn,
    failure::Failure,
    ids::{AgentId, TurnNo},
    team::{HandOff, MOST_HAND_OFFS},
    tool::{ToolResult, ToolStatus},
};

impl Draft<'_> {
    /// The result, or in its place why this hand-off must not be: the model reads it and answers.
    pub(super) fn may_hand_off(&self, t: &Turn, result: ToolResult) -> ToolResult {
        match result.hand_off.as_ref().and_then(|to| self.why_not(t, to)) {
            Some(failure) => {
                let content =
                    format!("Not handed off: {}. The conversation stays with you: answer the person.", failure.detail);
                ToolResult { status: ToolStatus::Failed { failure }, ..ToolResult::done(content) }
            }
            None => result,
        }
    }

    fn why_not(&self, t: &Turn, to: &HandOff) -> Option<Failure> {
        let (profile, name) = (self.ctx.profile, &to.name);
        let refused = |code: &str, why: String| Some(Failure::reject(code, why));
        if to.to == profile.id {
            return refused("hand_off.self", format!("you are {name}"));
        }
        if !profile.team.iter().any(|m| m.agent == to.to) {
            return refused("hand_off.not_in_team", format!("{name} is not in your team"));
        }
        if t.relays.iter().any(|r| r.by == to.to) {
            return refused("hand_off.back", format!("{name} had it already and handed it off"));
        }
        if t.relays.len() >= MOST_HAND_OFFS {
            return refused("hand_off.too_many", "it was handed off often enough for one answer".to_owned());
        }
        handed_to(t).map(|_| Failure::reject("hand_off.twice", "it is being handed to somebody else already"))
    }

    /// The turn goes on with the other agent, which has the conversation from now on.
    pub(super) fn hand_off(&mut self, t: &Turn, to: AgentId) {
        let (turn, usage) = (t.no, spent(t));
        let policy = if self.c.waiting.is_empty() { DuringTurn::Queue } else { self.during(t) };
        if policy == DuringTurn::Merge {
            self.event(Event::TurnJoined { turn });
        }
        let relay = Relay { by: self.ctx.profile.id, next: t.next_step(), cost_micros: usage.cost_micros };
        self.event(Event::HandedOff { turn, to: self.chosen(Some(to)), relay });
        if policy == DuringTurn::Interrupt {
            self.interrupt(turn);
            return;
        }
        self.return_permit(turn, usage);
        self.effect(Effect::AskPermit { turn });
    }

    /// The agent is switched off or gone: the channel's own takes its place.
    pub(super) fn fall_back(&mut self, turn: TurnNo) {
        self.event(Event::AgentChosen { agent: None });
        self.effect(Effect::AskPermit { turn });
    }

    pub(super) fn agent_chosen(&mut self, agent: Option<AgentId>) {
        let agent = self.chosen(agent);
        if self.c.active != agent {
            self.event(Event::AgentChosen { agent });
        }
    }

    /// The channel's own agent is none, so that the channel's next one follows it.
    fn chosen(&self, agent: Option<AgentId>) -> Option<AgentId> {
        agent.filter(|a| *a != self.ctx.own)
    }
}

/// Whom the last step handed the turn to.
pub(super) fn handed_to(t: &Turn) -> Option<AgentId> {
    t.steps.last()?.results.iter().flatten().find_map(|r| r.hand_off.as_ref()).map(|h| h.to)
}
