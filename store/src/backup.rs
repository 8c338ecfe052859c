//! A copy of an embedded database while it is in use, and what has to be put right in the copy before it is used elsewhere.

use crate::{
    db::{self, Conn},
    error::{OpenError, store_error},
    store::Store,
};
use colloquy_domain::ports::StoreError;
use futures::FutureExt;
use sqlx::{ConnectOptions as _, Connection as _};
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// Copies the database to a file that must not exist, as it is at one moment; whoever writes it meanwhile is not held up.
/// Returns the paths of the documents' files that this moment knows.
///
/// # Errors
/// [`OpenError::Database`].
pub async fn snapshot(from: &Path, to: &Path) -> Result<Vec<PathBuf>, OpenError> {
    let cannot = |e: sqlx::Error| OpenError::Database { path: from.display().to_string(), cause: e.to_string() };
    let mut conn = db::sqlite_options(from).create_if_missing(false).connect().await.map_err(cannot)?;
    let target = to.display().to_string();
    sqlx::query("VACUUM INTO $1").bind(target).execute(&mut conn).await.map_err(cannot)?;
    conn.close().await.map_err(cannot)?;
    let mut copy = db::sqlite_options(to).create_if_missing(false).connect().await.map_err(cannot)?;
    // The copy is one file: it gets its log beside it when it is used.
    sqlx::query("PRAGMA journal_mode = DELETE").execute(&mut copy).await.map_err(cannot)?;
    let paths: Vec<String> =
        sqlx::query_scalar("SELECT path FROM documents").fetch_all(&mut copy).await.map_err(cannot)?;
    copy.close().await.map_err(cannot)?;
    Ok(paths.into_iter().map(PathBuf::from).collect())
}

impl Store {
    /// After a restore: documents' files lie under `files` now, and their passages are to be made again. Returns how many
    /// documents there are.
    ///
    /// # Errors
    /// The store's.
    pub async fn settle_in(&self, files: &Path) -> Result<usize, StoreError> {
        let (files, now) = (files.to_owned(), self.now().millis());
        self.tell(None, move |conn| {
            let files = files.clone();
            async move { settle_in(conn, &files, now).await }.boxed()
        })
        .await
    }
}

async fn settle_in(conn: &mut Conn, files: &Path, now: i64) -> Result<usize, StoreError> {
    let query = db::query_as("SELECT id, tenant_id, path FROM documents");
    let rows: Vec<(Uuid, Uuid, String)> = query.fetch_all(&mut *conn).await.map_err(store_error)?;
    let count = rows.len();
    for (id, tenant, path) in rows {
        let name =
            Path::new(&path).file_name().ok_or_else(|| StoreError::Broken("a document has no file".to_owned()))?;
        let path = files.join(tenant.to_string()).join(name).display().to_string();
        let moved = "UPDATE documents SET path = $3 WHERE tenant_id = $1 AND id = $2";
        db::query(moved).bind(tenant).bind(id).bind(path).execute(&mut *conn).await.map_err(store_error)?;
        let query = db::query(crate::sql::documents::REQUEUE).bind(tenant).bind(id).bind(now);
        query.execute(&mut *conn).await.map_err(store_error)?;
    }
    Ok(count)
}
