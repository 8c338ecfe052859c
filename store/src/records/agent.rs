use super::{ApprovalsRecord, read, write};
use crate::error::unreadable;
use colloquy_domain::{
    agent::{AgentProfile, DuringTurn, FollowUps, Gather, Grounding, NoAnswer, TurnLimits, Unsupported},
    disclosure::Disclosure,
    fallback::Fallback,
    ids::{AgentId, KnowledgeBaseId, TenantId},
    journey::Journey,
    language::Language,
    model::ModelChoice,
    ports::StoreError,
    routing::{Route, RoutedBy, Routing},
    team::Member,
    template::Parameters,
    tool_limits::AgentLimits,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};

/// Nobody chose a language.
const UNCHOSEN: &str = "auto";

/// What an operator configures of an agent, except what has a column. Durations are milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentRecord {
    pub v: u16,
    pub instructions: String,
    pub language: String,
    pub provider: String,
    pub model: String,
    #[serde(default)]
    pub temperature: Option<f32>,
    #[serde(default)]
    pub max_tokens: Option<u32>,
    #[serde(default)]
    pub sees_images: bool,
    pub knowledge: Vec<KnowledgeBaseId>,
    pub tools: Vec<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tool_limits: BTreeMap<String, AgentLimits>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub team: Vec<MemberRecord>,
    /// In the form in which people write them down.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub journeys: Vec<Journey>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub specialists: Vec<MemberRecord>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<RouteRecord>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routing: Option<RoutingRecord>,
    pub gather_quiet: u64,
    pub gather_cap: u64,
    pub during_turn: DuringTurnRecord,
    #[serde(default)]
    pub approvals: ApprovalsRecord,
    pub max_steps: u32,
    pub deadline: u64,
    pub history: u32,
    pub passages: u32,
    pub min_cosine: f32,
    #[serde(default)]
    pub follow_ups: FollowUpsRecord,
    #[serde(default)]
    pub unsupported: UnsupportedRecord,
    #[serde(default)]
    pub no_answer: NoAnswerRecord,
    pub max_concurrent_turns: u32,
    #[serde(default)]
    pub daily_budget_micros: Option<u64>,
    #[serde(default)]
    pub return_after: Option<u64>,
    #[serde(default)]
    pub disclosure: Option<DisclosureRecord>,
    #[serde(default)]
    pub template_fallback: Option<FallbackRecord>,
}

/// See [`Fallback`]; agents from before it have none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FallbackRecord {
    template: String,
    parameters: Parameters,
}

impl From<&Fallback> for FallbackRecord {
    fn from(f: &Fallback) -> Self {
        Self { template: f.template.clone(), parameters: f.parameters.clone() }
    }
}

impl From<FallbackRecord> for Fallback {
    fn from(r: FallbackRecord) -> Self {
        Self { template: r.template, parameters: r.parameters }
    }
}

/// See [`Disclosure`]; agents from before it say nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisclosureRecord {
    en: Option<String>,
    fr: Option<String>,
    again_after: Option<u64>,
    after_person: bool,
}

impl From<&Disclosure> for DisclosureRecord {
    fn from(d: &Disclosure) -> Self {
        let (en, fr) = (d.en.clone(), d.fr.clone());
        Self { en, fr, again_after: d.again_after.map(millis), after_person: d.after_person }
    }
}

impl From<DisclosureRecord> for Disclosure {
    fn from(r: DisclosureRecord) -> Self {
        let again_after = r.again_after.map(Duration::from_millis);
        Self { en: r.en, fr: r.fr, again_after, after_person: r.after_person }
    }
}

/// See [`Member`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberRecord {
    pub agent: AgentId,
    pub when: String,
}

impl From<&Member> for MemberRecord {
    fn from(m: &Member) -> Self {
        Self { agent: m.agent, when: m.when.clone() }
    }
}

impl From<MemberRecord> for Member {
    fn from(r: MemberRecord) -> Self {
        Self { agent: r.agent, when: r.when }
    }
}

/// See [`Route`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteRecord {
    pub to: AgentId,
    pub when: String,
    #[serde(default)]
    pub examples: Vec<String>,
}

impl From<&Route> for RouteRecord {
    fn from(r: &Route) -> Self {
        Self { to: r.to, when: r.when.clone(), examples: r.examples.clone() }
    }
}

impl From<RouteRecord> for Route {
    fn from(r: RouteRecord) -> Self {
        Self { to: r.to, when: r.when, examples: r.examples }
    }
}

/// See [`Routing`]; agents from before it ask their model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RoutingRecord {
    by: RoutedByRecord,
    threshold: f32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RoutedByRecord {
    Model,
    Meaning,
}

impl RoutingRecord {
    /// None of what nobody chose, so that its versions stay as they were.
    fn of(r: Routing) -> Option<Self> {
        let by = match r.by {
            RoutedBy::Model => RoutedByRecord::Model,
            RoutedBy::Meaning => RoutedByRecord::Meaning,
        };
        (r != Routing::default()).then_some(Self { by, threshold: r.threshold })
    }
}

impl From<RoutingRecord> for Routing {
    fn from(r: RoutingRecord) -> Self {
        let by = match r.by {
            RoutedByRecord::Model => RoutedBy::Model,
            RoutedByRecord::Meaning => RoutedBy::Meaning,
        };
        Self { by, threshold: r.threshold }
    }
}

/// See [`DuringTurn`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DuringTurnRecord {
    Queue,
    Merge,
    Interrupt,
    Reject,
}

/// See [`FollowUps`]; agents from before it have its default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum FollowUpsRecord {
    #[default]
    Rewrite,
    Together,
}

/// See [`Unsupported`]; agents from before it have its default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum UnsupportedRecord {
    Off,
    #[default]
    Flag,
    Withhold,
}

/// See [`NoAnswer`]; agents from before it have its default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum NoAnswerRecord {
    #[default]
    Say,
    HandOver,
}

impl From<Unsupported> for UnsupportedRecord {
    fn from(u: Unsupported) -> Self {
        match u {
            Unsupported::Off => Self::Off,
            Unsupported::Flag => Self::Flag,
            Unsupported::Withhold => Self::Withhold,
        }
    }
}

impl From<UnsupportedRecord> for Unsupported {
    fn from(r: UnsupportedRecord) -> Self {
        match r {
            UnsupportedRecord::Off => Self::Off,
            UnsupportedRecord::Flag => Self::Flag,
            UnsupportedRecord::Withhold => Self::Withhold,
        }
    }
}

impl From<FollowUps> for FollowUpsRecord {
    fn from(f: FollowUps) -> Self {
        match f {
            FollowUps::Rewrite => Self::Rewrite,
            FollowUps::Together => Self::Together,
        }
    }
}

impl From<FollowUpsRecord> for FollowUps {
    fn from(r: FollowUpsRecord) -> Self {
        match r {
            FollowUpsRecord::Rewrite => Self::Rewrite,
            FollowUpsRecord::Together => Self::Together,
        }
    }
}

impl From<NoAnswer> for NoAnswerRecord {
    fn from(n: NoAnswer) -> Self {
        match n {
            NoAnswer::Say => Self::Say,
            NoAnswer::HandOver => Self::HandOver,
        }
    }
}

impl From<NoAnswerRecord> for NoAnswer {
    fn from(r: NoAnswerRecord) -> Self {
        match r {
            NoAnswerRecord::Say => Self::Say,
            NoAnswerRecord::HandOver => Self::HandOver,
        }
    }
}

fn millis(d: Duration) -> u64 {
    u64::try_from(d.as_millis()).unwrap_or(u64::MAX)
}

impl AgentRecord {
    pub const VERSION: u16 = 1;

    pub(crate) fn json(profile: &AgentProfile) -> Result<String, StoreError> {
        write(&Self::from(profile))
    }

    pub(crate) fn parse(
        (tenant, id, name, enabled): (TenantId, AgentId, String, bool),
        text: &str,
    ) -> Result<AgentProfile, StoreError> {
        let r: Self = read("agent", text)?;
        if r.v != Self::VERSION {
            return Err(unreadable("agent: unknown version"));
        }
        Ok(AgentProfile {
            tenant,
            id,
            name,
            enabled,
            company: None,
            instructions: r.instructions,
            language: Language::from_tag(&r.language),
            model: ModelChoice {
                provider: r.provider,
                model: r.model,
                temperature: r.temperature,
                max_tokens: r.max_tokens,
                sees_images: r.sees_images,
            },
            knowledge: r.knowledge,
            tools: r.tools,
            tool_limits: r.tool_limits,
            team: r.team.into_iter().map(Into::into).collect(),
            journeys: r.journeys,
            specialists: r.specialists.into_iter().map(Into::into).collect(),
            routes: r.routes.into_iter().map(Into::into).collect(),
            routing: r.routing.map_or_else(Routing::default, Into::into),
            gather: Gather { quiet: Duration::from_millis(r.gather_quiet), cap: Duration::from_millis(r.gather_cap) },
            during_turn: match r.during_turn {
                DuringTurnRecord::Queue => DuringTurn::Queue,
                DuringTurnRecord::Merge => DuringTurn::Merge,
                DuringTurnRecord::Interrupt => DuringTurn::Interrupt,
                DuringTurnRecord::Reject => DuringTurn::Reject,
            },
            approvals: r.approvals.into(),
            limits: TurnLimits {
                max_steps: r.max_steps,
                deadline: Duration::from_millis(r.deadline),
                history: r.history,
            },
            passages: r.passages,
            min_cosine: r.min_cosine,
            follow_ups: r.follow_ups.into(),
            grounding: Grounding { unsupported: r.unsupported.into(), no_answer: r.no_answer.into() },
            max_concurrent_turns: r.max_concurrent_turns,
            daily_budget_micros: r.daily_budget_micros,
            return_after: r.return_after.map(Duration::from_millis),
            disclosure: r.disclosure.map(Into::into),
            template_fallback: r.template_fallback.map(Into::into),
        })
    }
}

impl From<&AgentProfile> for AgentRecord {
    fn from(p: &AgentProfile) -> Self {
        Self {
            v: Self::VERSION,
            instructions: p.instructions.clone(),
            language: p.language.map_or(UNCHOSEN, Language::code).to_owned(),
            provider: p.model.provider.clone(),
            model: p.model.model.clone(),
            temperature: p.model.temperature,
            max_tokens: p.model.max_tokens,
            sees_images: p.model.sees_images,
            knowledge: p.knowledge.clone(),
            tools: p.tools.clone(),
            tool_limits: p.tool_limits.clone(),
            team: p.team.iter().map(Into::into).collect(),
            journeys: p.journeys.clone(),
            specialists: p.specialists.iter().map(Into::into).collect(),
            routes: p.routes.iter().map(Into::into).collect(),
            routing: RoutingRecord::of(p.routing),
            gather_quiet: millis(p.gather.quiet),
            gather_cap: millis(p.gather.cap),
            during_turn: match p.during_turn {
                DuringTurn::Queue => DuringTurnRecord::Queue,
                DuringTurn::Merge => DuringTurnRecord::Merge,
                DuringTurn::Interrupt => DuringTurnRecord::Interrupt,
                DuringTurn::Reject => DuringTurnRecord::Reject,
            },
            approvals: p.approvals.into(),
            max_steps: p.limits.max_steps,
            deadline: millis(p.limits.deadline),
            history: p.limits.history,
            passages: p.passages,
            min_cosine: p.min_cosine,
            follow_ups: p.follow_ups.into(),
            unsupported: p.grounding.unsupported.into(),
            no_answer: p.grounding.no_answer.into(),
            max_concurrent_turns: p.max_concurrent_turns,
            daily_budget_micros: p.daily_budget_micros,
            return_after: p.return_after.map(millis),
            disclosure: p.disclosure.as_ref().map(Into::into),
            template_fallback: p.template_fallback.as_ref().map(Into::into),
        }
    }
}
