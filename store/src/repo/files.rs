use super::TenantStore;
use crate::{db, error::store_error, sql::files as sql};
use colloquy_domain::ports::StoreError;
use futures::FutureExt;

/// Documents in the database, in parts. Only where [`Store::keeps_files`](crate::Store::keeps_files).
impl TenantStore {
    /// Bytes of one part at most: what one write brings is in everybody's transaction.
    pub const PART: usize = 256 * 1024;

    /// Writes one part of a file, numbered from 0 without gaps; a part that is there already is replaced.
    ///
    /// # Errors
    /// The store's.
    pub async fn put_file_part(&self, file: &str, part: u32, content: Vec<u8>) -> Result<(), StoreError> {
        let (tenant, file) = (self.key(), file.to_owned());
        self.tell(move |conn| {
            let (file, content) = (file.clone(), content.clone());
            async move {
                let query = db::query(sql::PUT).bind(tenant).bind(file).bind(i64::from(part)).bind(content);
                query.execute(conn).await.map(|_| ()).map_err(store_error)
            }
            .boxed()
        })
        .await
    }

    /// One part of a file; `None` behind the last one.
    ///
    /// # Errors
    /// The store's.
    pub async fn file_part(&self, file: &str, part: u32) -> Result<Option<Vec<u8>>, StoreError> {
        let query = db::query_scalar(sql::GET).bind(self.key()).bind(file).bind(i64::from(part));
        query.fetch_optional(self.reads()).await.map_err(store_error)
    }

    /// Removes all parts of a file; one that does not exist is no error.
    ///
    /// # Errors
    /// The store's.
    pub async fn remove_file(&self, file: &str) -> Result<(), StoreError> {
        let (tenant, file) = (self.key(), file.to_owned());
        self.tell(move |conn| {
            let file = file.clone();
            async move {
                db::query(sql::REMOVE).bind(tenant).bind(file).execute(conn).await.map(|_| ()).map_err(store_error)
            }
            .boxed()
        })
        .await
    }
}
