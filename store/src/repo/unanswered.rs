//! Questions that agents could not answer, by topics.

use super::{Page, PageRequest, TenantStore, found};
use crate::{
    db::{self, Conn},
    error::{store_error, unreadable},
    ports::{small, unsigned},
    records,
    sql::knowledge as sql,
};
use colloquy_domain::{
    ids::{ConversationId, KnowledgeBaseId, TopicId, TurnNo, UnansweredId},
    language::Language,
    ports::StoreError,
    time::Timestamp,
    unanswered::{Topic, closest, words},
};
use futures::FutureExt;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Questions that are put into topics in one transaction.
const SORTED_AT_ONCE: i64 = 200;

/// What a team says about a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopicState {
    Open,
    /// The documents answer it by now; asked again without an answer, it is open again.
    Answered,
    /// Not for this agent to answer, whoever asks.
    Dismissed,
}

impl TopicState {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Answered => "answered",
            Self::Dismissed => "dismissed",
        }
    }

    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Open, Self::Answered, Self::Dismissed].into_iter().find(|s| s.name() == name)
    }
}

/// Unanswered questions about the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnansweredTopic {
    pub id: TopicId,
    pub state: TopicState,
    /// The first of its questions.
    pub title: String,
    pub language: Option<Language>,
    pub questions: u64,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnansweredQuestion {
    pub id: UnansweredId,
    pub conversation: ConversationId,
    pub turn: TurnNo,
    pub text: String,
    pub language: Option<Language>,
    pub asked_at: Timestamp,
}

type TopicRow = (Uuid, String, String, Option<String>, i64, i64, i64);

fn topic((id, state, title, language, questions, first_at, last_at): TopicRow) -> Result<UnansweredTopic, StoreError> {
    Ok(UnansweredTopic {
        id: TopicId::new(id),
        state: TopicState::named(&state).ok_or_else(|| unreadable("state of a topic"))?,
        title,
        language: read_language(language.as_deref()),
        questions: unsigned(questions),
        first_at: Timestamp(first_at),
        last_at: Timestamp(last_at),
    })
}

fn read_language(tag: Option<&str>) -> Option<Language> {
    tag.and_then(Language::from_tag)
}

impl TenantStore {
    /// The base's topics in one state; what is asked most comes first. Questions that came since are sorted in first.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the base does not exist, or the store's.
    pub async fn unanswered(
        &self,
        base: KnowledgeBaseId,
        state: TopicState,
        request: PageRequest,
    ) -> Result<Page<UnansweredTopic>, StoreError> {
        self.knowledge_base(base).await?;
        self.sort_unanswered(base).await?;
        let query = db::query_as(sql::TOPICS).bind(self.key()).bind(base.uuid()).bind(state.name());
        let query = query.bind(request.sql_limit()).bind(request.sql_offset());
        let rows: Vec<TopicRow> = query.fetch_all(self.reads()).await.map_err(store_error)?;
        let query = db::query_scalar(sql::COUNT_TOPICS).bind(self.key()).bind(base.uuid()).bind(state.name());
        let total: i64 = query.fetch_one(self.reads()).await.map_err(store_error)?;
        Page::new(rows, request, total).try_map(topic)
    }

    /// Up to `limit` questions of a topic, the newest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn unanswered_questions(
        &self,
        topic: TopicId,
        limit: u32,
    ) -> Result<Vec<UnansweredQuestion>, StoreError> {
        let query = db::query_as(sql::QUESTIONS).bind(self.key()).bind(topic.uuid()).bind(i64::from(limit));
        let rows: Vec<(Uuid, Uuid, i64, String, Option<String>, i64)> =
            query.fetch_all(self.reads()).await.map_err(store_error)?;
        let question =
            |(id, conversation, turn, text, language, asked_at): (_, _, _, _, Option<String>, _)| UnansweredQuestion {
                id: UnansweredId::new(id),
                conversation: ConversationId::new(conversation),
                turn: small(turn),
                text,
                language: read_language(language.as_deref()),
                asked_at: Timestamp(asked_at),
            };
        Ok(rows.into_iter().map(question).collect())
    }

    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn mark_unanswered(
        &self,
        base: KnowledgeBaseId,
        id: TopicId,
        state: TopicState,
    ) -> Result<UnansweredTopic, StoreError> {
        let tenant = self.key();
        self.tell(move |conn| {
            async move {
                let query = db::query(sql::MARK_TOPIC).bind(tenant).bind(base.uuid()).bind(id.uuid());
                let done = query.bind(state.name()).execute(conn).await.map_err(store_error)?;
                found(done.rows_affected(), "topic")
            }
            .boxed()
        })
        .await?;
        self.unanswered_topic(base, id).await
    }

    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn unanswered_topic(&self, base: KnowledgeBaseId, id: TopicId) -> Result<UnansweredTopic, StoreError> {
        let query = db::query_as(sql::TOPIC).bind(self.key()).bind(base.uuid()).bind(id.uuid());
        let row: Option<TopicRow> = query.fetch_optional(self.reads()).await.map_err(store_error)?;
        topic(row.ok_or(StoreError::NotFound("topic"))?)
    }

    /// Puts the questions that came since the last time into topics.
    async fn sort_unanswered(&self, base: KnowledgeBaseId) -> Result<(), StoreError> {
        loop {
            let (tenant, base) = (self.key(), base.uuid());
            // Looked up first: mostly there is nothing to write.
            let query = db::query_as(sql::UNSORTED).bind(tenant).bind(base).bind(1_i64);
            let waiting: Vec<UnsortedRow> = query.fetch_all(self.reads()).await.map_err(store_error)?;
            if waiting.is_empty() {
                return Ok(());
            }
            let store = self.store.clone();
            self.tell(move |conn| {
                let store = store.clone();
                async move { sort(conn, tenant, base, || store.uuid()).await }.boxed()
            })
            .await?;
        }
    }
}

type UnsortedRow = (Uuid, String, Option<String>, i64);

/// What is to be written of a topic.
struct Change {
    id: Uuid,
    /// Title, language and time of the first question of a new one.
    made: Option<(String, Option<String>, i64)>,
    /// Of the last question that came in.
    grown_at: Option<i64>,
}

async fn sort(conn: &mut Conn, tenant: Uuid, base: Uuid, new_id: impl Fn() -> Uuid + Send) -> Result<(), StoreError> {
    let lock = db::query(sql::LOCK_BASE).bind(tenant).bind(base);
    lock.fetch_optional(&mut *conn).await.map_err(store_error)?;
    let query = db::query_as(sql::UNSORTED).bind(tenant).bind(base).bind(SORTED_AT_ONCE);
    let questions: Vec<UnsortedRow> = query.fetch_all(&mut *conn).await.map_err(store_error)?;
    let (mut topics, mut changes) = topics(conn, tenant, base).await?;
    for (question, text, language, asked_at) in questions {
        let words = words(&text, read_language(language.as_deref()).unwrap_or_default());
        let place = match closest(&topics, &words) {
            Some(place) => place,
            None => {
                topics.push(Topic::default());
                changes.push(Change { id: new_id(), made: Some((text, language, asked_at)), grown_at: None });
                topics.len() - 1
            }
        };
        topics[place].add(&words);
        changes[place].grown_at = Some(asked_at);
        let query = db::query(sql::SORT).bind(tenant).bind(question).bind(changes[place].id);
        query.execute(&mut *conn).await.map_err(store_error)?;
    }
    for (topic, Change { id, made, grown_at }) in topics.into_iter().zip(changes) {
        let Some(last_at) = grown_at else { continue };
        let words = records::write(&topic.words)?;
        let questions = i64::from(topic.questions);
        let query = match made {
            Some((title, language, first_at)) => {
                let query = db::query(sql::ADD_TOPIC).bind(id).bind(tenant).bind(base).bind(title).bind(language);
                query.bind(words).bind(questions).bind(first_at).bind(last_at)
            }
            None => db::query(sql::GROW_TOPIC).bind(tenant).bind(id).bind(words).bind(questions).bind(last_at),
        };
        query.execute(&mut *conn).await.map_err(store_error)?;
    }
    Ok(())
}

async fn topics(conn: &mut Conn, tenant: Uuid, base: Uuid) -> Result<(Vec<Topic>, Vec<Change>), StoreError> {
    let query = db::query_as(sql::TOPIC_WORDS).bind(tenant).bind(base);
    let known: Vec<(Uuid, String, i64)> = query.fetch_all(conn).await.map_err(store_error)?;
    let (mut topics, mut changes) = (Vec::with_capacity(known.len()), Vec::with_capacity(known.len()));
    for (id, words, questions) in known {
        let words: BTreeMap<String, u32> = records::read("topic", &words)?;
        topics.push(Topic { words, questions: small(questions) });
        changes.push(Change { id, made: None, grown_at: None });
    }
    Ok((topics, changes))
}
