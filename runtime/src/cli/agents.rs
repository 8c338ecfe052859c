use crate::{
    client::{Agent, Api, with_server},
    config::Config,
    exit::{CommandResult, Outcome},
    out,
};
use clap::{Args, Subcommand};
use serde_json::Value;

/// Show the agents
///
/// An agent answers on the channels that name it, from the knowledge bases and with the tools that it is given. Agents
/// are made and changed over the API (POST /api/agents).
///
/// Example:
///   colloquy agents list
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Agents {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List the agents with their model, knowledge and tools
    List {
        /// Print the agents as the API shows them
        #[arg(long)]
        json: bool,
    },
}

impl Agents {
    pub async fn run(self, config: &Config) -> CommandResult {
        let What::List { json } = self.what;
        let rows = async |api: &Api| Ok(api.list::<Value>("/api/agents", "agents", &[]).await?);
        let answer = with_server(config, "agents", rows).await?;
        if json {
            out::json(&answer)?;
            return Ok(Outcome::Done);
        }
        let agents: Vec<Agent> = serde_json::from_value(Value::Array(answer))?;
        let mut rows = vec![["NAME", "MODEL", "KNOWLEDGE", "TOOLS", "ID"].map(str::to_owned).to_vec()];
        for a in agents {
            let model = if a.model.model.is_empty() {
                a.model.provider
            } else {
                format!("{}:{}", a.model.provider, a.model.model)
            };
            rows.push(vec![a.name, model, a.knowledge.join(", "), a.tools.join(", "), a.id]);
        }
        out::table(&rows);
        Ok(Outcome::Done)
    }
}
