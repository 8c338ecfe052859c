//! Work that takes longer than a request: kept in the store, done in steps, gone on with after a restart.
//!
//! One loop on each node leases the job that waits longest, does one step of it and writes down how far it came. Steps are
//! safe to repeat.

mod proposal;
mod simulation;
mod sitemap;
mod subject;
mod train;

pub use proposal::start as start_review;
pub use simulation::start as start_simulation;
pub use sitemap::start as start_sitemap;
pub use train::start as start_training;

use crate::{auth::Tenant, error::ApiResult, state::Api, time::rfc3339};
use colloquy_domain::{failure::Failure, ids::KnowledgeBaseId, ports::StoreError};
use colloquy_store::{Document, Job, JobKind, JobState, PageRequest};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

/// Longer than any step takes.
const LEASE: Duration = Duration::from_secs(120);
/// How often the store is asked when nothing is to be done.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What came of a step.
struct Step {
    state: JobState,
    /// How far the job is, in the job's own JSON.
    detail: String,
    /// Time until its next step.
    pause: Duration,
}

impl Step {
    fn of(state: JobState, detail: &impl Serialize, pause: Duration) -> Result<Self, StoreError> {
        let detail = serde_json::to_string(detail).map_err(|e| StoreError::Broken(format!("a job's detail: {e}")))?;
        Ok(Self { state, detail, pause })
    }
}

/// Does what jobs there are, for ever.
pub async fn run(api: Arc<Api>) {
    loop {
        match api.store.installation().lease_job(LEASE).await {
            Ok(Some(job)) => step(&api, &job).await,
            Ok(None) => tokio::time::sleep(LOOK_EVERY).await,
            Err(e) => {
                tracing::warn!(error = %e, "jobs not looked up");
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
    }
}

async fn step(api: &Api, job: &Job) {
    let tenant = Tenant::of(api, job.tenant);
    let done = match job.kind {
        JobKind::Sitemap => sitemap::step(api, &tenant, job).await,
        JobKind::Train => train::step(&tenant, job).await,
        JobKind::Proposal => proposal::step(api, &tenant, job).await,
        JobKind::Simulation => simulation::step(api, &tenant, job).await,
    };
    let saved = match done {
        Ok(Step { state, detail, pause }) => tenant.store.save_job(job.id, state, &detail, pause).await,
        // The lease runs out, and it is tried again.
        Err(e) if e.is_retry() => Err(e),
        Err(e) => {
            let detail = with_cause(&job.detail, &e.to_string());
            tenant.store.save_job(job.id, JobState::Failed, &detail, Duration::ZERO).await
        }
    };
    if let Err(e) = saved {
        tracing::warn!(tenant.id = %job.tenant, job.id = %job.id, error = %e, "step of a job not written");
    }
}

fn with_cause(detail: &str, cause: &str) -> String {
    let mut detail: Value = serde_json::from_str(detail).unwrap_or_else(|_| json!({}));
    detail["cause"] = cause.into();
    detail.to_string()
}

fn read<T: serde::de::DeserializeOwned>(job: &Job) -> Result<T, StoreError> {
    serde_json::from_str(&job.detail).map_err(|_| StoreError::Broken("a job's detail cannot be read".to_owned()))
}

/// A job as endpoints show it.
///
/// # Errors
/// Its detail cannot be read.
pub fn show(job: &Job) -> ApiResult<Shown> {
    let mut shown = match job.kind {
        JobKind::Sitemap => sitemap::show(job)?,
        JobKind::Train => train::show(job)?,
        JobKind::Proposal => proposal::show(job)?,
        JobKind::Simulation => simulation::show(job)?,
    };
    shown["id"] = job.id.to_string().into();
    shown["kind"] = job.kind.name().into();
    shown["state"] = job.state.name().into();
    shown["created_at"] = rfc3339(job.created_at).into();
    shown["updated_at"] = rfc3339(job.updated_at).into();
    Ok(Shown { job: shown })
}

/// A job as it is answered.
#[derive(Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Shown {
    #[schemars(schema_with = "shown")]
    job: Value,
}

/// What all kinds have; each kind says more.
fn shown(_: &mut SchemaGenerator) -> Schema {
    let text = json_schema!({ "type": "string" });
    json_schema!({
        "type": "object",
        "required": ["id", "kind", "state", "created_at", "updated_at"],
        "properties": { "id": text, "kind": text, "state": text, "created_at": text, "updated_at": text },
    })
}

/// What was begun.
#[derive(Serialize, JsonSchema)]
pub struct Begun {
    job: Shown,
}

impl Begun {
    pub fn of(job: &Job) -> ApiResult<Self> {
        Ok(Self { job: show(job)? })
    }
}

/// All documents of a base.
async fn documents_of(tenant: &Tenant, base: KnowledgeBaseId) -> Result<Vec<Document>, StoreError> {
    let mut documents = Vec::new();
    for page in 1.. {
        let found = tenant.store.documents(Some(base), PageRequest::new(page, PageRequest::MOST)).await?;
        let last = found.items.len() < PageRequest::MOST as usize;
        documents.extend(found.items);
        if last {
            break;
        }
    }
    Ok(documents)
}

/// What is wrong with one of the things that a job is about.
#[derive(Debug, Clone, Serialize, serde::Deserialize)]
struct Wrong {
    what: String,
    code: String,
    message: String,
}

impl Wrong {
    fn new(what: &str, failure: &Failure) -> Self {
        Self { what: what.to_owned(), code: failure.code.clone(), message: failure.detail.clone() }
    }
}
