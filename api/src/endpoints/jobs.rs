//! `GET /api/jobs/{id}`: how far work is that takes longer than a request.

use crate::{
    answer::Of,
    auth::Tenant,
    error::{ApiResult, ok},
    jobs::{self, Shown},
    state::Api,
};
use axum::extract::{Path, State};
use colloquy_domain::ids::JobId;
use std::sync::Arc;

pub async fn show(State(_): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<Shown>> {
    let job = tenant.store.job(id.parse::<JobId>()?).await?;
    ok(jobs::show(&job)?)
}
