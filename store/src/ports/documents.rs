use super::{signed, small};
use crate::{
    error::db,
    records::{FailureRecord, PageRecord},
    sql::documents as sql,
    sqlite::SqliteStore,
    writer::{Write, WriteError},
};
use async_trait::async_trait;
use colloquy_domain::{
    ids::{DocumentId, KnowledgeBaseId, TenantId},
    knowledge::{DocumentStatus, IngestFailure, IngestJob, IngestProgress, IngestReport},
    ports::{DocumentQueue, StoreError},
};
use futures::FutureExt;
use sqlx::SqliteConnection;
use std::path::PathBuf;
use uuid::Uuid;

#[async_trait]
impl DocumentQueue for SqliteStore {
    async fn take(&self, limit: usize) -> Result<Vec<IngestJob>, StoreError> {
        // Held over the write: two takers never see the same documents.
        let mut taken = self.taken().lock().await;
        let waiting: Vec<(Uuid, Uuid)> = sqlx::query_as(sql::WAITING)
            .bind(signed((limit + taken.len()) as u64))
            .fetch_all(self.readers())
            .await
            .map_err(db)?;
        let free = waiting
            .into_iter()
            .filter(|(t, id)| !taken.contains(&(TenantId::new(*t), DocumentId::new(*id))))
            .take(limit);
        let documents: Vec<(Uuid, Uuid)> = free.collect();
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
        let now = self.now().millis();
        self.tell(move |conn| {
            async move {
                sqlx::query(sql::PROGRESS)
                    .bind(tenant.uuid())
                    .bind(document.uuid())
                    .bind(status.name())
                    .bind(i64::from(progress.pages))
                    .bind(i64::from(progress.chunks))
                    .bind(i64::from(progress.indexed))
                    .bind(now)
                    .execute(conn)
                    .await
                    .map(|_| ())
                    .map_err(db)
            }
            .boxed()
        })
        .await
    }

    async fn finish(
        &self,
        tenant: TenantId,
        document: DocumentId,
        result: Result<IngestReport, IngestFailure>,
    ) -> Result<(), StoreError> {
        let finish = Finish { tenant: tenant.uuid(), document: document.uuid(), result, now: self.now().millis() };
        self.write(finish).await?;
        self.taken().lock().await.remove(&(tenant, document));
        Ok(())
    }

    async fn put_back(&self, tenant: TenantId, document: DocumentId) -> Result<(), StoreError> {
        let now = self.now().millis();
        self.tell(move |conn| {
            async move {
                sqlx::query(sql::PUT_BACK)
                    .bind(tenant.uuid())
                    .bind(document.uuid())
                    .bind(now)
                    .execute(conn)
                    .await
                    .map(|_| ())
                    .map_err(db)
            }
            .boxed()
        })
        .await?;
        self.taken().lock().await.remove(&(tenant, document));
        Ok(())
    }
}

struct Take {
    documents: Vec<(Uuid, Uuid)>,
}

#[async_trait]
impl Write for Take {
    type Output = Vec<IngestJob>;

    async fn run(&self, conn: &mut SqliteConnection) -> Result<Vec<IngestJob>, WriteError> {
        let mut jobs = Vec::with_capacity(self.documents.len());
        for (tenant, document) in &self.documents {
            // Gone, if it was deleted since it was looked up.
            let row: Option<(Uuid, String, String, i64)> =
                sqlx::query_as(sql::TAKE).bind(tenant).bind(document).fetch_optional(&mut *conn).await?;
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

struct Finish {
    tenant: Uuid,
    document: Uuid,
    result: Result<IngestReport, IngestFailure>,
    now: i64,
}

#[async_trait]
impl Write for Finish {
    type Output = ();

    async fn run(&self, conn: &mut SqliteConnection) -> Result<(), WriteError> {
        let query = match &self.result {
            Ok(report) => sqlx::query(sql::READY)
                .bind(self.tenant)
                .bind(self.document)
                .bind(PageRecord::json(&report.pages)?)
                .bind(signed(report.pages.len() as u64))
                .bind(i64::from(report.chunks))
                .bind(signed(report.characters))
                .bind(report.language.map(|l| l.code()))
                .bind(report.embedded)
                .bind(self.now),
            Err(failed) => sqlx::query(sql::FAILED)
                .bind(self.tenant)
                .bind(self.document)
                .bind(FailureRecord::json(&failed.failure)?)
                .bind(PageRecord::json(&failed.pages)?)
                .bind(signed(failed.pages.len() as u64))
                .bind(self.now),
        };
        query.execute(conn).await?;
        Ok(())
    }
}
