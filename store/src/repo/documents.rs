use super::{Page, PageRequest, TenantStore, found, subscriptions::Room};
use crate::{
    db::{self, Conn},
    error::{store_error, unreadable},
    ports::{signed, small, unsigned},
    records::{FailureRecord, PageRecord},
    sql::documents as sql,
};
use colloquy_domain::{
    failure::Failure,
    ids::{DocumentId, KnowledgeBaseId},
    knowledge::{DocumentStatus, IngestProgress, PageReport},
    language::Language,
    ports::StoreError,
    time::Timestamp,
};
use futures::FutureExt;
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// An upload whose bytes are on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDocument {
    pub base: KnowledgeBaseId,
    /// The same name in the same base replaces.
    pub name: String,
    /// Bytes.
    pub size: u64,
    pub sha256: [u8; 32],
    /// Where the bytes are; must be UTF-8.
    pub path: PathBuf,
}

/// What became of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDocument {
    pub document: Document,
    /// Where the replaced content's bytes are; they can be removed.
    pub replaced: Option<PathBuf>,
}

/// A document, and how far its ingestion is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    pub id: DocumentId,
    pub base: KnowledgeBaseId,
    pub name: String,
    /// Bytes.
    pub size: u64,
    pub sha256: Vec<u8>,
    pub path: PathBuf,
    pub progress: IngestProgress,
    /// How often ingestion was begun.
    pub attempts: u32,
    pub characters: u64,
    pub language: Option<Language>,
    /// Whether its passages have vectors; otherwise they are found by words only.
    pub embedded: bool,
    /// Why it failed.
    pub cause: Option<Failure>,
    pub pages: Vec<PageReport>,
    pub uploaded_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    knowledge_base_id: Uuid,
    name: String,
    size: i64,
    sha256: Vec<u8>,
    path: String,
    status: String,
    attempt: i64,
    pages: i64,
    chunks: i64,
    indexed: i64,
    characters: i64,
    language: Option<String>,
    embedded: bool,
    cause: Option<String>,
    page_reports: String,
    uploaded_at: i64,
    updated_at: i64,
}

impl Row {
    fn document(self) -> Result<Document, StoreError> {
        let progress = IngestProgress {
            status: read_status(&self.status)?,
            pages: small(self.pages),
            chunks: small(self.chunks),
            indexed: small(self.indexed),
        };
        Ok(Document {
            id: DocumentId::new(self.id),
            base: KnowledgeBaseId::new(self.knowledge_base_id),
            name: self.name,
            size: unsigned(self.size),
            sha256: self.sha256,
            path: PathBuf::from(self.path),
            progress,
            attempts: small(self.attempt),
            characters: unsigned(self.characters),
            language: self.language.as_deref().and_then(Language::from_tag),
            embedded: self.embedded,
            cause: self.cause.as_deref().map(FailureRecord::parse).transpose()?,
            pages: PageRecord::parse(&self.page_reports)?,
            uploaded_at: Timestamp(self.uploaded_at),
            updated_at: Timestamp(self.updated_at),
        })
    }
}

fn read_status(name: &str) -> Result<DocumentStatus, StoreError> {
    [
        DocumentStatus::Pending,
        DocumentStatus::Extracting,
        DocumentStatus::Indexing,
        DocumentStatus::Ready,
        DocumentStatus::Failed,
    ]
    .into_iter()
    .find(|s| s.name() == name)
    .ok_or_else(|| unreadable("document status"))
}

impl TenantStore {
    /// Puts an upload into the queue, as a new document or as new content of the one that has its name.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the base does not exist, [`StoreError::BeyondPlan`], or the store's.
    pub async fn put_document(&self, new: NewDocument) -> Result<StoredDocument, StoreError> {
        self.knowledge_base(new.base).await?;
        let put = Put { id: self.store.uuid(), tenant: self.key(), path: utf8(&new.path)?, new, now: self.store.now() };
        let (id, replaced) = self
            .tell(move |conn| {
                let put = put.clone();
                async move { put.run(conn).await }.boxed()
            })
            .await?;
        Ok(StoredDocument {
            document: self.document(DocumentId::new(id)).await?,
            replaced: replaced.map(PathBuf::from),
        })
    }

    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn document(&self, id: DocumentId) -> Result<Document, StoreError> {
        let row: Option<Row> = self.one(sql::GET, id.uuid()).await?;
        row.ok_or(StoreError::NotFound("document"))?.document()
    }

    /// # Errors
    /// The store's.
    pub async fn document_named(&self, base: KnowledgeBaseId, name: &str) -> Result<Option<Document>, StoreError> {
        let query = db::query_as(sql::BY_NAME).bind(self.key()).bind(base.uuid()).bind(name);
        let row: Option<Row> = query.fetch_optional(self.reads()).await.map_err(store_error)?;
        row.map(Row::document).transpose()
    }

    /// Of one base in the order of their names, or of all in the order of their first upload.
    ///
    /// # Errors
    /// The store's.
    pub async fn documents(
        &self,
        base: Option<KnowledgeBaseId>,
        request: PageRequest,
    ) -> Result<Page<Document>, StoreError> {
        let Some(base) = base else {
            let page: Page<Row> = self.page(sql::LIST, sql::COUNT, request).await?;
            return page.try_map(Row::document);
        };
        let readers = self.reads();
        let query = db::query_as(sql::LIST_OF_BASE).bind(self.key()).bind(request.sql_limit());
        let query = query.bind(request.sql_offset()).bind(base.uuid());
        let rows: Vec<Row> = query.fetch_all(readers).await.map_err(store_error)?;
        let query = db::query_scalar(sql::COUNT_OF_BASE).bind(self.key()).bind(base.uuid());
        let total: i64 = query.fetch_one(readers).await.map_err(store_error)?;
        Page::new(rows, request, total).try_map(Row::document)
    }

    /// Forgets the row and returns what it was; its passages and its bytes are the caller's to remove.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn delete_document(&self, id: DocumentId) -> Result<Document, StoreError> {
        let (document, tenant) = (self.document(id).await?, self.key());
        self.tell(move |conn| {
            async move {
                let query = db::query(sql::DELETE).bind(tenant).bind(id.uuid());
                found(query.execute(conn).await.map_err(store_error)?.rows_affected(), "document")
            }
            .boxed()
        })
        .await?;
        Ok(document)
    }

    /// Ingests it again from the start, whatever it is now.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn requeue_document(&self, id: DocumentId) -> Result<(), StoreError> {
        let (tenant, now) = (self.key(), self.store.now().millis());
        self.tell(move |conn| {
            async move {
                let query = db::query(sql::REQUEUE).bind(tenant).bind(id.uuid()).bind(now);
                found(query.execute(conn).await.map_err(store_error)?.rows_affected(), "document")
            }
            .boxed()
        })
        .await
    }
}

#[derive(Clone)]
struct Put {
    id: Uuid,
    tenant: Uuid,
    path: String,
    new: NewDocument,
    now: Timestamp,
}

impl Put {
    /// The document's id, and the path of the content that it had before.
    async fn run(self, conn: &mut Conn) -> Result<(Uuid, Option<String>), StoreError> {
        let base = self.new.base.uuid();
        let query = db::query_scalar(sql::PATH_BY_NAME).bind(self.tenant).bind(base).bind(&self.new.name);
        let before: Option<String> = query.fetch_optional(&mut *conn).await.map_err(store_error)?;
        let room = Room::before(conn, self.tenant).await?;
        let id = db::query_scalar(sql::PUT)
            .bind(self.id)
            .bind(self.tenant)
            .bind(base)
            .bind(&self.new.name)
            .bind(signed(self.new.size))
            .bind(self.new.sha256.to_vec())
            .bind(&self.path)
            .bind(self.now.millis())
            .fetch_one(&mut *conn)
            .await
            .map_err(store_error)?;
        room.after(conn, self.tenant).await?;
        Ok((id, before.filter(|path| *path != self.path)))
    }
}

fn utf8(path: &Path) -> Result<String, StoreError> {
    path.to_str().map(str::to_owned).ok_or_else(|| StoreError::Broken("a document's path is not UTF-8".to_owned()))
}
