//! Making the demonstration over the API, so that a second start finds it and only brings it up to date.

use super::docs::{self, DOCS};
use crate::{
    client::{Agent, Api, Channel, Document},
    exit::CommandResult,
    out,
};
use colloquy_domain::model::ModelChoice;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{path::Path, time::Duration};

const BASE: &str = "colloquy";
const AGENT: &str = "Colloquy guide";
const CHANNEL: &str = "Colloquy demo";
const INSTRUCTIONS: &str = "You are the guide to Colloquy, a conversation orchestration runtime. Answer questions about \
                            it from its documentation, briefly and with an example where one helps.";
/// In the demonstration's folder: which documentation was loaded.
const MARK: &str = "demo-docs.sha256";
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// What was made.
pub struct Demo {
    /// Of the web chat.
    pub channel: String,
    /// Of documents that are on their way.
    loading: Vec<Document>,
}

/// Makes what is missing.
///
/// # Errors
/// The API's, or the folder's.
pub async fn seed(api: &Api, folder: &Path, model: &ModelChoice) -> CommandResult<Demo> {
    let loading = load_docs(api, folder).await?;
    let agent = agent(api, model).await?;
    let channel = channel(api, &agent).await?;
    Ok(Demo { channel, loading })
}

fn fingerprint() -> String {
    let mut hash = Sha256::new();
    for (path, text) in DOCS {
        hash.update(format!("{path}\0{}\0{text}", text.len()));
    }
    hex::encode(hash.finalize())
}

async fn load_docs(api: &Api, folder: &Path) -> CommandResult<Vec<Document>> {
    let mark = folder.join(MARK);
    let loaded = std::fs::read_to_string(&mark).is_ok_and(|m| m == fingerprint());
    let there: Vec<String> = if loaded { names(api).await? } else { Vec::new() };
    let mut loading = Vec::new();
    for (path, text) in DOCS.iter().filter(|(path, _)| !there.iter().any(|t| t == docs::name(path))) {
        loading.push(api.upload_text(BASE, docs::name(path), *text).await?);
    }
    std::fs::write(mark, fingerprint())?;
    Ok(loading)
}

async fn names(api: &Api) -> CommandResult<Vec<String>> {
    match api.list::<Document>("/api/documents", "documents", &[("kb", BASE)]).await {
        Ok(found) => Ok(found.into_iter().filter(|d| d.status != "failed").map(|d| d.name).collect()),
        Err(e) if e.is_not_found() => Ok(Vec::new()),
        Err(e) => Err(e.into()),
    }
}

/// The agent's id. One that exists keeps what its owner changed, except for the model: that follows the configuration.
async fn agent(api: &Api, model: &ModelChoice) -> CommandResult<String> {
    let agents: Vec<Agent> = api.list("/api/agents", "agents", &[]).await?;
    let model_json = json!({ "provider": model.provider, "model": model.model });
    if let Some(found) = agents.into_iter().find(|a| a.name == AGENT) {
        if found.model.provider != model.provider || found.model.model != model.model {
            let body = json!({ "model": model_json });
            api.patch::<Value>(&format!("/api/agents/{}", found.id), &body).await?;
        }
        return Ok(found.id);
    }
    let body = json!({
        "name": AGENT, "instructions": INSTRUCTIONS, "language": "en", "model": model_json, "knowledge": [BASE],
    });
    Ok(api.post::<Agent>("/api/agents", &body).await?.id)
}

/// The web chat's id.
async fn channel(api: &Api, agent: &str) -> CommandResult<String> {
    let channels: Vec<Channel> = api.list("/api/channels", "channels", &[]).await?;
    if let Some(found) = channels.into_iter().find(|c| c.kind == "webchat" && c.name == CHANNEL) {
        return Ok(found.id);
    }
    let body = json!({
        "kind": "webchat", "name": CHANNEL, "agent": agent, "settings": { "public": "true" }, "enabled": true,
    });
    Ok(api.post::<Channel>("/api/channels", &body).await?.id)
}

impl Demo {
    /// Tells how far the documentation is until all of it can be asked.
    ///
    /// # Errors
    /// The API's.
    pub async fn follow(self, api: &Api) -> CommandResult<()> {
        let total = self.loading.len();
        if total > 0 {
            out::note("Loading Colloquy's documentation:");
        }
        for (n, document) in self.loading.into_iter().enumerate() {
            let now = loop {
                let now: Document = api.get(&format!("/api/documents/{}", document.id), &[]).await?;
                if now.is_finished() {
                    break now;
                }
                tokio::time::sleep(LOOK_EVERY).await;
            };
            let cause = now.cause.map_or_else(String::new, |c| format!(" ({}: {})", c.code, c.message));
            out::note(format_args!("  {}/{total} {} {}{cause}", n + 1, now.name, now.status));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_is_there_under_distinct_names() {
        let mut names: Vec<&str> = DOCS.iter().map(|(path, _)| docs::name(path)).collect();
        assert!(DOCS.iter().all(|(_, text)| text.len() > 200));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), DOCS.len());
        assert_eq!(fingerprint().len(), 64);
    }
}
