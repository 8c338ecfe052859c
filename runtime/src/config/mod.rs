//! Configuration: defaults, then the file, then the environment, then flags; the later wins.
//!
//! Every setting is one line of [`fields::FIELDS`], which knows its names and how to read it from text. Everything that
//! is wrong, in any layer, is collected and told in one message.

mod edges;
mod embedding;
mod engines;
mod fields;
mod file;
mod load;
mod mcp;
mod people;
mod problems;

pub use edges::Edges;
pub use embedding::Embedding;
pub use engines::Engines;
pub use load::{Flags, load_bench_from_machine, load_embedded_from_machine, load_from_machine};
pub use mcp::LocalServer;
pub use people::{Mail, People};
pub use problems::Problems;

use colloquy_domain::{call::LOST_AFTER, channel::Secret, model::ModelChoice};
use colloquy_llm::Price;
use colloquy_rag::{
    formats::ExtractLimits,
    models::{
        self,
        manifest::{DEFAULT_MODEL, ModelSpec},
    },
};
use colloquy_store::SecretKey;
use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

/// The model that is asked for where an OpenAI-compatible endpoint is configured and no model is named.
const USUAL_MODEL: &str = "gpt-4o-mini";
const OPENAI: &str = "https://api.openai.com/v1";

/// Everything that an operator can set. Secrets in it print as `***`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    pub data_dir: PathBuf,
    pub host: IpAddr,
    /// `None` is [`Config::USUAL_PORT`], or a free one where the command may choose.
    pub port: Option<u16>,
    /// The address under which providers reach this installation, without a slash at the end.
    pub public_url: Option<String>,
    pub models_dir: PathBuf,
    /// Get missing models at the first start.
    pub install_models: bool,
    /// The model of this machine that searches by meaning.
    pub embedding_model: ModelSpec,
    /// The folder of a cross-encoder that ranks the best passages again.
    pub reranker: Option<PathBuf>,
    /// The SQLite file; `None` is `colloquy.db` in the data folder.
    pub database: Option<PathBuf>,
    pub engines: Engines,
    /// `None` is the key file in the data folder.
    pub secret_key: Option<SecretKey>,
    /// A `tracing` filter; `None` is each command's own.
    pub log: Option<String>,
    pub log_format: LogFormat,
    /// Where log lines are kept, too, a file a day.
    pub log_dir: Option<PathBuf>,
    /// For so many days.
    pub log_days: usize,
    /// Who is told of errors; the address may be a secret.
    pub alert_url: Option<Secret>,
    /// The collector that traces are exported to, over gRPC.
    pub otlp_endpoint: Option<String>,
    pub openai: OpenAi,
    /// An embedding model at an address, instead of [`Config::embedding_model`].
    pub embedding: Embedding,
    /// By the model's name.
    pub prices: BTreeMap<String, Price>,
    /// Programs that offer tools.
    pub local_servers: Vec<LocalServer>,
    /// After this time without anything to do, a conversation's actor is let go.
    pub idle: Duration,
    /// Conversations in memory at most.
    pub max_active: usize,
    /// Bytes of this process in memory above which no more work is begun; `None` for no limit.
    pub memory_limit: Option<u64>,
    /// Bytes that one uploaded document may have.
    pub max_upload: u64,
    /// How long a tool call may wait for a person before it is overdue.
    pub approval_patience: Duration,
    /// How long nothing may be heard of a call before its provider is asked, or it is lost.
    pub call_patience: Duration,
    /// Hosts that may be read although they are at private addresses.
    pub private_hosts: Vec<String>,
    /// The longest that reading one document may take.
    pub extraction_time: Duration,
    /// Bytes of memory that reading one document may take.
    pub extraction_memory: u64,
    pub people: People,
    pub edges: Edges,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

/// The OpenAI-compatible endpoint, as far as it was named.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OpenAi {
    pub api_key: Option<Secret>,
    /// Without a slash at the end.
    pub base_url: Option<String>,
    pub model: Option<String>,
    /// Writes down what was said.
    pub transcription_model: Option<String>,
}

impl Config {
    /// Where `serve` listens when nothing else is said.
    pub const USUAL_PORT: u16 = 3000;

    /// What holds when nothing is set.
    #[must_use]
    pub fn defaults() -> Self {
        let limits = ExtractLimits::default();
        Self {
            data_dir: PathBuf::from("./data"),
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: None,
            public_url: None,
            models_dir: models::default_dir(),
            install_models: true,
            embedding_model: DEFAULT_MODEL,
            reranker: None,
            database: None,
            engines: Engines::default(),
            secret_key: None,
            log: None,
            log_format: LogFormat::Text,
            log_dir: None,
            log_days: 14,
            alert_url: None,
            otlp_endpoint: None,
            openai: OpenAi::default(),
            embedding: Embedding::default(),
            prices: BTreeMap::new(),
            local_servers: Vec::new(),
            idle: Duration::from_secs(60),
            max_active: 50_000,
            memory_limit: None,
            max_upload: 100 << 20,
            approval_patience: Duration::from_secs(15 * 60),
            call_patience: LOST_AFTER,
            private_hosts: Vec::new(),
            extraction_time: limits.wall_max,
            extraction_memory: limits.memory_bytes,
            people: People::default(),
            edges: Edges::default(),
        }
    }

    /// The SQLite file.
    #[must_use]
    pub fn database_path(&self) -> PathBuf {
        self.database.clone().unwrap_or_else(|| self.data_dir.join("colloquy.db"))
    }

    /// Where the server is to listen.
    #[must_use]
    pub fn listen(&self) -> SocketAddr {
        SocketAddr::new(self.host, self.port.unwrap_or(Self::USUAL_PORT))
    }

    /// The endpoint of the `openai` provider, if one is configured.
    #[must_use]
    pub fn endpoint(&self) -> Option<colloquy_llm::OpenAiOptions> {
        if self.openai.api_key.is_none() && self.openai.base_url.is_none() {
            return None;
        }
        let mut options = colloquy_llm::OpenAiOptions::new(self.openai.base_url.as_deref().unwrap_or(OPENAI));
        options.api_key.clone_from(&self.openai.api_key);
        options.default_model = Some(self.openai.model.as_deref().unwrap_or(USUAL_MODEL).to_owned());
        if let Some(model) = &self.openai.transcription_model {
            options.transcription_model.clone_from(model);
        }
        options.prices.clone_from(&self.prices);
        Some(options)
    }

    /// The model of agents that name none: the configured endpoint's, else answers cut from the documents.
    #[must_use]
    pub fn default_model(&self) -> ModelChoice {
        let (provider, model) = match self.endpoint() {
            Some(endpoint) => ("openai", endpoint.default_model.unwrap_or_default()),
            None => ("extractive", String::new()),
        };
        ModelChoice { provider: provider.to_owned(), model, temperature: None, max_tokens: None, sees_images: false }
    }

    /// What one document may cost.
    #[must_use]
    pub fn extract_limits(&self) -> ExtractLimits {
        let usual = ExtractLimits::default();
        let wall_min = usual.wall_min.min(self.extraction_time);
        ExtractLimits {
            file_bytes: self.max_upload,
            memory_bytes: self.extraction_memory,
            cpu_seconds: self.extraction_time.as_secs(),
            wall_min,
            wall_max: self.extraction_time,
            ..usual
        }
    }

    /// The models of this machine, with the configured one in use.
    #[must_use]
    pub fn models(&self) -> models::Models {
        models::Models::from_env(&self.models_dir).with(self.embedding_model)
    }
}

#[cfg(test)]
mod tests;
