use crate::{
    client::{Api, Listing, with_server},
    config::Config,
    exit::{CommandResult, Outcome, Stop},
    out,
};
use clap::{Args, Subcommand};
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
        /// Print what the API answers
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

fn text(letter: &Value, field: &str) -> String {
    match letter.get(field) {
        Some(Value::String(s)) => s.clone(),
        Some(Value::Null) | None => "-".to_owned(),
        Some(other) => other.to_string(),
    }
}

async fn list(api: &Api, json: bool) -> CommandResult {
    let answer: Value = api.get("/api/dead-letters", &[("limit", "100")]).await?;
    if json {
        out::json(&answer)?;
        return Ok(Outcome::Done);
    }
    let letters = serde_json::from_value::<Listing<Value>>(answer)?.into_items();
    let mut rows = vec![["ID", "KIND", "CODE", "CAUSE", "SINCE"].map(str::to_owned).to_vec()];
    rows.extend(letters.iter().map(|l| ["id", "kind", "code", "cause", "created_at"].map(|f| text(l, f)).to_vec()));
    out::table(&rows);
    Ok(Outcome::Done)
}

/// Of all pages, before the first is replayed: replaying shortens the list.
async fn open_ids(api: &Api) -> CommandResult<Vec<String>> {
    let mut ids: Vec<String> = Vec::new();
    for page in 1_u32.. {
        let query = [("limit", "100"), ("page", &page.to_string())];
        let letters = api.get::<Listing<Value>>("/api/dead-letters", &query).await?.into_items();
        let open = letters.iter().filter(|l| l.get("replayed_at").is_none_or(Value::is_null));
        let before = ids.len();
        ids.extend(open.map(|l| text(l, "id")).filter(|id| id != "-"));
        ids.dedup();
        if letters.len() < 100 || ids.len() == before {
            break;
        }
    }
    Ok(ids)
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
