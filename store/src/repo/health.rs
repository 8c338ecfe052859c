//! How a channel stands with its provider.

use super::TenantStore;
use crate::{
    db::{self, Conn},
    error::{store_error, unreadable},
    ports::unsigned,
    sql::health as sql,
};
use colloquy_domain::{
    ids::ChannelId,
    ports::StoreError,
    standing::{AccountNotice, Gravity, Standing},
    time::Timestamp,
};
use futures::FutureExt;
use uuid::Uuid;

/// What is known of how a channel stands. Nothing is the usual case.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChannelHealth {
    pub refused: Option<Refused>,
    pub unreadable: Option<Unreadable>,
    pub notice: Option<AccountNotice>,
    /// Nothing is sent since then.
    pub stopped_at: Option<Timestamp>,
    pub token_expires_at: Option<Timestamp>,
}

/// The provider refuses the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub since: Timestamp,
    pub code: String,
    pub detail: String,
}

/// Deliveries that were turned away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    pub deliveries: u64,
    pub last: Timestamp,
    pub why: String,
}

#[derive(sqlx::FromRow)]
struct Row {
    refused_at: Option<i64>,
    refused_code: Option<String>,
    refused_detail: Option<String>,
    unreadable: i64,
    unreadable_at: Option<i64>,
    unreadable_why: Option<String>,
    notice: Option<String>,
    notice_gravity: Option<String>,
    notice_detail: Option<String>,
    notice_at: Option<i64>,
    stopped_at: Option<i64>,
    token_expires_at: Option<i64>,
}

impl Row {
    fn health(self) -> Result<ChannelHealth, StoreError> {
        let refused = self.refused_at.map(|at| Refused {
            since: Timestamp(at),
            code: self.refused_code.unwrap_or_default(),
            detail: self.refused_detail.unwrap_or_default(),
        });
        let deliveries = unsigned(self.unreadable);
        let why = self.unreadable_why.unwrap_or_default();
        let unread = self.unreadable_at.map(|at| Unreadable { deliveries, last: Timestamp(at), why });
        let notice = match (self.notice, self.notice_gravity, self.notice_at) {
            (Some(what), Some(gravity), Some(at)) => {
                let known = Gravity::ALL.into_iter().find(|g| g.name() == gravity);
                let gravity = known.ok_or_else(|| unreadable("gravity"))?;
                Some(AccountNotice { what, gravity, detail: self.notice_detail.unwrap_or_default(), at: Timestamp(at) })
            }
            _ => None,
        };
        Ok(ChannelHealth {
            refused,
            unreadable: unread,
            notice,
            stopped_at: self.stopped_at.map(Timestamp),
            token_expires_at: self.token_expires_at.map(Timestamp),
        })
    }
}

impl TenantStore {
    /// # Errors
    /// The store's.
    pub async fn channel_health(&self, channel: ChannelId) -> Result<ChannelHealth, StoreError> {
        let row: Option<Row> = self.one(sql::SHOW, channel.uuid()).await?;
        row.map_or_else(|| Ok(ChannelHealth::default()), Row::health)
    }

    /// # Errors
    /// The store's.
    pub async fn channel_stands(&self, channel: ChannelId, standing: Standing) -> Result<(), StoreError> {
        let (tenant, channel, now) = (self.key(), channel.uuid(), self.store.now());
        self.tell(move |conn| {
            let standing = standing.clone();
            async move { write(conn, tenant, channel, &standing, now).await }.boxed()
        })
        .await
    }

    /// Whatever stopped it: somebody of the team says that it goes on.
    ///
    /// # Errors
    /// The store's.
    pub async fn channel_goes_on(&self, channel: ChannelId) -> Result<(), StoreError> {
        let (tenant, channel) = (self.key(), channel.uuid());
        self.tell(move |conn| {
            async move {
                let query = db::query(sql::LIFT).bind(tenant).bind(channel);
                query.execute(conn).await.map(|_| ()).map_err(store_error)
            }
            .boxed()
        })
        .await
    }

    /// The provider serves the account, and says until when its token is good, if it does.
    ///
    /// # Errors
    /// The store's.
    pub async fn channel_checked(&self, channel: ChannelId, expires: Option<Timestamp>) -> Result<(), StoreError> {
        let (tenant, channel, now) = (self.key(), channel.uuid(), self.store.now());
        self.tell(move |conn| {
            async move {
                write(conn, tenant, channel, &Standing::Served, now).await?;
                let query = db::query(sql::TOKEN).bind(tenant).bind(channel).bind(expires.map(|t| t.millis()));
                query.execute(conn).await.map(|_| ()).map_err(store_error)
            }
            .boxed()
        })
        .await
    }
}

/// Of a channel that is not there, nothing.
pub(crate) async fn write(
    conn: &mut Conn,
    tenant: Uuid,
    channel: Uuid,
    standing: &Standing,
    now: Timestamp,
) -> Result<(), StoreError> {
    let of = |text: &'static str| db::query(text).bind(tenant).bind(channel);
    let query = match standing {
        Standing::Refused(f) => of(sql::REFUSED).bind(now.millis()).bind(f.code.clone()).bind(f.detail.clone()),
        Standing::Served => of(sql::SERVED),
        Standing::Unreadable { deliveries, why } => {
            let deliveries = i64::try_from(*deliveries).unwrap_or(i64::MAX);
            of(sql::UNREADABLE).bind(now.millis()).bind(deliveries).bind(why.clone())
        }
        Standing::Told(notice) => return told(conn, tenant, channel, notice).await,
    };
    query.execute(conn).await.map(|_| ()).map_err(store_error)
}

async fn told(conn: &mut Conn, tenant: Uuid, channel: Uuid, n: &AccountNotice) -> Result<(), StoreError> {
    let of = |text: &'static str| db::query(text).bind(tenant).bind(channel);
    let at = n.at.millis();
    let query = of(sql::TOLD).bind(at).bind(n.what.clone()).bind(n.gravity.name()).bind(n.detail.clone());
    let newest = query.execute(&mut *conn).await.map_err(store_error)?.rows_affected() > 0;
    // What was said before something newer does not stop or lift any more.
    let follows = match n.gravity {
        Gravity::Stop if newest => of(sql::STOP).bind(at),
        Gravity::Lifted if newest => of(sql::LIFT),
        _ => return Ok(()),
    };
    follows.execute(conn).await.map(|_| ()).map_err(store_error)
}
