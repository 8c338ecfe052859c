mod answers;
mod judge;
mod retrieval;

use crate::{config::Config, exit::CommandResult};
use clap::{Args, Subcommand};

/// Measure how well questions are answered: retrieval alone, or whole answers
///
/// Both take a set of questions whose right passages are known, as two files of JSON lines:
///   passages   {"id": "p1", "title": "Parking", "text": "The garage costs …"}
///   queries    {"text": "What does parking cost?", "relevant": ["p1"]}, and as wanted "answers": ["twelve euros"],
///              "answerable": false, "history": [{"role": "user", "text": "…"}, {"role": "assistant", "text": "…"}]
///
/// Everything happens in a scratch folder that is removed afterwards; the installation's own data is not touched.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Eval {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Retrieval(retrieval::Retrieval),
    Answers(answers::Answers),
}

impl Eval {
    pub async fn run(self, config: &Config) -> CommandResult {
        match self.what {
            What::Retrieval(retrieval) => retrieval.run(config).await,
            What::Answers(answers) => Box::pin(answers.run(config)).await,
        }
    }
}
