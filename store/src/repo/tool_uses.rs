//! How often tools were used, where that has a limit: a row for each call, under its idempotency key.

use super::Installation;
use crate::{
    db::{self, Conn},
    error::store_error,
    sql::tool_uses as sql,
    store::Store,
};
use async_trait::async_trait;
use colloquy_domain::{
    ids::TenantId,
    ports::{StoreError, ToolMeter},
    tool::{Exceeded, ToolLimits},
};
use futures::FutureExt;
use std::time::Duration;
use uuid::Uuid;

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;
/// Longer than a day: a call that a crash broke off is run again soon.
const KEPT: Duration = Duration::from_secs(48 * 3_600);

struct Use {
    tenant: Uuid,
    tool: String,
    key: String,
    now: i64,
    limits: ToolLimits,
}

async fn count(conn: &mut Conn, used: &Use) -> Result<Option<Exceeded>, StoreError> {
    let of = |statement: &'static str, key: &str| db::query(statement).bind(used.tenant).bind(key.to_owned());
    let counted = of(sql::COUNTED, &used.key).fetch_optional(&mut *conn).await.map_err(store_error)?;
    if counted.is_some() {
        return Ok(None);
    }
    let query = of(sql::USED, &used.tool).bind(used.now - DAY).bind(used.now - MINUTE);
    let row = query.fetch_optional(&mut *conn).await.map_err(store_error)?;
    let (day, minute): (i64, i64) = row.map(|row| row.read()).transpose().map_err(store_error)?.unwrap_or_default();
    let full = |most: Option<u32>, uses: i64| most.filter(|most| uses >= i64::from(*most));
    if let Some(most) = full(used.limits.per_day, day) {
        return Ok(Some(Exceeded::PerDay(most)));
    }
    if let Some(most) = full(used.limits.per_minute, minute) {
        return Ok(Some(Exceeded::PerMinute(most)));
    }
    let query = of(sql::COUNT, &used.key).bind(used.tool.clone()).bind(used.now);
    query.execute(conn).await.map_err(store_error)?;
    Ok(None)
}

#[async_trait]
impl ToolMeter for Store {
    async fn count(
        &self,
        tenant: TenantId,
        tool: &str,
        key: &str,
        limits: ToolLimits,
    ) -> Result<Option<Exceeded>, StoreError> {
        let now = self.now().millis();
        let used = Use { tenant: tenant.uuid(), tool: tool.to_owned(), key: key.to_owned(), now, limits };
        let used = std::sync::Arc::new(used);
        self.tell(Some(tenant), move |conn| {
            let used = std::sync::Arc::clone(&used);
            async move { count(conn, &used).await }.boxed()
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
