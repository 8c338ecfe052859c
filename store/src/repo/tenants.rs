use super::{Installation, Page, PageRequest, found};
use crate::{
    db::{self, Sql},
    error::{conflict_on, store_error},
    sql::{people, platform as sql},
};
use colloquy_domain::{ids::TenantId, ports::StoreError, time::Timestamp};
use futures::FutureExt;
use uuid::Uuid;

/// One customer of the installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    pub id: TenantId,
    /// Its name in addresses; unique.
    pub slug: String,
    pub name: String,
    pub created_at: Timestamp,
    /// Since when nothing of it can be used; nothing is lost.
    pub suspended_at: Option<Timestamp>,
}

type New = (Uuid, String, String, i64);
type Row = (Uuid, String, String, i64, Option<i64>);

fn tenant((id, slug, name, created_at, suspended_at): Row) -> Tenant {
    let suspended_at = suspended_at.map(Timestamp);
    Tenant { id: TenantId::new(id), slug, name, created_at: Timestamp(created_at), suspended_at }
}

/// The tenant that exists before anybody made one.
const DEFAULT: (&str, &str) = ("default", "Default");

impl Installation {
    /// # Errors
    /// [`StoreError::Conflict`] if the slug is taken, or the store's.
    pub async fn create_tenant(&self, slug: &str, name: &str) -> Result<Tenant, StoreError> {
        let row: New = (self.store.uuid(), slug.to_owned(), name.to_owned(), self.store.now().millis());
        self.insert(sql::ADD_TENANT.into(), &row).await?;
        let (id, slug, name, at) = row;
        Ok(tenant((id, slug, name, at, None)))
    }

    /// The tenant of a fresh installation; made if it is missing.
    ///
    /// # Errors
    /// The store's.
    pub async fn ensure_default_tenant(&self) -> Result<Tenant, StoreError> {
        let (slug, name) = DEFAULT;
        if let Some(tenant) = self.tenant_by_slug(slug).await? {
            return Ok(tenant);
        }
        let row: New = (self.store.uuid(), slug.to_owned(), name.to_owned(), self.store.now().millis());
        self.insert(sql::ENSURE_TENANT.into(), &row).await?;
        self.tenant_by_slug(slug).await?.ok_or(StoreError::NotFound("tenant"))
    }

    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn tenant(&self, id: TenantId) -> Result<Tenant, StoreError> {
        let query = db::query_as(sql::TENANT).bind(id.uuid());
        let row: Option<Row> = query.fetch_optional(self.store.readers()).await.map_err(store_error)?;
        row.map(tenant).ok_or(StoreError::NotFound("tenant"))
    }

    /// # Errors
    /// The store's.
    pub async fn tenant_by_slug(&self, slug: &str) -> Result<Option<Tenant>, StoreError> {
        let query = db::query_as(sql::TENANT_BY_SLUG).bind(slug);
        let row: Option<Row> = query.fetch_optional(self.store.readers()).await.map_err(store_error)?;
        Ok(row.map(tenant))
    }

    /// # Errors
    /// The store's.
    pub async fn tenants(&self, request: PageRequest) -> Result<Page<Tenant>, StoreError> {
        let readers = self.store.readers();
        let query = db::query_as(sql::TENANTS).bind(request.sql_limit()).bind(request.sql_offset());
        let rows: Vec<Row> = query.fetch_all(readers).await.map_err(store_error)?;
        let total: i64 = db::query_scalar(sql::COUNT_TENANTS).fetch_one(readers).await.map_err(store_error)?;
        Ok(Page::new(rows, request, total).map(tenant))
    }

    /// # Errors
    /// [`StoreError::Conflict`] if the slug is taken, [`StoreError::NotFound`], or the store's.
    pub async fn rename_tenant(&self, id: TenantId, name: &str, slug: &str) -> Result<Tenant, StoreError> {
        let texts = (name.to_owned(), slug.to_owned());
        self.store
            .tell(None, move |conn| {
                let (name, slug) = texts.clone();
                async move {
                    let query = db::query(people::RENAME_TENANT).bind(id.uuid()).bind(name).bind(slug);
                    found(query.execute(conn).await.map_err(conflict_on("slug"))?.rows_affected(), "tenant")
                }
                .boxed()
            })
            .await?;
        self.tenant(id).await
    }

    /// Closes everything of a tenant (people, keys, webhooks), or opens it again. Nothing is deleted.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn suspend_tenant(&self, id: TenantId, suspended: bool) -> Result<Tenant, StoreError> {
        let at = suspended.then(|| self.store.now().millis());
        self.store
            .tell(None, move |conn| {
                async move {
                    let query = db::query(people::SUSPEND_TENANT).bind(id.uuid()).bind(at);
                    found(query.execute(conn).await.map_err(store_error)?.rows_affected(), "tenant")
                }
                .boxed()
            })
            .await?;
        self.tenant(id).await
    }

    async fn insert(&self, statement: Sql, row: &New) -> Result<(), StoreError> {
        let row = row.clone();
        self.store
            .tell(None, move |conn| {
                let (id, slug, name, at) = row.clone();
                async move {
                    let query = db::query(statement).bind(id).bind(slug).bind(name).bind(at);
                    query.execute(conn).await.map(|_| ()).map_err(conflict_on("slug"))
                }
                .boxed()
            })
            .await
    }
}
