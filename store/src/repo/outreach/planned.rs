//! One message to one person, later.

use crate::{
    db::{self, Query},
    error::{store_error, unreadable},
    ports::{Prepared, write_all},
    records::{self, FailureRecord},
    repo::{Installation, Page, PageRequest, TenantStore, found},
    sql::outreach as sql,
};
use colloquy_domain::{
    channel::ChannelKind,
    conversation::Commit,
    failure::Failure,
    ids::{BroadcastId, ChannelId, ContactId, ConversationId, MessageId, PlannedId, TenantId},
    outreach::{PlannedState, Purpose, Words},
    ports::StoreError,
    time::Timestamp,
};
use futures::FutureExt;
use std::sync::Arc;
use uuid::Uuid;

/// A message that goes out later, or went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    pub id: PlannedId,
    pub contact: ContactId,
    pub broadcast: Option<BroadcastId>,
    /// The way that is tried first.
    pub channel: Option<ChannelId>,
    /// The broadcast's, if it is absent.
    pub words: Option<Words>,
    pub due_at: Timestamp,
    pub state: PlannedState,
    pub reason: Option<String>,
    pub conversation: Option<ConversationId>,
    pub message: Option<MessageId>,
    /// How far the message came that it became, and why it failed.
    pub delivery: Option<String>,
    pub cause: Option<Failure>,
    pub created_at: Timestamp,
    pub settled_at: Option<Timestamp>,
}

#[derive(Debug, Clone)]
pub struct NewPlanned {
    pub contact: ContactId,
    pub channel: Option<ChannelId>,
    pub words: Words,
    pub due_at: Timestamp,
}

/// What a planned message becomes.
#[derive(Debug, Clone)]
pub struct PutOut {
    pub id: PlannedId,
    pub commit: Commit,
    pub kind: ChannelKind,
    /// What has to be on record.
    pub purpose: Option<Purpose>,
}

#[derive(sqlx::FromRow)]
pub(super) struct Row {
    id: Uuid,
    contact_id: Uuid,
    broadcast_id: Option<Uuid>,
    channel_id: Option<Uuid>,
    words: Option<String>,
    due_at: i64,
    state: String,
    reason: Option<String>,
    conversation_id: Option<Uuid>,
    message_id: Option<Uuid>,
    created_at: i64,
    settled_at: Option<i64>,
    status: Option<String>,
    cause: Option<String>,
}

impl Row {
    pub(super) fn planned(self) -> Result<Planned, StoreError> {
        Ok(Planned {
            id: PlannedId::new(self.id),
            contact: ContactId::new(self.contact_id),
            broadcast: self.broadcast_id.map(BroadcastId::new),
            channel: self.channel_id.map(ChannelId::new),
            words: self.words.map(|w| records::read("words", &w)).transpose()?,
            due_at: Timestamp(self.due_at),
            state: PlannedState::named(&self.state).ok_or_else(|| unreadable("state of a planned message"))?,
            reason: self.reason,
            conversation: self.conversation_id.map(ConversationId::new),
            message: self.message_id.map(MessageId::new),
            delivery: self.status,
            cause: self.cause.map(|c| FailureRecord::parse(&c)).transpose()?,
            created_at: Timestamp(self.created_at),
            settled_at: self.settled_at.map(Timestamp),
        })
    }
}

impl TenantStore {
    /// # Errors
    /// [`StoreError::NotFound`] without such a contact, or the store's.
    pub async fn plan_message(&self, new: NewPlanned) -> Result<Planned, StoreError> {
        let (tenant, id, now) = (self.key(), self.store.uuid(), self.store.now().millis());
        let words = records::write(&new.words)?;
        self.tell(move |conn| {
            let query = db::query(sql::ADD_PLANNED).bind(tenant).bind(new.contact.uuid()).bind(id).bind(None::<Uuid>);
            let query = query.bind(new.channel.map(ChannelId::uuid)).bind(&words);
            let query = query.bind(new.due_at.millis()).bind(now);
            async move { found(query.execute(conn).await.map_err(store_error)?.rows_affected(), "contact") }.boxed()
        })
        .await?;
        self.planned(PlannedId::new(id)).await
    }

    /// One that stands by itself.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn planned(&self, id: PlannedId) -> Result<Planned, StoreError> {
        let row: Option<Row> = self.one(sql::PLANNED, id.uuid()).await?;
        row.ok_or(StoreError::NotFound("scheduled message"))?.planned()
    }

    /// The newest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn all_planned(
        &self,
        state: Option<PlannedState>,
        request: PageRequest,
    ) -> Result<Page<Planned>, StoreError> {
        let in_state = |text| db::query(text).bind(self.key()).bind(state.map(PlannedState::name));
        self.planned_page(in_state(sql::ALL_PLANNED), in_state(sql::COUNT_PLANNED), request).await
    }

    pub(super) async fn planned_page(
        &self,
        rows: Query,
        count: Query,
        request: PageRequest,
    ) -> Result<Page<Planned>, StoreError> {
        let rows = self.planned_rows(rows.bind(request.sql_limit()).bind(request.sql_offset())).await?;
        let counted = count.fetch_optional(self.reads()).await.map_err(store_error)?;
        let (total,) = counted.ok_or_else(|| unreadable("count"))?.read().map_err(store_error)?;
        Ok(Page::new(rows, request, total))
    }

    pub(super) async fn planned_rows(&self, query: Query) -> Result<Vec<Planned>, StoreError> {
        let rows = query.fetch_all(self.reads()).await.map_err(store_error)?;
        rows.iter().map(|row| row.read::<Row>().map_err(store_error)?.planned()).collect()
    }

    /// All that was or is planned for a person, the oldest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn planned_for(&self, contact: ContactId) -> Result<Vec<Planned>, StoreError> {
        self.planned_rows(db::query(sql::PLANNED_OF_CONTACT).bind(self.key()).bind(contact.uuid())).await
    }

    /// Those that stand by themselves and are due, the oldest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn due_planned(&self, most: u32) -> Result<Vec<Planned>, StoreError> {
        let query = db::query(sql::DUE).bind(self.key()).bind(self.store.now().millis());
        self.planned_rows(query.bind(i64::from(most))).await
    }

    /// Puts the message into its conversation and its outbox, and marks the planned one: all of it, or nothing. So it goes
    /// out once, whoever tries, and however often.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if it does not wait any more, is paused, or its person withdrew meanwhile;
    /// [`StoreError::Stale`]: decide again; or the store's.
    pub async fn put_out(&self, out: PutOut) -> Result<(), StoreError> {
        let PutOut { id, commit, kind, purpose } = out;
        let (tenant, now) = (self.key(), self.store.now().millis());
        let conversation = commit.conversation.uuid();
        let (message, outbox) = match (commit.messages.last(), commit.outbox.last()) {
            (Some(message), Some(outbox)) => (message.id.uuid(), outbox.id.uuid()),
            _ => return Err(StoreError::Broken("a planned message without words".to_owned())),
        };
        let prepared = Arc::new(Prepared::new(commit)?);
        self.tell(move |conn| {
            let prepared = Arc::clone(&prepared);
            let query = db::query(sql::TAKE).bind(tenant).bind(id.uuid()).bind(conversation).bind(message).bind(outbox);
            let query = query.bind(purpose.map(Purpose::name)).bind(kind.as_str()).bind(now);
            async move {
                if query.execute(&mut *conn).await.map_err(store_error)?.rows_affected() == 0 {
                    return Err(StoreError::Conflict("state"));
                }
                write_all(conn, &[&prepared]).await?.into_iter().collect()
            }
            .boxed()
        })
        .await
    }

    /// It is not sent any more, for a reason; `false` if it did not wait.
    ///
    /// # Errors
    /// The store's.
    pub async fn settle_planned(&self, id: PlannedId, state: PlannedState, reason: &str) -> Result<bool, StoreError> {
        let (tenant, now, reason) = (self.key(), self.store.now().millis(), reason.to_owned());
        self.tell(move |conn| {
            let query = db::query(sql::SETTLE).bind(tenant).bind(id.uuid()).bind(state.name()).bind(&reason).bind(now);
            async move { Ok(query.execute(conn).await.map_err(store_error)?.rows_affected() > 0) }.boxed()
        })
        .await
    }

    /// Cancels one that stands by itself.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Conflict`] if it does not wait any more, or the store's.
    pub async fn cancel_planned(&self, id: PlannedId) -> Result<Planned, StoreError> {
        self.planned(id).await?;
        let (tenant, now) = (self.key(), self.store.now().millis());
        let cancelled = self
            .tell(move |conn| {
                let query = db::query(sql::CANCEL).bind(tenant).bind(id.uuid()).bind(now);
                async move { query.execute(conn).await.map(|done| done.rows_affected()).map_err(store_error) }.boxed()
            })
            .await?;
        if cancelled == 0 { Err(StoreError::Conflict("state")) } else { self.planned(id).await }
    }

    /// How many messages of an account are due and have not left.
    ///
    /// # Errors
    /// The store's.
    pub async fn account_waiting(&self, channel: ChannelId) -> Result<u32, StoreError> {
        let query = db::query_scalar(sql::ACCOUNT_WAITING).bind(self.key()).bind(channel.uuid());
        let waiting: i64 = query.bind(self.store.now().millis()).fetch_one(self.reads()).await.map_err(store_error)?;
        Ok(u32::try_from(waiting).unwrap_or(u32::MAX))
    }
}

impl Installation {
    /// Tenants with a planned message or a broadcast that is due.
    ///
    /// # Errors
    /// The store's.
    pub async fn tenants_with_outreach_due(&self) -> Result<Vec<TenantId>, StoreError> {
        let query = db::query_as(sql::TENANTS_DUE).bind(self.store.now().millis());
        let rows: Vec<(Uuid,)> = query.fetch_all(self.store.readers()).await.map_err(store_error)?;
        Ok(rows.into_iter().map(|(id,)| TenantId::new(id)).collect())
    }
}
