//! `GET /api/knowledge-bases/{id}/unanswered`, `GET/PATCH …/unanswered/{topic}`: what agents could not answer.

use super::knowledge_bases::find;
use crate::{
    answer::Of,
    auth::Tenant,
    body::{Body, PageOf},
    error::{ApiError, ApiResult, ok},
    page::list as page,
    state::Api,
    time::rfc3339,
};
use axum::extract::{Path, Query, State};
use colloquy_domain::{ids::TopicId, language::Language};
use colloquy_store::{TopicState, UnansweredQuestion, UnansweredTopic};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Questions of a topic that are shown.
const SHOWN: u32 = 50;

#[derive(Deserialize, JsonSchema)]
pub struct Filter {
    /// `open` if absent.
    state: Option<String>,
}

#[derive(Serialize, JsonSchema)]
pub struct TopicOut {
    id: String,
    state: &'static str,
    title: String,
    language: Option<&'static str>,
    questions: u64,
    first_at: String,
    last_at: String,
}

impl From<UnansweredTopic> for TopicOut {
    fn from(t: UnansweredTopic) -> Self {
        Self {
            id: t.id.to_string(),
            state: t.state.name(),
            title: t.title,
            language: t.language.map(Language::code),
            questions: t.questions,
            first_at: rfc3339(t.first_at),
            last_at: rfc3339(t.last_at),
        }
    }
}

#[derive(Serialize, JsonSchema)]
pub struct QuestionOut {
    id: String,
    conversation: String,
    turn: u32,
    text: String,
    language: Option<&'static str>,
    asked_at: String,
}

impl From<UnansweredQuestion> for QuestionOut {
    fn from(q: UnansweredQuestion) -> Self {
        Self {
            id: q.id.to_string(),
            conversation: q.conversation.to_string(),
            turn: q.turn,
            text: q.text,
            language: q.language.map(Language::code),
            asked_at: rfc3339(q.asked_at),
        }
    }
}

fn state(name: &str) -> ApiResult<TopicState> {
    TopicState::named(name).ok_or_else(|| ApiError::invalid("state", "must be `open`, `answered` or `dismissed`"))
}

pub async fn list(
    State(_): State<Arc<Api>>,
    tenant: Tenant,
    Path(base): Path<String>,
    Query(filter): Query<Filter>,
    at: PageOf,
) -> ApiResult {
    let state = filter.state.as_deref().map_or(Ok(TopicState::Open), state)?;
    let base = find(&tenant, &base).await?;
    page("topics", tenant.store.unanswered(base.id, state, at.into()).await?, TopicOut::from)
}

#[derive(Serialize, JsonSchema)]
pub struct Topic {
    topic: TopicOut,
    questions: Vec<QuestionOut>,
}

pub async fn show(
    State(_): State<Arc<Api>>,
    tenant: Tenant,
    Path((base, topic)): Path<(String, String)>,
) -> ApiResult<Of<Topic>> {
    let base = find(&tenant, &base).await?;
    let topic = tenant.store.unanswered_topic(base.id, topic.parse::<TopicId>()?).await?;
    let questions = tenant.store.unanswered_questions(topic.id, SHOWN).await?;
    ok(Topic { topic: topic.into(), questions: questions.into_iter().map(QuestionOut::from).collect() })
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mark {
    state: String,
}

pub async fn mark(
    State(_): State<Arc<Api>>,
    tenant: Tenant,
    Path((base, topic)): Path<(String, String)>,
    Body(mark): Body<Mark>,
) -> ApiResult<Of<TopicOut>> {
    let state = state(&mark.state)?;
    let base = find(&tenant, &base).await?;
    ok(TopicOut::from(tenant.store.mark_unanswered(base.id, topic.parse::<TopicId>()?, state).await?))
}
