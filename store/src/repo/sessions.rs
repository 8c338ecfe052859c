use super::{Installation, TenantStore, User, people::UserRow};
use crate::{
    db::{self, Conn},
    error::store_error,
    sql::people as sql,
};
use colloquy_domain::{
    ids::{SessionId, TenantId, UserId},
    ports::StoreError,
    time::Timestamp,
};
use futures::FutureExt;
use sha2::{Digest, Sha256};
use std::fmt;
use uuid::Uuid;

/// What is kept of a refresh token or a link: its SHA-256. They are long and random, so no slow hash is needed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    #[must_use]
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).into())
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(***)")
    }
}

/// One sign-in of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    pub id: SessionId,
    pub created_at: Timestamp,
    /// When its last refresh token ends.
    pub expires_at: Timestamp,
}

/// What came of a refresh token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refreshed {
    /// The new token opens the session from now on.
    Rotated { session: SessionId, user: Box<User> },
    /// It was used before: somebody has a copy, so the session was ended for both.
    Reused { tenant: TenantId, session: SessionId },
    /// Unknown, too old, or of a session that has ended.
    Refused,
}

/// What a link lets its owner do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Choose a first password.
    Invitation,
    /// Choose another one.
    Reset,
}

impl Purpose {
    const fn name(self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::Reset => "reset",
        }
    }
}

type TokenRow = (Uuid, Uuid, i64, Option<i64>);

impl Installation {
    /// The person whose session it is, if it is open, they are not disabled and their tenant is not suspended.
    ///
    /// # Errors
    /// The store's.
    pub async fn session_user(&self, session: SessionId) -> Result<Option<User>, StoreError> {
        let query = db::query_as(sql::SESSION_USER).bind(session.uuid()).bind(self.store.now().millis());
        let row: Option<UserRow> = query.fetch_optional(self.store.readers()).await.map_err(store_error)?;
        row.map(UserRow::user).transpose()
    }

    /// Uses a refresh token up and puts `next` in its place, which ends at `expires_at`. Of two uses of one token the
    /// second ends the session.
    ///
    /// # Errors
    /// The store's.
    pub async fn rotate(
        &self,
        token: SecretHash,
        next: SecretHash,
        expires_at: Timestamp,
    ) -> Result<Refreshed, StoreError> {
        let now = self.store.now().millis();
        self.store
            .tell(None, move |conn| async move { rotate(conn, token, next, expires_at.millis(), now).await }.boxed())
            .await
    }

    /// Uses a link up; the person it was sent to.
    ///
    /// # Errors
    /// The store's.
    pub async fn use_link(&self, link: SecretHash) -> Result<Option<(TenantId, UserId)>, StoreError> {
        let now = self.store.now().millis();
        self.store
            .tell(None, move |conn| {
                async move {
                    let query = db::query_as(sql::USE_LINK).bind(link.0.to_vec()).bind(now);
                    let row: Option<(Uuid, Uuid)> = query.fetch_optional(conn).await.map_err(store_error)?;
                    Ok(row.map(|(tenant, user)| (TenantId::new(tenant), UserId::new(user))))
                }
                .boxed()
            })
            .await
    }
}

async fn rotate(
    conn: &mut Conn,
    token: SecretHash,
    next: SecretHash,
    expires_at: i64,
    now: i64,
) -> Result<Refreshed, StoreError> {
    let query = db::query_as(sql::TOKEN).bind(token.0.to_vec());
    let row: Option<TokenRow> = query.fetch_optional(&mut *conn).await.map_err(store_error)?;
    let Some((tenant, session, ends, used)) = row else { return Ok(Refreshed::Refused) };
    let use_it = db::query(sql::USE_TOKEN).bind(token.0.to_vec()).bind(now);
    let taken = used.is_none() && use_it.execute(&mut *conn).await.map_err(store_error)?.rows_affected() == 1;
    if !taken {
        let query = db::query(sql::REVOKE_SESSION).bind(tenant).bind(session).bind(now).bind("reused");
        query.execute(conn).await.map_err(store_error)?;
        return Ok(Refreshed::Reused { tenant: TenantId::new(tenant), session: SessionId::new(session) });
    }
    let query = db::query_as(sql::SESSION_USER).bind(session).bind(now);
    let user: Option<UserRow> = query.fetch_optional(&mut *conn).await.map_err(store_error)?;
    let Some(user) = user.filter(|_| ends > now) else { return Ok(Refreshed::Refused) };
    let query = db::query(sql::ADD_TOKEN).bind(next.0.to_vec()).bind(tenant).bind(session).bind(expires_at);
    query.execute(&mut *conn).await.map_err(store_error)?;
    let query = db::query(sql::EXTEND_SESSION).bind(session).bind(expires_at);
    query.execute(conn).await.map_err(store_error)?;
    Ok(Refreshed::Rotated { session: SessionId::new(session), user: Box::new(user.user()?) })
}

impl TenantStore {
    /// Signs a person in: a session with its first refresh token.
    ///
    /// # Errors
    /// The store's.
    pub async fn begin_session(
        &self,
        user: UserId,
        token: SecretHash,
        expires_at: Timestamp,
    ) -> Result<SessionId, StoreError> {
        let (id, tenant, now) = (self.store.uuid(), self.key(), self.store.now().millis());
        self.tell(move |conn| {
            async move {
                let query = db::query(sql::ADD_SESSION).bind(id).bind(tenant).bind(user.uuid()).bind(now);
                query.bind(expires_at.millis()).execute(&mut *conn).await.map_err(store_error)?;
                let query = db::query(sql::ADD_TOKEN).bind(token.0.to_vec()).bind(tenant).bind(id);
                query.bind(expires_at.millis()).execute(&mut *conn).await.map_err(store_error)?;
                let query = db::query(sql::SEEN).bind(tenant).bind(user.uuid()).bind(now);
                query.execute(conn).await.map_err(store_error)?;
                Ok(SessionId::new(id))
            }
            .boxed()
        })
        .await
    }

    /// Ends one session; ending it again changes nothing.
    ///
    /// # Errors
    /// The store's.
    pub async fn end_session(&self, session: SessionId) -> Result<(), StoreError> {
        let (tenant, now) = (self.key(), self.store.now().millis());
        self.tell(move |conn| {
            async move {
                let query = db::query(sql::REVOKE_SESSION).bind(tenant).bind(session.uuid()).bind(now);
                query.bind("signed_out").execute(conn).await.map(|_| ()).map_err(store_error)
            }
            .boxed()
        })
        .await
    }

    /// The open sessions of a person, the newest first, at most 100.
    ///
    /// # Errors
    /// The store's.
    pub async fn sessions(&self, user: UserId) -> Result<Vec<Session>, StoreError> {
        let query = db::query_as(sql::SESSIONS).bind(self.key()).bind(user.uuid()).bind(self.store.now().millis());
        let rows: Vec<(Uuid, i64, i64)> = query.fetch_all(self.reads()).await.map_err(store_error)?;
        let session = |(id, created, ends)| Session {
            id: SessionId::new(id),
            created_at: Timestamp(created),
            expires_at: Timestamp(ends),
        };
        Ok(rows.into_iter().map(session).collect())
    }

    /// A link for a person; the ones that were sent before open nothing any more.
    ///
    /// # Errors
    /// The store's.
    pub async fn add_link(
        &self,
        user: UserId,
        purpose: Purpose,
        link: SecretHash,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        let tenant = self.key();
        self.tell(move |conn| {
            async move {
                let query = db::query(sql::DROP_LINKS).bind(tenant).bind(user.uuid());
                query.execute(&mut *conn).await.map_err(store_error)?;
                let query = db::query(sql::ADD_LINK).bind(link.0.to_vec()).bind(tenant).bind(user.uuid());
                let query = query.bind(purpose.name()).bind(expires_at.millis());
                query.execute(conn).await.map(|_| ()).map_err(store_error)
            }
            .boxed()
        })
        .await
    }
}
