//! What a review is about: documents that are proposed, or a version of an agent that is.

use super::documents_of;
use crate::{
    ask::{Means, Question, Rehearsed, ask, rehearse},
    auth::Tenant,
    endpoints::team::others,
    state::Api,
};
use colloquy_domain::{
    agent::AgentProfile,
    failure::Failure,
    ids::{AgentId, DocumentId, ProposalId},
    knowledge::DocumentStatus,
    model::{HistoryMessage, Speaker},
    ports::StoreError,
    proposal::Change,
    team::Teammate,
};
use colloquy_store::{AgentDraft, Answer, PageRequest, Proposal, ProposalState};

pub(super) enum Subject {
    Documents(Proposal),
    Agent(Box<AgentDraft>),
}

/// A question's answers without the proposal and with it.
pub(super) struct Compared {
    pub(super) before: Answer,
    pub(super) after: Answer,
    pub(super) change: Change,
}

/// What somebody asked, and whom.
pub(super) struct RealAsked<'a> {
    pub(super) agent: AgentId,
    pub(super) text: &'a str,
    pub(super) previous: &'a [String],
}

impl Subject {
    pub(super) fn state(&self) -> ProposalState {
        match self {
            Self::Documents(proposal) => proposal.state,
            Self::Agent(draft) => draft.state,
        }
    }

    pub(super) fn id(&self) -> ProposalId {
        match self {
            Self::Documents(proposal) => proposal.id,
            Self::Agent(draft) => draft.id,
        }
    }

    /// Real questions that are asked again, at most.
    pub(super) fn questions(&self) -> usize {
        match self {
            Self::Documents(proposal) => proposal.questions as usize,
            Self::Agent(draft) => draft.questions as usize,
        }
    }

    pub(super) async fn move_to(&self, tenant: &Tenant, state: ProposalState) -> Result<(), StoreError> {
        match self {
            Self::Documents(proposal) => tenant.store.move_proposal(proposal.id, state).await,
            Self::Agent(draft) => tenant.store.move_draft(draft.id, state).await,
        }
    }

    /// Whether nothing of it is on its way any more.
    pub(super) async fn is_built(&self, tenant: &Tenant) -> Result<bool, StoreError> {
        let Self::Documents(proposal) = self else { return Ok(true) };
        let documents = documents_of(tenant, proposal.draft()).await?;
        let over = |s: DocumentStatus| matches!(s, DocumentStatus::Ready | DocumentStatus::Failed);
        Ok(documents.iter().all(|d| over(d.progress.status)))
    }

    /// Whose questions are asked again.
    pub(super) async fn agents(&self, tenant: &Tenant) -> Result<Vec<AgentId>, StoreError> {
        match self {
            Self::Documents(proposal) => who_knows(tenant, proposal).await,
            Self::Agent(draft) => Ok(vec![draft.profile.id]),
        }
    }

    /// None if there is no such agent any more.
    pub(super) async fn compare(
        &self,
        api: &Api,
        tenant: &Tenant,
        asked: &RealAsked<'_>,
    ) -> Result<Result<Option<Compared>, Failure>, StoreError> {
        let profile = match tenant.store.agent(asked.agent).await {
            Ok(agent) => agent.profile,
            Err(StoreError::NotFound(_)) => return Ok(Ok(None)),
            Err(e) => return Err(e),
        };
        let compared = match self {
            Self::Documents(proposal) => {
                let replaced = replaced(tenant, proposal).await?;
                with_documents(api, &profile, proposal, &replaced, asked).await
            }
            Self::Agent(draft) => {
                let both = (others(tenant, &profile).await?, others(tenant, &draft.profile).await?);
                with_draft(api, (&profile, both.0), (&draft.profile, both.1), asked).await
            }
        };
        Ok(compared.map(Some))
    }
}

async fn with_documents(
    api: &Api,
    profile: &AgentProfile,
    proposal: &Proposal,
    replaced: &[DocumentId],
    asked: &RealAsked<'_>,
) -> Result<Compared, Failure> {
    let question = Question { text: asked.text, previous: asked.previous, language: None, without: &[] };
    let mut knowing: AgentProfile = profile.clone();
    knowing.knowledge.push(proposal.draft());
    let before = ask(api, profile, question).await?;
    let after = ask(api, &knowing, Question { without: replaced, ..question }).await?;
    let change = Change::between(&before, &after);
    Ok(Compared { before: Answer::from(&before), after: Answer::from(&after), change })
}

/// To whom an agent may hand, and whom it may ask.
type Others = (Vec<Teammate>, Vec<Teammate>);

/// Both with their tools to choose from, none of which is called.
async fn with_draft(
    api: &Api,
    now: (&AgentProfile, Others),
    draft: (&AgentProfile, Others),
    asked: &RealAsked<'_>,
) -> Result<Compared, Failure> {
    let (before, after) = (rehearsed(api, now, asked).await?, rehearsed(api, draft, asked).await?);
    let said = Change::between(&before.reply, &after.reply);
    let (before, after) = (answer(before), answer(after));
    let change = if before.calls == after.calls { said } else { Change::Text };
    Ok(Compared { before, after, change })
}

async fn rehearsed(
    api: &Api,
    (profile, (team, specialists)): (&AgentProfile, Others),
    asked: &RealAsked<'_>,
) -> Result<Rehearsed, Failure> {
    let question = Question { text: asked.text, previous: asked.previous, language: None, without: &[] };
    let said = |text: &String| HistoryMessage { speaker: Speaker::Person, text: text.clone(), image: None };
    let names = if profile.team.is_empty() { profile.tools.clone() } else { profile.all_tools() };
    let tools = api.catalogue.tools(profile.tenant, &names).await?;
    rehearse(api, profile, question, asked.previous.iter().map(said).collect(), Means { tools, team, specialists })
        .await
}

fn answer(rehearsed: Rehearsed) -> Answer {
    let calls = rehearsed.calls.into_iter().map(|c| (c.name, c.arguments)).collect();
    Answer { calls, ..Answer::from(&rehearsed.reply) }
}

async fn who_knows(tenant: &Tenant, proposal: &Proposal) -> Result<Vec<AgentId>, StoreError> {
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
