//! [`Notice`] as JSON. Version 1 of the signals.

use colloquy_domain::{
    channel::DeliveryStatus,
    conversation::Settled,
    ids::{ConversationId, DocumentId, MessageId, TenantId, UserId},
    knowledge::{DocumentStatus, IngestProgress},
    model::Usage,
    outbound::Reply,
    placement::NodeId,
    ports::{Connected, Notice},
};
use colloquy_store::records::{ChecksRecord, CitationRecord, OutcomeRecord};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "about", rename_all = "snake_case")]
pub(super) enum NoticeRecord {
    Admitted { tenant: TenantId, conversation: ConversationId, messages: Vec<String> },
    Typing { tenant: TenantId, conversation: ConversationId },
    Delta { tenant: TenantId, conversation: ConversationId, turn: u32, text: String },
    DeltaReset { tenant: TenantId, conversation: ConversationId, turn: u32 },
    Replied { tenant: TenantId, conversation: ConversationId, message: MessageId, reply: ReplyRecord },
    Settled { tenant: TenantId, conversation: ConversationId, settled: Vec<SettledRecord> },
    Delivery { tenant: TenantId, conversation: ConversationId, message: MessageId, status: StatusRecord },
    Document { tenant: TenantId, document: DocumentId, progress: ProgressRecord },
    Writing { tenant: TenantId, conversation: ConversationId, user: UserId, name: String, on: bool },
    Connected { tenant: TenantId, node: Uuid, people: Vec<ConnectedRecord>, ask: bool },
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ConnectedRecord {
    user: UserId,
    name: String,
    conversations: Vec<ConversationId>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ReplyRecord {
    turn: u32,
    text: String,
    citations: Vec<CitationRecord>,
    abstained: bool,
    /// Absent from nodes that do not know it.
    #[serde(default)]
    checks: ChecksRecord,
    prompt_tokens: u64,
    completion_tokens: u64,
    cost_micros: u64,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SettledRecord {
    seq: u64,
    provider_message_id: String,
    outcome: OutcomeRecord,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum StatusRecord {
    Queued,
    Uncertain,
    Sent,
    Delivered,
    Read,
    Failed,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ProgressRecord {
    status: DocumentRecord,
    pages: u32,
    chunks: u32,
    indexed: u32,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum DocumentRecord {
    Pending,
    Extracting,
    Indexing,
    Ready,
    Failed,
}

impl From<Notice> for NoticeRecord {
    fn from(notice: Notice) -> Self {
        match notice {
            Notice::Admitted { tenant, conversation, messages } => Self::Admitted { tenant, conversation, messages },
            Notice::Typing { tenant, conversation } => Self::Typing { tenant, conversation },
            Notice::Delta { tenant, conversation, turn, text } => Self::Delta { tenant, conversation, turn, text },
            Notice::DeltaReset { tenant, conversation, turn } => Self::DeltaReset { tenant, conversation, turn },
            Notice::Replied { tenant, conversation, message, reply } => {
                Self::Replied { tenant, conversation, message, reply: reply.into() }
            }
            Notice::Settled { tenant, conversation, settled } => {
                Self::Settled { tenant, conversation, settled: settled.iter().map(SettledRecord::from).collect() }
            }
            Notice::Delivery { tenant, conversation, message, status } => {
                Self::Delivery { tenant, conversation, message, status: status.into() }
            }
            Notice::Document { tenant, document, progress } => {
                Self::Document { tenant, document, progress: progress.into() }
            }
            Notice::Writing { tenant, conversation, user, name, on } => {
                Self::Writing { tenant, conversation, user, name, on }
            }
            Notice::Connected { tenant, node, people, ask } => {
                let people = people.into_iter().map(ConnectedRecord::from).collect();
                Self::Connected { tenant, node: node.0, people, ask }
            }
        }
    }
}

impl From<NoticeRecord> for Notice {
    fn from(record: NoticeRecord) -> Self {
        match record {
            NoticeRecord::Admitted { tenant, conversation, messages } => {
                Self::Admitted { tenant, conversation, messages }
            }
            NoticeRecord::Typing { tenant, conversation } => Self::Typing { tenant, conversation },
            NoticeRecord::Delta { tenant, conversation, turn, text } => {
                Self::Delta { tenant, conversation, turn, text }
            }
            NoticeRecord::DeltaReset { tenant, conversation, turn } => Self::DeltaReset { tenant, conversation, turn },
            NoticeRecord::Replied { tenant, conversation, message, reply } => {
                Self::Replied { tenant, conversation, message, reply: reply.into() }
            }
            NoticeRecord::Settled { tenant, conversation, settled } => {
                Self::Settled { tenant, conversation, settled: settled.into_iter().map(Settled::from).collect() }
            }
            NoticeRecord::Delivery { tenant, conversation, message, status } => {
                Self::Delivery { tenant, conversation, message, status: status.into() }
            }
            NoticeRecord::Document { tenant, document, progress } => {
                Self::Document { tenant, document, progress: progress.into() }
            }
            NoticeRecord::Writing { tenant, conversation, user, name, on } => {
                Self::Writing { tenant, conversation, user, name, on }
            }
            NoticeRecord::Connected { tenant, node, people, ask } => {
                let people = people.into_iter().map(Connected::from).collect();
                Self::Connected { tenant, node: NodeId(node), people, ask }
            }
        }
    }
}

impl From<Connected> for ConnectedRecord {
    fn from(person: Connected) -> Self {
        let Connected { user, name, conversations } = person;
        Self { user, name, conversations }
    }
}

impl From<ConnectedRecord> for Connected {
    fn from(record: ConnectedRecord) -> Self {
        let ConnectedRecord { user, name, conversations } = record;
        Self { user, name, conversations }
    }
}

impl From<Reply> for ReplyRecord {
    fn from(reply: Reply) -> Self {
        let Reply { turn, text, citations, abstained, checks, usage } = reply;
        let Usage { prompt_tokens, completion_tokens, cost_micros } = usage;
        let citations = citations.into_iter().map(CitationRecord::from).collect();
        let checks = checks.into();
        Self { turn, text, citations, abstained, checks, prompt_tokens, completion_tokens, cost_micros }
    }
}

impl From<ReplyRecord> for Reply {
    fn from(record: ReplyRecord) -> Self {
        let ReplyRecord { turn, text, citations, abstained, checks, prompt_tokens, completion_tokens, cost_micros } =
            record;
        let usage = Usage { prompt_tokens, completion_tokens, cost_micros };
        let citations = citations.into_iter().map(Into::into).collect();
        Self { turn, text, citations, abstained, checks: checks.into(), usage }
    }
}

impl From<&Settled> for SettledRecord {
    fn from(settled: &Settled) -> Self {
        Self {
            seq: settled.seq,
            provider_message_id: settled.provider_message_id.clone(),
            outcome: (&settled.outcome).into(),
        }
    }
}

impl From<SettledRecord> for Settled {
    fn from(record: SettledRecord) -> Self {
        let SettledRecord { seq, provider_message_id, outcome } = record;
        Self { seq, provider_message_id, outcome: outcome.into() }
    }
}

impl From<DeliveryStatus> for StatusRecord {
    fn from(status: DeliveryStatus) -> Self {
        match status {
            DeliveryStatus::Queued => Self::Queued,
            DeliveryStatus::Uncertain => Self::Uncertain,
            DeliveryStatus::Sent => Self::Sent,
            DeliveryStatus::Delivered => Self::Delivered,
            DeliveryStatus::Read => Self::Read,
            DeliveryStatus::Failed => Self::Failed,
        }
    }
}

impl From<StatusRecord> for DeliveryStatus {
    fn from(record: StatusRecord) -> Self {
        match record {
            StatusRecord::Queued => Self::Queued,
            StatusRecord::Uncertain => Self::Uncertain,
            StatusRecord::Sent => Self::Sent,
            StatusRecord::Delivered => Self::Delivered,
            StatusRecord::Read => Self::Read,
            StatusRecord::Failed => Self::Failed,
        }
    }
}

impl From<IngestProgress> for ProgressRecord {
    fn from(progress: IngestProgress) -> Self {
        let IngestProgress { status, pages, chunks, indexed } = progress;
        let status = match status {
            DocumentStatus::Pending => DocumentRecord::Pending,
            DocumentStatus::Extracting => DocumentRecord::Extracting,
            DocumentStatus::Indexing => DocumentRecord::Indexing,
            DocumentStatus::Ready => DocumentRecord::Ready,
            DocumentStatus::Failed => DocumentRecord::Failed,
        };
        Self { status, pages, chunks, indexed }
    }
}

impl From<ProgressRecord> for IngestProgress {
    fn from(record: ProgressRecord) -> Self {
        let ProgressRecord { status, pages, chunks, indexed } = record;
        let status = match status {
            DocumentRecord::Pending => DocumentStatus::Pending,
            DocumentRecord::Extracting => DocumentStatus::Extracting,
            DocumentRecord::Indexing => DocumentStatus::Indexing,
            DocumentRecord::Ready => DocumentStatus::Ready,
            DocumentRecord::Failed => DocumentStatus::Failed,
        };
        Self { status, pages, chunks, indexed }
    }
}
