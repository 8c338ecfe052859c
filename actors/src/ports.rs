use crate::{cluster::Cluster, pressure::Pressure};
use colloquy_domain::{
    placement::Ownership,
    ports::{
        AgentDirectory, Announcer, ChannelDirectory, Clock, ConversationStore, DocumentPipeline, DocumentQueue, Ids,
        InboxStore, IngressLog, Knowledge, Meaning, Model, OutboxStore, Toolbox,
    },
};
use std::{sync::Arc, time::Duration};

/// Everything the actors need of the world.
#[derive(Clone)]
pub struct Ports {
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn Ids>,
    pub log: Arc<dyn IngressLog>,
    pub inbox: Arc<dyn InboxStore>,
    pub conversations: Arc<dyn ConversationStore>,
    pub outbox: Arc<dyn OutboxStore>,
    pub documents: Arc<dyn DocumentQueue>,
    pub agents: Arc<dyn AgentDirectory>,
    pub channels: Arc<dyn ChannelDirectory>,
    pub pipeline: Arc<dyn DocumentPipeline>,
    pub knowledge: Arc<dyn Knowledge>,
    pub meaning: Arc<dyn Meaning>,
    pub model: Arc<dyn Model>,
    pub tools: Arc<dyn Toolbox>,
    pub announcer: Arc<dyn Announcer>,
    /// What this node owns: everything, where there is no cluster.
    pub ownership: Arc<Ownership>,
    /// `None` on an installation of one node.
    pub cluster: Option<Cluster>,
}

/// How the actors keep house.
#[derive(Debug, Clone)]
pub struct Settings {
    /// A conversation without work leaves memory after this time…
    pub idle_after: Duration,
    /// …or at once, oldest first, when more than this many are active.
    pub max_active: usize,
    /// Log entries moved into inboxes in one transaction; few enough that webhooks being accepted do not wait long behind
    /// them.
    pub intake_batch: usize,
    /// How long moved log entries are kept.
    pub log_retention: Duration,
    /// Replies of one account on their way at the same time.
    pub deliveries: usize,
    /// Turns at the same time; more of them wait, tenants in turn.
    pub max_turns: usize,
    /// How often due conversation timers are looked for.
    pub timer_tick: Duration,
    /// The process's memory; whoever runs the node keeps it up to date.
    pub pressure: Arc<Pressure>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            idle_after: Duration::from_secs(60),
            max_active: 50_000,
            intake_batch: 128,
            log_retention: Duration::from_secs(24 * 3600),
            deliveries: 32,
            max_turns: 2_000,
            timer_tick: Duration::from_secs(1),
            pressure: Arc::default(),
        }
    }
}
