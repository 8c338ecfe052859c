use super::{AttachmentState, Page, PageRequest, TenantStore};
use crate::{
    db::{self, Query},
    error::{store_error, unreadable},
    ports::{read_speaker, read_status, unsigned},
    records::{FailureRecord, RichRecord},
    sql::{desk as sql, metrics},
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
    /// Until when it waits for the person to write, because their window is closed.
    pub held_until: Option<Timestamp>,
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
    held_until: Option<i64>,
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
            held_until: self.held_until.map(Timestamp),
            at: Timestamp(self.created_at),
        })
    }
}

const DAY: i64 = 86_400_000;

/// Where a page lies in a list whose rows are counted by day.
struct Window {
    total: i64,
    /// Milliseconds: the days that hold the page, the end excluded.
    from: i64,
    until: i64,
    /// Rows of these days that come before the page.
    offset: i64,
}

impl Window {
    /// `days` are the last ones first, each with how many rows it has; none holds a page behind the end.
    fn of(days: &[(i64, i64)], request: PageRequest) -> Self {
        let mut window = Self { total: days.iter().map(|(_, rows)| rows).sum(), from: 0, until: 0, offset: 0 };
        let (first, end) = (request.sql_offset(), request.sql_offset() + request.sql_limit());
        let mut before = 0;
        for (day, rows) in days {
            let after = before + rows;
            if before >= end {
                break;
            }
            if after > first {
                if window.until == 0 {
                    (window.until, window.offset) = ((day + 1) * DAY, first - before);
                }
                window.from = day * DAY;
            }
            before = after;
        }
        window
    }
}

impl TenantStore {
    /// The newest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn all_messages(&self, filter: MessageFilter, request: PageRequest) -> Result<Page<Message>, StoreError> {
        let status = filter.status.map(DeliveryStatus::name);
        let (query, total) = match filter.conversation {
            Some(conversation) => {
                let of = |text| {
                    db::query(text).bind(self.key()).bind(conversation.uuid()).bind(filter.outbound).bind(status)
                };
                let count = of(sql::COUNT_LINES_OF).fetch_optional(self.reads()).await.map_err(store_error)?;
                let (total,): (i64,) = count.ok_or_else(|| unreadable("count"))?.read().map_err(store_error)?;
                (of(sql::LINES_OF).bind(request.sql_limit()).bind(request.sql_offset()), total)
            }
            None => {
                let days = db::query_as(metrics::MESSAGE_DAYS).bind(self.key()).bind(filter.outbound).bind(status);
                let days: Vec<(i64, i64)> = days.fetch_all(self.reads()).await.map_err(store_error)?;
                let window = Window::of(&days, request);
                (self.lines(filter, request, &window), window.total)
            }
        };
        let rows = query.fetch_all(self.reads()).await.map_err(store_error)?;
        let rows = rows.iter().map(|row| row.read::<Row>()).collect::<Result<Vec<_>, _>>().map_err(store_error)?;
        Page::new(rows, request, total).try_map(Row::message)
    }

    /// Of all conversations. What is rare has an index of its own; the rest is found by its time.
    fn lines(&self, filter: MessageFilter, request: PageRequest, window: &Window) -> Query {
        let paged = |query: Query, offset| query.bind(request.sql_limit()).bind(offset);
        let timed = |text| {
            let query = db::query(text).bind(self.key()).bind(window.from).bind(window.until).bind(filter.outbound);
            paged(query, window.offset)
        };
        match filter.status.filter(|_| window.total > 0) {
            None => timed(sql::LINES),
            Some(DeliveryStatus::Queued) => paged(db::query(sql::QUEUED_LINES).bind(self.key()), request.sql_offset()),
            Some(status @ (DeliveryStatus::Uncertain | DeliveryStatus::Failed)) => {
                paged(db::query(sql::FAILED_LINES).bind(self.key()).bind(status.name()), request.sql_offset())
            }
            Some(status) => timed(sql::LINES_IN).bind(status.name()),
        }
    }

    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn message(&self, id: MessageId) -> Result<Message, StoreError> {
        let row: Option<Row> = self.one(sql::LINE, id.uuid()).await?;
        row.ok_or(StoreError::NotFound("message"))?.message()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_lies_in_the_days_that_hold_it() {
        let days = [(9, 3), (7, 1), (5, 10), (2, 4)];
        let of = |page, limit| {
            let w = Window::of(&days, PageRequest::new(page, limit));
            (w.total, w.from / DAY, w.until / DAY, w.offset)
        };
        assert_eq!(of(1, 2), (18, 9, 10, 0));
        assert_eq!(of(2, 2), (18, 7, 10, 2));
        assert_eq!(of(3, 2), (18, 5, 6, 0));
        assert_eq!(of(4, 4), (18, 2, 6, 8));
        assert_eq!(of(9, 4), (18, 0, 0, 0), "behind the end");
        assert_eq!(Window::of(&[], PageRequest::default()).until, 0);
    }
}
