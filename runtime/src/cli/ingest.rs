mod follow;
pub(super) mod found;

use crate::{
    client::{Api, Document, in_use_by_server, with_server},
    config::Config,
    exit::{CommandResult, Outcome, Stop},
    install, out,
};
use clap::Args;
use colloquy_rag::formats;
pub(super) use follow::Follow;
use found::Found;
use serde::Serialize;
use std::path::PathBuf;

/// Put documents into a knowledge base
///
/// Takes files and whole folders (PDF, DOCX, PPTX, XLSX, OpenDocument, EPUB, HTML, e-mail, Markdown, CSV, text). A
/// document with a name that the knowledge base has already replaces the old one at once when it is ready. What cannot
/// be read ends as failed with its cause, and the others go on. Ending this command early loses nothing: what was uploaded is finished by the next start.
///
/// Example:
///   colloquy ingest handbook.pdf ./policies --kb handbook
///   colloquy ingest ./policies --kb handbook --json | jq '.documents[] | select(.status == "failed")'
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Ingest {
    /// Files and folders
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Knowledge base; made if it does not exist
    #[arg(long, value_name = "NAME", default_value = "default")]
    kb: String,
    /// Print {documents: [{name, status, cause, pages, chunks, seconds}]}
    #[arg(long)]
    json: bool,
}

/// What `--json` prints; stable.
#[derive(Debug, Serialize)]
struct Summary {
    documents: Vec<Ingested>,
}

#[derive(Debug, PartialEq, Serialize)]
struct Ingested {
    name: String,
    status: String,
    /// `area.cause: sentence`.
    cause: Option<String>,
    pages: usize,
    chunks: u32,
    seconds: Option<f64>,
}

impl From<Document> for Ingested {
    fn from(d: Document) -> Self {
        let pages = d.page_count();
        let cause = d.cause.map(|c| format!("{}: {}", c.code, c.message));
        Self { name: d.name, status: d.status, cause, pages, chunks: d.chunks, seconds: d.seconds }
    }
}

impl Ingested {
    fn failed(name: String, cause: String) -> Self {
        Self { name, status: "failed".to_owned(), cause: Some(cause), pages: 0, chunks: 0, seconds: None }
    }
}

impl Ingest {
    pub async fn run(self, config: &Config) -> CommandResult {
        let found = found::find(&self.paths);
        if found.is_empty() {
            return Err(Stop::wrong(format!("no documents there; kinds that are read: {}", formats::names())));
        }
        if in_use_by_server(config).await?.is_none() {
            install::if_missing(config).await;
        }
        let documents = with_server(config, "ingest", async |api| self.ingest(api, found).await).await?;
        let failed = documents.iter().filter(|d| d.status != "ready").count();
        if self.json {
            out::json(&Summary { documents })?;
        } else {
            print(&documents);
        }
        Ok(if failed == 0 { Outcome::Done } else { Outcome::Failed })
    }

    /// Uploads all, then follows them to their end; in the order in which they were found.
    async fn ingest(&self, api: &Api, found: Vec<Found>) -> CommandResult<Vec<Ingested>> {
        let follow = Follow::new(found.len());
        let mut results: Vec<Option<Ingested>> = Vec::new();
        let mut waiting = Vec::new();
        for (place, found) in found.into_iter().enumerate() {
            follow.uploading(&found.name);
            match found.upload(api, &self.kb).await {
                Ok(document) => {
                    waiting.push((place, document));
                    results.push(None);
                }
                Err(cause) => {
                    let failed = Ingested::failed(found.name, cause);
                    follow.finished(&failed.name, &failed.status);
                    results.push(Some(failed));
                }
            }
        }
        for (place, document) in follow.to_the_end(api, waiting).await? {
            if let Some(result) = results.get_mut(place) {
                *result = Some(document.into());
            }
        }
        Ok(results.into_iter().flatten().collect())
    }
}

fn print(documents: &[Ingested]) {
    let mut rows = vec![["STATUS", "DOCUMENT", "PAGES", "CHUNKS", "SECONDS"].map(str::to_owned).to_vec()];
    for d in documents {
        let seconds = d.seconds.map_or_else(|| "-".to_owned(), |s| format!("{s:.1}"));
        rows.push(vec![d.status.clone(), d.name.clone(), d.pages.to_string(), d.chunks.to_string(), seconds]);
    }
    out::table(&rows);
    for d in documents {
        if let Some(cause) = &d.cause {
            out::line(format_args!("{}: {cause}", d.name));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Cause;

    #[test]
    fn the_summary_is_stable() {
        let failed = Document {
            id: "1".to_owned(),
            name: "scan.pdf".to_owned(),
            status: "failed".to_owned(),
            cause: Some(Cause { code: "extract.no_text_layer".to_owned(), message: "no page has text".to_owned() }),
            pages: vec![serde_json::json!({ "number": 1, "status": "no_text_layer" })],
            page_count: 1,
            chunks: 0,
            indexed: 0,
            seconds: Some(0.5),
        };
        let missing = Ingested::failed("gone.pdf".to_owned(), "upload.unreadable: no such file".to_owned());
        let summary = Summary { documents: vec![failed.into(), missing] };
        insta::assert_json_snapshot!(summary, @r#"
        {
          "documents": [
            {
              "name": "scan.pdf",
              "status": "failed",
              "cause": "extract.no_text_layer: no page has text",
              "pages": 1,
              "chunks": 0,
              "seconds": 0.5
            },
            {
              "name": "gone.pdf",
              "status": "failed",
              "cause": "upload.unreadable: no such file",
              "pages": 0,
              "chunks": 0,
              "seconds": null
            }
          ]
        }
        "#);
    }
}
