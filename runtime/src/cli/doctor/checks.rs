//! One function for each thing that is looked at.

use super::{engines, report::Report};
use crate::{
    cli::migrate::store_options,
    client::{Api, in_use_by_server},
    config::Config,
    exit::Stop,
    folder::{DataFolder, FolderError},
    install::megabytes,
};
use colloquy_rag::{document::ExtractStatus, embed::Embedder, extract::Extractor, models::ModelState};
use colloquy_store::{Database, Store};
use std::{path::Path, time::Duration};
use uuid::Uuid;

/// Patience with the model's endpoint.
const ENDPOINT: Duration = Duration::from_secs(8);
/// Free space below which there is a warning, and a failure; bytes.
const LITTLE_SPACE: u64 = 2 << 30;
const NO_SPACE: u64 = 100 << 20;

pub async fn all(config: &Config, report: &mut Report) {
    let folder = folder(config, report).await;
    let log = database(config, folder.as_ref(), report).await;
    drop(folder);
    engines::nats(config, log, report).await;
    engines::qdrant(config, report).await;
    disk(&config.data_dir, report);
    model(config, report).await;
    extraction(config, report).await;
    endpoint(config, report).await;
}

/// The folder, if this process can have it; the server that owns it is asked how it is.
async fn folder(config: &Config, report: &mut Report) -> Option<DataFolder> {
    let shown = config.data_dir.display();
    match in_use_by_server(config).await {
        Ok(Some(api)) => {
            report.ok("data folder", format!("{shown}, owned by the running server"));
            server(&api, report).await;
            return None;
        }
        Ok(None) => {}
        Err(Stop::Wrong(message)) => {
            report.fail("data folder", message, "see the permissions of the folder");
            return None;
        }
        Err(Stop::Failed(e)) => {
            report.fail("data folder", e.to_string(), "see the permissions of the folder");
            return None;
        }
    }
    match DataFolder::open(config, "doctor") {
        Ok(folder) => {
            report.ok("data folder", format!("{shown}, writable and not in use"));
            report.ok("server", "none is running on this folder");
            return Some(folder);
        }
        Err(e @ FolderError::InUse { .. }) => {
            report.warn("data folder", e.to_string(), "wait for it, or end that process if it does not answer");
        }
        Err(e) => report.fail("data folder", e.to_string(), "give this user a folder to write to with --data-dir"),
    }
    None
}

async fn server(api: &Api, report: &mut Report) {
    match api.health().await {
        Ok(health) => {
            let status = health["status"].as_str().unwrap_or("unknown");
            let message = format!("{} says {status}", api.url());
            match (status, health["hint"].as_str()) {
                ("ok", _) => report.ok("server", message),
                (_, Some(hint)) => report.warn("server", message, hint),
                (_, None) => report.warn("server", message, "see its log"),
            }
        }
        Err(e) => report.fail("server", e.to_string(), "see its log"),
    }
}

/// A file is opened only by who owns its folder; a database server by anybody who has the key. Returns the log that its
/// cursors belong to.
async fn database(config: &Config, folder: Option<&DataFolder>, report: &mut Report) -> Option<Uuid> {
    let database = config.database();
    match (&database, folder) {
        (Database::Postgres(_), folder) => {
            // Where there is none, it is the running server that has it.
            let key = folder.map(DataFolder::secret_key).or(config.secret_key.as_ref())?.clone();
            engines::postgres(database, key, config.is_cluster(), report).await
        }
        (Database::Sqlite(_), None) => None,
        (Database::Sqlite(path), Some(folder)) => {
            match Store::open(path, store_options(folder.secret_key().clone())).await {
                Ok(store) => {
                    store.close().await;
                    report.ok("database", format!("{database} opens and is up to date"));
                }
                Err(e) => {
                    let hint = "restore the data folder from a backup if the file is damaged";
                    report.fail("database", e.to_string(), hint);
                }
            }
            None
        }
    }
}

/// The nearest folder that exists is on the same disk.
fn disk(data_dir: &Path, report: &mut Report) {
    let there = data_dir.ancestors().find(|p| p.exists() && !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match free_space(there) {
        Some(free) if free < NO_SPACE => {
            report.fail("disk", format!("only {} are free", megabytes(free)), "make room: messages cannot be accepted");
        }
        Some(free) if free < LITTLE_SPACE => {
            report.warn("disk", format!("{} are free", megabytes(free)), "make room before adding many documents");
        }
        Some(free) => report.ok("disk", format!("{} are free", megabytes(free))),
        None => {}
    }
}

#[cfg(unix)]
fn free_space(path: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(path).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

#[cfg(not(unix))]
fn free_space(_: &Path) -> Option<u64> {
    None
}

async fn model(config: &Config, report: &mut Report) {
    if let Some(model) = config.embedder() {
        let name = model.name.clone();
        return match Embedder::begin(model).await {
            Ok(made) => report.ok("embeddings", format!("{name} answers with {} numbers", made.space().dimension)),
            Err(e) => report.fail("embeddings", e.detail, "correct `embedding` in the configuration, or its server"),
        };
    }
    let files = match config.models().locate() {
        ModelState::Ready(files) => files,
        ModelState::Missing { what, hint } => {
            return report.warn("embeddings", format!("{what}: documents are searched by words alone"), hint);
        }
    };
    match Embedder::load(files, config.embedding_model).await {
        Ok(_) => {
            report.ok("embeddings", format!("{} in {} works", config.embedding_model.id, config.models_dir.display()));
        }
        Err(e) => report.fail("embeddings", e.detail, "run `colloquy models install`, or correct ORT_DYLIB_PATH"),
    }
}

/// A tiny document goes the way of all documents.
async fn extraction(config: &Config, report: &mut Report) {
    const TEXT: &str = "# Check\n\nThis document is read by a child process.";
    let read = async {
        let file = tempfile::Builder::new().suffix(".md").tempfile()?;
        std::fs::write(file.path(), TEXT)?;
        let extractor = Extractor::new(std::env::current_exe()?, config.extract_limits());
        anyhow::Ok(extractor.extract(file.path()).await?)
    };
    match read.await {
        Ok(e) if e.status == ExtractStatus::Ok && e.text().contains("child process") => {
            report.ok("documents", "the reading child works");
        }
        Ok(e) => {
            let cause = e.cause.unwrap_or_else(|| "the text did not come back".to_owned());
            report.fail("documents", cause, "this build of the program is damaged: install it again");
        }
        Err(e) => report.fail("documents", format!("{e:#}"), "this program must be allowed to start itself"),
    }
}

/// Asks for the list of models: free of charge, and refused without a valid key.
async fn endpoint(config: &Config, report: &mut Report) {
    let Some(endpoint) = config.endpoint() else {
        return report.ok("model", "none is configured: answers are cut from the documents");
    };
    let url = format!("{}/models", endpoint.base_url);
    let client = match reqwest::Client::builder().timeout(ENDPOINT).build() {
        Ok(client) => client,
        Err(e) => return report.fail("model", e.to_string(), "see the TLS certificates of this machine"),
    };
    let mut request = client.get(&url);
    if let Some(key) = &endpoint.api_key {
        request = request.bearer_auth(key.expose());
    }
    let wanted = endpoint.default_model.unwrap_or_default();
    match request.send().await {
        Err(e) => {
            let e = if e.is_timeout() { "no answer in time".to_owned() } else { e.without_url().to_string() };
            report.fail("model", format!("{url}: {e}"), "see OPENAI_BASE_URL and the network");
        }
        Ok(response) if matches!(response.status().as_u16(), 401 | 403) => {
            report.fail("model", format!("{url} refuses the key"), "see OPENAI_API_KEY");
        }
        Ok(response) if response.status().is_success() => {
            let body = response.text().await.unwrap_or_default();
            if body.contains(&format!("\"{wanted}\"")) {
                report.ok("model", format!("{url} answers and has {wanted}"));
            } else {
                report.warn("model", format!("{url} answers, but does not list {wanted}"), "see OPENAI_MODEL");
            }
        }
        Ok(response) => {
            let message = format!("{url} answered {}", response.status());
            report.warn("model", message, "not every endpoint lists its models: try `colloquy ask`");
        }
    }
}
