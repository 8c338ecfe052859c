use crate::{
    client::{Api, Cause, with_server},
    config::Config,
    exit::{CommandResult, Outcome, Stop},
    out,
};
use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::{Value, json};

/// See and replay the messages that ended with a cause instead of an answer
///
/// A message that could not be answered, or a reply that could not be delivered, is kept with its cause. Replaying
/// takes it up again, once, as if it had just come; use it when the cause is gone.
#[derive(Debug, Args)]
pub struct DeadLetters {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List those that were not replayed, the newest first
    List {
        /// Print the dead letters as the API shows them
        #[arg(long)]
        json: bool,
    },
    /// Show one, with everything that is known of it
    Show {
        /// Id, as `list` shows it
        id: String,
    },
    /// Take one, or all, up again
    ///
    /// Example:
    ///   colloquy dead-letters replay --all
    #[command(verbatim_doc_comment)]
    Replay {
        /// Id, as `list` shows it
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        id: Option<String>,
        /// All that were not replayed yet
        #[arg(long)]
        all: bool,
        /// Print {replayed: [id], failed: [{id, cause}]}
        #[arg(long)]
        json: bool,
    },
}

impl DeadLetters {
    pub async fn run(self, config: &Config) -> CommandResult {
        with_server(config, "dead-letters", async |api| match self.what {
            What::List { json } => list(api, json).await,
            What::Show { id } => {
                out::json(&api.get::<Value>(&path(&id)?, &[]).await?)?;
                Ok(Outcome::Done)
            }
            What::Replay { id, json, .. } => {
                let ids = match id {
                    Some(id) => vec![id],
                    None => open_ids(api).await?,
                };
                replay(api, ids, json).await
            }
        })
        .await
    }
}

/// The id becomes part of an address: only what an id is made of.
fn path(id: &str) -> CommandResult<String> {
    if id.is_empty() || !id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Err(Stop::wrong(format!("{id:?} is not the id of a dead letter")));
    }
    Ok(format!("/api/dead-letters/{id}"))
}

/// What the list shows of one.
#[derive(Deserialize)]
struct Letter {
    id: String,
    what: String,
    cause: Cause,
    created_at: String,
}

const LETTERS: (&str, &str) = ("/api/dead-letters", "dead_letters");

async fn list(api: &Api, json: bool) -> CommandResult {
    let answer: Vec<Value> = api.list(LETTERS.0, LETTERS.1, &[]).await?;
    if json {
        out::json(&answer)?;
        return Ok(Outcome::Done);
    }
    let mut rows = vec![["ID", "WHAT", "CODE", "CAUSE", "SINCE"].map(str::to_owned).to_vec()];
    for l in serde_json::from_value::<Vec<Letter>>(Value::Array(answer))? {
        rows.push(vec![l.id, l.what, l.cause.code, l.cause.message, l.created_at]);
    }
    out::table(&rows);
    Ok(Outcome::Done)
}

/// All of them, before the first is replayed: replaying shortens the list.
async fn open_ids(api: &Api) -> CommandResult<Vec<String>> {
    let letters: Vec<Letter> = api.list(LETTERS.0, LETTERS.1, &[]).await?;
    Ok(letters.into_iter().map(|l| l.id).collect())
}

async fn replay(api: &Api, ids: Vec<String>, json: bool) -> CommandResult {
    let (mut replayed, mut failed) = (Vec::new(), Vec::new());
    for id in ids {
        match api.post::<Value>(&format!("{}/replay", path(&id)?), &json!({})).await {
            Ok(_) => replayed.push(id),
            Err(e) => failed.push((id, e.to_string())),
        }
    }
    if json {
        let failed: Vec<Value> = failed.iter().map(|(id, cause)| json!({ "id": id, "cause": cause })).collect();
        out::json(&json!({ "replayed": replayed, "failed": failed }))?;
    } else {
        out::line(format_args!("{} replayed, {} failed", replayed.len(), failed.len()));
        for (id, cause) in &failed {
            out::note(format_args!("{id}: {cause}"));
        }
    }
    Ok(if failed.is_empty() { Outcome::Done } else { Outcome::Failed })
}
