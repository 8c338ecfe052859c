//! Documents that lie in the database: brought to this node while they are read.

use async_trait::async_trait;
use colloquy_domain::{
    failure::Failure,
    ids::{DocumentId, KnowledgeBaseId, TenantId},
    knowledge::{IngestFailure, IngestJob, IngestReport},
    ports::{DocumentPipeline, ProgressSink, StoreError},
};
use colloquy_store::Store;
use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{fs, io::AsyncWriteExt};

/// The pipeline behind it reads files; this one fetches them first and removes them afterwards.
pub struct Fetching {
    pub pipeline: Arc<dyn DocumentPipeline>,
    pub store: Store,
    /// A folder of this node's own.
    pub folder: PathBuf,
}

#[async_trait]
impl DocumentPipeline for Fetching {
    async fn ingest(&self, job: &IngestJob, sink: &dyn ProgressSink) -> Result<IngestReport, IngestFailure> {
        let name = job.path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let path = self.folder.join(job.tenant.to_string()).join(&name);
        let fetched = self.fetch(job.tenant, &name, &path).await;
        let result = match fetched {
            Ok(()) => self.pipeline.ingest(&IngestJob { path: path.clone(), ..job.clone() }, sink).await,
            Err(failure) => Err(IngestFailure { failure, pages: Vec::new() }),
        };
        // Left behind, it is written over at the next attempt.
        let _ = fs::remove_file(&path).await;
        result
    }

    fn time_left(&self, tenant: TenantId, document: DocumentId) -> Option<Duration> {
        self.pipeline.time_left(tenant, document)
    }

    async fn forget(&self, tenant: TenantId, base: KnowledgeBaseId, document: DocumentId) -> Result<(), Failure> {
        self.pipeline.forget(tenant, base, document).await
    }
}

impl Fetching {
    async fn fetch(&self, tenant: TenantId, name: &str, to: &Path) -> Result<(), Failure> {
        let disk = |e: io::Error| Failure::retry("document.disk", format!("the document could not be kept here: {e}"));
        let store = |e: StoreError| Failure::retry("document.store", format!("the document could not be fetched: {e}"));
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder).await.map_err(disk)?;
        }
        let mut file = fs::File::create(to).await.map_err(disk)?;
        let rows = self.store.tenant(tenant);
        for part in 0.. {
            let Some(content) = rows.file_part(name, part).await.map_err(store)? else { break };
            file.write_all(&content).await.map_err(disk)?;
        }
        file.flush().await.map_err(disk)
    }
}
