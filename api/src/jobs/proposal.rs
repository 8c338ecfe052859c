//! Reviews of what is proposed: real questions are asked without it and with it.

use super::{
    Step, Wrong, read,
    subject::{RealAsked, Subject},
};
use crate::{auth::Tenant, error::ApiResult, state::Api};
use colloquy_domain::{
    ids::{AgentId, ConversationId, ProposalId, TurnNo},
    ports::StoreError,
};
use colloquy_store::{Job, JobKind, JobState, ProposalState, ProposedAnswer, RealQuestion};
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
    /// Whose version is proposed, if it is no documents.
    #[serde(default)]
    agent: Option<AgentId>,
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

/// Of documents, or of a version of `agent`.
///
/// # Errors
/// The store's.
pub async fn start(tenant: &Tenant, proposal: ProposalId, agent: Option<AgentId>) -> ApiResult<Job> {
    let review = Review { v: 1, proposal, agent, questions: None, asked: 0, tries: 0, failed: Vec::new() };
    let step = Step::of(JobState::Running, &review, Duration::ZERO)?;
    Ok(tenant.store.create_job(JobKind::Proposal, &step.detail).await?)
}

async fn subject(tenant: &Tenant, review: &Review) -> Result<Subject, StoreError> {
    Ok(match review.agent {
        None => Subject::Documents(tenant.store.proposal(review.proposal).await?),
        Some(_) => Subject::Agent(Box::new(tenant.store.agent_draft(review.proposal).await?)),
    })
}

pub(super) async fn step(api: &Api, tenant: &Tenant, job: &Job) -> Result<Step, StoreError> {
    let mut review: Review = read(job)?;
    let subject = subject(tenant, &review).await?;
    if subject.state().is_over() {
        return Step::of(JobState::Done, &review, Duration::ZERO);
    }
    let Some(questions) = &review.questions else {
        if !subject.is_built(tenant).await? {
            return Step::of(JobState::Running, &review, LOOK_EVERY);
        }
        let agents = subject.agents(tenant).await?;
        let found = tenant.store.real_questions(&agents, subject.questions()).await?;
        review.questions = Some(found.into_iter().map(Asked::from).collect());
        subject.move_to(tenant, ProposalState::Reviewing).await?;
        return Step::of(JobState::Running, &review, Duration::ZERO);
    };
    let Some(question) = questions.get(review.asked as usize) else {
        subject.move_to(tenant, ProposalState::Ready).await?;
        return Step::of(JobState::Done, &review, Duration::ZERO);
    };
    let asked = RealAsked { agent: question.agent, text: &question.text, previous: &question.previous };
    let pause = match subject.compare(api, tenant, &asked).await? {
        Err(failure) if failure.is_retry() && review.tries + 1 < TRIES => {
            review.tries += 1;
            return Step::of(JobState::Running, &review, AGAIN);
        }
        Err(failure) => {
            review.failed.push(Wrong::new(&question.text, &failure));
            Duration::ZERO
        }
        Ok(Some(compared)) => {
            let answer = ProposedAnswer {
                place: review.asked,
                conversation: question.conversation,
                turn: question.turn,
                question: question.text.clone(),
                change: compared.change,
                before: compared.before,
                after: compared.after,
            };
            tenant.store.add_proposed_answer(subject.id(), &answer).await?;
            Duration::ZERO
        }
        // Its agent is gone.
        Ok(None) => Duration::ZERO,
    };
    (review.asked, review.tries) = (review.asked + 1, 0);
    Step::of(JobState::Running, &review, pause)
}

pub(super) fn show(job: &Job) -> ApiResult<Value> {
    let r: Review = read(job)?;
    let questions = r.questions.as_ref().map(Vec::len);
    Ok(json!({
        "proposal": r.proposal.to_string(), "questions": questions, "asked": r.asked, "failed": r.failed,
    }))
}
