//! `GET /api/audit`: acts of administration, the newest first.

use crate::{
    answer::Listed, auth::Tenant, body::PageOf, error::ApiResult, page::list as page, state::Api, time::rfc3339,
};
use axum::extract::State;
use colloquy_store::{Actor, AuditLine};
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize, JsonSchema)]
pub struct Out {
    id: String,
    /// `user`, `key` or `system`.
    actor: &'static str,
    actor_id: Option<String>,
    action: String,
    target: String,
    detail: String,
    at: String,
}

impl From<AuditLine> for Out {
    fn from(l: AuditLine) -> Self {
        let (actor, actor_id) = match l.act.actor {
            Actor::User(id) => ("user", Some(id.to_string())),
            Actor::Key(id) => ("key", Some(id.to_string())),
            Actor::System => ("system", None),
        };
        let (action, target, detail) = (l.act.action, l.act.target, l.act.detail);
        Self { id: l.id.to_string(), actor, actor_id, action, target, detail, at: rfc3339(l.at) }
    }
}

pub async fn list(State(_): State<Arc<Api>>, tenant: Tenant, at: PageOf) -> ApiResult<Listed<Out>> {
    page("audit", tenant.store.audit(at.into()).await?, Out::from)
}
