use super::{signed, unsigned};
use crate::{db, error::store_error, records::InboundRecord, sql, store::Store, writer::LogRow};
use async_trait::async_trait;
use colloquy_domain::{
    ids::{ChannelId, TenantId},
    placement::Lane,
    ports::{Cursor, IngressLog, LogEntry, NewEntry, StoreError},
    time::Timestamp,
};
use futures::FutureExt;
use std::time::Duration;
use uuid::Uuid;

/// The longest that [`IngressLog::wait`] waits.
const WAIT: Duration = Duration::from_secs(1);
/// Entries forgotten in one transaction, so that trimming never holds the writer for long.
const TRIM: i64 = 2000;

#[async_trait]
impl IngressLog for Store {
    fn lanes(&self) -> u8 {
        1
    }

    async fn append(&self, entries: Vec<NewEntry>) -> Result<(), StoreError> {
        if entries.is_empty() {
            return Ok(());
        }
        let rows = entries
            .iter()
            .map(|e| {
                Ok(LogRow {
                    tenant: e.tenant.uuid(),
                    channel: e.channel.uuid(),
                    received_at: e.received_at.millis(),
                    payload: InboundRecord::json(&e.inbound)?,
                })
            })
            .collect::<Result<_, StoreError>>()?;
        self.writer().append(rows).await
    }

    async fn read(&self, _: Lane, cursor: Cursor, max: usize) -> Result<Vec<LogEntry>, StoreError> {
        let rows: Vec<(i64, Uuid, Uuid, i64, String)> = db::query_as(sql::log::READ)
            .bind(signed(cursor))
            .bind(signed(max as u64))
            .fetch_all(self.readers())
            .await
            .map_err(store_error)?;
        let mut entries = Vec::with_capacity(rows.len());
        for (offset, tenant, channel, received_at, payload) in rows {
            let inbound = match InboundRecord::parse(&payload) {
                Ok(inbound) => inbound,
                Err(error) if entries.is_empty() => return Err(error),
                Err(_) => break,
            };
            let (tenant, channel) = (TenantId::new(tenant), ChannelId::new(channel));
            let entry = NewEntry { tenant, channel, received_at: Timestamp(received_at), inbound };
            entries.push(LogEntry { offset: unsigned(offset), entry });
        }
        Ok(entries)
    }

    async fn behind(&self, _: Lane, cursor: Cursor) -> Result<u64, StoreError> {
        let end: i64 = db::query_scalar(sql::log::END).fetch_one(self.readers()).await.map_err(store_error)?;
        Ok(unsigned(end).saturating_sub(cursor))
    }

    async fn wait(&self, _: Lane, cursor: Cursor) {
        let mut end = self.writer().log_end();
        // Both an entry and the time are a reason to look; a closed store ends the wait, too.
        let _ = tokio::time::timeout(WAIT, end.wait_for(|last| *last > cursor)).await;
    }

    async fn trim(&self, _: Lane, cursor: Cursor, before: Timestamp) -> Result<u64, StoreError> {
        let mut trimmed = 0;
        loop {
            let piece = self
                .tell(None, move |conn| {
                    async move {
                        let done = db::query(sql::log::TRIM)
                            .bind(signed(cursor))
                            .bind(before.millis())
                            .bind(TRIM)
                            .execute(conn)
                            .await
                            .map_err(store_error)?;
                        Ok(done.rows_affected())
                    }
                    .boxed()
                })
                .await?;
            trimmed += piece;
            if piece < TRIM.unsigned_abs() {
                return Ok(trimmed);
            }
        }
    }
}
