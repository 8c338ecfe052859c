use super::Installation;
use crate::{
    db::{self, Conn},
    error::store_error,
    sql::people as sql,
};
use colloquy_domain::ports::StoreError;
use futures::FutureExt;
use sha2::{Digest, Sha256};
use std::time::Duration;

/// Longer than any allowance looks back.
const FORGET_AFTER_MILLIS: i64 = 24 * 3_600 * 1_000;

/// How often something may be tried, counted over all nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowance {
    /// What is tried, for whom and from where; only a hash of it is kept.
    pub subject: String,
    pub most: usize,
    pub within: Duration,
}

impl Installation {
    /// Counts an attempt, unless an allowance is used up: then the time until it is not. Two attempts at once are
    /// counted one after the other.
    ///
    /// # Errors
    /// The store's.
    pub async fn attempt(&self, allowances: Vec<Allowance>) -> Result<Option<Duration>, StoreError> {
        let now = self.store.now().millis();
        self.store
            .tell(None, move |conn| {
                let allowances = allowances.clone();
                async move { attempt(conn, allowances, now).await }.boxed()
            })
            .await
    }

    /// Deletes what nobody asks for any more: sessions that ended, with their tokens, and old attempts.
    ///
    /// # Errors
    /// The store's.
    pub async fn tidy_sign_ins(&self) -> Result<(), StoreError> {
        let before = self.store.now().millis() - FORGET_AFTER_MILLIS;
        self.store
            .tell(None, move |conn| {
                async move {
                    for statement in [sql::FORGET_SESSIONS, sql::FORGET_ATTEMPTS] {
                        db::query(statement).bind(before).execute(&mut *conn).await.map_err(store_error)?;
                    }
                    Ok(())
                }
                .boxed()
            })
            .await
    }
}

async fn attempt(conn: &mut Conn, allowances: Vec<Allowance>, now: i64) -> Result<Option<Duration>, StoreError> {
    let mut subjects = Vec::new();
    let mut wait: i64 = 0;
    for Allowance { subject, most, within } in allowances {
        let subject = Sha256::digest(subject.as_bytes()).to_vec();
        let within = i64::try_from(within.as_millis()).unwrap_or(FORGET_AFTER_MILLIS).min(FORGET_AFTER_MILLIS);
        let query = db::query_as(sql::ATTEMPTS_SINCE).bind(subject.clone()).bind(now - within);
        let earlier: Vec<(i64,)> = query.fetch_all(&mut *conn).await.map_err(store_error)?;
        if let Some(place) = earlier.len().checked_sub(most) {
            // Once this one is out of the window, there are fewer than `most` again.
            wait = wait.max(earlier.get(place).map_or(within, |(at,)| at + within - now));
        }
        subjects.push(subject);
    }
    if wait > 0 {
        return Ok(Some(Duration::from_millis(wait.unsigned_abs())));
    }
    subjects.dedup();
    for subject in subjects {
        let query = db::query(sql::ADD_ATTEMPT).bind(subject).bind(now);
        query.execute(&mut *conn).await.map_err(store_error)?;
    }
    Ok(None)
}
