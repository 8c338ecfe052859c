//! `GET/POST /api/agents`, `GET/PUT/PATCH/DELETE /api/agents/{id}`, `POST /api/agents/{id}/train`.

mod disclosure;
mod fallback;
mod journeys;
mod limits;

use self::{
    disclosure::{DisclosureFields, DisclosureOut},
    fallback::{FallbackFields, FallbackOut},
};
use super::{
    knowledge_bases::valid_name,
    team::{self, MemberFields, RouteFields},
};
use crate::{
    answer::{Accepted, Created, Deleted, Listed, Of},
    auth::Tenant,
    body::{Body, PageOf},
    error::{ApiError, ApiResult, Detail, accepted, created, ok},
    jobs::{self, Begun},
    openapi::{maybe_one_of, one_of},
    page::list as page,
    state::Api,
    time::rfc3339,
};
use axum::extract::{Path, State};
use colloquy_domain::{
    agent::{AgentProfile, Approvals, DuringTurn, FollowUps, NoAnswer, Unsupported},
    ids::{AgentId, KnowledgeBaseId},
    journey::Journey,
    language::Language,
    model::ModelChoice,
    ports::StoreError,
    routing::RoutedBy,
};
use colloquy_store::{Agent, PageRequest, TenantStore};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::HashMap, sync::Arc, time::Duration};

/// Longer than anybody waits for an agent.
const YEAR: Duration = Duration::from_secs(366 * 86_400);
/// Characters that instructions may have.
const LONGEST_INSTRUCTIONS: usize = 20_000;
/// Of the language, as nobody chose one.
const AUTO: &str = "auto";

/// All fields of an agent that can be written; what is absent stays as it is (or gets the default of a new agent).
#[derive(Deserialize, Default, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Fields {
    name: Option<String>,
    enabled: Option<bool>,
    instructions: Option<String>,
    /// What it speaks until the person's own language is known: `en` or `fr`; `auto` is English in writing, French on the
    /// telephone.
    language: Option<String>,
    model: Option<ModelFields>,
    /// Names of knowledge bases.
    knowledge: Option<Vec<String>>,
    tools: Option<Vec<String>>,
    /// How much it may use single tools, by their names; all of them.
    tool_limits: Option<limits::Fields>,
    /// Agents that it may hand a conversation to.
    team: Option<Vec<MemberFields>>,
    /// Agents that it may ask, and that answer it from their own knowledge.
    specialists: Option<Vec<MemberFields>>,
    /// Agents that answer what people come with, where this one is to find that out first.
    routes: Option<Vec<RouteFields>>,
    /// How that is found out: its model is asked, or the message is compared with what `routes` say, which is the default
    /// of agents without a language model.
    #[schemars(schema_with = "maybe_one_of::<RoutedBy>")]
    route_by: Option<RoutedBy>,
    /// How alike a message must be to what a route says at least, where they are compared (0 to 1).
    route_threshold: Option<f32>,
    /// What it must find out and do, step by step.
    journeys: Option<Vec<Journey>>,
    #[schemars(schema_with = "maybe_one_of::<DuringTurn>")]
    during_turn: Option<DuringTurn>,
    /// Which calls of unsafe tools wait for a person of the team.
    #[schemars(schema_with = "maybe_one_of::<Approvals>")]
    approvals: Option<Approvals>,
    gather_quiet_ms: Option<u64>,
    gather_cap_ms: Option<u64>,
    max_steps: Option<u32>,
    deadline_seconds: Option<u64>,
    history: Option<u32>,
    passages: Option<u32>,
    min_cosine: Option<f32>,
    #[schemars(schema_with = "maybe_one_of::<FollowUps>")]
    follow_ups: Option<FollowUps>,
    #[schemars(schema_with = "maybe_one_of::<Unsupported>")]
    unsupported: Option<Unsupported>,
    #[schemars(schema_with = "maybe_one_of::<NoAnswer>")]
    no_answer: Option<NoAnswer>,
    max_concurrent_turns: Option<u32>,
    daily_budget_usd: Option<f64>,
    return_after_seconds: Option<u64>,
    disclosure: Option<DisclosureFields>,
    /// What is sent in the place of answers that come after their channel's window has closed; `null`: nothing, and they are not
    /// delivered.
    #[serde(deserialize_with = "fallback::given")]
    #[schemars(with = "Option<FallbackFields>")]
    template_fallback: Option<Option<FallbackFields>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ModelFields {
    provider: String,
    #[serde(default)]
    model: String,
    temperature: Option<f32>,
    max_tokens: Option<u32>,
    /// The model is given the images that people send.
    #[serde(default)]
    sees_images: bool,
}

#[derive(Serialize, JsonSchema)]
pub struct Out {
    id: String,
    name: String,
    enabled: bool,
    instructions: String,
    language: &'static str,
    model: ModelOut,
    knowledge: Vec<String>,
    tools: Vec<String>,
    tool_limits: limits::Fields,
    team: Vec<MemberFields>,
    specialists: Vec<MemberFields>,
    routes: Vec<RouteFields>,
    #[schemars(schema_with = "one_of::<RoutedBy>")]
    route_by: RoutedBy,
    route_threshold: f64,
    journeys: Vec<Journey>,
    #[schemars(schema_with = "one_of::<DuringTurn>")]
    during_turn: DuringTurn,
    #[schemars(schema_with = "one_of::<Approvals>")]
    approvals: Approvals,
    gather_quiet_ms: u128,
    gather_cap_ms: u128,
    max_steps: u32,
    deadline_seconds: u64,
    history: u32,
    passages: u32,
    min_cosine: f64,
    #[schemars(schema_with = "one_of::<FollowUps>")]
    follow_ups: FollowUps,
    #[schemars(schema_with = "one_of::<Unsupported>")]
    unsupported: Unsupported,
    #[schemars(schema_with = "one_of::<NoAnswer>")]
    no_answer: NoAnswer,
    max_concurrent_turns: u32,
    daily_budget_usd: Option<f64>,
    return_after_seconds: Option<u64>,
    /// Counted from 1; each change is the next one.
    version: u32,
    disclosure: DisclosureOut,
    template_fallback: Option<FallbackOut>,
    created_at: String,
    updated_at: String,
}

#[derive(Serialize, JsonSchema)]
pub struct ModelOut {
    provider: String,
    model: String,
    temperature: Option<f32>,
    max_tokens: Option<u32>,
    sees_images: bool,
}

/// What an agent refers to by ids, by name.
pub(super) struct Names {
    bases: HashMap<KnowledgeBaseId, String>,
    agents: team::Names,
}

impl Names {
    pub(super) async fn of<'a>(tenant: &Tenant, agents: impl Iterator<Item = &'a Agent>) -> ApiResult<Self> {
        let agents = team::names(tenant, agents.map(|a| &a.profile)).await?;
        Ok(Self { bases: bases(tenant).await?, agents })
    }
}

pub(super) async fn shown(tenant: &Tenant, agent: Agent) -> ApiResult<Out> {
    let names = Names::of(tenant, std::iter::once(&agent)).await?;
    Ok(show_one(agent, &names))
}

pub(super) fn show_one(agent: Agent, names: &Names) -> Out {
    let p = agent.profile;
    let m = p.model;
    Out {
        id: p.id.to_string(),
        name: p.name,
        enabled: p.enabled,
        instructions: p.instructions,
        language: p.language.map_or(AUTO, Language::code),
        model: ModelOut {
            provider: m.provider,
            model: m.model,
            temperature: m.temperature,
            max_tokens: m.max_tokens,
            sees_images: m.sees_images,
        },
        knowledge: p.knowledge.iter().filter_map(|id| names.bases.get(id).cloned()).collect(),
        tools: p.tools,
        tool_limits: limits::shown(p.tool_limits),
        team: team::shown(&p.team, &names.agents),
        specialists: team::shown(&p.specialists, &names.agents),
        routes: team::shown_routes(&p.routes, &names.agents),
        route_by: p.routing.by,
        route_threshold: decimal(p.routing.threshold),
        journeys: p.journeys,
        during_turn: p.during_turn,
        approvals: p.approvals,
        gather_quiet_ms: p.gather.quiet.as_millis(),
        gather_cap_ms: p.gather.cap.as_millis(),
        max_steps: p.limits.max_steps,
        deadline_seconds: p.limits.deadline.as_secs(),
        history: p.limits.history,
        passages: p.passages,
        min_cosine: decimal(p.min_cosine),
        follow_ups: p.follow_ups,
        unsupported: p.grounding.unsupported,
        no_answer: p.grounding.no_answer,
        max_concurrent_turns: p.max_concurrent_turns,
        daily_budget_usd: p.daily_budget_micros.map(|m| m as f64 / 1e6),
        return_after_seconds: p.return_after.map(|d| d.as_secs()),
        version: agent.version,
        disclosure: p.disclosure.into(),
        template_fallback: p.template_fallback.map(Into::into),
        created_at: rfc3339(agent.created_at),
        updated_at: rfc3339(agent.updated_at),
    }
}

/// As people wrote it: 0.45, and not the nearest number that 32 bits hold.
fn decimal(number: f32) -> f64 {
    number.to_string().parse().unwrap_or_default()
}

/// An agent as it is shown, for comparing.
pub(super) fn as_json(agent: Agent, names: &Names) -> ApiResult<Value> {
    let broken = |e: serde_json::Error| StoreError::Broken(format!("an agent cannot be shown: {e}"));
    Ok(serde_json::to_value(show_one(agent, names)).map_err(broken)?)
}

/// The agent that an id or a name names.
pub async fn find(store: &TenantStore, named: &str) -> ApiResult<AgentProfile> {
    if let Ok(id) = named.parse::<AgentId>() {
        return Ok(store.agent(id).await?.profile);
    }
    Ok(store.agent_by_name(named).await?.ok_or_else(|| ApiError::not_found("agent"))?.profile)
}

async fn bases(tenant: &Tenant) -> ApiResult<HashMap<KnowledgeBaseId, String>> {
    let all = tenant.store.knowledge_bases(PageRequest::new(1, PageRequest::MOST)).await?;
    Ok(all.items.into_iter().map(|b| (b.id, b.name)).collect())
}

pub async fn list(State(_): State<Arc<Api>>, tenant: Tenant, at: PageOf) -> ApiResult<Listed<Out>> {
    let agents = tenant.store.agents(at.into()).await?;
    let names = Names::of(&tenant, agents.items.iter()).await?;
    page("agents", agents, |a| show_one(a, &names))
}

pub async fn show(State(_): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<Out>> {
    let agent = tenant.store.agent(id.parse::<AgentId>()?).await?;
    ok(shown(&tenant, agent).await?)
}

pub async fn create(
    State(api): State<Arc<Api>>,
    tenant: Tenant,
    Body(fields): Body<Fields>,
) -> ApiResult<Created<Out>> {
    let id = AgentId::new(api.ids.uuid());
    let name = fields.name.clone().ok_or_else(|| ApiError::invalid("name", "is needed"))?;
    let fresh = AgentProfile::new(tenant.id, id, name, api.options.default_model.clone());
    let profile = apply(&api, &tenant, fresh, fields).await?;
    let agent = tenant.store.create_agent(profile, tenant.who.actor()).await?;
    created(shown(&tenant, agent).await?)
}

/// PUT: the whole agent; what is absent gets its default.
pub async fn replace(
    State(api): State<Arc<Api>>,
    tenant: Tenant,
    Path(id): Path<String>,
    Body(fields): Body<Fields>,
) -> ApiResult<Of<Out>> {
    let id = id.parse::<AgentId>()?;
    tenant.store.agent(id).await?;
    let name = fields.name.clone().ok_or_else(|| ApiError::invalid("name", "is needed"))?;
    let fresh = AgentProfile::new(tenant.id, id, name, api.options.default_model.clone());
    save(&api, &tenant, fresh, fields).await
}

/// PATCH: what is absent stays.
pub async fn update(
    State(api): State<Arc<Api>>,
    tenant: Tenant,
    Path(id): Path<String>,
    Body(fields): Body<Fields>,
) -> ApiResult<Of<Out>> {
    let agent = tenant.store.agent(id.parse::<AgentId>()?).await?;
    save(&api, &tenant, agent.profile, fields).await
}

async fn save(api: &Api, tenant: &Tenant, profile: AgentProfile, fields: Fields) -> ApiResult<Of<Out>> {
    let profile = apply(api, tenant, profile, fields).await?;
    let agent = tenant.store.update_agent(profile, tenant.who.actor()).await?;
    api.node.agent_changed(tenant.id, agent.profile.id).await;
    ok(shown(tenant, agent).await?)
}

pub async fn remove(State(api): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<Deleted>> {
    let id = id.parse::<AgentId>()?;
    tenant.store.delete_agent(id).await.map_err(|e| match e {
        StoreError::Conflict(_) => {
            ApiError::conflict("channels are answered by this agent: remove or change them first")
        }
        other => other.into(),
    })?;
    api.node.agent_changed(tenant.id, id).await;
    ok(Deleted::of(id))
}

/// Indexes the agent's documents again; answers with the job that tells how far that is.
pub async fn train(State(api): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Accepted<Begun>> {
    let agent = find(&tenant.store, &id).await?;
    let job = jobs::start_training(&tenant, &agent).await?;
    api.node.wake_ingestion();
    accepted(Begun::of(&job)?)
}

/// Writes the fields into the profile; all that is wrong is told at once.
pub(super) async fn apply(api: &Api, tenant: &Tenant, mut p: AgentProfile, f: Fields) -> ApiResult<AgentProfile> {
    let mut wrong = Vec::new();
    if let Some(name) = f.name {
        match valid_name("name", &name) {
            Ok(name) => name.clone_into(&mut p.name),
            Err(e) => wrong.extend(e.details),
        }
    }
    set(&mut p.enabled, f.enabled);
    if let Some(text) = f.instructions {
        if text.chars().count() > LONGEST_INSTRUCTIONS {
            wrong.push(Detail::new("instructions", format!("must have at most {LONGEST_INSTRUCTIONS} characters")));
        }
        p.instructions = text;
    }
    if let Some(tag) = f.language {
        match Language::from_tag(&tag) {
            None if tag != AUTO => wrong.push(Detail::new("language", "must be `en`, `fr` or `auto`")),
            language => p.language = language,
        }
    }
    if let Some(m) = f.model {
        let ModelFields { provider, model, temperature, max_tokens, sees_images } = m;
        p.model = ModelChoice { provider, model, temperature, max_tokens, sees_images };
    }
    if let Err(e) = api.catalogue.check_model(&p.model) {
        wrong.push(Detail::new("model", e.detail));
    }
    if let Some(tools) = f.tools {
        p.tools = tools;
    }
    match api.catalogue.check_tools(p.tenant, &p.tools).await {
        Ok(()) => {}
        Err(e) if e.is_retry() => return Err(e.into()),
        Err(e) => wrong.push(Detail::new("tools", e.detail)),
    }
    if let Some(fields) = f.tool_limits {
        p.tool_limits = limits::read(fields, |tool| api.catalogue.tells_amount(tool), &mut wrong);
    }
    if let Some(members) = f.team {
        p.team = team::read((tenant, p.id), "team", members, &mut wrong).await?;
    }
    if let Some(members) = f.specialists {
        p.specialists = team::read((tenant, p.id), "specialists", members, &mut wrong).await?;
    }
    if let Some(routes) = f.routes {
        p.routes = team::read_routes((tenant, p.id), routes, &mut wrong).await?;
    }
    if f.route_by.is_none() && !p.routes.is_empty() && !api.model.writes(&p.model) {
        p.routing.by = RoutedBy::Meaning;
    }
    set(&mut p.routing.by, f.route_by);
    set(&mut p.routing.threshold, f.route_threshold);
    set(&mut p.journeys, f.journeys);
    journeys::check(api, &p, &mut wrong).await?;
    if let Some(names) = f.knowledge {
        p.knowledge = knowledge(tenant, &names, &mut wrong).await?;
    }
    set(&mut p.during_turn, f.during_turn);
    set(&mut p.approvals, f.approvals);
    set(&mut p.gather.quiet, f.gather_quiet_ms.map(Duration::from_millis));
    set(&mut p.gather.cap, f.gather_cap_ms.map(Duration::from_millis));
    set(&mut p.limits.max_steps, f.max_steps);
    set(&mut p.limits.deadline, f.deadline_seconds.map(Duration::from_secs));
    set(&mut p.limits.history, f.history);
    set(&mut p.passages, f.passages);
    set(&mut p.min_cosine, f.min_cosine);
    set(&mut p.follow_ups, f.follow_ups);
    set(&mut p.grounding.unsupported, f.unsupported);
    set(&mut p.grounding.no_answer, f.no_answer);
    set(&mut p.max_concurrent_turns, f.max_concurrent_turns);
    if let Some(budget) = f.daily_budget_usd {
        p.daily_budget_micros = Some((budget * 1e6) as u64);
        check(&mut wrong, "daily_budget_usd", budget >= 0.0 && budget.is_finite(), "must not be negative");
    }
    if let Some(seconds) = f.return_after_seconds {
        p.return_after = (seconds > 0).then(|| Duration::from_secs(seconds));
    }
    if let Some(disclosure) = f.disclosure {
        p.disclosure = disclosure.read(&mut wrong);
    }
    match f.template_fallback {
        None => {}
        Some(None) => p.template_fallback = None,
        Some(Some(fields)) => fallback::read((api, tenant), fields, &mut p.template_fallback, &mut wrong).await?,
    }
    check_limits(&p, &mut wrong);
    if wrong.is_empty() { Ok(p) } else { Err(ApiError::validation(wrong)) }
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

fn check(wrong: &mut Vec<Detail>, field: &str, fine: bool, message: &str) {
    if !fine {
        wrong.push(Detail::new(field, message));
    }
}

fn check_limits(p: &AgentProfile, wrong: &mut Vec<Detail>) {
    let minute = Duration::from_secs(60);
    check(wrong, "gather_quiet_ms", p.gather.quiet <= minute, "must be at most 60000");
    check(wrong, "gather_cap_ms", p.gather.cap <= 5 * minute, "must be at most 300000");
    check(wrong, "return_after_seconds", p.return_after.is_none_or(|d| d <= YEAR), "must be at most a year");
    check(wrong, "max_steps", p.limits.max_steps <= 50, "must be at most 50");
    let seconds = p.limits.deadline.as_secs();
    check(wrong, "deadline_seconds", (1..=3600).contains(&seconds), "must be between 1 and 3600");
    check(wrong, "history", p.limits.history <= 200, "must be at most 200");
    check(wrong, "passages", (1..=50).contains(&p.passages), "must be between 1 and 50");
    check(wrong, "min_cosine", (0.0..=1.0).contains(&p.min_cosine), "must be between 0 and 1");
    check(wrong, "route_threshold", (0.0..=1.0).contains(&p.routing.threshold), "must be between 0 and 1");
    let turns = p.max_concurrent_turns;
    check(wrong, "max_concurrent_turns", (1..=10_000).contains(&turns), "must be between 1 and 10000");
}

async fn knowledge(tenant: &Tenant, names: &[String], wrong: &mut Vec<Detail>) -> ApiResult<Vec<KnowledgeBaseId>> {
    let mut found = Vec::new();
    for (place, name) in names.iter().enumerate() {
        match tenant.store.knowledge_base_by_name(name).await? {
            Some(base) => found.push(base.id),
            None => wrong.push(Detail::new(format!("knowledge[{place}]"), "there is no such knowledge base")),
        }
    }
    Ok(found)
}
