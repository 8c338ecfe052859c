use crate::{
    aliases::Aliases, commerce::Commerce, hub::Hub, identity::Identity, limits::Limits, metrics::Metrics,
    realtime::Realtime, simulations::Simulator, sources::Visitor, turned_away::TurnedAway, video::Videos,
};
use async_trait::async_trait;
use colloquy_actors::node::NodeHandle;
use colloquy_domain::{
    channel::{ChannelKind, Secret},
    failure::Failure,
    http_tool::{Imported, Operation},
    ids::TenantId,
    model::ModelChoice,
    ports::{
        ChannelDirectory, Clock, DocumentPipeline, Embeddings, Ids, IngressLog, Knowledge, Model, Poster, RemoteTools,
    },
    tool::{ToolInvocation, ToolResult, ToolSpec},
};
use colloquy_store::Store;
use std::{
    net::IpAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64},
    },
    time::Duration,
};

/// What can be named in an agent or a channel, for validation and choice.
#[async_trait]
pub trait Catalogue: Send + Sync {
    /// # Errors
    /// Why an agent cannot use this model.
    fn check_model(&self, choice: &ModelChoice) -> Result<(), Failure>;

    /// # Errors
    /// `tool.unknown` names the tools that this tenant does not have; otherwise they cannot be read now.
    async fn check_tools(&self, tenant: TenantId, names: &[String]) -> Result<(), Failure>;

    /// The tools of these names, as a model sees them.
    ///
    /// # Errors
    /// They cannot be read now.
    async fn tools(&self, tenant: TenantId, names: &[String]) -> Result<Vec<ToolSpec>, Failure>;

    /// All tools that an agent of this tenant can be given.
    ///
    /// # Errors
    /// They cannot be read now.
    async fn all_tools(&self, tenant: TenantId) -> Result<Vec<ToolSpec>, Failure>;

    /// Whether the tool of this name says itself how much money its calls move.
    fn tells_amount(&self, tool: &str) -> bool;

    /// Makes a call as an agent would.
    async fn try_tool(&self, invocation: ToolInvocation) -> ToolResult;

    /// What is wrong with requests that a tenant declares: fields, and what they must be.
    fn check_operations(&self, operations: &[Operation]) -> Vec<(String, String)>;

    /// # Errors
    /// Why it is no OpenAPI document whose operations can be used.
    fn read_openapi(&self, document: &str) -> Result<Imported, Failure>;

    /// The kinds of channels that can be connected.
    fn channel_kinds(&self) -> Vec<ChannelKind>;

    /// How documents are searched now: `hybrid`, or `words_only` with the reason.
    fn retrieval(&self) -> (&'static str, Option<String>);
}

/// What the installation decides.
#[derive(Debug, Clone)]
pub struct ApiOptions {
    /// Where uploaded files are kept.
    pub files: PathBuf,
    /// Bytes that one upload may have.
    pub max_upload: usize,
    /// The address that providers call, without a slash at the end.
    pub public_url: String,
    /// The model of agents that name none.
    pub default_model: ModelChoice,
    pub version: &'static str,
    /// Proxies whose word is taken for whom they speak.
    pub trusted_proxies: Vec<IpAddr>,
    /// Origins whose pages may call from a browser.
    pub cors_origins: Vec<String>,
    /// Origins whose pages may show the page of a web chat in a frame.
    pub frame_origins: Vec<String>,
    /// How long a tool call may wait for a person before it is shown as overdue.
    pub approval_patience: Duration,
    /// Opens the figures, and nothing else.
    pub metrics_token: Option<Secret>,
}

/// Counted since the start.
#[derive(Debug, Default)]
pub struct Counters {
    pub webhooks_accepted: AtomicU64,
    pub webhooks_rejected: AtomicU64,
    pub webhooks_ignored: AtomicU64,
}

/// Everything the endpoints use.
pub struct Api {
    pub store: Store,
    pub node: NodeHandle,
    pub hub: Arc<Hub>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn Ids>,
    pub log: Arc<dyn IngressLog>,
    pub channels: Arc<dyn ChannelDirectory>,
    pub pipeline: Arc<dyn DocumentPipeline>,
    pub knowledge: Arc<dyn Knowledge>,
    pub model: Arc<dyn Model>,
    /// The embedding model that knowledge is found with.
    pub embeddings: Arc<dyn Embeddings>,
    /// Reads documents that lie on the web.
    pub sources: Visitor,
    /// Tells other systems what happened.
    pub poster: Arc<dyn Poster>,
    pub catalogue: Arc<dyn Catalogue>,
    pub simulator: Arc<dyn Simulator>,
    /// Tools of other programs.
    pub remote: Arc<dyn RemoteTools>,
    pub commerce: Arc<Commerce>,
    pub videos: Arc<Videos>,
    pub options: ApiOptions,
    pub identity: Identity,
    pub counters: Counters,
    pub turned_away: TurnedAway,
    pub aliases: Aliases,
    pub limits: Arc<Limits>,
    pub metrics: Arc<Metrics>,
    /// Who is connected.
    pub realtime: Realtime,
    /// The node is about to end: whoever balances load should send nothing more.
    pub draining: AtomicBool,
    /// Held while an agent gets its web chat account.
    pub making_webchat: tokio::sync::Mutex<()>,
}
