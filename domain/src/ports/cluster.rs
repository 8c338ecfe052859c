use crate::{
    ids::{AgentId, ChannelId, TenantId, TurnNo},
    placement::{Beat, Epoch, NodeId, Partition},
    ports::{InboxHint, Notice, StoreError},
    rate::Subject,
};
use async_trait::async_trait;

/// Where nodes meet and partitions are claimed. All times are the database's.
#[async_trait]
pub trait PlacementStore: Send + Sync {
    /// Says that the node lives (makes its session at the first time) and reads who else does and who owns what. Sessions
    /// that have been silent for a day are forgotten.
    ///
    /// # Errors
    /// The store's.
    async fn beat(&self, node: NodeId, name: &str, draining: bool) -> Result<Beat, StoreError>;

    /// Claims those partitions whose epoch is still the one given and whose owner, if there is one, is not alive; waits
    /// for writes that are under way in them. Returns what was claimed, with the new epochs.
    ///
    /// # Errors
    /// The store's.
    async fn claim(
        &self,
        node: NodeId,
        partitions: Vec<(Partition, Epoch)>,
    ) -> Result<Vec<(Partition, Epoch)>, StoreError>;

    /// Lets go of those of these partitions that the node owns: anybody may claim them at once.
    ///
    /// # Errors
    /// The store's.
    async fn release(&self, node: NodeId, partitions: Vec<Partition>) -> Result<(), StoreError>;

    /// Ends the session and lets go of everything.
    ///
    /// # Errors
    /// The store's.
    async fn leave(&self, node: NodeId) -> Result<(), StoreError>;
}

/// What nodes tell each other. None of it is durable, none of it has to arrive: each only makes something happen sooner
/// that happens anyway (but for commands of people, whose caller sees that they had no effect, and notices).
#[derive(Debug, Clone, PartialEq)]
pub enum Signal {
    /// There is something new in these inboxes.
    Look(Vec<InboxHint>),
    /// A person takes the conversation.
    TakeOver { hint: InboxHint, reason: String },
    /// The agent takes the conversation back.
    GiveBack(InboxHint),
    /// The person spoke over the agent's words of this turn, of which they heard only `heard`.
    Interrupt { hint: InboxHint, turn: TurnNo, heard: String },
    /// Somebody else wrote the conversation's state: what is in memory of it is void.
    Renew(InboxHint),
    /// There is something to send for the account.
    WakeChannel(ChannelId),
    /// The account was added, changed or removed.
    ChannelChanged(ChannelId),
    /// The agent's profile was changed or removed.
    AgentChanged(TenantId, AgentId),
    /// There is a document to ingest.
    WakeIngestion,
    /// Partitions were let go of.
    Released,
    /// Requests that this node counted since it last said so.
    Counted(Vec<(Subject, u32)>),
    /// Something that connected clients may want to see.
    Notice(Notice),
}

/// Tells all other nodes. Never blocks, never fails.
pub trait Relay: Send + Sync {
    fn tell(&self, signal: Signal);

    /// Whether the way to the others, which is also the way to the log, is there as far as anybody knows. A node without
    /// it had better not own anything.
    fn is_up(&self) -> bool {
        true
    }
}
