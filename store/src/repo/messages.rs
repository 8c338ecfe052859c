use super::{Page, PageRequest, TenantStore};
use crate::{
    db,
    error::{store_error, unreadable},
    ports::{read_speaker, read_status},
    records::FailureRecord,
    sql::desk as sql,
};
use colloquy_domain::{
    channel::{ChannelKind, DeliveryStatus},
    failure::Failure,
    ids::{ChannelId, ConversationId, MessageId, UserId},
    model::Speaker,
    ports::StoreError,
    time::Timestamp,
};
use uuid::Uuid;

/// A message of any conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    pub id: MessageId,
    pub conversation: ConversationId,
    pub channel: ChannelId,
    pub channel_kind: ChannelKind,
    /// The provider's name for our account.
    pub account: Option<String>,
    /// The person's address.
    pub peer: String,
    pub speaker: Speaker,
    /// Who of the team wrote it.
    pub author: Option<UserId>,
    /// Kind of the content; `text` for our side.
    pub kind: String,
    pub text: String,
    pub provider_message_id: Option<String>,
    /// What came in was delivered to us; what needs no outbox counts as sent.
    pub status: DeliveryStatus,
    /// Why it was not delivered.
    pub cause: Option<Failure>,
    pub at: Timestamp,
}

/// Which messages are wanted; what is absent matches everything.
#[derive(Debug, Clone, Copy, Default)]
pub struct MessageFilter {
    pub conversation: Option<ConversationId>,
    pub outbound: Option<bool>,
    pub status: Option<DeliveryStatus>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    conversation_id: Uuid,
    channel_id: Uuid,
    channel_kind: String,
    external_id: Option<String>,
    peer: String,
    speaker: String,
    kind: String,
    text: String,
    author_id: Option<Uuid>,
    created_at: i64,
    provider_message_id: Option<String>,
    cause: Option<String>,
    status: String,
}

impl Row {
    fn message(self) -> Result<Message, StoreError> {
        Ok(Message {
            id: MessageId::new(self.id),
            conversation: ConversationId::new(self.conversation_id),
            channel: ChannelId::new(self.channel_id),
            channel_kind: ChannelKind::named(&self.channel_kind),
            account: self.external_id,
            peer: self.peer,
            speaker: read_speaker(&self.speaker)?,
            author: self.author_id.map(UserId::new),
            kind: self.kind,
            text: self.text,
            provider_message_id: self.provider_message_id,
            status: read_status(&self.status)?,
            cause: self.cause.as_deref().map(FailureRecord::parse).transpose()?,
            at: Timestamp(self.created_at),
        })
    }
}

impl TenantStore {
    /// The newest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn all_messages(&self, filter: MessageFilter, request: PageRequest) -> Result<Page<Message>, StoreError> {
        let matching = |text| {
            db::query(text)
                .bind(self.key())
                .bind(filter.conversation.map(ConversationId::uuid))
                .bind(filter.outbound)
                .bind(filter.status.map(DeliveryStatus::name))
        };
        let query = matching(sql::LINES).bind(request.sql_limit()).bind(request.sql_offset());
        let rows = query.fetch_all(self.reads()).await.map_err(store_error)?;
        let rows = rows.iter().map(|row| row.read::<Row>()).collect::<Result<Vec<_>, _>>().map_err(store_error)?;
        let count = matching(sql::COUNT_LINES).fetch_optional(self.reads()).await.map_err(store_error)?;
        let (total,): (i64,) = count.ok_or_else(|| unreadable("count"))?.read().map_err(store_error)?;
        Page::new(rows, request, total).try_map(Row::message)
    }

    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn message(&self, id: MessageId) -> Result<Message, StoreError> {
        let row: Option<Row> = self.one(sql::LINE, id.uuid()).await?;
        row.ok_or(StoreError::NotFound("message"))?.message()
    }
}
