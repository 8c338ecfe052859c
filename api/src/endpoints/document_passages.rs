//! `GET /api/documents/{id}/passages`: what a document was cut into, as agents read it.

use crate::{answer::Listed, auth::Tenant, body::PageOf, error::ApiResult, page::list as page, state::Api};
use axum::extract::{Path, State};
use colloquy_domain::{
    ids::DocumentId,
    knowledge::{Passage, Stretch},
};
use colloquy_store::Page;
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize, JsonSchema)]
pub struct Out {
    /// Headings above it, outermost first.
    headings: Vec<String>,
    page: Option<u32>,
    /// Where it begins in the document's text, in characters.
    offset: u64,
    text: String,
}

impl From<Passage> for Out {
    fn from(p: Passage) -> Self {
        Self { headings: p.headings, page: p.page, offset: p.offset, text: p.text }
    }
}

/// While a new version is read, the passages are those of the one before.
pub async fn list(
    State(api): State<Arc<Api>>,
    tenant: Tenant,
    Path(id): Path<String>,
    at: PageOf,
) -> ApiResult<Listed<Out>> {
    let document = tenant.store.document(id.parse::<DocumentId>()?).await?;
    let from = (at.page - 1).saturating_mul(at.limit);
    let stretch = Stretch { tenant: tenant.id, base: document.base, document: document.id, from, limit: at.limit };
    let items = api.knowledge.passages(stretch).await?;
    let seen = if items.is_empty() { 0 } else { u64::from(from) + items.len() as u64 };
    let total = u64::from(document.progress.chunks).max(seen);
    page("passages", Page { items, page: at.page, limit: at.limit, total }, Out::from)
}
