use crate::{
    channel::DeliveryStatus,
    conversation::Settled,
    ids::{ConversationId, TenantId, TurnNo},
    ids::{DocumentId, MessageId},
    knowledge::IngestProgress,
    outbound::Reply,
};

/// Something that connected clients may want to see. Durable facts are announced only after their commit.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// The conversation took these messages in, by their provider's ids; their outcome will follow.
    Admitted {
        tenant: TenantId,
        conversation: ConversationId,
        messages: Vec<String>,
    },
    /// The agent is working on an answer.
    Typing {
        tenant: TenantId,
        conversation: ConversationId,
    },
    /// A piece of an answer in the making; not durable, and void if the turn is begun again.
    Delta {
        tenant: TenantId,
        conversation: ConversationId,
        turn: TurnNo,
        text: String,
    },
    /// The pieces so far are void: the turn is thinking again, or came to nothing.
    DeltaReset {
        tenant: TenantId,
        conversation: ConversationId,
        turn: TurnNo,
    },
    Replied {
        tenant: TenantId,
        conversation: ConversationId,
        message: MessageId,
        reply: Reply,
    },
    Settled {
        tenant: TenantId,
        conversation: ConversationId,
        settled: Vec<Settled>,
    },
    Delivery {
        tenant: TenantId,
        conversation: ConversationId,
        message: MessageId,
        status: DeliveryStatus,
    },
    Document {
        tenant: TenantId,
        document: DocumentId,
        progress: IngestProgress,
    },
}

/// Tells whoever is connected. Never blocks, never fails: a slow listener misses notices and reads the store.
pub trait Announcer: Send + Sync {
    fn announce(&self, notice: Notice);
}
