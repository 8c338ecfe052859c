//! `POST /api/ask`: one question to one knowledge base.

use crate::{
    answer::Of,
    ask::{Question, ask, fresh_agent},
    auth::Tenant,
    body::Body,
    error::{ApiError, ApiResult, ok},
    state::Api,
};
use axum::extract::State;
use colloquy_domain::{
    language::Language,
    model::Usage,
    outbound::{Checks, Citation},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Characters that a question may have.
const LONGEST: usize = 4_000;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    question: String,
    /// The knowledge base's name.
    kb: String,
    /// `en` or `fr`; detected from the question if absent.
    language: Option<String>,
}

#[derive(Serialize, JsonSchema)]
pub struct Answer {
    answer: String,
    abstained: bool,
    citations: Vec<CitationOut>,
    checks: ChecksOut,
    usage: UsageOut,
}

/// A citation as every endpoint shows it.
#[derive(Serialize, JsonSchema)]
pub struct CitationOut {
    number: u32,
    document: String,
    document_id: String,
    page: Option<u32>,
    offset: u64,
    quote: String,
    score: f32,
}

impl From<&Citation> for CitationOut {
    fn from(c: &Citation) -> Self {
        Self {
            number: c.number,
            document: c.name.clone(),
            document_id: c.document.to_string(),
            page: c.page,
            offset: c.offset,
            quote: c.quote.clone(),
            score: c.score,
        }
    }
}

/// What came out when the reply was held against its passages.
#[derive(Serialize, JsonSchema)]
pub struct ChecksOut {
    dropped_citations: u32,
    unsupported: Vec<String>,
    withheld: bool,
}

impl From<&Checks> for ChecksOut {
    fn from(c: &Checks) -> Self {
        Self { dropped_citations: c.dropped_citations, unsupported: c.unsupported.clone(), withheld: c.withheld }
    }
}

#[derive(Serialize, JsonSchema)]
pub struct UsageOut {
    prompt_tokens: u64,
    completion_tokens: u64,
    cost_micros: u64,
}

impl From<Usage> for UsageOut {
    fn from(u: Usage) -> Self {
        Self { prompt_tokens: u.prompt_tokens, completion_tokens: u.completion_tokens, cost_micros: u.cost_micros }
    }
}

pub async fn post(State(api): State<Arc<Api>>, tenant: Tenant, Body(request): Body<Request>) -> ApiResult<Of<Answer>> {
    let question = request.question.trim();
    if question.is_empty() || question.chars().count() > LONGEST {
        return Err(ApiError::invalid("question", format!("must have 1 to {LONGEST} characters")));
    }
    let language = match request.language.as_deref() {
        None => None,
        Some(tag) => {
            Some(Language::from_tag(tag).ok_or_else(|| ApiError::invalid("language", "must be `en` or `fr`"))?)
        }
    };
    let base = tenant.store.knowledge_base_by_name(&request.kb).await?;
    let base = base.ok_or_else(|| ApiError::not_found("knowledge base"))?;
    let mut agent = fresh_agent(&api, tenant.id);
    agent.knowledge = vec![base.id];
    let question = Question { text: question, previous: &[], language, without: &[] };
    let reply = ask(&api, &agent, question).await?;
    ok(Answer {
        answer: reply.text,
        abstained: reply.abstained,
        citations: reply.citations.iter().map(CitationOut::from).collect(),
        checks: (&reply.checks).into(),
        usage: reply.usage.into(),
    })
}
