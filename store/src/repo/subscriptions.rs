//! What a tenant may use, and what it wants to spend.

use super::{TenantStore, metrics::warn};
use crate::{
    db::{self, Conn},
    error::store_error,
    ports::{signed, unsigned},
    sql::subscriptions as sql,
};
use colloquy_domain::{
    agent::Refusal,
    plan::{self, Held, Limits},
    ports::StoreError,
    time::Timestamp,
};
use futures::FutureExt;
use uuid::Uuid;

/// A tenant's plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Its name.
    pub plan: String,
    pub limits: Limits,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Row {
    plan: String,
    messages_per_month: Option<i64>,
    agents: Option<i64>,
    documents: Option<i64>,
    storage_bytes: Option<i64>,
    seats: Option<i64>,
    created_at: i64,
    updated_at: i64,
}

impl From<Row> for Subscription {
    fn from(r: Row) -> Self {
        let limits = Limits {
            messages_per_month: r.messages_per_month.map(unsigned),
            agents: r.agents.map(unsigned),
            documents: r.documents.map(unsigned),
            storage_bytes: r.storage_bytes.map(unsigned),
            seats: r.seats.map(unsigned),
        };
        Self { plan: r.plan, limits, created_at: Timestamp(r.created_at), updated_at: Timestamp(r.updated_at) }
    }
}

async fn held(conn: &mut Conn, tenant: Uuid) -> Result<Held, StoreError> {
    let row: (i64, i64, i64, i64) = db::query_as(sql::HELD).bind(tenant).fetch_one(conn).await.map_err(store_error)?;
    Ok(held_of(row))
}

fn held_of((agents, documents, bytes, seats): (i64, i64, i64, i64)) -> Held {
    Held {
        agents: unsigned(agents),
        documents: unsigned(documents),
        storage_bytes: unsigned(bytes),
        seats: unsigned(seats),
    }
}

/// The limits that a change must keep to, and what there was before it; none where there are no limits. Changes of what a
/// tenant configures come one after the other, so nobody else adds anything meanwhile.
pub(super) struct Room(Option<(Limits, Held)>);

impl Room {
    pub(super) async fn before(conn: &mut Conn, tenant: Uuid) -> Result<Self, StoreError> {
        let query = db::query_as(sql::SUBSCRIPTION).bind(tenant);
        let row: Option<Row> = query.fetch_optional(&mut *conn).await.map_err(store_error)?;
        Ok(Self(match row {
            Some(row) => Some((Subscription::from(row).limits, held(conn, tenant).await?)),
            None => None,
        }))
    }

    /// Refuses what was written since; the transaction takes it back.
    pub(super) async fn after(self, conn: &mut Conn, tenant: Uuid) -> Result<(), StoreError> {
        let Some((limits, before)) = self.0 else { return Ok(()) };
        match limits.exceeded(before, held(conn, tenant).await?) {
            Some(what) => Err(StoreError::BeyondPlan(what)),
            None => Ok(()),
        }
    }
}

impl TenantStore {
    /// None: nothing of the tenant has a limit.
    ///
    /// # Errors
    /// The store's.
    pub async fn subscription(&self) -> Result<Option<Subscription>, StoreError> {
        let query = db::query_as(sql::SUBSCRIPTION).bind(self.key());
        let row: Option<Row> = query.fetch_optional(self.reads()).await.map_err(store_error)?;
        Ok(row.map(Subscription::from))
    }

    /// What the tenant has already stays, even if it is too much for the plan.
    ///
    /// # Errors
    /// The store's.
    pub async fn set_subscription(&self, plan: &str, limits: Limits) -> Result<Subscription, StoreError> {
        let (tenant, now, plan) = (self.key(), self.store.now(), plan.to_owned());
        self.tell(move |conn| {
            let query = db::query(sql::SET_SUBSCRIPTION).bind(tenant).bind(&plan);
            let all = [limits.messages_per_month, limits.agents, limits.documents, limits.storage_bytes, limits.seats];
            let query = all.into_iter().fold(query, |q, limit| q.bind(limit.map(signed))).bind(now.millis());
            async move { query.execute(conn).await.map(|_| ()).map_err(store_error) }.boxed()
        })
        .await?;
        self.subscription().await?.ok_or(StoreError::NotFound("subscription"))
    }

    /// # Errors
    /// The store's.
    pub async fn held(&self) -> Result<Held, StoreError> {
        let query = db::query_as(sql::HELD).bind(self.key());
        query.fetch_one(self.reads()).await.map(held_of).map_err(store_error)
    }

    /// What the tenant wants to spend on models in a calendar month, in millionths of a US dollar.
    ///
    /// # Errors
    /// The store's.
    pub async fn budget(&self) -> Result<Option<u64>, StoreError> {
        let query = db::query_as(sql::BUDGET).bind(self.key());
        let row: Option<(Option<i64>,)> = query.fetch_optional(self.reads()).await.map_err(store_error)?;
        Ok(row.and_then(|(micros,)| micros).map(unsigned))
    }

    /// # Errors
    /// The store's.
    pub async fn set_budget(&self, micros: Option<u64>) -> Result<(), StoreError> {
        let (tenant, now) = (self.key(), self.store.now());
        self.tell(move |conn| {
            async move {
                let query = db::query(sql::SET_BUDGET).bind(tenant).bind(micros.map(signed)).bind(now.millis());
                query.execute(&mut *conn).await.map_err(store_error)?;
                // It may be spent already.
                warn(conn, now).await
            }
            .boxed()
        })
        .await
    }

    /// Why no agent of the tenant may begin a turn now, if so.
    ///
    /// # Errors
    /// The store's.
    pub async fn barred(&self, now: Timestamp) -> Result<Option<Refusal>, StoreError> {
        let query = db::query_as(sql::BARS).bind(self.key());
        let (budget, messages): (Option<i64>, Option<i64>) =
            query.fetch_one(self.reads()).await.map_err(store_error)?;
        if budget.is_none() && messages.is_none() {
            return Ok(None);
        }
        let limits = Limits { messages_per_month: messages.map(unsigned), ..Limits::default() };
        Ok(plan::barred(budget.map(unsigned), &limits, self.month(now).await?))
    }
}
