use crate::{
    channel::DeliveryStatus,
    conversation::Settled,
    ids::{ConversationId, TenantId, TurnNo},
    ids::{DocumentId, MessageId, UserId},
    knowledge::IngestProgress,
    outbound::Reply,
    placement::NodeId,
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
    /// A person of the team writes to the conversation, or does not any more.
    Writing {
        tenant: TenantId,
        conversation: ConversationId,
        user: UserId,
        name: String,
        on: bool,
    },
    /// All people of the team that are connected to a node. `ask`: the other nodes should say the same of theirs.
    Connected {
        tenant: TenantId,
        node: NodeId,
        people: Vec<Connected>,
        ask: bool,
    },
}

impl Notice {
    /// Whose it is.
    #[must_use]
    pub const fn tenant(&self) -> TenantId {
        match self {
            Self::Admitted { tenant, .. }
            | Self::Typing { tenant, .. }
            | Self::Delta { tenant, .. }
            | Self::DeltaReset { tenant, .. }
            | Self::Replied { tenant, .. }
            | Self::Settled { tenant, .. }
            | Self::Delivery { tenant, .. }
            | Self::Document { tenant, .. }
            | Self::Writing { tenant, .. }
            | Self::Connected { tenant, .. } => *tenant,
        }
    }
}

/// A person who is connected, and the conversations that they have open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connected {
    pub user: UserId,
    pub name: String,
    pub conversations: Vec<ConversationId>,
}

/// Tells whoever is connected. Never blocks, never fails: a slow listener misses notices and reads the store.
pub trait Announcer: Send + Sync {
    fn announce(&self, notice: Notice);
}
