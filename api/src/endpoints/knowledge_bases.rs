//! `GET/POST /api/knowledge-bases`, `GET/PUT/DELETE /api/knowledge-bases/{id}`, `POST …/{id}/search`.

use crate::{
    answer::{Created, Deleted, Listed, Of},
    auth::Tenant,
    body::{Body, PageOf},
    error::{ApiError, ApiResult, created, ok},
    page::list as page,
    state::Api,
};
use axum::extract::{Path, State};
use colloquy_domain::{
    ids::KnowledgeBaseId,
    knowledge::{KnowledgeQuery, Narrow, Passage},
    language::Language,
    ports::StoreError,
    words,
};
use colloquy_store::KnowledgeBase;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Characters that a name may have.
const LONGEST_NAME: usize = 100;
/// Characters that a search may have.
const LONGEST_QUERY: usize = 4_000;
/// Passages of one search.
const USUAL_LIMIT: usize = 10;
const MOST: usize = 100;

#[derive(Serialize, JsonSchema)]
pub struct Out {
    id: String,
    name: String,
    documents: u64,
    created_at: String,
}

impl From<KnowledgeBase> for Out {
    fn from(b: KnowledgeBase) -> Self {
        let created_at = crate::time::rfc3339(b.created_at);
        Self { id: b.id.to_string(), name: b.name, documents: b.documents, created_at }
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct New {
    name: String,
}

/// A name as users write it: trimmed, of reasonable length.
pub fn valid_name<'a>(field: &str, name: &'a str) -> ApiResult<&'a str> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > LONGEST_NAME {
        return Err(ApiError::invalid(field, format!("must have 1 to {LONGEST_NAME} characters")));
    }
    Ok(name)
}

pub async fn list(State(_): State<Arc<Api>>, tenant: Tenant, at: PageOf) -> ApiResult<Listed<Out>> {
    page("knowledge_bases", tenant.store.knowledge_bases(at.into()).await?, Out::from)
}

pub async fn create(State(_): State<Arc<Api>>, tenant: Tenant, Body(new): Body<New>) -> ApiResult<Created<Out>> {
    let base = tenant.store.create_knowledge_base(valid_name("name", &new.name)?).await?;
    created(Out::from(base))
}

/// The base that an id or a name names.
pub async fn find(tenant: &Tenant, named: &str) -> ApiResult<KnowledgeBase> {
    if let Ok(id) = named.parse::<KnowledgeBaseId>() {
        let base = tenant.store.knowledge_base(id).await?;
        // A draft is its proposal's alone.
        return if base.draft { Err(ApiError::not_found("knowledge base")) } else { Ok(base) };
    }
    tenant.store.knowledge_base_by_name(named).await?.ok_or_else(|| ApiError::not_found("knowledge base"))
}

pub async fn show(State(_): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<Out>> {
    ok(Out::from(find(&tenant, &id).await?))
}

pub async fn rename(
    State(_): State<Arc<Api>>,
    tenant: Tenant,
    Path(id): Path<String>,
    Body(new): Body<New>,
) -> ApiResult<Of<Out>> {
    let base = find(&tenant, &id).await?;
    tenant.store.rename_knowledge_base(base.id, valid_name("name", &new.name)?).await?;
    ok(Out::from(tenant.store.knowledge_base(base.id).await?))
}

/// Only an empty one: its documents are removed first, one by one, with their passages.
pub async fn remove(State(_): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<Deleted>> {
    let base = find(&tenant, &id).await?;
    tenant.store.delete_knowledge_base(base.id).await.map_err(|e| match e {
        StoreError::Conflict(_) => ApiError::conflict("it holds documents: remove them first"),
        other => other.into(),
    })?;
    ok(Deleted::of(base.id))
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Search {
    query: String,
    limit: Option<usize>,
    /// `en` or `fr`; detected from the query if absent.
    language: Option<String>,
}

#[derive(Serialize, JsonSchema)]
pub struct PassageOut {
    document: String,
    document_id: String,
    headings: Vec<String>,
    page: Option<u32>,
    offset: u64,
    text: String,
    /// Where words of the query stand in the text: from and to, in characters.
    highlights: Vec<(usize, usize)>,
    scores: ScoresOut,
}

#[derive(Serialize, JsonSchema)]
pub struct ScoresOut {
    cosine: Option<f32>,
    bm25: f32,
    shown: f32,
}

fn found(p: Passage, query: &str, language: Language) -> PassageOut {
    PassageOut {
        document: p.name,
        document_id: p.document.to_string(),
        headings: p.headings,
        page: p.page,
        offset: p.offset,
        highlights: words::highlights(&p.text, query, language),
        text: p.text,
        scores: ScoresOut { cosine: p.scores.cosine, bm25: p.scores.bm25, shown: p.scores.shown },
    }
}

#[derive(Serialize, JsonSchema)]
pub struct Passages {
    passages: Vec<PassageOut>,
}

pub async fn search(
    State(api): State<Arc<Api>>,
    tenant: Tenant,
    Path(id): Path<String>,
    Body(search): Body<Search>,
) -> ApiResult<Of<Passages>> {
    let query = search.query.trim();
    if query.is_empty() || query.chars().count() > LONGEST_QUERY {
        return Err(ApiError::invalid("query", format!("must have 1 to {LONGEST_QUERY} characters")));
    }
    let limit = search.limit.unwrap_or(USUAL_LIMIT);
    if !(1..=MOST).contains(&limit) {
        return Err(ApiError::invalid("limit", format!("must be between 1 and {MOST}")));
    }
    let language = match search.language.as_deref() {
        None => Language::detect(query),
        Some(tag) => {
            Some(Language::from_tag(tag).ok_or_else(|| ApiError::invalid("language", "must be `en` or `fr`"))?)
        }
    };
    let base = find(&tenant, &id).await?;
    let asked = KnowledgeQuery {
        tenant: tenant.id,
        bases: vec![base.id],
        without: Vec::new(),
        narrow: Narrow::default(),
        text: query.to_owned(),
        previous: Vec::new(),
        rewritten: None,
        language,
        limit,
    };
    let passages = api.knowledge.search(asked).await?;
    let spoken = language.unwrap_or_default();
    ok(Passages { passages: passages.into_iter().map(|p| found(p, query, spoken)).collect() })
}
