//! `GET/POST /api/knowledge-bases`.

use crate::{
    auth::Tenant,
    body::{Body, PageOf},
    error::{ApiError, ApiResult, created},
    page::list as page,
    state::Api,
};
use axum::extract::State;
use colloquy_store::KnowledgeBase;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Characters that a name may have.
const LONGEST_NAME: usize = 100;

#[derive(Serialize)]
struct Out {
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

#[derive(Deserialize)]
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

pub async fn list(State(_): State<Arc<Api>>, tenant: Tenant, at: PageOf) -> ApiResult {
    page("knowledge_bases", tenant.store.knowledge_bases(at.into()).await?, Out::from)
}

pub async fn create(State(_): State<Arc<Api>>, tenant: Tenant, Body(new): Body<New>) -> ApiResult {
    let base = tenant.store.create_knowledge_base(valid_name("name", &new.name)?).await?;
    created(Out::from(base))
}
