//! The engines of a cluster: PostgreSQL, NATS and Qdrant, and what must be said of them together.

use super::{Config, problems::Problems};
use crate::nats::{LogOptions, NatsAuth, NatsOptions, NatsTls};
use colloquy_domain::channel::Secret;
use colloquy_rag::index::VectorStore;
use colloquy_store::{Database, PostgresOptions};
use std::path::PathBuf;

const TOGETHER: &str = "all settings together";

/// What was named of the engines; nothing on an installation of one node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Engines {
    /// `postgres://…`, with the password.
    pub postgres: Option<Secret>,
    /// Addresses, separated by commas; they may carry credentials.
    pub nats_url: Option<Secret>,
    pub nats: Nats,
    /// Without a slash at the end.
    pub qdrant_url: Option<String>,
    pub qdrant_api_key: Option<Secret>,
    pub qdrant_prefix: Option<String>,
    /// What people know this node by; the machine's name unless set.
    pub node_name: Option<String>,
}

/// Everything about NATS but its address.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Nats {
    pub token: Option<Secret>,
    pub user: Option<String>,
    pub password: Option<Secret>,
    pub nkey_file: Option<PathBuf>,
    pub credentials_file: Option<PathBuf>,
    pub ca_file: Option<PathBuf>,
    pub cert_file: Option<PathBuf>,
    pub key_file: Option<PathBuf>,
    pub prefix: Option<String>,
    pub lanes: Option<u8>,
    pub replicas: Option<usize>,
    /// Bytes that one lane may hold.
    pub lane_bytes: Option<u64>,
}

impl Config {
    /// Whether this process is one node of several.
    #[must_use]
    pub const fn is_cluster(&self) -> bool {
        self.engines.nats_url.is_some()
    }

    /// Where the rows are.
    #[must_use]
    pub fn database(&self) -> Database {
        match &self.engines.postgres {
            Some(url) => Database::Postgres(PostgresOptions::new(url.clone())),
            None => Database::Sqlite(self.database_path()),
        }
    }

    /// Where the vectors are: in `dir` unless a server is configured.
    #[must_use]
    pub fn vector_store(&self, dir: PathBuf) -> VectorStore {
        let Engines { qdrant_url, qdrant_api_key, qdrant_prefix, .. } = &self.engines;
        match qdrant_url {
            None => VectorStore::Embedded { dir },
            Some(url) => VectorStore::Server {
                url: url.clone(),
                api_key: qdrant_api_key.clone(),
                prefix: qdrant_prefix.clone().unwrap_or_else(|| "colloquy".to_owned()),
            },
        }
    }

    /// How NATS is reached, if it is configured.
    #[must_use]
    pub fn nats(&self) -> Option<NatsOptions> {
        let servers = self.engines.nats_url.as_ref()?.expose().split(',').map(|s| s.trim().to_owned()).collect();
        let n = &self.engines.nats;
        let auth = match (&n.credentials_file, &n.nkey_file, &n.token, &n.user) {
            (Some(file), ..) => NatsAuth::CredentialsFile(file.clone()),
            (_, Some(file), ..) => NatsAuth::NkeySeedFile(file.clone()),
            (_, _, Some(token), _) => NatsAuth::Token(token.clone()),
            (.., Some(user)) => {
                let password = n.password.clone().unwrap_or_else(|| Secret::new(""));
                NatsAuth::UserPassword { user: user.clone(), password }
            }
            _ => NatsAuth::None,
        };
        let tls = NatsTls { ca_file: n.ca_file.clone(), cert_file: n.cert_file.clone(), key_file: n.key_file.clone() };
        Some(NatsOptions { servers, auth, tls, name: format!("colloquy {}", self.node_name()) })
    }

    /// The log's place in NATS.
    #[must_use]
    pub fn log_options(&self) -> LogOptions {
        let (n, usual) = (&self.engines.nats, LogOptions::default());
        LogOptions {
            prefix: n.prefix.clone().unwrap_or(usual.prefix),
            lanes: n.lanes.unwrap_or(usual.lanes),
            replicas: n.replicas.unwrap_or(usual.replicas),
            max_bytes: n.lane_bytes.or(usual.max_bytes),
            ..usual
        }
    }

    /// What people know this node by.
    #[must_use]
    pub fn node_name(&self) -> String {
        self.engines.node_name.clone().unwrap_or_else(machine_name)
    }

    /// What no single setting can know.
    pub(super) fn check_together(&self, problems: &mut Problems) {
        let Engines { postgres, nats_url, qdrant_url, .. } = &self.engines;
        if nats_url.is_some() {
            let needed = [
                (
                    "database_url",
                    postgres.is_none(),
                    "must be postgres://… where nats_url is set: nodes share one database",
                ),
                ("qdrant_url", qdrant_url.is_none(), "must be set where nats_url is: nodes share one vector store"),
                (
                    "secret_key",
                    self.secret_key.is_none(),
                    "must be set, to the same key on all nodes, where nats_url is",
                ),
            ];
            for (name, _, sentence) in needed.into_iter().filter(|(_, missing, _)| *missing) {
                problems.add(name, sentence, TOGETHER);
            }
        }
        self.check_nats(problems);
    }

    /// What must be said together to reach NATS.
    pub(super) fn check_nats(&self, problems: &mut Problems) {
        let nats = &self.engines.nats;
        let ways =
            [nats.token.is_some(), nats.user.is_some(), nats.nkey_file.is_some(), nats.credentials_file.is_some()];
        if ways.into_iter().filter(|w| *w).count() > 1 {
            let one = "one way to sign in: a token, a user with a password, an NKey's file or a credentials file";
            problems.add("nats", format!("must name {one}"), TOGETHER);
        }
        if nats.user.is_some() != nats.password.is_some() {
            problems.add("nats.user", "needs nats.password, and the other way round", TOGETHER);
        }
        if nats.cert_file.is_some() != nats.key_file.is_some() {
            problems.add("nats.cert_file", "needs nats.key_file, and the other way round", TOGETHER);
        }
    }
}

#[cfg(unix)]
fn machine_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(not(unix))]
fn machine_name() -> String {
    std::env::var("COMPUTERNAME").unwrap_or_else(|_| "node".to_owned())
}
