//! Requests that name themselves: each is carried out once, and whoever repeats it gets the same answer.

use super::{Installation, TenantStore};
use crate::{
    db::{self, Conn},
    error::store_error,
    sql::settings as sql,
};
use colloquy_domain::{ports::StoreError, time::Timestamp};
use futures::FutureExt;
use std::time::Duration;
use uuid::Uuid;

/// How long a key is known.
const KEPT: Duration = Duration::from_secs(24 * 3_600);

/// A 32-byte hash.
pub type Digest32 = [u8; 32];

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claimed {
    /// Nobody used it: whoever asked carries the request out, and says what came of it.
    Fresh,
    /// It is another request's.
    Taken,
    /// It is being carried out since then, or was when its node ended.
    Running(Timestamp),
    /// What it was answered.
    Answered { status: u16, answer: Vec<u8> },
}

type Row = (Vec<u8>, Option<i64>, Option<Vec<u8>>, i64);

impl TenantStore {
    /// Of several at once, one is told [`Claimed::Fresh`].
    ///
    /// # Errors
    /// The store's.
    pub async fn claim_key(&self, key: Digest32, fingerprint: Digest32) -> Result<Claimed, StoreError> {
        let (tenant, now) = (self.key(), self.store.now());
        let row =
            self.tell(move |conn| async move { claim(conn, tenant, key, fingerprint, now).await }.boxed()).await?;
        match row {
            None => Ok(Claimed::Fresh),
            Some((of, ..)) if of != fingerprint => Ok(Claimed::Taken),
            Some((_, Some(status), Some(sealed), _)) => Ok(Claimed::Answered {
                status: u16::try_from(status).unwrap_or_default(),
                answer: self.store.cipher().open(&key, &sealed)?,
            }),
            Some((.., at)) => Ok(Claimed::Running(Timestamp(at))),
        }
    }

    /// What came of the request.
    ///
    /// # Errors
    /// The store's.
    pub async fn answer_key(&self, key: Digest32, status: u16, answer: &[u8]) -> Result<(), StoreError> {
        let (tenant, sealed) = (self.key(), self.store.cipher().seal(&key, answer)?);
        self.tell(move |conn| {
            let query = db::query(sql::ANSWER_KEY).bind(tenant).bind(key.to_vec());
            let query = query.bind(i64::from(status)).bind(sealed.clone());
            async move { query.execute(conn).await.map(|_| ()).map_err(store_error) }.boxed()
        })
        .await
    }

    /// Nothing came of it: it may be asked again.
    ///
    /// # Errors
    /// The store's.
    pub async fn release_key(&self, key: Digest32) -> Result<(), StoreError> {
        let tenant = self.key();
        self.tell(move |conn| {
            let query = db::query(sql::RELEASE_KEY).bind(tenant).bind(key.to_vec());
            async move { query.execute(conn).await.map(|_| ()).map_err(store_error) }.boxed()
        })
        .await
    }
}

async fn claim(
    conn: &mut Conn,
    tenant: Uuid,
    key: Digest32,
    fingerprint: Digest32,
    now: Timestamp,
) -> Result<Option<Row>, StoreError> {
    let kept = i64::try_from(KEPT.as_millis()).unwrap_or(i64::MAX);
    let keyed = |statement: &'static str| db::query(statement).bind(tenant).bind(key.to_vec());
    keyed(sql::FORGET_KEY).bind(now.millis() - kept).execute(&mut *conn).await.map_err(store_error)?;
    let query = keyed(sql::CLAIM_KEY).bind(fingerprint.to_vec()).bind(now.millis());
    if query.execute(&mut *conn).await.map_err(store_error)?.rows_affected() > 0 {
        return Ok(None);
    }
    let query = db::query_as(sql::KEY).bind(tenant).bind(key.to_vec());
    query.fetch_optional(conn).await.map_err(store_error)
}

impl Installation {
    /// Forgets keys that are too old.
    ///
    /// # Errors
    /// The store's.
    pub async fn forget_idempotency_keys(&self) -> Result<(), StoreError> {
        let before = self.store.now().millis() - i64::try_from(KEPT.as_millis()).unwrap_or(i64::MAX);
        self.store
            .tell(None, move |conn| {
                let query = db::query(sql::FORGET_KEYS).bind(before);
                async move { query.execute(conn).await.map(|_| ()).map_err(store_error) }.boxed()
            })
            .await
    }
}
