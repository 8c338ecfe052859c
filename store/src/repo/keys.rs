//! Keys of sealed values: which ones are in use, and sealing everything with the newest one.

use super::Installation;
use crate::{
    cipher::{Cipher, KeyId},
    db,
    error::store_error,
    open::{KEY_CHECK, kept},
    sql::{self, keys::Sealed},
};
use colloquy_domain::ports::StoreError;
use futures::FutureExt;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Values that are sealed again in one transaction.
const BATCH: i64 = 100;

/// What came of sealing everything again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Resealed {
    /// Values that another key had sealed.
    pub changed: u64,
    /// Values that no key opens: they stay as they are.
    pub unreadable: u64,
}

/// Tenant, id, sealed value.
type Row = (Uuid, Uuid, Vec<u8>);

impl Installation {
    /// The key that seals now.
    #[must_use]
    pub fn newest_key(&self) -> KeyId {
        self.store.cipher().newest()
    }

    /// How many values each key sealed; `None` for those from before keys had names.
    ///
    /// # Errors
    /// The store's.
    pub async fn keys_in_use(&self) -> Result<BTreeMap<Option<KeyId>, u64>, StoreError> {
        let mut keys = BTreeMap::new();
        for column in sql::keys::COLUMNS {
            let query = db::query_as(column.count);
            let counted: Vec<(Vec<u8>, i64)> = query.fetch_all(self.store.readers()).await.map_err(store_error)?;
            for (prefix, count) in counted {
                *keys.entry(Cipher::sealed_by(&prefix)).or_default() += u64::try_from(count).unwrap_or(0);
            }
        }
        Ok(keys)
    }

    /// Seals with the newest key what another one sealed, batch by batch. Others may write meanwhile, and it can be
    /// interrupted at any time: what is done stays done.
    ///
    /// # Errors
    /// The store's.
    pub async fn reseal(&self) -> Result<Resealed, StoreError> {
        let mut all = Resealed::default();
        for column in sql::keys::COLUMNS {
            let mut after = Uuid::nil();
            loop {
                let rows = self.sealed_by_others(column, after).await?;
                let Some((_, last, _)) = rows.last() else { break };
                after = *last;
                let done = self.reseal_rows(column, rows).await?;
                all.changed += done.changed;
                all.unreadable += done.unreadable;
            }
        }
        self.reseal_check().await?;
        Ok(all)
    }

    async fn sealed_by_others(&self, column: &Sealed, after: Uuid) -> Result<Vec<Row>, StoreError> {
        let query = db::query_as(column.others).bind(self.store.cipher().newest_prefix()).bind(after).bind(BATCH);
        query.fetch_all(self.store.readers()).await.map_err(store_error)
    }

    async fn reseal_rows(&self, column: &'static Sealed, rows: Vec<Row>) -> Result<Resealed, StoreError> {
        let cipher = self.store.cipher();
        let (mut changes, mut unreadable) = (Vec::new(), 0);
        for (tenant, id, old) in rows {
            match cipher.open(id.as_bytes(), &old) {
                Ok(plain) => changes.push((tenant, id, old, cipher.seal(id.as_bytes(), &plain)?)),
                Err(error) => {
                    tracing::error!(table = column.table, column = column.column, tenant.id = %tenant, row = %id, %error, "secret left as it is");
                    unreadable += 1;
                }
            }
        }
        let changed = self.store.tell(None, move |conn| {
            let changes = changes.clone();
            async move {
                let mut changed = 0;
                for (tenant, id, old, new) in changes {
                    let query = db::query(column.change).bind(tenant).bind(id).bind(old).bind(new);
                    changed += query.execute(&mut *conn).await.map_err(store_error)?.rows_affected();
                }
                Ok(changed)
            }
            .boxed()
        });
        Ok(Resealed { changed: changed.await?, unreadable })
    }

    /// The known word by which a key is recognised when the database is opened.
    async fn reseal_check(&self) -> Result<(), StoreError> {
        let cipher = self.store.cipher().clone();
        let changed = self.store.tell(None, move |conn| {
            let cipher = cipher.clone();
            async move {
                let old = kept(conn, KEY_CHECK).await?.unwrap_or_default();
                if old.starts_with(&cipher.newest_prefix()) {
                    return Ok(());
                }
                let new = cipher.seal(KEY_CHECK.as_bytes(), &cipher.open(KEY_CHECK.as_bytes(), &old)?)?;
                let query = db::query(sql::platform::CHANGE_META).bind(KEY_CHECK).bind(new);
                query.execute(conn).await.map(|_| ()).map_err(store_error)
            }
            .boxed()
        });
        changed.await
    }
}

#[cfg(test)]
mod tests {
    use crate::sql::keys::COLUMNS;

    // req: S3-UTL-1
    #[test]
    fn every_column_of_secrets_is_sealed_again() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations/sqlite");
        let mut sealed = Vec::new();
        for file in std::fs::read_dir(folder).expect("migrations").flatten() {
            let text = std::fs::read_to_string(file.path()).expect("a migration");
            for table in text.split("CREATE TABLE ").skip(1) {
                let body = table.split(");").next().unwrap_or_default();
                let name = table.split([' ', '(']).next().unwrap_or_default();
                for line in body.lines().filter(|line| line.contains(" BLOB") && line.contains("secret")) {
                    sealed.push((name.to_owned(), line.split_whitespace().next().unwrap_or_default().to_owned()));
                }
            }
        }
        sealed.sort();
        // A table that was made anew.
        sealed.dedup();
        let known: Vec<_> = COLUMNS.iter().map(|c| (c.table.to_owned(), c.column.to_owned())).collect();
        assert_eq!(sealed, known);
    }
}
