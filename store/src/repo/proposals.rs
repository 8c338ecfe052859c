//! Documents that are proposed for a base, and what would be answered with them.

use super::{Page, PageRequest, TenantStore, found};
use crate::{
    db,
    error::{store_error, unreadable},
    ports::{read_speaker, small},
    records::{self, CitationRecord},
    sql::{documents, knowledge, platform, proposals as sql},
};
use colloquy_domain::{
    ids::{AgentId, ConversationId, DocumentId, KnowledgeBaseId, ProposalId, TurnNo},
    model::Speaker,
    outbound::{Citation, Reply},
    ports::StoreError,
    proposal::Change,
    time::Timestamp,
};
use futures::FutureExt;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use uuid::Uuid;

/// Lines before a reply that are looked at for its question.
const LINES: i64 = 30;
/// Replies that are looked at together.
const TURNS: i64 = 200;
/// So often, at most: a question from long ago says little about today.
const ROUNDS: usize = 50;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProposalState {
    /// Its documents are on their way.
    Building,
    /// Real questions are asked again.
    Reviewing,
    Ready,
    Promoted,
    Dropped,
}

impl ProposalState {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Building => "building",
            Self::Reviewing => "reviewing",
            Self::Ready => "ready",
            Self::Promoted => "promoted",
            Self::Dropped => "dropped",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        [Self::Building, Self::Reviewing, Self::Ready, Self::Promoted, Self::Dropped]
            .into_iter()
            .find(|s| s.name() == name)
    }

    /// Nothing changes any more.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Promoted | Self::Dropped)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    pub id: ProposalId,
    pub base: KnowledgeBaseId,
    pub state: ProposalState,
    /// Real questions that are asked again, at most.
    pub questions: u32,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Proposal {
    /// Where its documents are until they are promoted: seen by no agent and in no list.
    #[must_use]
    pub const fn draft(&self) -> KnowledgeBaseId {
        KnowledgeBaseId::new(self.id.uuid())
    }
}

/// A question that somebody asked and an agent answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RealQuestion {
    pub conversation: ConversationId,
    pub turn: TurnNo,
    pub agent: AgentId,
    pub text: String,
    /// The person's earlier messages, newest last.
    pub previous: Vec<String>,
}

/// A reply as a proposal keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub text: String,
    pub citations: Vec<Citation>,
    pub abstained: bool,
    /// Tools that it would call before it answers, with their arguments.
    pub calls: Vec<(String, String)>,
}

impl From<&Reply> for Answer {
    fn from(r: &Reply) -> Self {
        let (text, citations, abstained) = (r.text.clone(), r.citations.clone(), r.abstained);
        Self { text, citations, abstained, calls: Vec::new() }
    }
}

/// Version 1.
#[derive(Serialize, Deserialize)]
struct AnswerRecord {
    v: u16,
    text: String,
    citations: Vec<CitationRecord>,
    abstained: bool,
    #[serde(default)]
    calls: Vec<(String, String)>,
}

impl Answer {
    fn json(&self) -> Result<String, StoreError> {
        let citations = self.citations.iter().cloned().map(CitationRecord::from).collect();
        let (text, calls) = (self.text.clone(), self.calls.clone());
        records::write(&AnswerRecord { v: 1, text, citations, abstained: self.abstained, calls })
    }

    fn parse(text: &str) -> Result<Self, StoreError> {
        let AnswerRecord { text, citations, abstained, calls, .. } = records::read("answer", text)?;
        Ok(Self { text, citations: citations.into_iter().map(Citation::from).collect(), abstained, calls })
    }
}

/// A real question, answered without the proposal and with it.
#[derive(Debug, Clone, PartialEq)]
pub struct ProposedAnswer {
    /// Counted from 0.
    pub place: u32,
    pub conversation: ConversationId,
    pub turn: TurnNo,
    pub question: String,
    pub before: Answer,
    pub after: Answer,
    pub change: Change,
}

/// A document of a draft, and the bytes that it replaces in the base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposed {
    pub id: DocumentId,
    pub name: String,
    pub path: PathBuf,
    /// It could be read; otherwise it is not promoted.
    pub ready: bool,
    pub replaces: Option<PathBuf>,
}

type ProposedRow = (Uuid, String, String, bool, Option<String>);

type Row = (Uuid, Uuid, String, i64, i64, i64);

fn proposal((id, base, state, questions, created_at, updated_at): Row) -> Result<Proposal, StoreError> {
    Ok(Proposal {
        id: ProposalId::new(id),
        base: KnowledgeBaseId::new(base),
        state: ProposalState::named(&state).ok_or_else(|| unreadable("state of a proposal"))?,
        questions: small(questions),
        created_at: Timestamp(created_at),
        updated_at: Timestamp(updated_at),
    })
}

type AnswerRow = (i64, Uuid, i64, String, String, String, String);

fn answer(
    (place, conversation, turn, question, before, after, change): AnswerRow,
) -> Result<ProposedAnswer, StoreError> {
    Ok(ProposedAnswer {
        place: small(place),
        conversation: ConversationId::new(conversation),
        turn: small(turn),
        question,
        before: Answer::parse(&before)?,
        after: Answer::parse(&after)?,
        change: Change::named(&change).ok_or_else(|| unreadable("change of an answer"))?,
    })
}

impl TenantStore {
    /// Opens a proposal for a base, with an empty draft.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is no such base, or the store's.
    pub async fn propose(&self, base: KnowledgeBaseId, questions: u32) -> Result<Proposal, StoreError> {
        let (id, tenant, now) = (self.store.uuid(), self.key(), self.store.now().millis());
        self.tell(move |conn| {
            async move {
                let query = db::query(sql::ADD_DRAFT).bind(tenant).bind(id).bind(format!("draft {id}")).bind(now);
                let made = query.bind(base.uuid()).execute(&mut *conn).await.map_err(store_error)?;
                found(made.rows_affected(), "knowledge base")?;
                let query = db::query(sql::ADD).bind(tenant).bind(id).bind(i64::from(questions)).bind(now);
                query.bind(base.uuid()).execute(conn).await.map(|_| ()).map_err(store_error)
            }
            .boxed()
        })
        .await?;
        self.proposal(ProposalId::new(id)).await
    }

    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn proposal(&self, id: ProposalId) -> Result<Proposal, StoreError> {
        let row: Option<Row> = self.one(sql::GET, id.uuid()).await?;
        proposal(row.ok_or(StoreError::NotFound("proposal"))?)
    }

    /// Of one base, the newest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn proposals(&self, base: KnowledgeBaseId, request: PageRequest) -> Result<Page<Proposal>, StoreError> {
        let query = db::query_as(sql::LIST).bind(self.key()).bind(request.sql_limit()).bind(request.sql_offset());
        let rows: Vec<Row> = query.bind(base.uuid()).fetch_all(self.reads()).await.map_err(store_error)?;
        let query = db::query_scalar(sql::COUNT).bind(self.key()).bind(base.uuid());
        let total: i64 = query.fetch_one(self.reads()).await.map_err(store_error)?;
        Page::new(rows, request, total).try_map(proposal)
    }

    /// # Errors
    /// [`StoreError::Conflict`] if it was promoted or dropped, [`StoreError::NotFound`], or the store's.
    pub async fn move_proposal(&self, id: ProposalId, state: ProposalState) -> Result<(), StoreError> {
        self.proposal(id).await?;
        let (tenant, now) = (self.key(), self.store.now().millis());
        self.tell(move |conn| {
            async move {
                let query = db::query(sql::MOVE).bind(tenant).bind(id.uuid()).bind(state.name()).bind(now);
                let moved = query.execute(conn).await.map_err(store_error)?.rows_affected();
                if moved == 0 { Err(StoreError::Conflict("proposal")) } else { Ok(()) }
            }
            .boxed()
        })
        .await
    }

    /// The documents of a proposal, in the order of their names.
    ///
    /// # Errors
    /// The store's.
    pub async fn proposed(&self, proposal: &Proposal) -> Result<Vec<Proposed>, StoreError> {
        let query = db::query_as(sql::DOCUMENTS).bind(self.key()).bind(proposal.id.uuid()).bind(proposal.base.uuid());
        let rows: Vec<ProposedRow> = query.fetch_all(self.reads()).await.map_err(store_error)?;
        let document = |(id, name, path, ready, replaces): ProposedRow| Proposed {
            id: DocumentId::new(id),
            name,
            path: PathBuf::from(path),
            ready,
            replaces: replaces.map(PathBuf::from),
        };
        Ok(rows.into_iter().map(document).collect())
    }

    /// Puts the draft's documents into the queue of the real base, in the place of those that have their names, and
    /// closes the proposal: all of it or nothing.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if it is over, [`StoreError::NotFound`], or the store's.
    pub async fn promote(&self, id: ProposalId) -> Result<(), StoreError> {
        let proposal = self.proposal(id).await?;
        let (store, tenant, now) = (self.store.clone(), self.key(), self.store.now().millis());
        self.tell(move |conn| {
            let (store, base) = (store.clone(), proposal.base.uuid());
            async move {
                let state = ProposalState::Promoted.name();
                let query = db::query(sql::MOVE).bind(tenant).bind(id.uuid()).bind(state).bind(now);
                if query.execute(&mut *conn).await.map_err(store_error)?.rows_affected() == 0 {
                    return Err(StoreError::Conflict("proposal"));
                }
                let query = db::query_as(sql::DOCUMENTS).bind(tenant).bind(id.uuid()).bind(base);
                let rows: Vec<ProposedRow> = query.fetch_all(&mut *conn).await.map_err(store_error)?;
                for (document, ..) in rows {
                    let query = db::query(sql::PROMOTE).bind(tenant).bind(document).bind(base).bind(store.uuid());
                    query.bind(now).execute(&mut *conn).await.map_err(store_error)?;
                    let query = db::query(documents::DELETE).bind(tenant).bind(document);
                    query.execute(&mut *conn).await.map_err(store_error)?;
                }
                for statement in [knowledge::FORGET_QUESTIONS, knowledge::FORGET_TOPICS, platform::DELETE_BASE] {
                    let query = db::query(statement).bind(tenant).bind(id.uuid());
                    query.execute(&mut *conn).await.map_err(store_error)?;
                }
                Ok(())
            }
            .boxed()
        })
        .await
    }

    /// # Errors
    /// The store's.
    pub async fn add_proposed_answer(&self, id: ProposalId, answer: &ProposedAnswer) -> Result<(), StoreError> {
        let (tenant, now) = (self.key(), self.store.now().millis());
        let query = db::query(sql::ADD_ANSWER)
            .bind(tenant)
            .bind(id.uuid())
            .bind(i64::from(answer.place))
            .bind(answer.conversation.uuid())
            .bind(i64::from(answer.turn))
            .bind(&answer.question)
            .bind(answer.before.json()?)
            .bind(answer.after.json()?)
            .bind(answer.change.name())
            .bind(now);
        self.tell(move |conn| {
            let query = query.clone();
            async move { query.execute(conn).await.map(|_| ()).map_err(store_error) }.boxed()
        })
        .await
    }

    /// In the order in which they were asked, the newest question first; all, or those that change.
    ///
    /// # Errors
    /// The store's.
    pub async fn proposed_answers(
        &self,
        id: ProposalId,
        changed: bool,
        request: PageRequest,
    ) -> Result<Page<ProposedAnswer>, StoreError> {
        let changed = i64::from(changed);
        let query = db::query_as(sql::ANSWERS).bind(self.key()).bind(id.uuid()).bind(changed);
        let query = query.bind(request.sql_limit()).bind(request.sql_offset());
        let rows: Vec<AnswerRow> = query.fetch_all(self.reads()).await.map_err(store_error)?;
        let query = db::query_scalar(sql::COUNT_ANSWERS).bind(self.key()).bind(id.uuid()).bind(changed);
        let total: i64 = query.fetch_one(self.reads()).await.map_err(store_error)?;
        Page::new(rows, request, total).try_map(answer)
    }

    /// The last questions, in words, that one of these agents answered, the newest first; each text once.
    ///
    /// # Errors
    /// The store's.
    pub async fn real_questions(&self, agents: &[AgentId], most: usize) -> Result<Vec<RealQuestion>, StoreError> {
        let (mut questions, mut before): (Vec<RealQuestion>, i64) = (Vec::new(), i64::MAX);
        for _ in 0..ROUNDS {
            if questions.len() == most {
                break;
            }
            let query = db::query_as(sql::TURNS).bind(self.key()).bind(before).bind(TURNS);
            let turns: Vec<(Uuid, i64, i64, Uuid)> = query.fetch_all(self.reads()).await.map_err(store_error)?;
            let Some(last) = turns.last() else { break };
            before = last.2;
            for (conversation, turn, position, agent) in turns {
                if questions.len() == most || !agents.contains(&AgentId::new(agent)) {
                    continue;
                }
                let Some((text, previous)) = self.asked_before(conversation, position).await? else { continue };
                if !questions.iter().any(|q| q.text == text && q.previous == previous) {
                    let (conversation, agent) = (ConversationId::new(conversation), AgentId::new(agent));
                    questions.push(RealQuestion { conversation, turn: small(turn), agent, text, previous });
                }
            }
        }
        Ok(questions)
    }

    /// What the person wrote just before a reply, and what they wrote earlier.
    async fn asked_before(
        &self,
        conversation: Uuid,
        position: i64,
    ) -> Result<Option<(String, Vec<String>)>, StoreError> {
        let query = db::query_as(sql::BEFORE).bind(self.key()).bind(conversation).bind(position).bind(LINES);
        let rows: Vec<(String, String)> = query.fetch_all(self.reads()).await.map_err(store_error)?;
        let (mut asked, mut previous, mut earlier) = (Vec::new(), Vec::new(), false);
        for (speaker, text) in rows {
            let person = read_speaker(&speaker)? == Speaker::Person;
            earlier |= !person;
            match (person && !text.trim().is_empty(), earlier) {
                (true, false) => asked.push(text),
                (true, true) => previous.push(text),
                (false, _) => {}
            }
        }
        asked.reverse();
        previous.reverse();
        Ok((!asked.is_empty()).then(|| (asked.join("\n"), previous)))
    }
}
