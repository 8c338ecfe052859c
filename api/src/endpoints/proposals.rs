//! `GET/POST /api/knowledge-bases/{id}/proposals`, `GET/DELETE /api/proposals/{id}`, `POST /api/proposals/{id}/promote`,
//! `GET /api/proposals/{id}/answers`: documents that are tried on real questions before anybody is told from them.

use super::{
    agent_test::CallOut,
    ask::CitationOut,
    documents::{self, FromForm},
    knowledge_bases::find,
};
use crate::{
    answer::{Accepted, Listed, Of},
    auth::Tenant,
    body::PageOf,
    error::{ApiError, ApiResult, accepted, ok},
    files,
    jobs::{self, Shown},
    page::list as page,
    state::Api,
    time::rfc3339,
};
use axum::extract::{Multipart, Path, Query, State};
use colloquy_domain::{ids::ProposalId, ports::StoreError};
use colloquy_store::{Answer, PageRequest, Proposal, ProposalState, ProposedAnswer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

/// Real questions that are asked again.
const USUAL: u32 = 20;
const MOST: u32 = 500;

#[derive(Serialize, JsonSchema)]
pub struct Out {
    id: String,
    knowledge_base: String,
    state: &'static str,
    /// Real questions that are asked again at most.
    questions: u32,
    created_at: String,
    updated_at: String,
}

impl From<Proposal> for Out {
    fn from(p: Proposal) -> Self {
        Self {
            id: p.id.to_string(),
            knowledge_base: p.base.to_string(),
            state: p.state.name(),
            questions: p.questions,
            created_at: rfc3339(p.created_at),
            updated_at: rfc3339(p.updated_at),
        }
    }
}

#[derive(Serialize, JsonSchema)]
pub struct AnswerOut {
    question: String,
    conversation: String,
    turn: u32,
    change: &'static str,
    before: SaidOut,
    after: SaidOut,
}

#[derive(Serialize, JsonSchema)]
pub struct SaidOut {
    text: String,
    citations: Vec<CitationOut>,
    abstained: bool,
    /// Tools that it would call before it answers; they were not called.
    calls: Vec<CallOut>,
}

impl From<Answer> for SaidOut {
    fn from(a: Answer) -> Self {
        let citations = a.citations.iter().map(CitationOut::from).collect();
        let calls = a.calls.into_iter().map(CallOut::from).collect();
        Self { text: a.text, citations, abstained: a.abstained, calls }
    }
}

impl From<ProposedAnswer> for AnswerOut {
    fn from(a: ProposedAnswer) -> Self {
        Self {
            question: a.question,
            conversation: a.conversation.to_string(),
            turn: a.turn,
            change: a.change.name(),
            before: a.before.into(),
            after: a.after.into(),
        }
    }
}

/// How many questions, then the files.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "it describes the form, which is read as a stream")]
pub struct Form {
    questions: Option<u32>,
    #[schemars(extend("contentMediaType" = "application/octet-stream"))]
    file: String,
}

#[derive(Serialize, JsonSchema)]
pub struct Proposed {
    proposal: Out,
    job: Shown,
}

/// Files as for an upload; `questions` says how many real questions are asked again.
pub async fn create(
    State(api): State<Arc<Api>>,
    tenant: Tenant,
    Path(base): Path<String>,
    mut form: Multipart,
) -> ApiResult<Accepted<Proposed>> {
    let base = find(&tenant, &base).await?;
    let (mut questions, mut proposal) = (USUAL, None);
    while let Some(field) = documents::next(&mut form).await? {
        match field {
            FromForm::Text("questions", text) => {
                let number = text.trim().parse().ok().filter(|n| (1..=MOST).contains(n));
                let wrong =
                    || ApiError::invalid("questions", format!("must be between 1 and {MOST}, before the files"));
                questions = number.filter(|_| proposal.is_none()).ok_or_else(wrong)?;
            }
            FromForm::Text(name, _) => {
                return Err(ApiError::invalid(name, "unknown field: there are `questions`, then `file`"));
            }
            FromForm::File(field) => {
                let opened: &Proposal = match &mut proposal {
                    Some(opened) => opened,
                    none => none.insert(tenant.store.propose(base.id, questions).await?),
                };
                documents::keep(&api, &tenant, opened.draft(), *field).await?;
            }
        }
    }
    let proposal = proposal.ok_or_else(|| ApiError::invalid("file", "at least one file is needed"))?;
    let job = jobs::start_review(&tenant, proposal.id, None).await?;
    api.node.wake_ingestion();
    accepted(Proposed { proposal: proposal.into(), job: jobs::show(&job)? })
}

pub async fn list(
    State(_): State<Arc<Api>>,
    tenant: Tenant,
    Path(base): Path<String>,
    at: PageOf,
) -> ApiResult<Listed<Out>> {
    let base = find(&tenant, &base).await?;
    page("proposals", tenant.store.proposals(base.id, at.into()).await?, Out::from)
}

#[derive(Serialize, JsonSchema)]
pub struct Review {
    proposal: Out,
    /// As everywhere, with whether they replace one that is there.
    documents: Vec<Value>,
    asked: u64,
    changed: u64,
}

/// With its documents and how many answers change.
pub async fn show(State(_): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<Review>> {
    let proposal = tenant.store.proposal(id.parse::<ProposalId>()?).await?;
    let one = PageRequest::new(1, 1);
    let asked = tenant.store.proposed_answers(proposal.id, false, one).await?.total;
    let changed = tenant.store.proposed_answers(proposal.id, true, one).await?.total;
    let mut listed: Vec<Value> = Vec::new();
    for document in tenant.store.proposed(&proposal).await? {
        let mut shown = documents::shown(&tenant, document.id).await?;
        shown["replaces"] = document.replaces.is_some().into();
        listed.push(shown);
    }
    ok(Review { proposal: proposal.into(), documents: listed, asked, changed })
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
    Path(id): Path<String>,
    Query(filter): Query<Filter>,
    at: PageOf,
) -> ApiResult<Listed<AnswerOut>> {
    let proposal = tenant.store.proposal(id.parse::<ProposalId>()?).await?;
    let found = tenant.store.proposed_answers(proposal.id, filter.changed, at.into()).await?;
    page("answers", found, AnswerOut::from)
}

/// The proposed documents take their places: from then on they are ingested into the base like any upload, and readers see
/// the old ones until the new ones are ready.
pub async fn promote(State(api): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<Out>> {
    let proposal = tenant.store.proposal(id.parse::<ProposalId>()?).await?;
    if matches!(proposal.state, ProposalState::Building | ProposalState::Reviewing) {
        return Err(ApiError::conflict("it is still being reviewed"));
    }
    let documents = tenant.store.proposed(&proposal).await?;
    tenant.store.promote(proposal.id).await.map_err(over)?;
    api.node.wake_ingestion();
    for document in documents {
        // Nobody can find them any more: what stays behind is waste, not harm.
        if let Err(e) = api.pipeline.forget(tenant.id, proposal.draft(), document.id).await {
            tracing::warn!(tenant.id = %tenant.id, document.id = %document.id, error = %e, "draft not forgotten");
        }
        // Where it was read its bytes are the base's now, and those that it replaced are nobody's.
        let unused = if document.ready { document.replaces } else { Some(document.path) };
        if let Some(path) = unused {
            files::forget(&api, &tenant, &path).await;
        }
    }
    ok(Out::from(tenant.store.proposal(proposal.id).await?))
}

/// A repeat finishes what a failure interrupted.
pub async fn discard(State(api): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<Out>> {
    let proposal = tenant.store.proposal(id.parse::<ProposalId>()?).await?;
    if proposal.state != ProposalState::Dropped {
        tenant.store.move_proposal(proposal.id, ProposalState::Dropped).await.map_err(over)?;
    }
    for document in tenant.store.proposed(&proposal).await? {
        documents::delete(&api, &tenant, document.id).await?;
    }
    match tenant.store.delete_knowledge_base(proposal.draft()).await {
        Ok(()) | Err(StoreError::NotFound(_)) => {}
        Err(e) => return Err(e.into()),
    }
    ok(Out::from(tenant.store.proposal(proposal.id).await?))
}

fn over(e: StoreError) -> ApiError {
    match e {
        StoreError::Conflict(_) => ApiError::conflict("it was promoted or dropped already"),
        other => other.into(),
    }
}
