//! An agent: its profile, and the state machine that decides which of its turns may start.
//!
//! Turns ask for a permit before they spend anything. The machine grants up to `max_concurrent_turns`, keeps the rest
//! in order, and refuses when the agent is switched off or its budget of the day is spent.

use crate::{
    disclosure::Disclosure,
    fallback::Fallback,
    ids::{AgentId, ConversationId, KnowledgeBaseId, TenantId, TurnNo},
    journey::Journey,
    language::Language,
    model::ModelChoice,
    routing::{Route, Routing},
    team::{HAND_OFF, Member},
    time::Timestamp,
    tool_limits::AgentLimits,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

/// What an operator configures of an agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentProfile {
    pub tenant: TenantId,
    pub id: AgentId,
    pub name: String,
    pub enabled: bool,
    /// Who the agent is and how it speaks, in the words of its owner.
    pub instructions: String,
    /// The company that it speaks for, if that has a name.
    #[serde(default)]
    pub company: Option<String>,
    /// Used until the person's own language is known; see [`AgentProfile::speaks`] for what stands in.
    pub language: Option<Language>,
    pub model: ModelChoice,
    pub knowledge: Vec<KnowledgeBaseId>,
    pub tools: Vec<String>,
    /// How much it may use single tools, by their names.
    #[serde(default)]
    pub tool_limits: BTreeMap<String, AgentLimits>,
    /// Agents of the same tenant that it may hand a conversation to.
    #[serde(default)]
    pub team: Vec<Member>,
    #[serde(default)]
    pub journeys: Vec<Journey>,
    /// Agents of the same tenant that it may ask, and when.
    #[serde(default)]
    pub specialists: Vec<Member>,
    /// Which agents answer what people come with, where this one is to find that out.
    #[serde(default)]
    pub routes: Vec<Route>,
    #[serde(default)]
    pub routing: Routing,
    pub gather: Gather,
    pub during_turn: DuringTurn,
    #[serde(default)]
    pub approvals: Approvals,
    pub limits: TurnLimits,
    /// Passages that one retrieval gives to the model.
    pub passages: u32,
    /// If even the best passage's cosine is below this, none is used (0 to 1; see docs/ARCHITECTURE.md).
    pub min_cosine: f32,
    #[serde(default)]
    pub follow_ups: FollowUps,
    #[serde(default)]
    pub grounding: Grounding,
    pub max_concurrent_turns: u32,
    /// Millionths of a US dollar a day (UTC); `None` is no limit.
    pub daily_budget_micros: Option<u64>,
    /// After this time with a person, the agent takes the conversation back; `None` never.
    pub return_after: Option<Duration>,
    /// Whether people are told that a machine speaks, and how; `None` if they are not.
    #[serde(default)]
    pub disclosure: Option<Disclosure>,
    /// What is sent in the place of an answer whose window has closed; `None` if nothing is, and the answer is not delivered.
    #[serde(default)]
    pub template_fallback: Option<Fallback>,
}

/// How a burst of messages is gathered into one turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gather {
    /// The turn opens when nothing came for this long; zero opens it at once.
    pub quiet: Duration,
    /// …and at the latest this long after the first message.
    pub cap: Duration,
}

/// What happens to a message that arrives during a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum DuringTurn {
    /// It waits for the next turn.
    #[default]
    Queue,
    /// It joins the running turn at the next step boundary.
    Merge,
    /// The running turn stops at a step boundary and starts again with it.
    Interrupt,
    /// It is ignored, by the rule `busy_policy`.
    Reject,
}

/// Which calls of unsafe tools wait for a person of the team.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Approvals {
    /// None.
    Never,
    /// Those whose arguments came from documents or from other programs, see [`crate::taint`].
    #[default]
    Tainted,
    /// All.
    Unsafe,
}

/// How passages are looked for where the person wrote before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum FollowUps {
    /// By the message alone, and by it as the agent's model writes it so that it needs no earlier one: one completion
    /// more. Where the model cannot, or fails, as [`FollowUps::Together`].
    #[default]
    Rewrite,
    /// By the message alone, and by it together with the person's earlier ones.
    Together,
}

/// How strictly the agent keeps to its passages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Grounding {
    pub unsupported: Unsupported,
    pub no_answer: NoAnswer,
}

/// What becomes of sentences that nothing supports. The measure is on words and numbers (`grounding`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Unsupported {
    /// They are not looked for.
    Off,
    /// They are said, and named beside the reply.
    #[default]
    Flag,
    /// They are left out; a reply of which nothing is left abstains.
    Withhold,
}

/// What happens when the passages do not answer the question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum NoAnswer {
    /// The agent says that it does not know.
    #[default]
    Say,
    /// A person takes over.
    HandOver,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnLimits {
    /// Completions that may call tools; after them the model must answer in words.
    pub max_steps: u32,
    /// From permit to reply.
    pub deadline: Duration,
    /// Earlier messages given to the model.
    pub history: u32,
}

impl AgentProfile {
    /// What it speaks until the person's own language is known. Nobody chose one: English in writing, French on the
    /// telephone.
    #[must_use]
    pub const fn speaks(&self, on_the_telephone: bool) -> Language {
        match self.language {
            Some(language) => language,
            None if on_the_telephone => Language::Fr,
            None => Language::En,
        }
    }

    /// A profile with the defaults that a new agent gets.
    #[must_use]
    pub fn new(tenant: TenantId, id: AgentId, name: impl Into<String>, model: ModelChoice) -> Self {
        Self {
            tenant,
            id,
            name: name.into(),
            enabled: true,
            instructions: String::new(),
            company: None,
            language: None,
            model,
            knowledge: Vec::new(),
            tools: vec!["search_knowledge".into(), "hand_over".into()],
            tool_limits: BTreeMap::new(),
            team: Vec::new(),
            journeys: Vec::new(),
            specialists: Vec::new(),
            routes: Vec::new(),
            routing: Routing::default(),
            gather: Gather { quiet: Duration::from_millis(800), cap: Duration::from_secs(5) },
            during_turn: DuringTurn::Queue,
            approvals: Approvals::default(),
            limits: TurnLimits { max_steps: 6, deadline: Duration::from_secs(120), history: 20 },
            passages: 6,
            min_cosine: 0.30,
            follow_ups: FollowUps::default(),
            grounding: Grounding::default(),
            max_concurrent_turns: 64,
            daily_budget_micros: None,
            return_after: None,
            disclosure: None,
            template_fallback: None,
        }
    }

    /// The tools that it was given, and the one that comes with a team.
    #[must_use]
    pub fn all_tools(&self) -> Vec<String> {
        let team = (!self.team.is_empty()).then(|| HAND_OFF.to_owned());
        self.tools.iter().cloned().chain(team).collect()
    }
}

/// Names one turn of one conversation.
pub type TurnRef = (ConversationId, TurnNo);

/// Which of an agent's turns run, which wait, and what they cost today.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Permits {
    running: BTreeMap<TurnRef, Timestamp>,
    waiting: VecDeque<TurnRef>,
    spent: Spent,
    /// Why no agent of the tenant may begin a turn.
    barred: Option<Refusal>,
}

/// Money spent on one UTC day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spent {
    /// Days since 1970-01-01.
    pub day: i64,
    pub micros: u64,
}

impl Spent {
    /// The UTC day of a point in time.
    #[must_use]
    pub const fn day_of(at: Timestamp) -> i64 {
        at.millis().div_euclid(86_400_000)
    }
}

/// What an agent's permit desk is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PermitInput {
    /// A turn wants to start. Asking twice is asking once.
    Asked(TurnRef),
    /// A turn ended, or its conversation is gone; what it cost.
    Returned(TurnRef, u64),
    /// The profile changed: look at the queue again.
    ProfileChanged,
    /// What the ledger says was spent today; sent at activation.
    LedgerRead(Spent),
    /// Whether the tenant as a whole may go on.
    TenantLooked(Option<Refusal>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    AgentDisabled,
    /// The agent's, of the day.
    BudgetSpent,
    /// The tenant's, of the month.
    TenantBudgetSpent,
    /// The messages of the month that the tenant's plan has.
    PlanExhausted,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PermitEvent {
    Queued(TurnRef),
    Granted(TurnRef, Timestamp),
    Refused(TurnRef, Refusal),
    Freed(TurnRef),
    Charged(Spent),
    Barred(Option<Refusal>),
}

/// Decides which permits change hands. The events are all there is to tell: the shell answers the turns named in
/// `Granted` and `Refused`.
#[must_use]
pub fn decide(state: &Permits, input: PermitInput, profile: &AgentProfile, now: Timestamp) -> Vec<PermitEvent> {
    let mut events = Vec::new();
    match input {
        PermitInput::Asked(turn) => {
            if state.running.contains_key(&turn) {
                // The answer got lost with the actor that asked: answer again.
                events.push(PermitEvent::Granted(turn, now));
            } else if !state.waiting.contains(&turn) {
                events.push(PermitEvent::Queued(turn));
            }
        }
        PermitInput::Returned(turn, micros) => {
            if state.running.contains_key(&turn) || state.waiting.contains(&turn) {
                events.push(PermitEvent::Freed(turn));
            }
            if micros > 0 {
                let today = state.spent_on(now);
                events.push(PermitEvent::Charged(Spent { micros: today.micros.saturating_add(micros), ..today }));
            }
        }
        PermitInput::ProfileChanged => {}
        PermitInput::LedgerRead(spent) => events.push(PermitEvent::Charged(spent)),
        PermitInput::TenantLooked(barred) => events.push(PermitEvent::Barred(barred)),
    }
    let mut next = events.iter().fold(state.clone(), evolve);
    while let Some(&turn) = next.waiting.front() {
        let event = match next.refusal(profile, now) {
            Some(why) => PermitEvent::Refused(turn, why),
            None if next.running.len() < profile.max_concurrent_turns.max(1) as usize => {
                PermitEvent::Granted(turn, now)
            }
            None => break,
        };
        next = evolve(next, &event);
        events.push(event);
    }
    events
}

#[must_use]
pub fn evolve(mut state: Permits, event: &PermitEvent) -> Permits {
    match event {
        PermitEvent::Queued(turn) => state.waiting.push_back(*turn),
        PermitEvent::Granted(turn, at) => {
            state.waiting.retain(|t| t != turn);
            state.running.insert(*turn, *at);
        }
        PermitEvent::Refused(turn, _) => state.waiting.retain(|t| t != turn),
        PermitEvent::Freed(turn) => {
            state.running.remove(turn);
            state.waiting.retain(|t| t != turn);
        }
        PermitEvent::Charged(spent) => state.spent = *spent,
        PermitEvent::Barred(why) => state.barred = *why,
    }
    state
}

impl Permits {
    #[must_use]
    pub fn running(&self) -> usize {
        self.running.len()
    }

    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    fn spent_on(&self, now: Timestamp) -> Spent {
        let day = Spent::day_of(now);
        if self.spent.day == day { self.spent } else { Spent { day, micros: 0 } }
    }

    fn refusal(&self, profile: &AgentProfile, now: Timestamp) -> Option<Refusal> {
        if !profile.enabled {
            return Some(Refusal::AgentDisabled);
        }
        if self.barred.is_some() {
            return self.barred;
        }
        let budget = profile.daily_budget_micros?;
        (self.spent_on(now).micros >= budget).then_some(Refusal::BudgetSpent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ports::Ids,
        testkit::{Account, SeqIds},
    };

    // req: S1-ENT-1
    #[test]
    fn who_is_barred_begins_no_turn_until_that_is_over() {
        let ids = SeqIds::new(1);
        let account = Account::new(TenantId::new(ids.uuid()), &ids);
        let (profile, now) = (account.profile(), Timestamp(0));
        let turn = |n| (ConversationId::new(ids.uuid()), n);
        let mut permits = Permits::default();
        let mut tell = |input| {
            let events = decide(&permits, input, &profile, now);
            permits = events.iter().fold(std::mem::take(&mut permits), evolve);
            events
        };
        let (first, second) = (turn(1), turn(2));
        tell(PermitInput::TenantLooked(Some(Refusal::TenantBudgetSpent)));
        let refused = PermitEvent::Refused(first, Refusal::TenantBudgetSpent);
        assert_eq!(tell(PermitInput::Asked(first)), [PermitEvent::Queued(first), refused]);
        tell(PermitInput::TenantLooked(None));
        assert_eq!(tell(PermitInput::Asked(second)), [PermitEvent::Queued(second), PermitEvent::Granted(second, now)]);
    }
}
