//! How long a tenant keeps things, and the deletion of what it keeps no longer.

use super::{Installation, TenantStore};
use crate::{
    db::{self, Conn},
    error::store_error,
    sql::retention as sql,
};
use colloquy_domain::{
    ids::{ConversationId, TenantId},
    ports::StoreError,
    time::Timestamp,
};
use futures::FutureExt;
use uuid::Uuid;

const DAY: i64 = 24 * 3_600 * 1_000;
/// Rows of one transaction: others write meanwhile.
const BATCH: i64 = 200;
/// Conversations of one.
const CONVERSATIONS: i64 = 20;

/// Days; for ever where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retention {
    /// Lines of transcripts, with all that repeats them.
    pub messages: Option<u32>,
    /// Since something was last said in them.
    pub conversations: Option<u32>,
    /// With their deliveries, once nobody waits to be told.
    pub events: Option<u32>,
    pub audit: Option<u32>,
    /// Planned messages and broadcasts, since they were over.
    pub outreach: Option<u32>,
    /// With their runs, since they were done.
    pub simulations: Option<u32>,
    /// What agents were configured as, since it was replaced.
    pub agent_versions: Option<u32>,
}

/// What a batch deleted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Swept {
    pub conversations: Vec<ConversationId>,
    pub messages: u64,
    pub events: u64,
    pub audit: u64,
    pub outreach: u64,
    pub simulations: u64,
    pub agent_versions: u64,
    /// There is more.
    pub unfinished: bool,
}

type Row = (Option<i64>, Option<i64>, Option<i64>, Option<i64>, Option<i64>, Option<i64>, Option<i64>);

fn days(column: Option<i64>) -> Option<u32> {
    column.and_then(|d| u32::try_from(d).ok())
}

impl TenantStore {
    /// # Errors
    /// The store's.
    pub async fn retention(&self) -> Result<Retention, StoreError> {
        let query = db::query_as(sql::RETENTION).bind(self.key());
        let row: Option<Row> = query.fetch_optional(self.reads()).await.map_err(store_error)?;
        let (messages, conversations, events, audit, outreach, simulations, agent_versions) = row.unwrap_or_default();
        Ok(Retention {
            messages: days(messages),
            conversations: days(conversations),
            events: days(events),
            audit: days(audit),
            outreach: days(outreach),
            simulations: days(simulations),
            agent_versions: days(agent_versions),
        })
    }

    /// # Errors
    /// The store's.
    pub async fn set_retention(&self, to: Retention) -> Result<(), StoreError> {
        let (tenant, now) = (self.key(), self.store.now().millis());
        self.tell(move |conn| {
            let column = |days: Option<u32>| days.map(i64::from);
            let query = db::query(sql::SET_RETENTION).bind(tenant).bind(column(to.messages));
            let query = query.bind(column(to.conversations)).bind(column(to.events)).bind(column(to.audit));
            let query = query.bind(column(to.outreach)).bind(column(to.simulations)).bind(column(to.agent_versions));
            let query = query.bind(now);
            async move { query.execute(conn).await.map(|_| ()).map_err(store_error) }.boxed()
        })
        .await
    }

    /// Deletes a batch of what is kept no longer.
    ///
    /// # Errors
    /// The store's.
    pub async fn sweep(&self, kept: Retention) -> Result<Swept, StoreError> {
        let (tenant, now) = (self.key(), self.store.now());
        self.tell(move |conn| async move { sweep(conn, tenant, kept, now).await }.boxed()).await
    }
}

async fn sweep(conn: &mut Conn, tenant: Uuid, kept: Retention, now: Timestamp) -> Result<Swept, StoreError> {
    let before = |days: Option<u32>| days.map(|d| now.millis() - i64::from(d) * DAY);
    let mut swept = Swept::default();
    if let Some(before) = before(kept.conversations) {
        swept.conversations = conversations(conn, tenant, before).await?;
    }
    if let Some(before) = before(kept.messages) {
        swept.messages = batch(conn, tenant, before, &sql::OLD_MESSAGES, sql::OLD_LINES).await?;
    }
    if let Some(before) = before(kept.events) {
        swept.events = batch(conn, tenant, before, &sql::OLD_EVENTS, sql::OLD_EVENT_ROWS).await?;
    }
    if let Some(before) = before(kept.audit) {
        swept.audit = batch(conn, tenant, before, &[], sql::OLD_AUDIT).await?;
    }
    if let Some(before) = before(kept.outreach) {
        for rows in [sql::OLD_PLANNED, sql::OLD_RECIPIENTS, sql::OLD_BROADCASTS] {
            swept.outreach += batch(conn, tenant, before, &[], rows).await?;
        }
    }
    if let Some(before) = before(kept.simulations) {
        let (runs, simulations) = (&sql::OLD_SIMULATION_RUNS, sql::OLD_SIMULATIONS);
        swept.simulations = batch(conn, tenant, before, runs, simulations).await?;
    }
    if let Some(before) = before(kept.agent_versions) {
        swept.agent_versions = batch(conn, tenant, before, &[], sql::OLD_AGENT_VERSIONS).await?;
    }
    let full = |rows: u64| i64::try_from(rows).unwrap_or(i64::MAX) >= BATCH;
    let rows = [swept.messages, swept.events, swept.audit, swept.outreach, swept.simulations, swept.agent_versions];
    swept.unfinished =
        rows.into_iter().any(full) || i64::try_from(swept.conversations.len()).unwrap_or(i64::MAX) >= CONVERSATIONS;
    Ok(swept)
}

/// What hangs on the rows first, then the rows, which are counted.
async fn batch(
    conn: &mut Conn,
    tenant: Uuid,
    before: i64,
    first: &[&'static str],
    rows: &'static str,
) -> Result<u64, StoreError> {
    let bound = |statement: &'static str| db::query(statement).bind(tenant).bind(before).bind(BATCH);
    for statement in first {
        bound(statement).execute(&mut *conn).await.map_err(store_error)?;
    }
    Ok(bound(rows).execute(conn).await.map_err(store_error)?.rows_affected())
}

async fn conversations(conn: &mut Conn, tenant: Uuid, before: i64) -> Result<Vec<ConversationId>, StoreError> {
    let query = db::query_as(sql::OLD_CONVERSATIONS).bind(tenant).bind(before).bind(CONVERSATIONS);
    let old: Vec<(Uuid,)> = query.fetch_all(&mut *conn).await.map_err(store_error)?;
    for (id,) in &old {
        let keyed = |statement: &'static str, key: Uuid| db::query(statement).bind(tenant).bind(key);
        let query = db::query_scalar(sql::CONTACT_OF).bind(tenant).bind(*id);
        let contact: Option<Uuid> = query.fetch_optional(&mut *conn).await.map_err(store_error)?;
        for statement in sql::ERASE_CONVERSATION {
            keyed(statement, *id).execute(&mut *conn).await.map_err(store_error)?;
        }
        if let Some(contact) = contact {
            keyed(sql::FORGET_CONTACT, contact).execute(&mut *conn).await.map_err(store_error)?;
        }
    }
    Ok(old.into_iter().map(|(id,)| ConversationId::new(id)).collect())
}

impl Installation {
    /// Tenants that do not keep everything for ever.
    ///
    /// # Errors
    /// The store's.
    pub async fn tenants_with_retention(&self) -> Result<Vec<TenantId>, StoreError> {
        let query = db::query_as(sql::TENANTS);
        let rows: Vec<(Uuid,)> = query.fetch_all(self.store.readers()).await.map_err(store_error)?;
        Ok(rows.into_iter().map(|(id,)| TenantId::new(id)).collect())
    }
}
