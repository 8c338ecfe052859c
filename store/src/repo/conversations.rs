use super::{
    Page, PageRequest, TenantStore,
    filter::{beginning, tagged},
};
use crate::{
    db::{self, Query},
    error::store_error,
    ports::{read_heard, read_snapshot, read_speaker, read_status, signed, unsigned},
    records::{self, ChecksRecord, CitationRecord, OutcomeRecord},
    sql::reports::{self as sql, Narrowed},
};
use colloquy_domain::{
    channel::{ChannelKind, DeliveryStatus},
    ids::{AgentId, AttachmentId, ChannelId, ContactId, ConversationId, MessageId, Seq, TurnNo, UserId},
    journey::Travel,
    message::{Heard, Outcome, Peer},
    model::Speaker,
    outbound::{Checks, Citation},
    ports::StoreError,
    template::TemplateCall,
    time::Timestamp,
};
use uuid::Uuid;

/// A conversation as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationSummary {
    pub id: ConversationId,
    pub channel: ChannelId,
    pub kind: ChannelKind,
    pub contact: ContactId,
    pub peer: Peer,
    /// What the team calls the person.
    pub contact_name: Option<String>,
    /// A person of the team speaks; the agent is silent.
    pub with_operator: bool,
    /// The agent that has it, or would.
    pub agent: AgentId,
    pub agent_name: String,
    /// Messages that the person sent so far.
    pub received: u64,
    pub created_at: Timestamp,
    pub last_inbound_at: Timestamp,
    pub last_message: Option<LastMessage>,
    /// Who of the team has it.
    pub assigned_to: Option<UserId>,
    /// Nothing came since it was closed.
    pub closed: bool,
    /// In lower case.
    pub tags: Vec<String>,
    /// Messages of the person that whoever asks has not read.
    pub unread: u64,
}

/// Which conversations are wanted; what is absent matches everything.
#[derive(Debug, Clone, Default)]
pub struct ConversationFilter {
    pub closed: Option<bool>,
    /// How a word of a name begins, or a piece of a number or of another address.
    pub search: Option<String>,
    pub tag: Option<String>,
    pub assigned_to: Option<UserId>,
}

impl ConversationFilter {
    const fn narrowed(&self) -> Narrowed {
        Narrowed {
            closed: self.closed,
            assigned: self.assigned_to.is_some(),
            tagged: self.tag.is_some(),
            searched: self.search.is_some(),
        }
    }
}

/// The end of a transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastMessage {
    pub speaker: Speaker,
    pub text: String,
    pub at: Timestamp,
}

/// One line of a transcript, with what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct TranscriptLine {
    pub id: MessageId,
    /// Grows along the transcript.
    pub position: u64,
    pub speaker: Speaker,
    /// Who of the team wrote it.
    pub author: Option<UserId>,
    /// Kind of the content; `text` for our side.
    pub kind: String,
    /// Number in the inbox; none for our side.
    pub seq: Option<Seq>,
    pub turn: Option<TurnNo>,
    /// Empty for what has no words.
    pub text: String,
    /// What came of listening to it, of a recording.
    pub heard: Option<Heard>,
    pub citations: Vec<Citation>,
    pub abstained: bool,
    pub checks: Checks,
    /// The file that came with it.
    pub attachment: Option<AttachmentId>,
    /// How a received message ended; none while it is being answered.
    pub outcome: Option<Outcome>,
    /// How far a reply came; none where the client reads replies itself.
    pub status: Option<DeliveryStatus>,
    /// The template that it is.
    pub template: Option<String>,
    /// Until when it waits for the person to write, because their window is closed.
    pub held_until: Option<Timestamp>,
    pub at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct SummaryRow {
    id: Uuid,
    channel_id: Uuid,
    kind: String,
    contact_id: Uuid,
    peer: String,
    peer_name: Option<String>,
    contact_name: Option<String>,
    mode: String,
    last_seq: i64,
    created_at: i64,
    last_inbound_at: i64,
    assigned_to: Option<Uuid>,
    closed_at: Option<i64>,
    tags: String,
    unread: i64,
    last_speaker: Option<String>,
    last_text: Option<String>,
    last_at: Option<i64>,
    agent_id: Uuid,
    agent_name: Option<String>,
}

impl SummaryRow {
    fn summary(self) -> Result<ConversationSummary, StoreError> {
        let last_message = match (self.last_speaker, self.last_text, self.last_at) {
            (Some(speaker), Some(text), Some(at)) => {
                Some(LastMessage { speaker: read_speaker(&speaker)?, text, at: Timestamp(at) })
            }
            _ => None,
        };
        Ok(ConversationSummary {
            id: ConversationId::new(self.id),
            channel: ChannelId::new(self.channel_id),
            kind: ChannelKind::named(&self.kind),
            contact: ContactId::new(self.contact_id),
            peer: Peer { address: self.peer, name: self.peer_name },
            contact_name: self.contact_name,
            with_operator: self.mode == "operator",
            agent: AgentId::new(self.agent_id),
            agent_name: self.agent_name.unwrap_or_default(),
            received: unsigned(self.last_seq),
            created_at: Timestamp(self.created_at),
            last_inbound_at: Timestamp(self.last_inbound_at),
            last_message,
            assigned_to: self.assigned_to.map(UserId::new),
            closed: self.closed_at.is_some_and(|at| at >= self.last_inbound_at),
            tags: records::read("tags", &self.tags)?,
            unread: unsigned(self.unread),
        })
    }
}

#[derive(sqlx::FromRow)]
struct LineRow {
    position: i64,
    id: Uuid,
    speaker: String,
    kind: String,
    seq: Option<i64>,
    turn: Option<i64>,
    text: String,
    citations: Option<String>,
    abstained: bool,
    checks: Option<String>,
    author_id: Option<Uuid>,
    created_at: i64,
    outcome_detail: Option<String>,
    heard: Option<String>,
    attachment_id: Option<Uuid>,
    status: Option<String>,
    template: Option<String>,
    held_until: Option<i64>,
}

impl LineRow {
    fn line(self) -> Result<TranscriptLine, StoreError> {
        Ok(TranscriptLine {
            id: MessageId::new(self.id),
            position: unsigned(self.position),
            speaker: read_speaker(&self.speaker)?,
            author: self.author_id.map(UserId::new),
            kind: self.kind,
            seq: self.seq.map(unsigned),
            turn: self.turn.and_then(|t| TurnNo::try_from(t).ok()),
            text: self.text,
            heard: read_heard(self.heard.as_deref())?,
            citations: self.citations.as_deref().map(CitationRecord::parse).transpose()?.unwrap_or_default(),
            abstained: self.abstained,
            checks: self.checks.as_deref().map(ChecksRecord::parse).transpose()?.unwrap_or_default(),
            attachment: self.attachment_id.map(AttachmentId::new),
            outcome: self.outcome_detail.as_deref().map(OutcomeRecord::parse).transpose()?,
            status: self.status.as_deref().map(read_status).transpose()?,
            template: self.template.as_deref().map(template_name).transpose()?,
            held_until: self.held_until.map(Timestamp),
            at: Timestamp(self.created_at),
        })
    }
}

fn template_name(json: &str) -> Result<String, StoreError> {
    Ok(records::read::<TemplateCall>("template", json)?.name)
}

impl TenantStore {
    /// The one that was written to last comes first. `reader` is whose unread messages are counted.
    ///
    /// # Errors
    /// The store's.
    pub async fn conversations(
        &self,
        filter: &ConversationFilter,
        reader: Uuid,
        request: PageRequest,
    ) -> Result<Page<ConversationSummary>, StoreError> {
        let narrowed = filter.narrowed();
        let matching = |text| {
            Query::built(text)
                .bind(self.key())
                .bind(filter.assigned_to.map(UserId::uuid))
                .bind(filter.tag.as_deref().map(tagged))
                .bind(filter.search.as_deref().map(beginning))
        };
        let known =
            if narrowed.is_by_state() { Some(self.sizes().await?.conversations(narrowed.closed)) } else { None };
        let (text, limit, offset) = match known.and_then(|total| request.near_end(total)) {
            Some((limit, offset)) => (narrowed.list_from_end(), limit, offset),
            None => (narrowed.list(), request.sql_limit(), request.sql_offset()),
        };
        let query = matching(text).bind(reader).bind(limit).bind(offset);
        let read = query.fetch_all(self.reads()).await.map_err(store_error)?;
        let rows =
            read.iter().map(|row| row.read::<SummaryRow>()).collect::<Result<Vec<_>, _>>().map_err(store_error)?;
        let total = match known {
            Some(total) => total,
            None => self.total(narrowed.searched, &read, matching(narrowed.count())).await?,
        };
        Page::new(rows, request, total).try_map(SummaryRow::summary)
    }

    /// `reader` is whose unread messages are counted.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn conversation_read_by(
        &self,
        id: ConversationId,
        reader: Uuid,
    ) -> Result<ConversationSummary, StoreError> {
        let query = db::query_as(sql::CONVERSATION).bind(self.key()).bind(id.uuid()).bind(reader);
        let row: Option<SummaryRow> = query.fetch_optional(self.reads()).await.map_err(store_error)?;
        row.ok_or(StoreError::NotFound("conversation"))?.summary()
    }

    /// As somebody sees it who has read nothing yet.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn conversation(&self, id: ConversationId) -> Result<ConversationSummary, StoreError> {
        self.conversation_read_by(id, Uuid::nil()).await
    }

    /// Where it stands on journeys, of all its agents.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn travels(&self, id: ConversationId) -> Result<Vec<Travel>, StoreError> {
        let query = db::query_scalar(sql::SNAPSHOT).bind(self.key()).bind(id.uuid());
        let snapshot: Option<Option<String>> = query.fetch_optional(self.reads()).await.map_err(store_error)?;
        let snapshot = snapshot.ok_or(StoreError::NotFound("conversation"))?;
        Ok(snapshot.as_deref().map(read_snapshot).transpose()?.map(|s| s.travels).unwrap_or_default())
    }

    /// The conversation with a peer of a channel; `None` before its first message is in the inbox.
    ///
    /// # Errors
    /// The store's.
    pub async fn conversation_with(
        &self,
        channel: ChannelId,
        peer: &str,
    ) -> Result<Option<ConversationId>, StoreError> {
        let query = db::query_scalar(sql::BY_PEER).bind(self.key()).bind(channel.uuid()).bind(peer);
        let id: Option<Uuid> = query.fetch_optional(self.reads()).await.map_err(store_error)?;
        Ok(id.map(ConversationId::new))
    }

    /// Page 1 is the end of the transcript; each page runs from older to newer.
    ///
    /// # Errors
    /// The store's.
    pub async fn messages(
        &self,
        conversation: ConversationId,
        request: PageRequest,
    ) -> Result<Page<TranscriptLine>, StoreError> {
        let readers = self.reads();
        let query = db::query_as(sql::MESSAGES).bind(self.key()).bind(conversation.uuid());
        let query = query.bind(request.sql_limit()).bind(request.sql_offset());
        let mut rows: Vec<LineRow> = query.fetch_all(readers).await.map_err(store_error)?;
        rows.reverse();
        let query = db::query_scalar(sql::COUNT_MESSAGES).bind(self.key()).bind(conversation.uuid());
        let total: i64 = query.fetch_one(readers).await.map_err(store_error)?;
        Page::new(rows, request, total).try_map(LineRow::line)
    }

    /// Up to `limit` lines behind a position, for clients that read their replies themselves.
    ///
    /// # Errors
    /// The store's.
    pub async fn messages_since(
        &self,
        conversation: ConversationId,
        position: u64,
        limit: u32,
    ) -> Result<Vec<TranscriptLine>, StoreError> {
        let query = db::query_as(sql::MESSAGES_SINCE).bind(self.key()).bind(conversation.uuid());
        let query = query.bind(signed(position)).bind(i64::from(limit));
        let rows: Vec<LineRow> = query.fetch_all(self.reads()).await.map_err(store_error)?;
        rows.into_iter().map(LineRow::line).collect()
    }

    /// What the agent said in a turn, however long ago that was.
    ///
    /// # Errors
    /// The store's.
    pub async fn reply(
        &self,
        conversation: ConversationId,
        turn: TurnNo,
    ) -> Result<Option<TranscriptLine>, StoreError> {
        let query = db::query_as(sql::REPLY).bind(self.key()).bind(conversation.uuid()).bind(i64::from(turn));
        let row: Option<LineRow> = query.fetch_optional(self.reads()).await.map_err(store_error)?;
        row.map(LineRow::line).transpose()
    }
}
