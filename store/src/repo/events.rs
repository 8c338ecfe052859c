//! What happened in a tenant's conversations, for whoever listens: in one order, so that who knows where they were gets
//! what they missed, once.

use super::{Event, TenantStore};
use crate::{db, error::store_error, sql::events as sql};
use colloquy_domain::{
    ids::{ApprovalId, ChannelId, ConversationId, EventId, MessageId, UserId},
    ports::StoreError,
    time::Timestamp,
};
use uuid::Uuid;

/// Where an event stands among its tenant's. The first number is its transaction's where several write at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, sqlx::FromRow)]
pub struct Moment {
    tx: i64,
    position: i64,
}

/// Something that happened in a conversation, and how the conversation is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happened {
    pub moment: Moment,
    pub event: Event,
    /// The conversation's: whether a person has it, who, and whether it is closed.
    pub by_operator: bool,
    pub assigned_to: Option<UserId>,
    pub closed: bool,
    /// The message's: the kind of its content, and who of the team wrote it.
    pub message_kind: Option<String>,
    pub author: Option<UserId>,
}

#[derive(sqlx::FromRow)]
struct Row {
    tx: i64,
    position: i64,
    id: Uuid,
    kind: String,
    created_at: i64,
    conversation_id: Uuid,
    message_id: Option<Uuid>,
    approval_id: Option<Uuid>,
    detail: Option<String>,
    channel_id: Uuid,
    peer: String,
    mode: String,
    assigned_to: Option<Uuid>,
    closed: bool,
    channel: String,
    speaker: Option<String>,
    message_kind: Option<String>,
    text: Option<String>,
    author_id: Option<Uuid>,
}

impl From<Row> for Happened {
    fn from(row: Row) -> Self {
        let event = Event {
            id: EventId::new(row.id),
            kind: row.kind,
            at: Timestamp(row.created_at),
            conversation: Some(ConversationId::new(row.conversation_id)),
            channel: Some(ChannelId::new(row.channel_id)),
            channel_kind: Some(row.channel),
            peer: Some(row.peer),
            message: row.message_id.map(MessageId::new),
            speaker: row.speaker,
            text: row.text,
            document: None,
            document_name: None,
            base: None,
            detail: row.detail,
            // Of these, listeners get the name of the event; what they are, the endpoints show.
            call: None,
            approval: row.approval_id.map(ApprovalId::new),
            // These happen in no conversation.
            planned: None,
            broadcast: None,
            reservation: None,
            order: None,
            fallback: None,
            video: None,
        };
        Self {
            moment: Moment { tx: row.tx, position: row.position },
            event,
            by_operator: row.mode == "operator",
            assigned_to: row.assigned_to.map(UserId::new),
            closed: row.closed,
            message_kind: row.message_kind,
            author: row.author_id.map(UserId::new),
        }
    }
}

impl TenantStore {
    /// Where the newest event stands that no other can come before any more.
    ///
    /// # Errors
    /// The store's.
    pub async fn now_in_events(&self) -> Result<Moment, StoreError> {
        let found = db::query_as(sql::LAST).bind(self.key()).fetch_optional(self.reads()).await.map_err(store_error)?;
        Ok(found.unwrap_or_default())
    }

    /// Where an event stands, if it is one of the tenant's.
    ///
    /// # Errors
    /// The store's.
    pub async fn moment(&self, event: EventId) -> Result<Option<Moment>, StoreError> {
        self.one(sql::MOMENT, event.uuid()).await
    }

    /// What happened in conversations after a moment, in order; nothing will be found before any of it later.
    ///
    /// # Errors
    /// The store's.
    pub async fn events_after(&self, moment: Moment, most: u32) -> Result<Vec<Happened>, StoreError> {
        let query = db::query_as(sql::AFTER).bind(self.key()).bind(moment.tx).bind(moment.position);
        let rows: Vec<Row> = query.bind(i64::from(most)).fetch_all(self.reads()).await.map_err(store_error)?;
        Ok(rows.into_iter().map(Happened::from).collect())
    }
}
