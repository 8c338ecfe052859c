use crate::{
    config::Config,
    exit::{CommandResult, Outcome, Stop},
    install, out,
};
use clap::{Args, ValueEnum};
use colloquy_rag::{
    embed::{Embedder, Slot},
    evaluate::{Bed, Measures, Question, Source, read},
    index::{Index, VectorStore},
    models::ModelState,
    retrieve::Mode,
};
use serde::Serialize;
use std::path::{Path, PathBuf};
use tokio::time::Instant;

/// Measure whether questions find their passages
///
/// The passages are indexed as ingestion would do it (each as one document) with the configured embedding model, or by
/// words alone without one, and each question that has a right passage is asked as an agent would ask.
///
/// Figures, all means over questions:
///   recall@k   the share of a question's right passages among the first k
///   mrr@10     1 / rank of the first right one
///   ndcg@10    gains that fall with the logarithm of the rank, by the most that is possible
///   seconds    for asking all questions, without indexing
///
/// Example:
///   colloquy eval retrieval --passages passages.jsonl --queries queries.jsonl
///   colloquy eval retrieval --passages p.jsonl --queries q.jsonl --history --json
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Retrieval {
    /// Passages, JSON lines
    #[arg(long, value_name = "FILE")]
    passages: PathBuf,
    /// Questions, JSON lines
    #[arg(long, value_name = "FILE")]
    queries: PathBuf,
    /// Ask follow-up questions together with what was said before
    #[arg(long)]
    history: bool,
    /// Find by words, by meaning, or by both
    #[arg(long, value_enum, default_value_t = By::Both)]
    by: By,
    /// Print {"recall@1", "recall@5", "recall@10", "mrr@10", "ndcg@10", queries, seconds}
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum By {
    Words,
    Meaning,
    Both,
}

impl From<By> for Mode {
    fn from(by: By) -> Self {
        match by {
            By::Words => Self::Words,
            By::Meaning => Self::Meaning,
            By::Both => Self::Hybrid,
        }
    }
}

/// What `--json` prints; stable.
#[derive(Debug, Serialize)]
struct Report {
    #[serde(flatten)]
    measures: Measures,
    seconds: f64,
}

impl Retrieval {
    pub async fn run(self, config: &Config) -> CommandResult {
        let (sources, questions) = set(&self.passages, &self.queries)?;
        install::if_missing(config).await;
        let slot = Slot::default();
        if let Some(model) = config.embedder() {
            slot.set(Embedder::begin(model).await?);
        } else if let ModelState::Ready(files) = config.models().locate() {
            slot.set(Embedder::load(files, config.embedding_model).await?);
        }
        let scratch = tempfile::tempdir()?;
        let index = Index::open(VectorStore::Embedded { dir: scratch.path().join("index") }).await?;
        let begun = Instant::now();
        let bed = Bed::fill(&index, &slot, &sources).await?;
        out::note(format_args!("{} passages indexed in {:.1} s", sources.len(), begun.elapsed().as_secs_f64()));
        let begun = Instant::now();
        let measures = bed.measure(&questions, self.history, self.by.into()).await?.measures();
        let report = Report { measures, seconds: begun.elapsed().as_secs_f64() };
        index.close().await?;
        if self.json {
            out::json(&report)?;
        } else {
            print(&report);
        }
        Ok(Outcome::Done)
    }
}

/// Both files. What is wrong with them is wrong use.
pub(super) fn set(passages: &Path, queries: &Path) -> CommandResult<(Vec<Source>, Vec<Question>)> {
    let wrong = |failure: colloquy_domain::failure::Failure| Stop::wrong(failure.detail);
    let sources: Vec<Source> = read(passages).map_err(wrong)?;
    let questions: Vec<Question> = read(queries).map_err(wrong)?;
    let known: std::collections::HashSet<&str> = sources.iter().map(|s| s.id.as_str()).collect();
    if let Some(unknown) = questions.iter().flat_map(|q| &q.relevant).find(|id| !known.contains(id.as_str())) {
        return Err(Stop::wrong(format!("{}: no passage has the id {unknown}", queries.display())));
    }
    Ok((sources, questions))
}

fn print(report: &Report) {
    let Measures { recall_1, recall_5, recall_10, mrr_10, ndcg_10, queries } = report.measures;
    let head = ["RECALL@1", "RECALL@5", "RECALL@10", "MRR@10", "NDCG@10", "QUERIES", "SECONDS"];
    let mut row: Vec<String> =
        [recall_1, recall_5, recall_10, mrr_10, ndcg_10].iter().map(|m| format!("{m:.3}")).collect();
    row.extend([queries.to_string(), format!("{:.1}", report.seconds)]);
    out::table(&[head.map(str::to_owned).to_vec(), row]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use colloquy_rag::evaluate::Tally;

    #[test]
    fn the_keys_are_stable() {
        let mut tally = Tally::default();
        tally.add(&["a".to_owned()], &["b", "a"]);
        let report = Report { measures: tally.measures(), seconds: 0.5 };
        let json = serde_json::to_value(&report).expect("JSON");
        let keys: Vec<&str> = json.as_object().expect("an object").keys().map(String::as_str).collect();
        let mut wanted = ["recall@1", "recall@5", "recall@10", "mrr@10", "ndcg@10", "queries", "seconds"];
        wanted.sort_unstable();
        let mut keys = keys;
        keys.sort_unstable();
        assert_eq!(keys, wanted);
        assert_eq!(json["mrr@10"], 0.5);
    }
}
