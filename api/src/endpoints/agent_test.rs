//! `POST /api/agents/{id}/test`: what an agent would do with a message. Nothing is kept, sent or run.

use super::{
    agents,
    ask::{CitationOut, UsageOut},
    team,
};
use crate::{
    answer::Of,
    ask::{Means, Question, rehearse},
    auth::Tenant,
    body::Body,
    error::{ApiError, ApiResult, Detail, ok},
    openapi::one_of,
    state::Api,
};
use axum::extract::{Path, State};
use colloquy_domain::{
    knowledge::Passage,
    language::Language,
    model::{HistoryMessage, Speaker},
    tool::ToolCall,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Characters that a message may have.
const LONGEST: usize = 8_000;
/// Earlier messages that may be given.
const MOST: usize = 100;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    message: String,
    /// What was said before it, oldest first.
    #[serde(default)]
    history: Vec<Said>,
    /// `en` or `fr`; detected from the message if absent.
    language: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Said {
    #[schemars(schema_with = "one_of::<Speaker>")]
    speaker: Speaker,
    text: String,
}

#[derive(Serialize, JsonSchema)]
pub struct Out {
    answer: String,
    abstained: bool,
    citations: Vec<CitationOut>,
    passages: Vec<PassageOut>,
    /// Tools that it would call before it answers; they were not called.
    calls: Vec<CallOut>,
    usage: UsageOut,
}

#[derive(Serialize, JsonSchema)]
pub struct PassageOut {
    document: String,
    document_id: String,
    page: Option<u32>,
    text: String,
}

#[derive(Serialize, JsonSchema)]
pub struct CallOut {
    tool: String,
    /// JSON text, as the model wrote it.
    arguments: String,
}

impl From<Passage> for PassageOut {
    fn from(p: Passage) -> Self {
        Self { document: p.name, document_id: p.document.to_string(), page: p.page, text: p.text }
    }
}

impl From<(String, String)> for CallOut {
    fn from((tool, arguments): (String, String)) -> Self {
        Self { tool, arguments }
    }
}

impl From<ToolCall> for CallOut {
    fn from(c: ToolCall) -> Self {
        Self { tool: c.name, arguments: c.arguments }
    }
}

pub async fn post(
    State(api): State<Arc<Api>>,
    tenant: Tenant,
    Path(named): Path<String>,
    Body(request): Body<Request>,
) -> ApiResult<Of<Out>> {
    let profile = agents::find(&tenant.store, &named).await?;
    let language = checked(&request)?;
    let question = Question { text: &request.message, previous: &[], language, without: &[] };
    let history =
        request.history.iter().map(|s| HistoryMessage { speaker: s.speaker, text: s.text.clone(), image: None });
    let (team, specialists) = team::others(&tenant, &profile).await?;
    let names = if team.is_empty() { profile.tools.clone() } else { profile.all_tools() };
    let tools = api.catalogue.tools(tenant.id, &names).await?;
    let found = rehearse(&api, &profile, question, history.collect(), Means { tools, team, specialists }).await?;
    ok(Out {
        answer: found.reply.text,
        abstained: found.reply.abstained,
        citations: found.reply.citations.iter().map(CitationOut::from).collect(),
        passages: found.passages.into_iter().map(PassageOut::from).collect(),
        calls: found.calls.into_iter().map(CallOut::from).collect(),
        usage: found.reply.usage.into(),
    })
}

/// The language of the answer; all that is wrong is told at once.
fn checked(request: &Request) -> ApiResult<Option<Language>> {
    let mut wrong = Vec::new();
    let fits = |text: &str| !text.trim().is_empty() && text.chars().count() <= LONGEST;
    if !fits(&request.message) {
        wrong.push(Detail::new("message", format!("must have 1 to {LONGEST} characters")));
    }
    if request.history.len() > MOST {
        wrong.push(Detail::new("history", format!("must have at most {MOST} messages")));
    }
    for (n, _) in request.history.iter().enumerate().filter(|(_, s)| !fits(&s.text)) {
        wrong.push(Detail::new(format!("history[{n}].text"), format!("must have 1 to {LONGEST} characters")));
    }
    let language = request.language.as_deref().and_then(Language::from_tag);
    if request.language.is_some() && language.is_none() {
        wrong.push(Detail::new("language", "must be `en` or `fr`"));
    }
    if wrong.is_empty() { Ok(language) } else { Err(ApiError::validation(wrong)) }
}
