use super::{
    judge::{self, Figures, Kind, Verdict},
    retrieval::set,
};
use crate::{
    cli::ingest::Follow,
    client::{Api, ChatAnswer, with_server},
    config::{Config, Engines},
    exit::{CommandResult, Outcome},
    install, out,
};
use anyhow::anyhow;
use clap::Args;
use colloquy_rag::evaluate::{Question, Source};
use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;
use serde_json::json;
use std::{collections::HashMap, path::PathBuf};
use tokio::time::Instant;

/// The knowledge base of the first agent of a fresh installation, and that agent.
const BASE: &str = "default";
const AGENT: &str = "Assistant";
/// Conversations at a time: an agent waits a moment for more words before it answers.
const AT_ONCE: usize = 16;

/// Measure whole answers: said or held back, right or wrong, with which citations
///
/// The passages are ingested as documents into a fresh installation in a scratch folder, and each question is put to its
/// agent as a message of a web chat: gathering, retrieval, the configured model (without one, answers are cut from the
/// passages), citations, everything as in service. With `--history`, what the person said before is said first, and the
/// agent answers that as well.
///
/// What is counted, apart for answerable and unanswerable questions:
///   answered, abstained   whether something was answered, or that nothing was found
///   judged, right         of the answered with `answers`: whether one of them is said; up to 8 words word for word
///                         (without articles), of longer ones half of the words
///   cited, cited_right    answers with a citation, and with one of a `relevant` passage
///
/// Example:
///   colloquy eval answers --passages passages.jsonl --queries queries.jsonl --limit 200
///   OPENAI_BASE_URL=… OPENAI_MODEL=… colloquy eval answers --passages p.jsonl --queries q.jsonl --json
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Answers {
    /// Passages, JSON lines
    #[arg(long, value_name = "FILE")]
    passages: PathBuf,
    /// Questions, JSON lines
    #[arg(long, value_name = "FILE")]
    queries: PathBuf,
    /// Say first what the person said before
    #[arg(long)]
    history: bool,
    /// Ask only the first N questions
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Print {model, questions, answerable: {…}, unanswerable: {…}, seconds}
    #[arg(long)]
    json: bool,
}

/// What `--json` prints; stable.
#[derive(Debug, Serialize)]
struct Report {
    /// Provider and name of the model that answered.
    model: String,
    #[serde(flatten)]
    figures: Figures,
    /// For asking all questions.
    seconds: f64,
}

impl Answers {
    pub async fn run(self, config: &Config) -> CommandResult {
        let (sources, mut questions) = set(&self.passages, &self.queries)?;
        questions.truncate(self.limit.unwrap_or(usize::MAX));
        install::if_missing(config).await;
        let scratch = tempfile::tempdir()?;
        let config = Config {
            data_dir: scratch.path().join("data"),
            port: None,
            database: None,
            engines: Engines::default(),
            ..config.clone()
        };
        let model = config.default_model();
        let asked = with_server(&config, "eval", async |api| {
            ingest(api, &sources).await?;
            let begun = Instant::now();
            let figures = ask_all(api, &sources, &questions, self.history).await?;
            Ok((figures, begun.elapsed().as_secs_f64()))
        });
        let (figures, seconds) = Box::pin(asked).await?;
        let model = format!("{} {}", model.provider, model.model).trim_end().to_owned();
        let report = Report { model, figures, seconds };
        if self.json {
            out::json(&report)?;
        } else {
            print(&report);
        }
        Ok(Outcome::Done)
    }
}

/// Each passage as a document named by its place in the file.
async fn ingest(api: &Api, sources: &[Source]) -> CommandResult<()> {
    let follow = Follow::new(sources.len());
    let mut waiting = Vec::with_capacity(sources.len());
    for (place, source) in sources.iter().enumerate() {
        let name = name(place);
        follow.uploading(&name);
        waiting.push((place, api.upload_text(BASE, &name, format!("# {}\n\n{}\n", source.title, source.text)).await?));
    }
    for (place, document) in follow.to_the_end(api, waiting).await? {
        if document.status != "ready" {
            let cause = document.cause.map_or_else(String::new, |c| c.message);
            return Err(anyhow!("the passage {} was not ingested: {cause}", sources[place].id).into());
        }
    }
    Ok(())
}

fn name(place: usize) -> String {
    format!("{place}.md")
}

async fn ask_all(api: &Api, sources: &[Source], questions: &[Question], history: bool) -> CommandResult<Figures> {
    let ids: HashMap<String, &str> = sources.iter().enumerate().map(|(n, s)| (name(n), s.id.as_str())).collect();
    let verdicts = stream::iter(questions).map(|question| ask(api, &ids, question, history)).buffer_unordered(AT_ONCE);
    verdicts
        .try_fold(Figures::default(), |mut figures, verdict| async move {
            figures.add(verdict);
            Ok(figures)
        })
        .await
}

async fn ask(api: &Api, ids: &HashMap<String, &str>, question: &Question, history: bool) -> CommandResult<Verdict> {
    let mut session = None;
    for said in question.said_before().into_iter().filter(|_| history) {
        session = Some(say(api, &said, session).await?.session);
    }
    let answer = say(api, &question.text, session).await?;
    let Some(reply) = answer.reply else {
        return Err(anyhow!("a question got no reply, its outcome is {}", answer.outcome).into());
    };
    let of_right = |document: &String| ids.get(document).is_some_and(|id| question.relevant.iter().any(|r| r == id));
    Ok(Verdict {
        answerable: question.is_answerable(),
        answered: !reply.abstained,
        right: judge::right(&reply.text, &question.answers),
        cited: !reply.citations.is_empty(),
        cited_right: reply.citations.iter().any(|c| of_right(&c.document)),
    })
}

async fn say(api: &Api, text: &str, session: Option<String>) -> CommandResult<ChatAnswer> {
    let mut body = json!({ "message": text, "agent": AGENT });
    if let Some(session) = session {
        body["session"] = session.into();
    }
    Ok(api.post("/api/chat", &body).await?)
}

fn print(report: &Report) {
    let row = |name: &str, k: &Kind| {
        let counts = [k.questions, k.answered, k.abstained, k.judged, k.right, k.cited, k.cited_right];
        std::iter::once(name.to_owned()).chain(counts.map(|n| n.to_string())).collect::<Vec<_>>()
    };
    let head = ["", "QUESTIONS", "ANSWERED", "ABSTAINED", "JUDGED", "RIGHT", "CITED", "CITED RIGHT"];
    let Report { model, figures, seconds } = report;
    out::table(&[
        head.map(str::to_owned).to_vec(),
        row("answerable", &figures.answerable),
        row("unanswerable", &figures.unanswerable),
    ]);
    out::line(format_args!("{} questions in {seconds:.1} s, answered by {model}", figures.questions));
}
