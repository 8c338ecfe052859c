//! The fields of an agent that name others: its `team`, to whom it may hand a conversation; its `specialists`, whom it may
//! ask; its `routes`, who answers what people come with.

use super::agents::find;
use crate::{
    auth::Tenant,
    error::{ApiError, ApiResult, Detail},
};
use axum::http::StatusCode;
use colloquy_domain::{
    agent::AgentProfile,
    ids::AgentId,
    ports::StoreError,
    routing::Route,
    team::{Member, Teammate},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};

/// A model chooses among them at each step.
const MOST: usize = 20;
/// Characters.
const LONGEST: usize = 500;
const MOST_EXAMPLES: usize = 20;

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MemberFields {
    /// Its name; an id is understood, too.
    agent: String,
    /// When to hand to it, or to ask it, in a sentence for the model.
    when: String,
}

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteFields {
    /// The name of the agent that answers; an id is understood, too.
    to: String,
    /// What leads there, in a sentence: the model reads it, or the message is compared with it.
    when: String,
    /// What people write then.
    #[serde(default)]
    examples: Vec<String>,
}

/// The names of agents that stand in teams; those that are gone have none.
pub type Names = HashMap<AgentId, String>;

/// # Errors
/// The store's.
pub async fn names<'a>(tenant: &Tenant, of: impl Iterator<Item = &'a AgentProfile>) -> ApiResult<Names> {
    let agents: Vec<AgentId> = of.flat_map(named).collect();
    called(tenant, agents.into_iter()).await
}

/// The others that an agent names.
fn named(p: &AgentProfile) -> Vec<AgentId> {
    let members = p.team.iter().chain(&p.specialists).map(|m| m.agent);
    members.chain(p.routes.iter().map(|r| r.to)).collect()
}

/// # Errors
/// The store's.
pub async fn called(tenant: &Tenant, agents: impl Iterator<Item = AgentId>) -> ApiResult<Names> {
    let mut names = Names::new();
    for agent in agents.collect::<BTreeSet<_>>() {
        names.extend(there(tenant, agent).await?.map(|p| (p.id, p.name)));
    }
    Ok(names)
}

/// Those to whom the agent may hand now, and those whom it may ask.
///
/// # Errors
/// The store's.
pub async fn others(tenant: &Tenant, of: &AgentProfile) -> Result<(Vec<Teammate>, Vec<Teammate>), StoreError> {
    Ok((present(tenant, &of.team).await?, present(tenant, &of.specialists).await?))
}

async fn present(tenant: &Tenant, members: &[Member]) -> Result<Vec<Teammate>, StoreError> {
    let mut present = Vec::new();
    for member in members {
        if let Some(p) = there(tenant, member.agent).await?.filter(|p| p.enabled) {
            present.push(Teammate { agent: p.id, name: p.name, when: member.when.clone() });
        }
    }
    Ok(present)
}

async fn there(tenant: &Tenant, agent: AgentId) -> Result<Option<AgentProfile>, StoreError> {
    match tenant.store.agent(agent).await {
        Ok(agent) => Ok(Some(agent.profile)),
        Err(StoreError::NotFound(_)) => Ok(None),
        Err(e) => Err(e),
    }
}

pub fn shown(team: &[Member], names: &Names) -> Vec<MemberFields> {
    let named = |m: &Member| Some(MemberFields { agent: names.get(&m.agent)?.clone(), when: m.when.clone() });
    team.iter().filter_map(named).collect()
}

pub fn shown_routes(routes: &[Route], names: &Names) -> Vec<RouteFields> {
    let named = |r: &Route| {
        let (when, examples) = (r.when.clone(), r.examples.clone());
        Some(RouteFields { to: names.get(&r.to)?.clone(), when, examples })
    };
    routes.iter().filter_map(named).collect()
}

/// What was asked for of `field`, which is `team` or `specialists`; all that is wrong is told.
///
/// # Errors
/// The store's.
pub async fn read(
    (tenant, of): (&Tenant, AgentId),
    field: &str,
    fields: Vec<MemberFields>,
    wrong: &mut Vec<Detail>,
) -> ApiResult<Vec<Member>> {
    let mut members: Vec<Member> = Vec::new();
    if fields.len() > MOST {
        wrong.push(Detail::new(field, format!("must have at most {MOST} agents")));
        return Ok(members);
    }
    for (n, MemberFields { agent, when }) in fields.into_iter().enumerate() {
        let when = sentence(&format!("{field}[{n}].when"), &when, wrong);
        let place = format!("{field}[{n}].agent");
        let known: Vec<AgentId> = members.iter().map(|m| m.agent).collect();
        let found = another((tenant, of), &place, (&agent, &known), wrong).await?;
        members.extend(found.map(|agent| Member { agent, when }));
    }
    Ok(members)
}

/// The same of `routes`.
///
/// # Errors
/// The store's.
pub async fn read_routes(
    (tenant, of): (&Tenant, AgentId),
    fields: Vec<RouteFields>,
    wrong: &mut Vec<Detail>,
) -> ApiResult<Vec<Route>> {
    let mut routes: Vec<Route> = Vec::new();
    if fields.len() > MOST {
        wrong.push(Detail::new("routes", format!("must be at most {MOST}")));
        return Ok(routes);
    }
    for (n, RouteFields { to, when, examples }) in fields.into_iter().enumerate() {
        let when = sentence(&format!("routes[{n}].when"), &when, wrong);
        if examples.len() > MOST_EXAMPLES {
            wrong.push(Detail::new(format!("routes[{n}].examples"), format!("must be at most {MOST_EXAMPLES}")));
        }
        let mut said = Vec::new();
        for (k, example) in examples.iter().enumerate() {
            said.push(sentence(&format!("routes[{n}].examples[{k}]"), example, wrong));
        }
        let known: Vec<AgentId> = routes.iter().map(|r| r.to).collect();
        let found = another((tenant, of), &format!("routes[{n}].to"), (&to, &known), wrong).await?;
        routes.extend(found.map(|to| Route { to, when, examples: said }));
    }
    Ok(routes)
}

fn sentence(field: &str, text: &str, wrong: &mut Vec<Detail>) -> String {
    let text = text.trim().to_owned();
    if !(1..=LONGEST).contains(&text.chars().count()) {
        wrong.push(Detail::new(field, format!("must have 1 to {LONGEST} characters")));
    }
    text
}

/// Another agent than this, and than those that were named before.
async fn another(
    (tenant, of): (&Tenant, AgentId),
    field: &str,
    (named, known): (&str, &[AgentId]),
    wrong: &mut Vec<Detail>,
) -> ApiResult<Option<AgentId>> {
    let mut say = |message: &str| wrong.push(Detail::new(field, message));
    match find(&tenant.store, named).await {
        Ok(found) if found.id == of => say("must be another agent"),
        Ok(found) if known.contains(&found.id) => say("stands here twice"),
        Ok(found) => return Ok(Some(found.id)),
        Err(ApiError { status: StatusCode::NOT_FOUND, .. }) => say("there is no such agent"),
        Err(e) => return Err(e),
    }
    Ok(None)
}
