//! `GET/POST /api/agents/{id}/drafts`, `GET/DELETE /api/agents/{id}/drafts/{draft}`,
//! `GET /api/agents/{id}/drafts/{draft}/answers`, `POST /api/agents/{id}/drafts/{draft}/promote`: what an agent would have
//! said to real questions, had it been another.

use super::{
    agent_versions::{FieldChange, agent_of, changes},
    agents::{self, Fields, Out as AgentOut},
    approvals::Decider,
    proposals::AnswerOut,
};
use crate::{
    answer::{Accepted, Listed, Of},
    auth::Tenant,
    body::{Body, PageOf},
    error::{ApiError, ApiResult, accepted, ok},
    jobs::{self, Shown},
    page::list as page,
    state::Api,
    time::rfc3339,
};
use axum::extract::{Path, Query, State};
use colloquy_domain::{
    ids::{AgentId, ProposalId},
    ports::StoreError,
};
use colloquy_store::{Agent, AgentDraft, PageRequest, ProposalState};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Real questions that are asked again; each is two completions.
const USUAL: u32 = 20;
const MOST: u32 = 200;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// What would be another way, as for a change of the agent.
    changes: Option<Fields>,
    /// An earlier version instead.
    version: Option<u32>,
    /// Real questions that are asked again at most.
    questions: Option<u32>,
}

#[derive(Serialize, JsonSchema)]
pub struct Out {
    id: String,
    agent: String,
    /// The agent's version when this was drafted.
    version: u32,
    author: Decider,
    /// `reviewing`, `ready`, `promoted` or `dropped`.
    state: &'static str,
    questions: u32,
    created_at: String,
    updated_at: String,
}

impl From<AgentDraft> for Out {
    fn from(d: AgentDraft) -> Self {
        Self {
            id: d.id.to_string(),
            agent: d.profile.id.to_string(),
            version: d.version,
            author: d.by.into(),
            state: d.state.name(),
            questions: d.questions,
            created_at: rfc3339(d.created_at),
            updated_at: rfc3339(d.updated_at),
        }
    }
}

#[derive(Serialize, JsonSchema)]
pub struct Drafted {
    draft: Out,
    job: Shown,
}

pub async fn create(
    State(api): State<Arc<Api>>,
    tenant: Tenant,
    Path(id): Path<String>,
    Body(request): Body<Request>,
) -> ApiResult<Accepted<Drafted>> {
    let profile = agents::find(&tenant.store, &id).await?;
    let questions = request.questions.unwrap_or(USUAL);
    if !(1..=MOST).contains(&questions) {
        return Err(ApiError::invalid("questions", format!("must be between 1 and {MOST}")));
    }
    let proposed = match (request.changes, request.version) {
        (Some(fields), None) => agents::apply(&api, &tenant, profile, fields).await?,
        (None, Some(version)) => {
            let earlier = tenant.store.agent_version(profile.id, version).await?.profile;
            agents::apply(&api, &tenant, earlier, Fields::default()).await?
        }
        _ => return Err(ApiError::invalid("changes", "either `changes` or `version` is needed")),
    };
    let agent = proposed.id;
    let draft = tenant.store.draft_agent(proposed, questions, tenant.who.actor()).await?;
    let job = jobs::start_review(&tenant, draft.id, Some(agent)).await?;
    accepted(Drafted { draft: draft.into(), job: jobs::show(&job)? })
}

pub async fn list(
    State(_): State<Arc<Api>>,
    tenant: Tenant,
    Path(id): Path<String>,
    at: PageOf,
) -> ApiResult<Listed<Out>> {
    let agent = agent_of(&tenant, &id).await?;
    page("drafts", tenant.store.agent_drafts(agent, at.into()).await?, Out::from)
}

#[derive(Serialize, JsonSchema)]
pub struct Review {
    draft: Out,
    /// The agent as it would be.
    agent: AgentOut,
    /// Against the agent as it is now.
    changes: Vec<FieldChange>,
    asked: u64,
    changed: u64,
}

pub async fn show(
    State(_): State<Arc<Api>>,
    tenant: Tenant,
    Path(path): Path<(String, String)>,
) -> ApiResult<Of<Review>> {
    let (agent, draft) = of_path(&tenant, &path).await?;
    let one = PageRequest::new(1, 1);
    let asked = tenant.store.proposed_answers(draft.id, false, one).await?.total;
    let changed = tenant.store.proposed_answers(draft.id, true, one).await?.total;
    let now = tenant.store.agent(agent).await?;
    let drafted = Agent {
        profile: draft.profile.clone(),
        version: draft.version,
        created_at: now.created_at,
        updated_at: draft.created_at,
    };
    let names = agents::Names::of(&tenant, [&now, &drafted].into_iter()).await?;
    let changes = changes(&agents::as_json(now, &names)?, &agents::as_json(drafted.clone(), &names)?);
    ok(Review { draft: draft.into(), agent: agents::show_one(drafted, &names), changes, asked, changed })
}

#[derive(Deserialize, JsonSchema)]
pub struct Filter {
    /// Only those that change.
    #[serde(default)]
    changed: bool,
}

pub async fn answers(
    State(_): State<Arc<Api>>,
    tenant: Tenant,
    Path(path): Path<(String, String)>,
    Query(filter): Query<Filter>,
    at: PageOf,
) -> ApiResult<Listed<AnswerOut>> {
    let (_, draft) = of_path(&tenant, &path).await?;
    let found = tenant.store.proposed_answers(draft.id, filter.changed, at.into()).await?;
    page("answers", found, AnswerOut::from)
}

/// The agent becomes what was drafted, unless it was changed meanwhile.
pub async fn promote(
    State(api): State<Arc<Api>>,
    tenant: Tenant,
    Path(path): Path<(String, String)>,
) -> ApiResult<Of<AgentOut>> {
    let (agent, draft) = of_path(&tenant, &path).await?;
    match draft.state {
        ProposalState::Ready => {}
        ProposalState::Building | ProposalState::Reviewing => {
            return Err(ApiError::conflict("it is still being reviewed"));
        }
        ProposalState::Promoted | ProposalState::Dropped => return Err(over()),
    }
    // What it needs may be gone by now.
    agents::apply(&api, &tenant, draft.profile.clone(), Fields::default()).await?;
    let saved = tenant.store.promote_draft(&draft, tenant.who.actor()).await.map_err(|e| match e {
        StoreError::Conflict("draft") => over(),
        StoreError::Conflict("version") => {
            ApiError::conflict("the agent was changed since it was drafted: draft it again")
        }
        other => other.into(),
    })?;
    api.node.agent_changed(tenant.id, agent).await;
    ok(agents::shown(&tenant, saved).await?)
}

pub async fn discard(
    State(_): State<Arc<Api>>,
    tenant: Tenant,
    Path(path): Path<(String, String)>,
) -> ApiResult<Of<Out>> {
    let (_, draft) = of_path(&tenant, &path).await?;
    tenant.store.move_draft(draft.id, ProposalState::Dropped).await.map_err(|_| over())?;
    ok(Out::from(tenant.store.agent_draft(draft.id).await?))
}

fn over() -> ApiError {
    ApiError::conflict("it was promoted or dropped already")
}

/// The draft, if it is the agent's.
async fn of_path(tenant: &Tenant, (agent, draft): &(String, String)) -> ApiResult<(AgentId, AgentDraft)> {
    let agent = agent_of(tenant, agent).await?;
    let draft = tenant.store.agent_draft(draft.parse::<ProposalId>()?).await?;
    if draft.profile.id == agent { Ok((agent, draft)) } else { Err(ApiError::not_found("draft")) }
}
