//! What came of deliveries.
//!
//! A row that is not being sent any more (a crash made it `uncertain`, somebody else settled it) is only moved by
//! `Sent`, which is news about the world; everything else about it is ignored, because queueing it again could send it
//! twice. The same holds where the whole outbox went to another node.

use super::{held::Hold, outbox::promote};
use crate::{
    db::{self, Conn, Sql},
    error::{conflict_on, store_error},
    records::{FailureRecord, RichRecord},
    sql::{beginnings, conversation::ADD_DEAD_LETTER, inbox::CONSENT_OF, outbox as sql},
    writer::{Write, WriteError},
};
use async_trait::async_trait;
use colloquy_domain::{
    failure::Failure,
    ids::{OutboxId, TenantId},
    placement::Partition,
    ports::{Ids, Settlement, StoreError},
    time::Timestamp,
};
use std::sync::Arc;
use uuid::Uuid;

pub(super) struct Settle {
    /// Each with the partition of its outbox, where those have owners.
    pub(super) settlements: Vec<(Option<Partition>, Settlement)>,
    pub(super) ids: Arc<dyn Ids>,
}

#[async_trait]
impl Write for Settle {
    type Output = ();

    fn partitions(&self) -> Vec<Partition> {
        self.settlements.iter().filter_map(|(partition, _)| *partition).collect()
    }

    async fn run(&self, conn: &mut Conn) -> Result<(), WriteError> {
        for (partition, settlement) in &self.settlements {
            let news = matches!(settlement, Settlement::Sent { .. } | Settlement::Replaced { .. });
            if news || partition.is_none_or(|p| conn.fence.lets(p)) {
                self.settle(conn, settlement).await?;
            } else if let Settlement::Progress { tenant, id, provider_message_id, .. } = settlement {
                // So that a later status finds it.
                add_part(conn, *tenant, *id, provider_message_id.as_deref()).await?;
            }
        }
        Ok(())
    }
}

impl Settle {
    async fn settle(&self, conn: &mut Conn, settlement: &Settlement) -> Result<(), StoreError> {
        match settlement {
            Settlement::Progress { tenant, id, parts, provider_message_id } => {
                let row = keyed(sql::PROGRESS, *tenant, *id).bind(i64::from(*parts));
                conversation(conn, row, *tenant, *id).await?;
                add_part(conn, *tenant, *id, provider_message_id.as_deref()).await
            }
            Settlement::Sent { tenant, id, provider_message_id, at } => {
                let row = keyed(sql::SENT, *tenant, *id).bind(at.millis());
                let sent = conversation(conn, row, *tenant, *id).await?;
                reconciled(conn, tenant.uuid(), id.uuid()).await?;
                add_part(conn, *tenant, *id, provider_message_id.as_deref()).await?;
                finished(conn, *tenant, sent).await
            }
            Settlement::Again { tenant, id, parts, at, failure } => {
                let cause = FailureRecord::json(failure)?;
                let row = keyed(sql::AGAIN, *tenant, *id).bind(i64::from(*parts)).bind(at.millis()).bind(cause);
                conversation(conn, row, *tenant, *id).await.map(|_| ())
            }
            Settlement::Released { tenant, id, at } => {
                let row = keyed(sql::RELEASED, *tenant, *id).bind(at.millis());
                conversation(conn, row, *tenant, *id).await.map(|_| ())
            }
            Settlement::Failed { tenant, id, failure, at } => {
                let cause = FailureRecord::json(failure)?;
                let row = keyed(sql::FAILED, *tenant, *id).bind(at.millis()).bind(cause);
                let failed = conversation(conn, row, *tenant, *id).await?;
                self.dead_letter(conn, failed, (*tenant, *id), failure, *at).await?;
                if let Some(conversation) = failed {
                    opted_out(conn, tenant.uuid(), conversation, failure, at.millis()).await?;
                }
                finished(conn, *tenant, failed).await
            }
            Settlement::Uncertain { tenant, id, failure, at } => {
                let cause = FailureRecord::json(failure)?;
                let row = keyed(sql::UNCERTAIN, *tenant, *id).bind(at.millis()).bind(cause);
                let uncertain = conversation(conn, row, *tenant, *id).await?;
                self.dead_letter(conn, uncertain, (*tenant, *id), failure, *at).await?;
                finished(conn, *tenant, uncertain).await
            }
            Settlement::Apart { tenant, id, rich, at } => {
                let row = keyed(sql::APART, *tenant, *id).bind(RichRecord::json(Some(rich))?).bind(at.millis());
                conversation(conn, row, *tenant, *id).await.map(|_| ())
            }
            Settlement::Held { tenant, id, until, at, stand_in } => {
                let (tenant, id, until, at) = (*tenant, *id, *until, *at);
                Hold { tenant, id, until, at, stand_in: stand_in.as_ref() }.run(conn).await
            }
            Settlement::Replaced { tenant, id } => {
                let query = db::query(beginnings::REPLACED).bind(tenant.uuid()).bind(id.uuid());
                query.execute(conn).await.map(|_| ()).map_err(store_error)
            }
        }
    }

    /// For the row that was changed, if one was.
    async fn dead_letter(
        &self,
        conn: &mut Conn,
        conversation: Option<Uuid>,
        (tenant, outbox): (TenantId, OutboxId),
        failure: &Failure,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let Some(conversation) = conversation else { return Ok(()) };
        let letter = Undelivered { tenant: tenant.uuid(), conversation, outbox: outbox.uuid(), at: at.millis() };
        letter.write(conn, self.ids.uuid(), failure).await
    }
}

/// The reply that it is about.
pub(super) const fn reply_of(settlement: &Settlement) -> (TenantId, OutboxId) {
    match settlement {
        Settlement::Progress { tenant, id, .. }
        | Settlement::Sent { tenant, id, .. }
        | Settlement::Again { tenant, id, .. }
        | Settlement::Released { tenant, id, .. }
        | Settlement::Failed { tenant, id, .. }
        | Settlement::Uncertain { tenant, id, .. }
        | Settlement::Apart { tenant, id, .. }
        | Settlement::Held { tenant, id, .. }
        | Settlement::Replaced { tenant, id } => (*tenant, *id),
    }
}

type Keyed = db::Scalar<Uuid>;

fn keyed(statement: impl Into<Sql>, tenant: TenantId, id: OutboxId) -> Keyed {
    db::query_scalar(statement).bind(tenant.uuid()).bind(id.uuid())
}

/// Runs the change; the conversation of the row that it changed, or `None` if the row is not being sent.
async fn conversation(
    conn: &mut Conn,
    change: Keyed,
    tenant: TenantId,
    id: OutboxId,
) -> Result<Option<Uuid>, StoreError> {
    let changed = change.fetch_optional(&mut *conn).await.map_err(store_error)?;
    if changed.is_none() {
        let exists = db::query(sql::EXISTS)
            .bind(tenant.uuid())
            .bind(id.uuid())
            .fetch_optional(conn)
            .await
            .map_err(store_error)?;
        exists.ok_or(StoreError::NotFound("outbox item"))?;
        tracing::warn!(tenant.id = %tenant, outbox.id = %id, "ignored the result of a delivery that was already settled");
    }
    Ok(changed)
}

async fn finished(conn: &mut Conn, tenant: TenantId, conversation: Option<Uuid>) -> Result<(), StoreError> {
    match conversation {
        Some(conversation) => promote(conn, tenant.uuid(), conversation).await,
        None => Ok(()),
    }
}

async fn add_part(
    conn: &mut Conn,
    tenant: TenantId,
    id: OutboxId,
    provider_message_id: Option<&str>,
) -> Result<(), StoreError> {
    let Some(name) = provider_message_id else { return Ok(()) };
    db::query(sql::ADD_PART)
        .bind(tenant.uuid())
        .bind(id.uuid())
        .bind(name)
        .execute(conn)
        .await
        .map(|_| ())
        .map_err(store_error)
}

/// Who told the provider that they do not want to be written to has told us.
pub(super) async fn opted_out(
    conn: &mut Conn,
    tenant: Uuid,
    conversation: Uuid,
    failure: &Failure,
    at: i64,
) -> Result<(), StoreError> {
    if !failure.is_opt_out() {
        return Ok(());
    }
    let query = db::query(CONSENT_OF).bind(tenant).bind(conversation).bind(at);
    query.execute(conn).await.map(|_| ()).map_err(store_error)
}

/// The outcome of a reply is known after all: its dead letter, if it has an open one, is void.
pub(super) async fn reconciled(conn: &mut Conn, tenant: Uuid, outbox: Uuid) -> Result<(), StoreError> {
    db::query(sql::RECONCILED).bind(tenant).bind(outbox).execute(conn).await.map(|_| ()).map_err(store_error)
}

/// A reply that was not delivered, or may not have been.
pub(super) struct Undelivered {
    pub(super) tenant: Uuid,
    pub(super) conversation: Uuid,
    pub(super) outbox: Uuid,
    pub(super) at: i64,
}

impl Undelivered {
    pub(super) async fn write(&self, conn: &mut Conn, id: Uuid, failure: &Failure) -> Result<(), StoreError> {
        db::query(ADD_DEAD_LETTER)
            .bind(id)
            .bind(self.tenant)
            .bind(self.conversation)
            .bind("delivery")
            .bind(None::<i64>)
            .bind(self.outbox)
            .bind(&failure.code)
            .bind(FailureRecord::json(failure)?)
            .bind(self.at)
            .execute(conn)
            .await
            .map(|_| ())
            .map_err(conflict_on("dead letter"))
    }
}
