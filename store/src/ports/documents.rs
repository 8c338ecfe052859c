use super::{signed, small};
use crate::{
    db::{self, Conn, Query},
    error::store_error,
    records::{FailureRecord, PageRecord},
    sql::{documents as sql, knowledge},
    store::{Store, Taken},
    writer::{Write, WriteError},
};
use async_trait::async_trait;
use colloquy_domain::{
    ids::{DocumentId, KnowledgeBaseId, TenantId},
    knowledge::{DocumentStatus, IngestFailure, IngestJob, IngestProgress, IngestReport},
    placement::Partition,
    ports::{DocumentQueue, StoreError},
};
use std::path::PathBuf;
use uuid::Uuid;

/// Waiting documents that are looked at together, at least: in a cluster most of them are other nodes'.
const LOOK: usize = 64;

#[async_trait]
impl DocumentQueue for Store {
    async fn take(&self, limit: usize) -> Result<Vec<IngestJob>, StoreError> {
        // Held over the write: two takers never see the same documents.
        let mut taken = self.taken().lock().await;
        let documents = self.waiting(limit, &taken).await?;
        if documents.is_empty() {
            return Ok(Vec::new());
        }
        let jobs = self.write(Take { documents }).await?;
        taken.extend(jobs.iter().map(|j| (j.tenant, j.document)));
        Ok(jobs)
    }

    async fn progress(
        &self,
        tenant: TenantId,
        document: DocumentId,
        progress: IngestProgress,
    ) -> Result<(), StoreError> {
        // Only `finish` ends it: a progress that says so already is still one of the way.
        let status = match progress.status {
            DocumentStatus::Ready | DocumentStatus::Failed => DocumentStatus::Indexing,
            other => other,
        };
        let query = of(sql::PROGRESS, tenant, document)
            .bind(status.name())
            .bind(i64::from(progress.pages))
            .bind(i64::from(progress.chunks))
            .bind(i64::from(progress.indexed))
            .bind(self.now().millis());
        self.write(Change { document, query }).await
    }

    async fn finish(
        &self,
        tenant: TenantId,
        document: DocumentId,
        result: Result<IngestReport, IngestFailure>,
    ) -> Result<bool, StoreError> {
        let now = self.now().millis();
        let (query, version) = match &result {
            Ok(report) => {
                let ready = of(sql::READY, tenant, document)
                    .bind(PageRecord::json(&report.pages)?)
                    .bind(signed(report.pages.len() as u64))
                    .bind(i64::from(report.chunks))
                    .bind(signed(report.characters))
                    .bind(report.language.map(|l| l.code()))
                    .bind(report.embedded)
                    .bind(now);
                let version = of(knowledge::ADD_VERSION, tenant, document).bind(report.generation.clone()).bind(now);
                (ready, Some(version))
            }
            Err(failed) => {
                let query = of(sql::FAILED, tenant, document)
                    .bind(FailureRecord::json(&failed.failure)?)
                    .bind(PageRecord::json(&failed.pages)?)
                    .bind(signed(failed.pages.len() as u64))
                    .bind(now);
                (query, None)
            }
        };
        let exists = of(sql::EXISTS, tenant, document);
        let exists = self.write(Finish { document, query, version, exists }).await?;
        self.taken().lock().await.remove(&(tenant, document));
        Ok(exists)
    }

    async fn put_back(&self, tenant: TenantId, document: DocumentId) -> Result<(), StoreError> {
        let query = of(sql::PUT_BACK, tenant, document).bind(self.now().millis());
        self.write(Change { document, query }).await?;
        self.taken().lock().await.remove(&(tenant, document));
        Ok(())
    }
}

fn of(statement: &'static str, tenant: TenantId, document: DocumentId) -> Query {
    db::query(statement).bind(tenant.uuid()).bind(document.uuid())
}

impl Store {
    /// Waiting documents that are this node's to take, oldest first.
    async fn waiting(&self, limit: usize, taken: &Taken) -> Result<Vec<(Uuid, Uuid)>, StoreError> {
        let mine = |document: DocumentId| self.ownership().is_none_or(|o| o.owns(document));
        let look = LOOK.max(limit + taken.len());
        let (mut found, mut after) = (Vec::new(), (i64::MIN, Uuid::nil()));
        loop {
            let rows: Vec<(Uuid, Uuid, i64)> = db::query_as(sql::WAITING)
                .bind(after.0)
                .bind(after.1)
                .bind(signed(look as u64))
                .fetch_all(self.readers())
                .await
                .map_err(store_error)?;
            let free = rows.iter().filter(|(tenant, id, _)| {
                let document = DocumentId::new(*id);
                mine(document) && !taken.contains(&(TenantId::new(*tenant), document))
            });
            found.extend(free.map(|(tenant, id, _)| (*tenant, *id)));
            match rows.last() {
                Some((_, id, uploaded_at)) if found.len() < limit && rows.len() == look => after = (*uploaded_at, *id),
                _ => break,
            }
        }
        found.truncate(limit);
        Ok(found)
    }
}

struct Take {
    documents: Vec<(Uuid, Uuid)>,
}

#[async_trait]
impl Write for Take {
    type Output = Vec<IngestJob>;

    fn partitions(&self) -> Vec<Partition> {
        self.documents.iter().map(|(_, document)| DocumentId::new(*document).into()).collect()
    }

    async fn run(&self, conn: &mut Conn) -> Result<Vec<IngestJob>, WriteError> {
        let mut jobs = Vec::with_capacity(self.documents.len());
        for (tenant, document) in &self.documents {
            if !conn.fence.lets(DocumentId::new(*document)) {
                continue;
            }
            // Gone, if it was deleted since it was looked up.
            let row: Option<(Uuid, String, String, i64)> =
                db::query_as(sql::TAKE).bind(tenant).bind(document).fetch_optional(&mut *conn).await?;
            let Some((base, name, path, attempt)) = row else { continue };
            jobs.push(IngestJob {
                tenant: TenantId::new(*tenant),
                base: KnowledgeBaseId::new(base),
                document: DocumentId::new(*document),
                name,
                path: PathBuf::from(path),
                attempt: small(attempt),
            });
        }
        Ok(jobs)
    }
}

/// What is reported of a document that is another node's meanwhile is of no consequence, as of one that was replaced.
struct Change {
    document: DocumentId,
    query: Query,
}

#[async_trait]
impl Write for Change {
    type Output = ();

    fn partitions(&self) -> Vec<Partition> {
        vec![self.document.into()]
    }

    async fn run(&self, conn: &mut Conn) -> Result<(), WriteError> {
        if conn.fence.lets(self.document) {
            self.query.clone().execute(conn).await?;
        }
        Ok(())
    }
}

/// Tells whether there is such a document at all.
struct Finish {
    document: DocumentId,
    query: Query,
    /// Names the content that is ready now, if it was not replaced meanwhile.
    version: Option<Query>,
    exists: Query,
}

#[async_trait]
impl Write for Finish {
    type Output = bool;

    fn partitions(&self) -> Vec<Partition> {
        vec![self.document.into()]
    }

    async fn run(&self, conn: &mut Conn) -> Result<bool, WriteError> {
        if conn.fence.lets(self.document) {
            let changed = self.query.clone().execute(&mut *conn).await?.rows_affected();
            if let Some(version) = self.version.clone().filter(|_| changed > 0) {
                version.execute(&mut *conn).await?;
            }
        }
        // Whoever owns it: what was deleted is deleted for all.
        Ok(self.exists.clone().fetch_optional(&mut *conn).await?.is_some())
    }
}
