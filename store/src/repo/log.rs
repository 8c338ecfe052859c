use super::Installation;
use crate::{
    db,
    error::{store_error, unreadable},
    sql::{inbox, placement, platform as sql},
};
use colloquy_domain::{placement::LEASE, ports::StoreError};
use futures::FutureExt;
use uuid::Uuid;

const NAME: &str = "ingress_log";

impl Installation {
    /// Which log the lanes' cursors belong to; if none was named yet, it is `log` from now on. Offsets of another log
    /// mean nothing to them.
    ///
    /// # Errors
    /// The store's.
    pub async fn log_of_cursors(&self, log: Uuid) -> Result<Uuid, StoreError> {
        let kept: Vec<u8> = self
            .store
            .tell(None, move |conn| {
                async move {
                    let query = db::query(sql::SET_META).bind(NAME).bind(log.as_bytes().to_vec());
                    query.execute(conn).await.map_err(store_error)?;
                    db::query_scalar(sql::META).bind(NAME).fetch_one(conn).await.map_err(store_error)
                }
                .boxed()
            })
            .await?;
        read(&kept)
    }

    /// Which log the lanes' cursors belong to, if one was named.
    ///
    /// # Errors
    /// The store's.
    pub async fn named_log(&self) -> Result<Option<Uuid>, StoreError> {
        let query = db::query_scalar(sql::META).bind(NAME);
        let kept: Option<Vec<u8>> = query.fetch_optional(self.store.readers()).await.map_err(store_error)?;
        kept.as_deref().map(read).transpose()
    }

    /// From now on the cursors belong to `log` and stand at its beginning, in all lanes. False, and nothing is changed,
    /// while a node is alive: it may be moving one.
    ///
    /// # Errors
    /// [`StoreError::Broken`] where the database is a file: its log is its own. Or the store's.
    pub async fn begin_log(&self, log: Uuid) -> Result<bool, StoreError> {
        self.store.meeting()?;
        let lease = i64::try_from(LEASE.as_millis()).unwrap_or(i64::MAX);
        self.store
            .tell(None, move |conn| {
                async move {
                    let query = db::query_scalar(placement::ALIVE).bind(lease);
                    let alive: i64 = query.fetch_one(&mut *conn).await.map_err(store_error)?;
                    if alive > 0 {
                        return Ok(false);
                    }
                    db::query(inbox::RESET_CURSORS).execute(&mut *conn).await.map_err(store_error)?;
                    let query = db::query(sql::CHANGE_META).bind(NAME).bind(log.as_bytes().to_vec());
                    query.execute(conn).await.map_err(store_error)?;
                    Ok(true)
                }
                .boxed()
            })
            .await
    }
}

fn read(kept: &[u8]) -> Result<Uuid, StoreError> {
    Uuid::from_slice(kept).map_err(|_| unreadable("id of the log"))
}
