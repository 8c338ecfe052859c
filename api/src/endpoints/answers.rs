//! `GET /api/documents/{id}/answers` and `/versions`: who was told what from a document, also after it was deleted.

use crate::{
    answer::{Listed, Of},
    auth::Tenant,
    body::PageOf,
    error::{ApiError, ApiResult, ok},
    page::list as page,
    state::Api,
    time::rfc3339,
};
use axum::extract::{Path, Query, State};
use colloquy_domain::ids::DocumentId;
use colloquy_store::{DocumentVersion, PageRequest, ToldFrom};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Deserialize, JsonSchema)]
pub struct Filter {
    /// Only what was told from this version.
    version: Option<u32>,
}

#[derive(Serialize, JsonSchema)]
pub struct AnswerOut {
    conversation: String,
    message: String,
    turn: Option<u32>,
    text: String,
    citation: u32,
    version: Option<u32>,
    page: Option<u32>,
    offset: u64,
    quote: String,
    at: String,
}

impl From<ToldFrom> for AnswerOut {
    fn from(t: ToldFrom) -> Self {
        Self {
            conversation: t.conversation.to_string(),
            message: t.message.to_string(),
            turn: t.turn,
            text: t.text,
            citation: t.number,
            version: t.version,
            page: t.page,
            offset: t.offset,
            quote: t.quote,
            at: rfc3339(t.at),
        }
    }
}

#[derive(Serialize, JsonSchema)]
pub struct VersionOut {
    version: u32,
    name: String,
    sha256: String,
    ready_at: String,
    answers: u64,
}

impl From<DocumentVersion> for VersionOut {
    fn from(v: DocumentVersion) -> Self {
        let (sha256, ready_at) = (hex::encode(v.sha256), rfc3339(v.ready_at));
        Self { version: v.number, name: v.name, sha256, ready_at, answers: v.answers }
    }
}

pub async fn list(
    State(_): State<Arc<Api>>,
    tenant: Tenant,
    Path(id): Path<String>,
    Query(filter): Query<Filter>,
    at: PageOf,
) -> ApiResult<Listed<AnswerOut>> {
    let id = id.parse::<DocumentId>()?;
    if filter.version == Some(0) {
        return Err(ApiError::invalid("version", "versions are counted from 1"));
    }
    let found = tenant.store.told_from(id, filter.version, at.into()).await?;
    if found.total == 0 {
        known(&tenant, id).await?;
    }
    page("answers", found, AnswerOut::from)
}

/// Every generation of a document that was told from.
#[derive(Serialize, JsonSchema)]
pub struct Versions {
    versions: Vec<VersionOut>,
}

pub async fn versions(State(_): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<Versions>> {
    let id = id.parse::<DocumentId>()?;
    let versions = tenant.store.document_versions(id).await?;
    if versions.is_empty() {
        known(&tenant, id).await?;
    }
    ok(Versions { versions: versions.into_iter().map(VersionOut::from).collect() })
}

/// A document that is there, or was: it has versions, or answers that were told from it.
async fn known(tenant: &Tenant, id: DocumentId) -> ApiResult<()> {
    let was = !tenant.store.document_versions(id).await?.is_empty()
        || tenant.store.told_from(id, None, PageRequest::new(1, 1)).await?.total > 0;
    if !was {
        tenant.store.document(id).await?;
    }
    Ok(())
}
