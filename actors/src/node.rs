//! One node: the supervision tree and the handle by which the rest of the program speaks to it.

use crate::{
    agents::{self, Agents},
    channels, ingestion,
    paces::Paces,
    placement,
    ports::{Ports, Settings},
    pressure::Pressure,
    root::{self, Root},
    router,
    slot::Slot,
};
use colloquy_domain::{
    failure::Failure,
    ids::{AgentId, ChannelId, ConversationId, TenantId, TurnNo},
    placement::{Beat, NodeId},
    ports::{InboxHint, Notice, Signal},
};
use ractor::{Actor, ActorRef};
use std::sync::{
    Arc, PoisonError, RwLock,
    atomic::{AtomicUsize, Ordering},
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What all actors of a node share.
pub struct Shared {
    pub ports: Ports,
    pub settings: Settings,
    pub agents: Agents,
    pub router: Slot<router::Msg>,
    pub channels: Slot<channels::Msg>,
    pub ingestion: Slot<ingestion::Msg>,
    pub placement: Slot<placement::Msg>,
    /// What the last heartbeat told; `None` before it, and where there is no cluster.
    pub members: RwLock<Option<Beat>>,
    /// Conversations in memory.
    pub active: AtomicUsize,
    /// The node was told to stop: what its ports refuse from here on says nothing about what they were asked.
    pub stopping: CancellationToken,
    /// Of the accounts that this node delivers for.
    pub paces: Paces,
    /// Read while a batch of the log is moved; whoever lets go of partitions writes once, and so waits for those batches.
    pub moving: tokio::sync::RwLock<()>,
}

/// A running node.
pub struct Node {
    shared: Arc<Shared>,
    root: ActorRef<root::Msg>,
    ended: JoinHandle<()>,
}

/// The part of a node that others hold: cheap to clone, never keeps the node alive.
#[derive(Clone)]
pub struct NodeHandle(Arc<Shared>);

impl Node {
    /// Starts the tree; recovery of unfinished conversations begins at once.
    ///
    /// # Errors
    /// If a child cannot even be started.
    pub async fn start(ports: Ports, settings: Settings) -> Result<Self, Failure> {
        let agents = Agents::new(Arc::clone(&ports.agents), settings.max_turns, Arc::clone(&settings.pressure));
        let shared = Arc::new(Shared {
            ports,
            settings,
            agents,
            router: Slot::default(),
            channels: Slot::default(),
            ingestion: Slot::default(),
            placement: Slot::default(),
            members: RwLock::default(),
            paces: Paces::default(),
            moving: tokio::sync::RwLock::default(),
            active: AtomicUsize::new(0),
            stopping: CancellationToken::new(),
        });
        let (root, ended) = Actor::spawn(None, Root, Arc::clone(&shared))
            .await
            .map_err(|e| Failure::fatal("node.start", e.to_string()))?;
        Ok(Self { shared, root, ended })
    }

    #[must_use]
    pub fn handle(&self) -> NodeHandle {
        NodeHandle(Arc::clone(&self.shared))
    }

    /// Returns when the tree has ended by itself: a child kept failing.
    pub async fn ended(&mut self) {
        // A panic of the root ends the node as well; either way it is over.
        let _ = (&mut self.ended).await;
    }

    /// Lets go of everything that this node owns, once its actors have ended what they were doing, so that other nodes go on
    /// at once. Returns at once where there is no cluster.
    pub async fn drain(&self) {
        if self.shared.ports.cluster.is_none() {
            return;
        }
        let (done, drained) = tokio::sync::oneshot::channel();
        if self.shared.placement.tell(placement::Msg::Drain(done)) {
            // An error: the actor failed; the others will find this node silent.
            let _ = drained.await;
        }
    }

    /// Ends the tree at once and writes nothing, as the loss of the process would.
    pub fn kill(self) {
        self.root.kill();
    }

    /// Stops the children in the table's opposite order. What is not finished is durable and goes on at the next start.
    pub async fn stop(self) {
        self.shared.stopping.cancel();
        let (done, stopped) = tokio::sync::oneshot::channel();
        if self.root.send_message(root::Msg::Stop(done)).is_ok() {
            // An error means that the root is gone already.
            let _ = stopped.await;
            let _ = self.ended.await;
        }
    }
}

impl NodeHandle {
    pub(crate) fn ports(&self) -> &Ports {
        &self.0.ports
    }

    /// A person takes the conversation: the agent falls silent.
    pub fn take_over(&self, tenant: TenantId, conversation: ConversationId, reason: String) -> bool {
        let hint = InboxHint { tenant, conversation };
        self.0.command(hint, router::Command::TakeOver { reason })
    }

    /// The agent takes the conversation back.
    pub fn give_back(&self, tenant: TenantId, conversation: ConversationId) -> bool {
        let hint = InboxHint { tenant, conversation };
        self.0.command(hint, router::Command::GiveBack)
    }

    /// The person spoke over the agent's words of this turn, of which they heard only `heard`.
    pub fn interrupt(&self, tenant: TenantId, conversation: ConversationId, turn: TurnNo, heard: String) -> bool {
        let hint = InboxHint { tenant, conversation };
        self.0.command(hint, router::Command::Interrupt { turn, heard })
    }

    /// A person's act was written to the conversation's state: whatever its actor was about to say is void.
    pub fn renew(&self, tenant: TenantId, conversation: ConversationId) {
        self.0.renew(InboxHint { tenant, conversation });
    }

    /// Tells connected clients, on all nodes.
    pub fn announce(&self, notice: Notice) {
        self.0.ports.announcer.announce(notice);
    }

    /// There is something new in the conversation's inbox that did not come through the log (a replay).
    pub fn look(&self, tenant: TenantId, conversation: ConversationId) {
        self.0.look(vec![InboxHint { tenant, conversation }]);
    }

    /// The agent's profile was changed or removed.
    pub async fn agent_changed(&self, tenant: TenantId, agent: AgentId) {
        self.0.agents.refresh(tenant, agent).await;
        self.0.agents.tell(agents::Msg::ProfileChanged(tenant, agent));
        self.0.tell_others(Signal::AgentChanged(tenant, agent));
    }

    /// The account was added, changed or removed.
    pub fn channel_changed(&self, channel: ChannelId) {
        self.0.ports.channels.changed(channel);
        self.0.channels.tell(channels::Msg::Changed(channel));
        self.0.tell_others(Signal::ChannelChanged(channel));
    }

    /// There is something to send for the account.
    pub fn wake_channel(&self, channel: ChannelId) {
        self.0.wake_channel(channel);
    }

    /// There is a document to ingest.
    pub fn wake_ingestion(&self) {
        self.0.ingestion.tell(ingestion::Msg::Wake);
        self.0.tell_others(Signal::WakeIngestion);
    }

    /// What another node told.
    pub async fn receive(&self, signal: Signal) {
        self.0.receive(signal).await;
    }

    /// Whether this node does what is done now and then for a tenant as a whole.
    #[must_use]
    pub fn owns(&self, tenant: TenantId) -> bool {
        self.0.ports.ownership.owns(tenant)
    }

    /// Partitions that this node owns.
    #[must_use]
    pub fn owned_partitions(&self) -> usize {
        self.0.ports.ownership.count()
    }

    /// This node and all others, as the last heartbeat told; `None` on an installation of one node.
    #[must_use]
    pub fn cluster(&self) -> Option<(NodeId, Beat)> {
        let node = self.0.ports.cluster.as_ref()?.node;
        let beat = self.0.members.read().unwrap_or_else(PoisonError::into_inner).clone();
        Some((node, beat.unwrap_or_else(|| Beat { sessions: Vec::new(), claims: Vec::new() })))
    }

    /// Whether the way to the other nodes and to the log is there, as far as anybody knows; on an installation of one node
    /// it always is.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.0.ports.cluster.as_ref().is_none_or(|cluster| cluster.relay.is_up())
    }

    /// The process's memory against its limit.
    #[must_use]
    pub fn pressure(&self) -> &Pressure {
        &self.0.settings.pressure
    }

    /// Conversations in memory.
    #[must_use]
    pub fn active_conversations(&self) -> usize {
        self.0.active.load(Ordering::Relaxed)
    }
}
