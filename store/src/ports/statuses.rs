//! Statuses that providers report, moved forward in one batch.

use super::settle::{Undelivered, opted_out, reconciled};
use crate::{
    db::{self, Conn, Query},
    error::{store_error, unreadable},
    records::FailureRecord,
    sql::outbox as sql,
    writer::{Write, WriteError},
};
use async_trait::async_trait;
use colloquy_domain::{
    channel::{DeliveryStatus, StatusUpdate},
    failure::Failure,
    ids::{ConversationId, MessageId},
    ports::{Ids, StoreError},
};
use std::{collections::HashMap, sync::Arc};
use uuid::Uuid;

pub(super) struct Advance {
    pub(super) tenant: Uuid,
    pub(super) channel: Uuid,
    pub(super) updates: Vec<StatusUpdate>,
    pub(super) ids: Arc<dyn Ids>,
}

#[derive(sqlx::FromRow)]
struct Row {
    named: Option<String>,
    id: Uuid,
    conversation_id: Uuid,
    message_id: Uuid,
    status: String,
    state: String,
}

/// A row of the outbox and how far the updates so far brought it.
struct Reached {
    conversation: Uuid,
    message: Uuid,
    status: DeliveryStatus,
    done: bool,
    at: i64,
    failure: Option<Failure>,
    /// It was of unknown outcome before.
    reconciled: bool,
    changed: bool,
}

/// The rows that updates may move, in the order in which they were found.
#[derive(Default)]
struct Rows {
    order: Vec<Uuid>,
    by_id: HashMap<Uuid, Reached>,
    by_name: HashMap<String, Uuid>,
}

#[async_trait]
impl Write for Advance {
    type Output = Vec<(ConversationId, MessageId, DeliveryStatus)>;

    async fn run(&self, conn: &mut Conn) -> Result<Self::Output, WriteError> {
        let mut rows = Rows::default();
        let names: Vec<&str> = self.updates.iter().filter_map(|u| u.provider_message_id.as_deref()).collect();
        rows.add(self.find(conn, sql::BY_PART, &names, |q, name| q.bind(*name)).await?)?;
        let ids: Vec<Uuid> = self.updates.iter().filter_map(|u| u.outbox.map(|o| o.uuid())).collect();
        rows.add(self.find(conn, sql::BY_ID, &ids, |q, id| q.bind(*id)).await?)?;
        for update in &self.updates {
            for id in self.rows_of(conn, &mut rows, update).await? {
                rows.advance(id, update);
            }
        }
        self.write(conn, &rows).await?;
        Ok(rows
            .changed()
            .map(|(_, r)| (ConversationId::new(r.conversation), MessageId::new(r.message), r.status))
            .collect())
    }
}

impl Advance {
    async fn find<K: Sync>(
        &self,
        conn: &mut Conn,
        statement: db::Rows,
        keys: &[K],
        bind: impl Fn(Query, &K) -> Query + Send + Sync,
    ) -> Result<Vec<Row>, StoreError> {
        let account = |q: Query| q.bind(self.tenant).bind(self.channel);
        db::fetch_rows(conn, statement, account, keys, bind).await.map_err(store_error)
    }

    /// The rows that one update speaks of.
    async fn rows_of(&self, conn: &mut Conn, rows: &mut Rows, update: &StatusUpdate) -> Result<Vec<Uuid>, StoreError> {
        if update.provider_message_id.is_some() || update.outbox.is_some() {
            let by_name = update.provider_message_id.as_ref().and_then(|n| rows.by_name.get(n).copied());
            let by_id = update.outbox.map(|o| o.uuid()).filter(|id| rows.by_id.contains_key(id));
            return Ok(by_name.or(by_id).into_iter().collect());
        }
        let Some(peer) = &update.peer else { return Ok(Vec::new()) };
        let found: Vec<Row> = db::query_as(sql::BY_WATERMARK)
            .bind(self.tenant)
            .bind(self.channel)
            .bind(peer)
            .bind(update.at.millis())
            .fetch_all(conn)
            .await
            .map_err(store_error)?;
        let ids = found.iter().map(|r| r.id).collect();
        rows.add(found)?;
        Ok(ids)
    }

    async fn write(&self, conn: &mut Conn, rows: &Rows) -> Result<(), StoreError> {
        let changes = rows
            .changed()
            .map(|(id, r)| Ok((id, r, r.failure.as_ref().map(FailureRecord::json).transpose()?)))
            .collect::<Result<Vec<_>, StoreError>>()?;
        db::execute_rows(conn, sql::ADVANCE, &changes, |q, (id, r, cause)| {
            q.bind(self.tenant).bind(*id).bind(r.status.name()).bind(r.at).bind(cause.clone())
        })
        .await
        .map_err(store_error)?;
        for (id, _) in rows.changed().filter(|(_, r)| r.reconciled) {
            reconciled(conn, self.tenant, id).await?;
        }
        // A reply that the provider took and then could not deliver; while we still send, our own result speaks.
        for (id, r) in rows.changed().filter(|(_, r)| r.done && r.status == DeliveryStatus::Failed) {
            let unnamed = || Failure::reject("delivery.failed", "the provider could not deliver it");
            let failure = r.failure.clone().unwrap_or_else(unnamed);
            let letter = Undelivered { tenant: self.tenant, conversation: r.conversation, outbox: id, at: r.at };
            letter.write(conn, self.ids.uuid(), &failure).await?;
            opted_out(conn, self.tenant, r.conversation, &failure, r.at).await?;
        }
        Ok(())
    }
}

impl Rows {
    fn add(&mut self, found: Vec<Row>) -> Result<(), StoreError> {
        for row in found {
            if let Some(name) = row.named {
                self.by_name.insert(name, row.id);
            }
            if self.by_id.contains_key(&row.id) {
                continue;
            }
            self.order.push(row.id);
            let reached = Reached {
                conversation: row.conversation_id,
                message: row.message_id,
                status: read_status(&row.status)?,
                done: row.state == "done",
                at: 0,
                failure: None,
                reconciled: false,
                changed: false,
            };
            self.by_id.insert(row.id, reached);
        }
        Ok(())
    }

    fn advance(&mut self, id: Uuid, update: &StatusUpdate) {
        // Only what a provider can know; the order of the statuses is the domain's.
        if let Some(row) = self.by_id.get_mut(&id)
            && update.status >= DeliveryStatus::Sent
            && update.status > row.status
        {
            row.reconciled |= row.status == DeliveryStatus::Uncertain;
            row.status = update.status;
            row.at = update.at.millis();
            row.failure.clone_from(&update.failure);
            row.changed = true;
        }
    }

    fn changed(&self) -> impl Iterator<Item = (Uuid, &Reached)> {
        self.order.iter().filter_map(|id| self.by_id.get(id).filter(|r| r.changed).map(|r| (*id, r)))
    }
}

pub(crate) fn read_status(name: &str) -> Result<DeliveryStatus, StoreError> {
    [
        DeliveryStatus::Queued,
        DeliveryStatus::Uncertain,
        DeliveryStatus::Sent,
        DeliveryStatus::Delivered,
        DeliveryStatus::Read,
        DeliveryStatus::Failed,
    ]
    .into_iter()
    .find(|s| s.name() == name)
    .ok_or_else(|| unreadable("delivery status"))
}
