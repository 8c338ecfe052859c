use super::sources;
use crate::{
    client::{Answer, with_server},
    config::Config,
    exit::{CommandResult, Outcome},
    install, out,
};
use clap::Args;
use serde_json::json;

/// Ask a knowledge base one question
///
/// The passages that fit best are retrieved, and the answer rests on them: each statement names its document and page.
/// Without a configured model the answer is cut from the passages themselves. If nothing fits, it says so.
///
/// Example:
///   colloquy ask "What does late cancellation cost?" --kb handbook
///   colloquy ask "Que coûte une annulation tardive ?" --kb handbook --json
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Ask {
    /// The question, in quotes
    question: String,
    /// Knowledge base to answer from
    #[arg(long, value_name = "NAME", default_value = "default")]
    kb: String,
    /// Language of the answer, `en` or `fr` [default: that of the question]
    #[arg(long, value_name = "LANGUAGE")]
    language: Option<String>,
    /// Print {answer, abstained, citations: [{document, page, quote, score}], usage}
    #[arg(long)]
    json: bool,
}

impl Ask {
    pub async fn run(self, config: &Config) -> CommandResult {
        install::warn_if_missing(config);
        let body = json!({ "question": self.question, "kb": self.kb, "language": self.language });
        let answer: Answer = with_server(config, "ask", async |api| Ok(api.post("/api/ask", &body).await?)).await?;
        if self.json {
            out::json(&answer)?;
        } else {
            out::line(&answer.answer);
            sources::print(&answer.citations);
        }
        Ok(Outcome::Done)
    }
}
