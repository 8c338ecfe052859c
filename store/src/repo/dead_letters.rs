use super::{Page, PageRequest, TenantStore};
use crate::{
    db::{self, Conn},
    error::{store_error, unreadable},
    ports::{lock, signed, unsigned},
    records::FailureRecord,
    sql::reports as sql,
};
use colloquy_domain::{
    failure::Failure,
    ids::{ChannelId, ConversationId, DeadLetterId, OutboxId, Seq},
    ports::{InboxHint, StoreError},
    time::Timestamp,
};
use futures::FutureExt;
use uuid::Uuid;

/// Something that ended with a cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    pub id: DeadLetterId,
    pub conversation: ConversationId,
    pub what: LostWhat,
    pub cause: Failure,
    pub created_at: Timestamp,
    pub replayed_at: Option<Timestamp>,
}

/// What it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LostWhat {
    /// A message that was not answered: its number in the inbox.
    Message(Seq),
    /// A reply that was not delivered.
    Delivery(OutboxId),
}

/// What waits again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replayed {
    /// The message is in the inbox again: tell the router.
    Message(InboxHint),
    /// The reply is in the outbox again: wake the channel.
    Delivery(ChannelId),
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    conversation_id: Uuid,
    kind: String,
    seq: Option<i64>,
    outbox_id: Option<Uuid>,
    cause: String,
    created_at: i64,
    replayed_at: Option<i64>,
}

impl Row {
    fn letter(self) -> Result<DeadLetter, StoreError> {
        let what = match (self.kind.as_str(), self.seq, self.outbox_id) {
            ("message", Some(seq), _) => LostWhat::Message(unsigned(seq)),
            ("delivery", _, Some(id)) => LostWhat::Delivery(OutboxId::new(id)),
            _ => return Err(unreadable("dead letter")),
        };
        Ok(DeadLetter {
            id: DeadLetterId::new(self.id),
            conversation: ConversationId::new(self.conversation_id),
            what,
            cause: FailureRecord::parse(&self.cause)?,
            created_at: Timestamp(self.created_at),
            replayed_at: self.replayed_at.map(Timestamp),
        })
    }
}

impl TenantStore {
    /// The newest first; all of them, or those that were not replayed.
    ///
    /// # Errors
    /// The store's.
    pub async fn dead_letters(&self, open_only: bool, request: PageRequest) -> Result<Page<DeadLetter>, StoreError> {
        let (rows, count) = if open_only {
            (sql::OPEN_DEAD_LETTERS, sql::COUNT_OPEN_DEAD_LETTERS)
        } else {
            (sql::DEAD_LETTERS, sql::COUNT_DEAD_LETTERS)
        };
        let page: Page<Row> = self.page(rows, count, request).await?;
        page.try_map(Row::letter)
    }

    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn dead_letter(&self, id: DeadLetterId) -> Result<DeadLetter, StoreError> {
        let row: Option<Row> = self.one(sql::DEAD_LETTER, id.uuid()).await?;
        row.ok_or(StoreError::NotFound("dead letter"))?.letter()
    }

    /// Tries again, once: the message becomes a new item of the inbox, or the reply is queued again.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if it was replayed before, [`StoreError::NotFound`], or the store's.
    pub async fn replay_dead_letter(&self, id: DeadLetterId) -> Result<Replayed, StoreError> {
        let letter = self.dead_letter(id).await?;
        let replay = Replay { tenant: self.key(), letter, now: self.store.now().millis() };
        let (tenant, conversation) = (self.tenant, replay.letter.conversation);
        let delivery = self
            .tell(move |conn| {
                let replay = replay.clone();
                async move { replay.run(conn).await }.boxed()
            })
            .await?;
        Ok(delivery.map_or(Replayed::Message(InboxHint { tenant, conversation }), Replayed::Delivery))
    }
}

#[derive(Clone)]
struct Replay {
    tenant: Uuid,
    letter: DeadLetter,
    now: i64,
}

impl Replay {
    /// The channel to wake, for a delivery.
    async fn run(self, conn: &mut Conn) -> Result<Option<ChannelId>, StoreError> {
        let id = self.letter.id.uuid();
        let query = db::query(sql::MARK_REPLAYED).bind(self.tenant).bind(id).bind(self.now);
        if query.execute(&mut *conn).await.map_err(store_error)?.rows_affected() == 0 {
            return Err(StoreError::Conflict("replay"));
        }
        match self.letter.what {
            LostWhat::Message(seq) => self.message(conn, signed(seq)).await.map(|()| None),
            LostWhat::Delivery(outbox) => {
                lock(conn, self.tenant, self.letter.conversation.uuid()).await?;
                let query = db::query_scalar(sql::REPLAY_DELIVERY).bind(self.tenant).bind(outbox.uuid()).bind(self.now);
                let channel: Option<Uuid> = query.fetch_optional(conn).await.map_err(store_error)?;
                channel.map(|c| Some(ChannelId::new(c))).ok_or(StoreError::Conflict("delivery"))
            }
        }
    }

    async fn message(&self, conn: &mut Conn, seq: i64) -> Result<(), StoreError> {
        let conversation = self.letter.conversation.uuid();
        let query = db::query_scalar(sql::NEXT_SEQ).bind(self.tenant).bind(conversation);
        let next: i64 = query.fetch_one(&mut *conn).await.map_err(store_error)?;
        let suffix = format!("#replay:{}", self.letter.id);
        let query = db::query(sql::REPLAY_MESSAGE).bind(self.tenant).bind(conversation).bind(seq).bind(next);
        let copied = query.bind(suffix).execute(&mut *conn).await.map_err(store_error)?.rows_affected();
        if copied != 1 {
            return Err(StoreError::NotFound("message"));
        }
        let query = db::query(sql::MOVE_LINE).bind(self.tenant).bind(conversation).bind(seq).bind(next);
        query.execute(conn).await.map(|_| ()).map_err(store_error)
    }
}
