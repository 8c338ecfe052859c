use super::{Installation, TenantStore};
use crate::{
    db,
    error::{store_error, unreadable},
    ports::{signed, small, unsigned},
    sql::attachments as sql,
};
use colloquy_domain::{
    ids::{AttachmentId, ChannelId, ConversationId, MessageId, Seq, TenantId},
    ports::StoreError,
    time::Timestamp,
};
use futures::FutureExt;
use std::time::Duration;
use uuid::Uuid;

/// How far a file came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttachmentState {
    Waiting,
    Kept,
    Refused,
}

impl AttachmentState {
    pub const ALL: [Self; 3] = [Self::Waiting, Self::Kept, Self::Refused];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Kept => "kept",
            Self::Refused => "refused",
        }
    }

    pub(crate) fn named(name: &str) -> Result<Self, StoreError> {
        let found = Self::ALL.into_iter().find(|s| s.name() == name);
        found.ok_or_else(|| unreadable("state of an attachment"))
    }
}

/// A file that a person sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    pub id: AttachmentId,
    pub tenant: TenantId,
    pub channel: ChannelId,
    pub conversation: ConversationId,
    pub message: MessageId,
    /// `image`, `video`, `audio` or `document`.
    pub media: String,
    /// What the provider calls it.
    pub reference: String,
    pub mime: Option<String>,
    pub name: Option<String>,
    pub state: AttachmentState,
    /// How often it was tried, this time included.
    pub attempts: u32,
    /// Of what was kept.
    pub size: Option<u64>,
    pub sha256: Option<String>,
    /// Code of the failure, if it was refused.
    pub cause: Option<String>,
}

/// What came of a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Brought {
    Kept { size: u64, sha256: String, mime: Option<String> },
    Again { at: Timestamp, cause: String },
    Refused { cause: String },
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    tenant_id: Uuid,
    channel_id: Uuid,
    conversation_id: Uuid,
    message_id: Uuid,
    media: String,
    reference: String,
    mime: Option<String>,
    name: Option<String>,
    state: String,
    attempts: i64,
    size: Option<i64>,
    sha256: Option<String>,
    cause: Option<String>,
}

impl Row {
    fn attachment(self) -> Result<Attachment, StoreError> {
        Ok(Attachment {
            id: AttachmentId::new(self.id),
            tenant: TenantId::new(self.tenant_id),
            channel: ChannelId::new(self.channel_id),
            conversation: ConversationId::new(self.conversation_id),
            message: MessageId::new(self.message_id),
            media: self.media,
            reference: self.reference,
            mime: self.mime,
            name: self.name,
            state: AttachmentState::named(&self.state)?,
            attempts: small(self.attempts),
            size: self.size.map(unsigned),
            sha256: self.sha256,
            cause: self.cause,
        })
    }
}

impl Installation {
    /// A file of any tenant that is to be brought, for `lease`: meanwhile nobody else brings it.
    ///
    /// # Errors
    /// The store's.
    pub async fn lease_attachment(&self, lease: Duration) -> Result<Option<Attachment>, StoreError> {
        let row: Option<Row> = self.leased(sql::WAITING, sql::LEASE, lease).await?;
        row.map(Row::attachment).transpose()
    }
}

impl TenantStore {
    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn attachment(&self, id: AttachmentId) -> Result<Attachment, StoreError> {
        let row: Option<Row> = self.one(sql::SHOW, id.uuid()).await?;
        row.ok_or(StoreError::NotFound("attachment"))?.attachment()
    }

    /// The file that came with a message of a conversation, by the message's number in the inbox.
    ///
    /// # Errors
    /// The store's.
    pub async fn attachment_of(
        &self,
        conversation: ConversationId,
        message: Seq,
    ) -> Result<Option<Attachment>, StoreError> {
        let query = db::query_as(sql::OF_MESSAGE).bind(self.key()).bind(conversation.uuid()).bind(signed(message));
        let row: Option<Row> = query.fetch_optional(self.reads()).await.map_err(store_error)?;
        row.map(Row::attachment).transpose()
    }

    /// Files of a person that were kept.
    ///
    /// # Errors
    /// The store's.
    pub async fn attachments_of(
        &self,
        contact: colloquy_domain::ids::ContactId,
    ) -> Result<Vec<AttachmentId>, StoreError> {
        let query = db::query_as(sql::OF_CONTACT).bind(self.key()).bind(contact.uuid());
        let rows: Vec<(Uuid,)> = query.fetch_all(self.reads()).await.map_err(store_error)?;
        Ok(rows.into_iter().map(|(id,)| AttachmentId::new(id)).collect())
    }

    /// Writes down what came of a try; of what is settled already, nothing changes.
    ///
    /// # Errors
    /// The store's.
    pub async fn settle_attachment(&self, id: AttachmentId, brought: Brought) -> Result<(), StoreError> {
        let (tenant, id) = (self.key(), id.uuid());
        self.tell(move |conn| {
            let query = match brought.clone() {
                Brought::Kept { size, sha256, mime } => {
                    db::query(sql::KEEP).bind(tenant).bind(id).bind(signed(size)).bind(sha256).bind(mime)
                }
                Brought::Again { at, cause } => {
                    db::query(sql::AGAIN).bind(tenant).bind(id).bind(at.millis()).bind(cause)
                }
                Brought::Refused { cause } => db::query(sql::REFUSE).bind(tenant).bind(id).bind(cause),
            };
            async move { query.execute(conn).await.map(|_| ()).map_err(store_error) }.boxed()
        })
        .await
    }
}
