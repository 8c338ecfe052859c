use super::{AttachmentState, Page, PageRequest, TenantStore};
use crate::{
    db,
    error::{store_error, unreadable},
    ports::{read_speaker, read_status, unsigned},
    records::{FailureRecord, RichRecord},
    sql::desk as sql,
};
use colloquy_domain::{
    channel::{ChannelKind, DeliveryStatus},
    failure::Failure,
    ids::{AttachmentId, ChannelId, ConversationId, MessageId, UserId},
    model::Speaker,
    ports::StoreError,
    rich::Rich,
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
    /// What our side sent beside the words.
    pub rich: Option<Rich>,
    /// What the person sent beside the words.
    pub file: Option<SentFile>,
    pub provider_message_id: Option<String>,
    /// What came in was delivered to us; what needs no outbox counts as sent.
    pub status: DeliveryStatus,
    /// Why it was not delivered.
    pub cause: Option<Failure>,
    pub at: Timestamp,
}

/// A file that a person sent with a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentFile {
    pub id: AttachmentId,
    pub state: AttachmentState,
    /// `image`, `video`, `audio` or `document`.
    pub media: String,
    pub mime: Option<String>,
    pub name: Option<String>,
    /// Once it is kept.
    pub size: Option<u64>,
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
    rich: Option<String>,
    file_id: Option<Uuid>,
    file_state: Option<String>,
    file_media: Option<String>,
    file_mime: Option<String>,
    file_name: Option<String>,
    file_size: Option<i64>,
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
            rich: RichRecord::parse(self.rich.as_deref())?,
            file: match (self.file_id, self.file_state, self.file_media) {
                (Some(id), Some(state), Some(media)) => Some(SentFile {
                    id: AttachmentId::new(id),
                    state: AttachmentState::named(&state)?,
                    media,
                    mime: self.file_mime,
                    name: self.file_name,
                    size: self.file_size.map(unsigned),
                }),
                _ => None,
            },
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
