//! Proposals: waits for the draft's documents, then asks real questions without them and with them.

use super::{Step, Wrong, documents_of, read};
use crate::{
    ask::{Question, ask},
    auth::Tenant,
    error::ApiResult,
    state::Api,
};
use colloquy_domain::{
    agent::AgentProfile,
    failure::Failure,
    ids::{AgentId, ConversationId, DocumentId, ProposalId, TurnNo},
    knowledge::DocumentStatus,
    outbound::Reply,
    ports::StoreError,
    proposal::Change,
};
use colloquy_store::{
    Answer, Job, JobKind, JobState, PageRequest, Proposal, ProposalState, ProposedAnswer, RealQuestion,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;

/// How often the draft's documents are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A question that a model in trouble does not answer is tried so often.
const TRIES: u32 = 5;
const AGAIN: Duration = Duration::from_secs(5);

/// How far the review of a proposal is. Version 1.
#[derive(Serialize, Deserialize)]
struct Review {
    v: u16,
    proposal: ProposalId,
    /// The questions, once they are chosen.
    questions: Option<Vec<Asked>>,
    asked: u32,
    tries: u32,
    failed: Vec<Wrong>,
}

#[derive(Serialize, Deserialize)]
struct Asked {
    conversation: ConversationId,
    turn: TurnNo,
    agent: AgentId,
    text: String,
    previous: Vec<String>,
}

impl From<RealQuestion> for Asked {
    fn from(q: RealQuestion) -> Self {
        let RealQuestion { conversation, turn, agent, text, previous } = q;
        Self { conversation, turn, agent, text, previous }
    }
}

/// # Errors
/// The store's.
pub async fn start(tenant: &Tenant, proposal: ProposalId) -> ApiResult<Job> {
    let review = Review { v: 1, proposal, questions: None, asked: 0, tries: 0, failed: Vec::new() };
    let step = Step::of(JobState::Running, &review, Duration::ZERO)?;
    Ok(tenant.store.create_job(JobKind::Proposal, &step.detail).await?)
}

pub(super) async fn step(api: &Api, tenant: &Tenant, job: &Job) -> Result<Step, StoreError> {
    let mut review: Review = read(job)?;
    let proposal = tenant.store.proposal(review.proposal).await?;
    if proposal.state.is_over() {
        return Step::of(JobState::Done, &review, Duration::ZERO);
    }
    let Some(questions) = &review.questions else {
        if !is_built(tenant, &proposal).await? {
            return Step::of(JobState::Running, &review, LOOK_EVERY);
        }
        let agents: Vec<AgentId> = agents_of(tenant, &proposal).await?;
        let found = tenant.store.real_questions(&agents, proposal.questions as usize).await?;
        review.questions = Some(found.into_iter().map(Asked::from).collect());
        tenant.store.move_proposal(proposal.id, ProposalState::Reviewing).await?;
        return Step::of(JobState::Running, &review, Duration::ZERO);
    };
    let Some(question) = questions.get(review.asked as usize) else {
        tenant.store.move_proposal(proposal.id, ProposalState::Ready).await?;
        return Step::of(JobState::Done, &review, Duration::ZERO);
    };
    let pause = match both(api, tenant, &proposal, question).await? {
        Err(failure) if failure.is_retry() && review.tries + 1 < TRIES => {
            review.tries += 1;
            return Step::of(JobState::Running, &review, AGAIN);
        }
        Err(failure) => {
            review.failed.push(Wrong::new(&question.text, &failure));
            Duration::ZERO
        }
        Ok(Some((before, after))) => {
            let answer = ProposedAnswer {
                place: review.asked,
                conversation: question.conversation,
                turn: question.turn,
                question: question.text.clone(),
                change: Change::between(&before, &after),
                before: Answer::from(&before),
                after: Answer::from(&after),
            };
            tenant.store.add_proposed_answer(proposal.id, &answer).await?;
            Duration::ZERO
        }
        // Its agent is gone.
        Ok(None) => Duration::ZERO,
    };
    (review.asked, review.tries) = (review.asked + 1, 0);
    Step::of(JobState::Running, &review, pause)
}

/// Whether nothing of the draft is on its way any more.
async fn is_built(tenant: &Tenant, proposal: &Proposal) -> Result<bool, StoreError> {
    let documents = documents_of(tenant, proposal.draft()).await?;
    let over = |s: DocumentStatus| matches!(s, DocumentStatus::Ready | DocumentStatus::Failed);
    Ok(documents.iter().all(|d| over(d.progress.status)))
}

async fn agents_of(tenant: &Tenant, proposal: &Proposal) -> Result<Vec<AgentId>, StoreError> {
    let mut agents = Vec::new();
    for page in 1.. {
        let found = tenant.store.agents(PageRequest::new(page, PageRequest::MOST)).await?.items;
        let last = found.len() < PageRequest::MOST as usize;
        let knows = found.into_iter().map(|a| a.profile).filter(|p| p.knowledge.contains(&proposal.base));
        agents.extend(knows.map(|p| p.id));
        if last {
            break;
        }
    }
    Ok(agents)
}

/// The answers without the proposal and with it; none if there is no such agent any more.
async fn both(
    api: &Api,
    tenant: &Tenant,
    proposal: &Proposal,
    asked: &Asked,
) -> Result<Result<Option<(Reply, Reply)>, Failure>, StoreError> {
    let profile = match tenant.store.agent(asked.agent).await {
        Ok(agent) => agent.profile,
        Err(StoreError::NotFound(_)) => return Ok(Ok(None)),
        Err(e) => return Err(e),
    };
    let replaced = replaced(tenant, proposal).await?;
    let question = Question { text: &asked.text, previous: &asked.previous, language: None, without: &[] };
    let mut with_draft: AgentProfile = profile.clone();
    with_draft.knowledge.push(proposal.draft());
    let answers = async {
        let before = ask(api, &profile, question).await?;
        let after = ask(api, &with_draft, Question { without: &replaced, ..question }).await?;
        Ok(Some((before, after)))
    };
    Ok(answers.await)
}

/// The base's documents that the draft's would replace, as far as those are usable.
async fn replaced(tenant: &Tenant, proposal: &Proposal) -> Result<Vec<DocumentId>, StoreError> {
    let draft = documents_of(tenant, proposal.draft()).await?;
    let ready = draft.into_iter().filter(|d| d.progress.status == DocumentStatus::Ready);
    let mut replaced = Vec::new();
    for document in ready {
        replaced.extend(tenant.store.document_named(proposal.base, &document.name).await?.map(|d| d.id));
    }
    Ok(replaced)
}

pub(super) fn show(job: &Job) -> ApiResult<Value> {
    let r: Review = read(job)?;
    let questions = r.questions.as_ref().map(Vec::len);
    Ok(json!({
        "proposal": r.proposal.to_string(), "questions": questions, "asked": r.asked, "failed": r.failed,
    }))
}
