use super::{
    ingest::found::{self, Found},
    unanswered::base,
};
use crate::{
    client::{Api, with_server},
    config::Config,
    exit::{CommandResult, Outcome, Stop},
    out,
};
use clap::Args;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{path::PathBuf, time::Duration};

const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Try documents on real questions before anybody is told from them
///
/// The documents are read and indexed where no agent sees them. Then the last real questions of the knowledge base are
/// asked again, without them and with them, and the answers that change are shown. Promote the proposal, and its documents
/// take their places like any upload; or drop it, and nothing is left of it.
///
/// Example:
///   colloquy propose ./prices-2027.pdf --kb handbook --questions 50
///   colloquy propose --promote 01989f3c-…
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Propose {
    /// Files, or folders that are searched for documents
    #[arg(required_unless_present_any = ["list", "show", "promote", "drop"])]
    paths: Vec<PathBuf>,
    /// Knowledge base
    #[arg(long, value_name = "NAME", default_value = "default")]
    kb: String,
    /// How many of the last real questions are asked again
    #[arg(long, value_name = "N", default_value_t = 20)]
    questions: u32,
    /// List the proposals of the knowledge base
    #[arg(long, conflicts_with_all = ["paths", "show", "promote", "drop"])]
    list: bool,
    /// Show a proposal and the answers that change
    #[arg(long, value_name = "ID", conflicts_with_all = ["paths", "promote", "drop"])]
    show: Option<String>,
    /// Put a proposal's documents into the knowledge base
    #[arg(long, value_name = "ID", conflicts_with_all = ["paths", "drop"])]
    promote: Option<String>,
    /// Forget a proposal and its documents
    #[arg(long, value_name = "ID", conflicts_with = "paths")]
    drop: Option<String>,
    /// Print {proposal, documents, asked, changed, answers} as the API shows them
    #[arg(long)]
    json: bool,
}

/// What is shown of an answer.
#[derive(Deserialize)]
struct Answer {
    question: String,
    change: String,
    before: Said,
    after: Said,
}

#[derive(Deserialize)]
struct Said {
    text: String,
    citations: Vec<crate::client::Citation>,
}

impl Propose {
    pub async fn run(self, config: &Config) -> CommandResult {
        let found = found::find(&self.paths);
        if !self.paths.is_empty() && found.is_empty() {
            return Err(Stop::wrong("no documents there"));
        }
        with_server(config, "propose", async |api| {
            if self.list {
                return self.list(api).await;
            }
            if let Some(id) = &self.promote {
                return self.close(api, id, true).await;
            }
            if let Some(id) = &self.drop {
                return self.close(api, id, false).await;
            }
            match &self.show {
                Some(id) => self.show(api, id).await,
                None => self.propose(api, found).await,
            }
        })
        .await
    }

    async fn propose(&self, api: &Api, found: Vec<Found>) -> CommandResult {
        let base = base(api, &self.kb).await?;
        let files: Vec<(String, PathBuf)> = found.into_iter().map(Found::into_file).collect();
        let made: Value = api.propose(&base, self.questions, &files).await?;
        let id = made["proposal"]["id"].as_str().unwrap_or_default().to_owned();
        out::note(format_args!("proposal {id}: reading {} documents, then asking again", files.len()));
        loop {
            let shown: Value = api.get(&path(&id)?, &[]).await?;
            if !matches!(shown["proposal"]["state"].as_str(), Some("building" | "reviewing")) {
                return self.show(api, &id).await;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn show(&self, api: &Api, id: &str) -> CommandResult {
        let path = path(id)?;
        let mut shown: Value = api.get(&path, &[]).await?;
        let answers: Vec<Value> = api.list(&format!("{path}/answers"), "answers", &[("changed", "true")]).await?;
        if self.json {
            shown["answers"] = answers.into();
            out::json(&shown)?;
            return Ok(Outcome::Done);
        }
        for document in shown["documents"].as_array().into_iter().flatten() {
            let what = if document["replaces"] == true { "replaces" } else { "new" };
            let (name, status) = (document["name"].as_str(), document["status"].as_str());
            out::line(format_args!("{what}: {} ({})", name.unwrap_or_default(), status.unwrap_or_default()));
        }
        for a in serde_json::from_value::<Vec<Answer>>(Value::Array(answers))? {
            out::line(format_args!("\n? {}   [{}]", a.question.replace('\n', " "), a.change));
            out::line(format_args!("- {}", said(&a.before)));
            out::line(format_args!("+ {}", said(&a.after)));
        }
        let state = shown["proposal"]["state"].as_str().unwrap_or_default();
        out::line(format_args!("\n{} of {} answers change; the proposal is {state}", shown["changed"], shown["asked"]));
        Ok(Outcome::Done)
    }

    async fn list(&self, api: &Api) -> CommandResult {
        let path = format!("/api/knowledge-bases/{}/proposals", base(api, &self.kb).await?);
        let proposals: Vec<Value> = api.list(&path, "proposals", &[]).await?;
        if self.json {
            out::json(&json!({ "proposals": proposals }))?;
            return Ok(Outcome::Done);
        }
        let mut rows = vec![["ID", "STATE", "SINCE"].map(str::to_owned).to_vec()];
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        rows.extend(proposals.iter().map(|p| vec![text(&p["id"]), text(&p["state"]), text(&p["created_at"])]));
        out::table(&rows);
        Ok(Outcome::Done)
    }

    async fn close(&self, api: &Api, id: &str, promote: bool) -> CommandResult {
        let path = path(id)?;
        if promote {
            api.post::<Value>(&format!("{path}/promote"), &json!({})).await?;
        } else {
            api.delete(&path).await?;
        }
        let state = if promote { "promoted" } else { "dropped" };
        if self.json {
            out::json(&json!({ "id": id, "state": state }))?;
        } else {
            out::line(format_args!("{id} is {state}"));
        }
        Ok(Outcome::Done)
    }
}

fn said(said: &Said) -> String {
    let mut names: Vec<&str> = said.citations.iter().map(|c| c.document.as_str()).collect();
    names.dedup();
    let text = said.text.replace('\n', " ");
    if names.is_empty() { text } else { format!("{text}   ({})", names.join(", ")) }
}

/// The id becomes part of an address: only what an id is made of.
fn path(id: &str) -> CommandResult<String> {
    if id.is_empty() || !id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Err(Stop::wrong(format!("{id:?} is not the id of a proposal")));
    }
    Ok(format!("/api/proposals/{id}"))
}
