use crate::{
    client::{Api, with_server},
    config::Config,
    exit::{CommandResult, Outcome, Stop},
    out,
};
use clap::Args;
use serde::Deserialize;
use serde_json::{Value, json};

/// See what agents could not answer, grouped by what is asked
///
/// Questions of conversations that ended with "I don't know" are kept for each knowledge base and put into topics, the
/// most frequent first: what to write next. A topic that is marked as answered opens again when it is asked again without
/// an answer; a dismissed one stays away.
///
/// Example:
///   colloquy unanswered --kb handbook
///   colloquy unanswered --kb handbook 01989f3c-… --mark answered
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Unanswered {
    /// Id of a topic, to see its questions or to mark it
    topic: Option<String>,
    /// Knowledge base
    #[arg(long, value_name = "NAME", default_value = "default")]
    kb: String,
    /// Mark the topic: `answered`, `dismissed` or `open`
    #[arg(long, value_name = "STATE", requires = "topic")]
    mark: Option<String>,
    /// List topics in this state: `open`, `answered` or `dismissed`
    #[arg(long, value_name = "STATE", default_value = "open", conflicts_with = "topic")]
    state: String,
    /// Print what the API answers
    #[arg(long)]
    json: bool,
}

/// What is shown of a topic.
#[derive(Deserialize)]
struct Topic {
    id: String,
    title: String,
    questions: u64,
    last_at: String,
}

/// What is shown of a question.
#[derive(Deserialize)]
struct Question {
    text: String,
    conversation: String,
    asked_at: String,
}

impl Unanswered {
    pub async fn run(self, config: &Config) -> CommandResult {
        with_server(config, "unanswered", async |api| {
            let base = base(api, &self.kb).await?;
            match (&self.topic, &self.mark) {
                (None, _) => self.list(api, &base).await,
                (Some(topic), None) => self.show(api, &topic_path(&base, topic)?).await,
                (Some(topic), Some(state)) => {
                    let marked: Value = api.patch(&topic_path(&base, topic)?, &json!({ "state": state })).await?;
                    if self.json {
                        out::json(&marked)?;
                    } else {
                        out::line(format_args!("{topic} is {state}"));
                    }
                    Ok(Outcome::Done)
                }
            }
        })
        .await
    }

    async fn list(&self, api: &Api, base: &str) -> CommandResult {
        let path = format!("/api/knowledge-bases/{base}/unanswered");
        let topics: Vec<Value> = api.list(&path, "topics", &[("state", &*self.state)]).await?;
        if self.json {
            out::json(&json!({ "topics": topics }))?;
            return Ok(Outcome::Done);
        }
        let mut rows = vec![["ASKED", "TOPIC", "LAST", "ID"].map(str::to_owned).to_vec()];
        for t in serde_json::from_value::<Vec<Topic>>(Value::Array(topics))? {
            rows.push(vec![t.questions.to_string(), t.title.replace('\n', " "), t.last_at, t.id]);
        }
        out::table(&rows);
        Ok(Outcome::Done)
    }

    async fn show(&self, api: &Api, path: &str) -> CommandResult {
        let shown: Value = api.get(path, &[]).await?;
        if self.json {
            out::json(&shown)?;
            return Ok(Outcome::Done);
        }
        let mut rows = vec![["ASKED AT", "QUESTION", "CONVERSATION"].map(str::to_owned).to_vec()];
        for q in serde_json::from_value::<Vec<Question>>(shown["questions"].clone())? {
            rows.push(vec![q.asked_at, q.text.replace('\n', " "), q.conversation]);
        }
        out::table(&rows);
        Ok(Outcome::Done)
    }
}

/// The id of a knowledge base by its name.
///
/// # Errors
/// There is none of this name.
pub async fn base(api: &Api, name: &str) -> CommandResult<String> {
    #[derive(Deserialize)]
    struct Base {
        id: String,
        name: String,
    }
    let bases: Vec<Base> = api.list("/api/knowledge-bases", "knowledge_bases", &[]).await?;
    let found = bases.into_iter().find(|b| b.name == name).map(|b| b.id);
    found.ok_or_else(|| Stop::wrong(format!("there is no knowledge base {name:?}")))
}

/// The id becomes part of an address: only what an id is made of.
fn topic_path(base: &str, topic: &str) -> CommandResult<String> {
    if topic.is_empty() || !topic.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Err(Stop::wrong(format!("{topic:?} is not the id of a topic")));
    }
    Ok(format!("/api/knowledge-bases/{base}/unanswered/{topic}"))
}
