use super::{Installation, Page, PageRequest, Tenant, TenantStore, found, subscriptions::Room};
use crate::{
    db::{self, Conn},
    error::{conflict_on, store_error, unreadable},
    sql::{people as sql, platform},
};
use colloquy_domain::{
    access::Role,
    ids::{TenantId, UserId},
    ports::StoreError,
    time::Timestamp,
};
use futures::FutureExt;
use std::fmt;
use uuid::Uuid;

/// The text that a slow hash of a password became (PHC string format). Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(pub String);

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(***)")
    }
}

/// A person who signs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
    pub tenant: TenantId,
    /// In lower case; unique in the installation.
    pub email: String,
    pub name: String,
    pub role: Role,
    /// None until an invitation is accepted.
    pub password: Option<PasswordHash>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub last_seen_at: Option<Timestamp>,
    pub disabled_at: Option<Timestamp>,
}

/// What a person is made from.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// In lower case.
    pub email: String,
    pub name: String,
    pub role: Role,
    pub password: Option<PasswordHash>,
}

#[derive(sqlx::FromRow)]
pub(super) struct UserRow {
    id: Uuid,
    tenant_id: Uuid,
    email: String,
    name: String,
    role: String,
    password: Option<String>,
    created_at: i64,
    updated_at: i64,
    last_seen_at: Option<i64>,
    disabled_at: Option<i64>,
}

impl UserRow {
    pub(super) fn user(self) -> Result<User, StoreError> {
        Ok(User {
            id: UserId::new(self.id),
            tenant: TenantId::new(self.tenant_id),
            email: self.email,
            name: self.name,
            role: self.role.parse().map_err(|_| unreadable("role"))?,
            password: self.password.map(PasswordHash),
            created_at: Timestamp(self.created_at),
            updated_at: Timestamp(self.updated_at),
            last_seen_at: self.last_seen_at.map(Timestamp),
            disabled_at: self.disabled_at.map(Timestamp),
        })
    }
}

async fn insert(conn: &mut Conn, id: Uuid, tenant: Uuid, new: NewUser, now: i64) -> Result<(), StoreError> {
    let query = db::query(sql::ADD_USER).bind(id).bind(tenant).bind(new.email).bind(new.name);
    let query = query.bind(new.role.name()).bind(new.password.map(|p| p.0)).bind(now);
    query.execute(conn).await.map(|_| ()).map_err(conflict_on("email"))
}

impl Installation {
    /// A tenant with its first person, both or neither.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] with `slug` or `email` if that is taken, or the store's.
    pub async fn register(&self, slug: &str, name: &str, first: NewUser) -> Result<(Tenant, User), StoreError> {
        let (tenant, user, now) = (self.store.uuid(), self.store.uuid(), self.store.now().millis());
        let texts = (slug.to_owned(), name.to_owned());
        self.store
            .tell(None, move |conn| {
                let ((slug, name), first) = (texts.clone(), first.clone());
                async move {
                    let query = db::query(platform::ADD_TENANT).bind(tenant).bind(slug).bind(name).bind(now);
                    query.execute(&mut *conn).await.map_err(conflict_on("slug"))?;
                    insert(conn, user, tenant, first, now).await
                }
                .boxed()
            })
            .await?;
        let tenant = TenantId::new(tenant);
        Ok((self.tenant(tenant).await?, self.store.tenant(tenant).user(UserId::new(user)).await?))
    }

    /// The person with this address (in lower case), whatever their tenant.
    ///
    /// # Errors
    /// The store's.
    pub async fn user_by_email(&self, email: &str) -> Result<Option<User>, StoreError> {
        let query = db::query_as(sql::USER_BY_EMAIL).bind(email);
        let row: Option<UserRow> = query.fetch_optional(self.store.readers()).await.map_err(store_error)?;
        row.map(UserRow::user).transpose()
    }
}

impl TenantStore {
    /// # Errors
    /// [`StoreError::Conflict`] if the address is taken, [`StoreError::BeyondPlan`], or the store's.
    pub async fn create_user(&self, new: NewUser) -> Result<User, StoreError> {
        let (id, tenant, now) = (self.store.uuid(), self.key(), self.store.now().millis());
        self.tell(move |conn| {
            let new = new.clone();
            async move {
                let room = Room::before(conn, tenant).await?;
                insert(conn, id, tenant, new, now).await?;
                room.after(conn, tenant).await
            }
            .boxed()
        })
        .await?;
        self.user(UserId::new(id)).await
    }

    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn user(&self, id: UserId) -> Result<User, StoreError> {
        let row: Option<UserRow> = self.one(sql::USER, id.uuid()).await?;
        row.ok_or(StoreError::NotFound("user"))?.user()
    }

    /// # Errors
    /// The store's.
    pub async fn users(&self, request: PageRequest) -> Result<Page<User>, StoreError> {
        let page: Page<UserRow> = self.page(sql::USERS, sql::COUNT_USERS, request).await?;
        page.try_map(UserRow::user)
    }

    /// Writes name, role and whether they are disabled; a disabled person's sessions end.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the tenant would be left without an owner, [`StoreError::BeyondPlan`] if there is no seat
    /// for whoever comes back, [`StoreError::NotFound`], or the store's.
    pub async fn update_user(&self, user: &User) -> Result<User, StoreError> {
        let (tenant, id, now) = (self.key(), user.id.uuid(), self.store.now().millis());
        let (name, role, disabled) = (user.name.clone(), user.role, user.disabled_at.map(Timestamp::millis));
        self.tell(move |conn| {
            let name = name.clone();
            async move {
                if role < Role::Owner || disabled.is_some() {
                    keep_an_owner(conn, tenant, id).await?;
                }
                let room = Room::before(conn, tenant).await?;
                let query = db::query(sql::CHANGE_USER).bind(tenant).bind(id).bind(name).bind(role.name());
                let done = query.bind(disabled).bind(now).execute(&mut *conn).await.map_err(store_error)?;
                found(done.rows_affected(), "user")?;
                room.after(conn, tenant).await?;
                if disabled.is_some() {
                    end_sessions(conn, tenant, id, now, "disabled").await?;
                }
                Ok(())
            }
            .boxed()
        })
        .await?;
        self.user(user.id).await
    }

    /// A new password; all sessions of the person end, and links that were sent open nothing any more.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn set_password(&self, id: UserId, hash: PasswordHash) -> Result<(), StoreError> {
        let (tenant, id, now) = (self.key(), id.uuid(), self.store.now().millis());
        self.tell(move |conn| {
            let hash = hash.0.clone();
            async move {
                let query = db::query(sql::SET_PASSWORD).bind(tenant).bind(id).bind(hash).bind(now);
                found(query.execute(&mut *conn).await.map_err(store_error)?.rows_affected(), "user")?;
                let query = db::query(sql::DROP_LINKS).bind(tenant).bind(id);
                query.execute(&mut *conn).await.map_err(store_error)?;
                end_sessions(conn, tenant, id, now, "password_changed").await
            }
            .boxed()
        })
        .await
    }
}

/// Refuses to take the last owner away; whoever is none leaves the tenant as it was.
async fn keep_an_owner(conn: &mut Conn, tenant: Uuid, id: Uuid) -> Result<(), StoreError> {
    let query = db::query_as(sql::USER).bind(tenant).bind(id);
    let row: Option<UserRow> = query.fetch_optional(&mut *conn).await.map_err(store_error)?;
    let owns = row.ok_or(StoreError::NotFound("user"))?.user()?.role >= Role::Owner;
    let query = db::query_scalar(sql::OTHER_OWNERS).bind(tenant).bind(id);
    let others: i64 = query.fetch_one(conn).await.map_err(store_error)?;
    if owns && others == 0 { Err(StoreError::Conflict("last owner")) } else { Ok(()) }
}

async fn end_sessions(
    conn: &mut Conn,
    tenant: Uuid,
    user: Uuid,
    now: i64,
    cause: &'static str,
) -> Result<(), StoreError> {
    let query = db::query(sql::REVOKE_SESSIONS_OF).bind(tenant).bind(user).bind(now).bind(cause);
    query.execute(conn).await.map(|_| ()).map_err(store_error)
}
