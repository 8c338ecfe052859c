//! The field `team` of an agent: to whom it may hand a conversation, and when.

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
    team::{Member, Teammate},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};

/// A model chooses among them at each step.
const MOST: usize = 20;
/// Characters.
const LONGEST: usize = 500;

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MemberFields {
    /// Its name; an id is understood, too.
    agent: String,
    /// When to hand to it, in a sentence for the model.
    when: String,
}

/// The names of agents that stand in teams; those that are gone have none.
pub type Names = HashMap<AgentId, String>;

/// # Errors
/// The store's.
pub async fn names<'a>(tenant: &Tenant, of: impl Iterator<Item = &'a AgentProfile>) -> ApiResult<Names> {
    called(tenant, of.flat_map(|p| &p.team).map(|m| m.agent)).await
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

/// Those to whom the agent may hand now.
///
/// # Errors
/// The store's.
pub async fn teammates(tenant: &Tenant, of: &AgentProfile) -> Result<Vec<Teammate>, StoreError> {
    let mut team = Vec::new();
    for member in &of.team {
        if let Some(p) = there(tenant, member.agent).await?.filter(|p| p.enabled) {
            team.push(Teammate { agent: p.id, name: p.name, when: member.when.clone() });
        }
    }
    Ok(team)
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

/// What was asked for; all that is wrong is told.
///
/// # Errors
/// The store's.
pub async fn read(
    tenant: &Tenant,
    of: AgentId,
    fields: Vec<MemberFields>,
    wrong: &mut Vec<Detail>,
) -> ApiResult<Vec<Member>> {
    let mut team: Vec<Member> = Vec::new();
    if fields.len() > MOST {
        wrong.push(Detail::new("team", format!("must have at most {MOST} agents")));
        return Ok(team);
    }
    for (n, MemberFields { agent, when }) in fields.into_iter().enumerate() {
        let mut say = |field: &str, message: String| wrong.push(Detail::new(format!("team[{n}].{field}"), message));
        let when = when.trim().to_owned();
        if !(1..=LONGEST).contains(&when.chars().count()) {
            say("when", format!("must have 1 to {LONGEST} characters"));
        }
        match find(&tenant.store, &agent).await {
            Ok(found) if found.id == of => say("agent", "must be another agent".to_owned()),
            Ok(found) if team.iter().any(|m| m.agent == found.id) => say("agent", "stands here twice".to_owned()),
            Ok(found) => team.push(Member { agent: found.id, when }),
            Err(ApiError { status: StatusCode::NOT_FOUND, .. }) => say("agent", "there is no such agent".to_owned()),
            Err(e) => return Err(e),
        }
    }
    Ok(team)
}
