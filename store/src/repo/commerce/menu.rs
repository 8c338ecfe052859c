//! What can be ordered.

use crate::{
    db,
    error::{conflict_on, store_error},
    repo::{Page, PageRequest, TenantStore, found},
    sql::commerce as sql,
};
use colloquy_domain::{
    commerce::{MenuItem, MenuItemDetails},
    ids::MenuItemId,
    ports::StoreError,
    time::Timestamp,
};
use futures::FutureExt;
use uuid::Uuid;

type Row = (Uuid, String, String, String, i64, bool, i64, i64);

fn item((id, name, description, category, price, available, created_at, updated_at): Row) -> MenuItem {
    MenuItem {
        id: MenuItemId::new(id),
        details: MenuItemDetails { name, description, category, price, available },
        created_at: Timestamp(created_at),
        updated_at: Timestamp(updated_at),
    }
}

impl TenantStore {
    /// # Errors
    /// [`StoreError::Conflict`] if there is one of this name, or the store's.
    pub async fn create_menu_item(&self, d: MenuItemDetails) -> Result<MenuItem, StoreError> {
        let (id, tenant, now) = (self.store.uuid(), self.key(), self.store.now().millis());
        self.tell(move |conn| {
            let query = db::query(sql::ADD_ITEM).bind(id).bind(tenant).bind(d.name.trim()).bind(&d.description);
            let query = query.bind(&d.category).bind(d.price).bind(d.available).bind(now);
            async move { query.execute(conn).await.map(|_| ()).map_err(conflict_on("name")) }.boxed()
        })
        .await?;
        self.menu_item(MenuItemId::new(id)).await
    }

    /// # Errors
    /// As [`TenantStore::create_menu_item`]; [`StoreError::NotFound`], too.
    pub async fn update_menu_item(&self, id: MenuItemId, d: MenuItemDetails) -> Result<MenuItem, StoreError> {
        let (tenant, now) = (self.key(), self.store.now().millis());
        self.tell(move |conn| {
            let query = db::query(sql::SET_ITEM).bind(tenant).bind(id.uuid()).bind(d.name.trim());
            let query = query.bind(&d.description).bind(&d.category).bind(d.price).bind(d.available).bind(now);
            async move {
                let done = query.execute(conn).await.map_err(conflict_on("name"))?;
                found(done.rows_affected(), "menu item")
            }
            .boxed()
        })
        .await?;
        self.menu_item(id).await
    }

    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn delete_menu_item(&self, id: MenuItemId) -> Result<(), StoreError> {
        let tenant = self.key();
        self.tell(move |conn| {
            let query = db::query(sql::DELETE_ITEM).bind(tenant).bind(id.uuid());
            async move { found(query.execute(conn).await.map_err(store_error)?.rows_affected(), "menu item") }.boxed()
        })
        .await
    }

    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn menu_item(&self, id: MenuItemId) -> Result<MenuItem, StoreError> {
        let row: Option<Row> = self.one(sql::ITEM, id.uuid()).await?;
        row.map(item).ok_or(StoreError::NotFound("menu item"))
    }

    /// In the order in which they were entered.
    ///
    /// # Errors
    /// The store's.
    pub async fn menu_items(&self, request: PageRequest) -> Result<Page<MenuItem>, StoreError> {
        let page: Page<Row> = self.page(sql::ITEMS, sql::COUNT_ITEMS, request).await?;
        Ok(page.map(item))
    }
}
