use super::{Page, PageRequest, TenantStore, found};
use crate::{
    db::{self, Sql},
    error::{conflict_on, store_error},
    ports::unsigned,
    sql::{knowledge, platform as sql},
};
use colloquy_domain::{ids::KnowledgeBaseId, ports::StoreError, time::Timestamp};
use futures::FutureExt;
use uuid::Uuid;

/// A named set of documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnowledgeBase {
    pub id: KnowledgeBaseId,
    /// Unique within its tenant.
    pub name: String,
    pub created_at: Timestamp,
    /// The draft of a proposal: in no list, for no agent.
    pub draft: bool,
    /// How many documents it has.
    pub documents: u64,
}

type Row = (Uuid, String, i64, bool, i64);

fn base((id, name, created_at, draft, documents): Row) -> KnowledgeBase {
    let (id, created_at) = (KnowledgeBaseId::new(id), Timestamp(created_at));
    KnowledgeBase { id, name, created_at, draft, documents: unsigned(documents) }
}

impl TenantStore {
    /// # Errors
    /// [`StoreError::Conflict`] if the name is taken, or the store's.
    pub async fn create_knowledge_base(&self, name: &str) -> Result<KnowledgeBase, StoreError> {
        let id = self.add_base(sql::ADD_BASE.into(), name).await?;
        self.knowledge_base(KnowledgeBaseId::new(id)).await
    }

    /// The base of that name, made if it is missing.
    ///
    /// # Errors
    /// The store's.
    pub async fn ensure_knowledge_base(&self, name: &str) -> Result<KnowledgeBase, StoreError> {
        if let Some(base) = self.knowledge_base_by_name(name).await? {
            return Ok(base);
        }
        self.add_base(sql::ENSURE_BASE.into(), name).await?;
        self.knowledge_base_by_name(name).await?.ok_or(StoreError::NotFound("knowledge base"))
    }

    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn knowledge_base(&self, id: KnowledgeBaseId) -> Result<KnowledgeBase, StoreError> {
        let row: Option<Row> = self.one(sql::BASE, id.uuid()).await?;
        row.map(base).ok_or(StoreError::NotFound("knowledge base"))
    }

    /// # Errors
    /// The store's.
    pub async fn knowledge_base_by_name(&self, name: &str) -> Result<Option<KnowledgeBase>, StoreError> {
        let row: Option<Row> = self.one(sql::BASE_BY_NAME, name.to_owned()).await?;
        Ok(row.map(base))
    }

    /// In the order of their names.
    ///
    /// # Errors
    /// The store's.
    pub async fn knowledge_bases(&self, request: PageRequest) -> Result<Page<KnowledgeBase>, StoreError> {
        Ok(self.page(sql::BASES, sql::COUNT_BASES, request).await?.map(base))
    }

    /// # Errors
    /// [`StoreError::Conflict`] if the name is taken, [`StoreError::NotFound`], or the store's.
    pub async fn rename_knowledge_base(&self, id: KnowledgeBaseId, name: &str) -> Result<(), StoreError> {
        let (tenant, name) = (self.key(), name.to_owned());
        self.tell(move |conn| {
            let name = name.clone();
            async move {
                let query = db::query(sql::RENAME_BASE).bind(tenant).bind(id.uuid()).bind(name);
                let done = query.execute(conn).await.map_err(conflict_on("name"))?;
                found(done.rows_affected(), "knowledge base")
            }
            .boxed()
        })
        .await
    }

    /// # Errors
    /// [`StoreError::Conflict`] while it has documents, [`StoreError::NotFound`], or the store's.
    pub async fn delete_knowledge_base(&self, id: KnowledgeBaseId) -> Result<(), StoreError> {
        let tenant = self.key();
        let deleted = self
            .tell(move |conn| {
                async move {
                    let query = db::query(sql::DELETE_BASE).bind(tenant).bind(id.uuid());
                    if query.execute(&mut *conn).await.map_err(store_error)?.rows_affected() == 0 {
                        return Ok(false);
                    }
                    for statement in [knowledge::FORGET_QUESTIONS, knowledge::FORGET_TOPICS] {
                        let query = db::query(statement).bind(tenant).bind(id.uuid());
                        query.execute(&mut *conn).await.map_err(store_error)?;
                    }
                    Ok(true)
                }
                .boxed()
            })
            .await?;
        if deleted {
            return Ok(());
        }
        self.knowledge_base(id).await.and(Err(StoreError::Conflict("knowledge base with documents")))
    }

    async fn add_base(&self, statement: Sql, name: &str) -> Result<Uuid, StoreError> {
        let (id, tenant, now) = (self.store.uuid(), self.key(), self.store.now().millis());
        let name = name.to_owned();
        self.tell(move |conn| {
            let name = name.clone();
            async move {
                let query = db::query(statement).bind(id).bind(tenant).bind(name).bind(now);
                query.execute(conn).await.map(|_| id).map_err(conflict_on("name"))
            }
            .boxed()
        })
        .await
    }
}
