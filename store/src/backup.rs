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

/// The paths of the files that a database knows: documents', and what people sent (below the tenant's folder alone). All of
/// them are complete: a document is known after its file, and an attachment is kept after its.
///
/// # Errors
/// [`OpenError::Database`].
pub async fn files_of(database: &Path) -> Result<Vec<PathBuf>, OpenError> {
    let cannot = |e: sqlx::Error| cannot_open(database, &e);
    let mut conn = db::sqlite_options(database).create_if_missing(false).connect().await.map_err(cannot)?;
    let query = sqlx::query_scalar("SELECT path FROM documents");
    let paths: Vec<String> = query.fetch_all(&mut conn).await.map_err(cannot)?;
    let query = sqlx::query_as("SELECT tenant_id, id FROM attachments WHERE state = 'kept'");
    let kept: Vec<(Uuid, Uuid)> = query.fetch_all(&mut conn).await.map_err(cannot)?;
    let query = sqlx::query_as(
        "SELECT a.tenant_id, a.reference FROM attachments a JOIN channels ch ON ch.id = a.channel_id \
         WHERE a.state = 'waiting' AND ch.kind = 'webchat'",
    );
    let sent: Vec<(Uuid, String)> = query.fetch_all(&mut conn).await.map_err(cannot)?;
    conn.close().await.map_err(cannot)?;
    // What visitors sent lies here before it is brought.
    let sent = sent.into_iter().map(|(tenant, file)| Path::new(&tenant.to_string()).join(file));
    let kept = kept.into_iter().map(|(tenant, id)| Path::new(&tenant.to_string()).join(format!("attachment-{id}")));
    Ok(paths.into_iter().map(PathBuf::from).chain(kept).chain(sent).collect())
}

/// Copies the database to a file that must not exist, as it is at one moment; whoever writes it meanwhile is not held up.
///
/// # Errors
/// [`OpenError::Database`].
pub async fn snapshot(from: &Path, to: &Path) -> Result<(), OpenError> {
    let cannot = |e: sqlx::Error| cannot_open(from, &e);
    let mut conn = db::sqlite_options(from).create_if_missing(false).connect().await.map_err(cannot)?;
    let target = to.display().to_string();
    sqlx::query("VACUUM INTO $1").bind(target).execute(&mut conn).await.map_err(cannot)?;
    conn.close().await.map_err(cannot)
}

fn cannot_open(database: &Path, error: &sqlx::Error) -> OpenError {
    OpenError::Database { path: database.display().to_string(), cause: error.to_string() }
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
