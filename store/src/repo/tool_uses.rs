//! How often tools were used, where that has a limit: a row for each call, under its idempotency key.

use super::Installation;
use crate::{
    db::{self, Conn, Dialect},
    error::store_error,
    ports::{signed, unsigned},
    sql::tool_uses as sql,
    store::Store,
};
use async_trait::async_trait;
use colloquy_domain::{
    ports::{StoreError, ToolMeter},
    tool::Exceeded,
    tool_limits::{AgentLimits, OfAgent, ToolUse},
};
use futures::FutureExt;
use std::{sync::Arc, time::Duration};

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;
/// Longer than a day: a call that a crash broke off is run again soon.
const KEPT: Duration = Duration::from_secs(48 * 3_600);

async fn count(conn: &mut Conn, used: &ToolUse, now: i64) -> Result<Option<Exceeded>, StoreError> {
    let tenant = used.tenant.uuid();
    if conn.dialect() == Dialect::Postgres {
        db::query(sql::LOCK).bind(format!("{tenant} {}", used.tool)).execute(&mut *conn).await.map_err(store_error)?;
    }
    let of = |statement: &'static str, key: &str| db::query(statement).bind(tenant).bind(key.to_owned());
    let counted = of(sql::COUNTED, &used.key).fetch_optional(&mut *conn).await.map_err(store_error)?;
    if counted.is_some() {
        return Ok(None);
    }
    let since = |statement| of(statement, &used.tool).bind(now - DAY).bind(now - MINUTE);
    if used.limits.counts() {
        let row = since(sql::USED).fetch_optional(&mut *conn).await.map_err(store_error)?;
        let (day, minute): (i64, i64) = row.map(|row| row.read()).transpose().map_err(store_error)?.unwrap_or_default();
        if let Some(exceeded) = full((used.limits.per_minute, minute), (used.limits.per_day, day)) {
            return Ok(Some(exceeded));
        }
    }
    if let Some(OfAgent { agent, limits }) = &used.of_agent {
        let row = since(sql::USED_BY).bind(agent.uuid()).fetch_optional(&mut *conn).await.map_err(store_error)?;
        let read = row.map(|row| row.read()).transpose().map_err(store_error)?;
        let (day, minute, moved): (i64, i64, i64) = read.unwrap_or_default();
        let full = full((limits.per_minute, minute), (limits.per_day, day));
        if let Some(exceeded) = full.or_else(|| too_much(limits, unsigned(moved), used.amount_micros)) {
            return Ok(Some(exceeded));
        }
    }
    let query = of(sql::COUNT, &used.key).bind(used.tool.clone()).bind(now);
    let query = query.bind(used.of_agent.as_ref().map(|o| o.agent.uuid())).bind(signed(used.amount_micros));
    query.execute(conn).await.map_err(store_error)?;
    Ok(None)
}

fn full(minute: (Option<u32>, i64), day: (Option<u32>, i64)) -> Option<Exceeded> {
    let over = |(most, uses): (Option<u32>, i64)| most.filter(|most| uses >= i64::from(*most));
    over(day).map(Exceeded::PerDay).or_else(|| over(minute).map(Exceeded::PerMinute))
}

fn too_much(limits: &AgentLimits, moved: u64, amount: u64) -> Option<Exceeded> {
    let most = limits.money.as_ref()?.per_day_micros;
    (moved.saturating_add(amount) > most).then_some(Exceeded::Money { most, moved })
}

#[async_trait]
impl ToolMeter for Store {
    async fn count(&self, used: ToolUse) -> Result<Option<Exceeded>, StoreError> {
        let (tenant, now, used) = (used.tenant, self.now().millis(), Arc::new(used));
        self.tell(Some(tenant), move |conn| {
            let used = Arc::clone(&used);
            async move { count(conn, &used, now).await }.boxed()
        })
        .await
    }
}

impl Installation {
    /// Forgets uses that no limit looks at any more.
    ///
    /// # Errors
    /// The store's.
    pub async fn forget_tool_uses(&self) -> Result<(), StoreError> {
        let before = self.store.now().millis() - i64::try_from(KEPT.as_millis()).unwrap_or(i64::MAX);
        self.store
            .tell(None, move |conn| {
                let query = db::query(sql::FORGET).bind(before);
                async move { query.execute(conn).await.map(|_| ()).map_err(store_error) }.boxed()
            })
            .await
    }
}
