use crate::{
    client::{Api, Document, with_server},
    config::Config,
    exit::{CommandResult, Outcome, Stop},
    out,
};
use clap::Args;
use serde::Deserialize;
use serde_json::{Value, json};

/// List who was told something from a document
///
/// Every reply remembers which version of which document it cites. When a document turns out to be wrong, this lists the
/// conversations that must be set right; also after the document was replaced or deleted (then by its id).
///
/// Example:
///   colloquy answers prices.pdf --kb handbook
///   colloquy answers prices.pdf --kb handbook --version 2 --json
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Answers {
    /// Name of the document, or its id
    document: String,
    /// Knowledge base of the document
    #[arg(long, value_name = "NAME", default_value = "default")]
    kb: String,
    /// Only what was told from this version (they are counted from 1)
    #[arg(long, value_name = "N")]
    version: Option<u32>,
    /// Print {document, versions, answers} as the API shows them
    #[arg(long)]
    json: bool,
}

/// What is shown of an answer.
#[derive(Deserialize)]
struct Told {
    at: String,
    conversation: String,
    version: Option<u32>,
    page: Option<u32>,
    quote: String,
}

impl Answers {
    pub async fn run(self, config: &Config) -> CommandResult {
        with_server(config, "answers", async |api| {
            let document = self.document(api).await?;
            let path = format!("/api/documents/{document}");
            let versions: Value = api.get(&format!("{path}/versions"), &[]).await?;
            let version = self.version.map(|v| v.to_string());
            let query: Vec<(&str, &str)> = version.as_deref().map(|v| ("version", v)).into_iter().collect();
            let answers: Vec<Value> = api.list(&format!("{path}/answers"), "answers", &query).await?;
            if self.json {
                let versions = &versions["versions"];
                out::json(&json!({ "document": document, "versions": versions, "answers": answers }))?;
                return Ok(Outcome::Done);
            }
            let mut rows = vec![["AT", "CONVERSATION", "VERSION", "PAGE", "QUOTE"].map(str::to_owned).to_vec()];
            let number = |n: Option<u32>| n.map_or_else(|| "-".to_owned(), |n| n.to_string());
            for a in serde_json::from_value::<Vec<Told>>(Value::Array(answers))? {
                rows.push(vec![a.at, a.conversation, number(a.version), number(a.page), a.quote]);
            }
            out::table(&rows);
            Ok(Outcome::Done)
        })
        .await
    }

    /// The id of the named document.
    async fn document(&self, api: &Api) -> CommandResult<String> {
        let named: &str = &self.document;
        if named.len() == 36 && named.chars().all(|c| c.is_ascii_hexdigit() || c == '-') {
            return Ok(named.to_owned());
        }
        let all: Vec<Document> = api.list("/api/documents", "documents", &[("kb", &*self.kb)]).await?;
        let found = all.into_iter().find(|d| d.name == named).map(|d| d.id);
        found.ok_or_else(|| Stop::wrong(format!("there is no document {named:?} in the knowledge base {:?}", self.kb)))
    }
}
