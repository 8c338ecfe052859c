//! Training: the documents that an agent knows are indexed again.

use super::{Step, documents_of, read};
use crate::{auth::Tenant, error::ApiResult};
use colloquy_domain::{
    agent::AgentProfile,
    ids::{AgentId, DocumentId},
    knowledge::DocumentStatus,
    ports::StoreError,
};
use colloquy_store::{Job, JobKind, JobState};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;

const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Version 1.
#[derive(Serialize, Deserialize)]
struct Training {
    v: u16,
    agent: AgentId,
    documents: Vec<DocumentId>,
    ready: usize,
    failed: Vec<DocumentId>,
}

/// Puts all documents of the agent's knowledge bases back into the queue.
///
/// # Errors
/// The store's.
pub async fn start(tenant: &Tenant, agent: &AgentProfile) -> ApiResult<Job> {
    let mut documents = Vec::new();
    for base in &agent.knowledge {
        documents.extend(documents_of(tenant, *base).await?.into_iter().map(|d| d.id));
    }
    for document in &documents {
        match tenant.store.requeue_document(*document).await {
            // Deleted meanwhile.
            Ok(()) | Err(StoreError::NotFound(_)) => {}
            Err(e) => return Err(e.into()),
        }
    }
    let training = Training { v: 1, agent: agent.id, documents, ready: 0, failed: Vec::new() };
    let step = Step::of(JobState::Running, &training, Duration::ZERO)?;
    Ok(tenant.store.create_job(JobKind::Train, &step.detail).await?)
}

pub(super) async fn step(tenant: &Tenant, job: &Job) -> Result<Step, StoreError> {
    let mut training: Training = read(job)?;
    (training.ready, training.failed) = (0, Vec::new());
    let mut open = 0;
    for document in &training.documents {
        match tenant.store.document(*document).await {
            Ok(d) if d.progress.status == DocumentStatus::Ready => training.ready += 1,
            Ok(d) if d.progress.status == DocumentStatus::Failed => training.failed.push(*document),
            Ok(_) => open += 1,
            Err(StoreError::NotFound(_)) => {}
            Err(e) => return Err(e),
        }
    }
    let state = match (open, training.failed.is_empty()) {
        (0, true) => JobState::Done,
        (0, false) => JobState::Failed,
        _ => JobState::Running,
    };
    Step::of(state, &training, LOOK_EVERY)
}

pub(super) fn show(job: &Job) -> ApiResult<Value> {
    let t: Training = read(job)?;
    Ok(json!({ "agent": t.agent.to_string(), "total": t.documents.len(), "ready": t.ready, "failed": t.failed }))
}
