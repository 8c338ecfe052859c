//! Embeddings: texts to unit vectors, by one model: on one worker of this process, or at an address ([`elsewhere`]).
//!
//! On the worker, questions go before documents: the worker looks at the questions' queue between any two batches, so a person waits
//! for one batch at most, however much is being ingested. Both queues are bounded.

mod elsewhere;
mod onnx;

pub use elsewhere::{Elsewhere, ModelElsewhere};

use crate::models::{ModelFiles, manifest::ModelSpec};
pub use colloquy_domain::meaning::Vector;
use colloquy_domain::{failure::Failure, meaning::Space};
use onnx::Onnx;
use ort::environment::Environment;
use std::{
    collections::HashMap,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

/// The environment of ONNX Runtime that all models of this process share.
///
/// # Errors
/// `embed.library` (fatal).
pub(crate) fn environment(library: &Path) -> Result<Environment, Failure> {
    onnx::check_library(library)?;
    onnx::environment(library)
}

/// Most texts of one run of the model, and about how many tokens they may fill with padding. Larger batches gain
/// nothing on a CPU, cost memory (16 texts of 256 tokens took 600 MB) and make questions wait.
const BATCH: usize = 32;
const BATCH_TOKENS: usize = 768;
/// A token is rarely shorter, on average over a text; only for sharing texts out.
const TOKEN_BYTES: usize = 3;
/// Requests that may wait.
const QUEUE: usize = 64;

/// A model in use. Cheap to share; dropping the last one ends its worker.
#[derive(Debug)]
pub struct Embedder {
    space: Space,
    place: Place,
}

/// Where the model is.
#[derive(Debug)]
enum Place {
    Here(Box<Worker>),
    Elsewhere(Elsewhere),
}

/// The queues of a loaded model.
#[derive(Debug)]
struct Worker {
    spec: ModelSpec,
    questions: mpsc::Sender<Request>,
    documents: mpsc::Sender<Request>,
    /// Nanoseconds.
    in_model: Arc<AtomicU64>,
}

/// The embedder that is in use, if any; it may arrive while the program runs.
#[derive(Debug, Clone, Default)]
pub struct Slot(Arc<RwLock<Option<Arc<Embedder>>>>);

impl Slot {
    #[must_use]
    pub fn get(&self) -> Option<Arc<Embedder>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The same, if it is not at an address that is silent at the moment.
    #[must_use]
    pub fn answering(&self) -> Option<Arc<Embedder>> {
        self.get().filter(|e| e.silence().is_none())
    }

    pub fn set(&self, embedder: Embedder) {
        self.put(Arc::new(embedder));
    }

    /// As [`Slot::set`], of one that is in use elsewhere.
    pub fn put(&self, embedder: Arc<Embedder>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(embedder);
    }
}

struct Request {
    texts: Vec<String>,
    reply: oneshot::Sender<Result<Vec<Vector>, Failure>>,
}

impl Embedder {
    /// Loads the library and the model and starts the worker on the current tokio runtime.
    ///
    /// # Errors
    /// `embed.library` or `embed.model` (fatal) when they cannot be used; nothing panics.
    pub async fn load(files: ModelFiles, spec: ModelSpec) -> Result<Self, Failure> {
        let model = tokio::task::spawn_blocking(move || Onnx::load(&files, spec))
            .await
            .unwrap_or_else(|e| Err(Failure::fatal("embed.model", format!("loading the model stopped: {e}"))))?;
        let (questions, question_queue) = mpsc::channel(QUEUE);
        let (documents, document_queue) = mpsc::channel(QUEUE);
        let in_model = Arc::new(AtomicU64::new(0));
        tokio::spawn(work(Arc::new(Mutex::new(model)), question_queue, document_queue, Arc::clone(&in_model)));
        let worker = Worker { spec, questions, documents, in_model };
        Ok(Self { space: spec.space(), place: Place::Here(Box::new(worker)) })
    }

    /// The model at an address, which is asked for a first vector.
    ///
    /// # Errors
    /// `embed.unavailable` (retry) when it does not answer, with why.
    pub async fn begin(model: ModelElsewhere) -> Result<Self, Failure> {
        let (space, elsewhere) = Elsewhere::begin(model).await?;
        Ok(Self { space, place: Place::Elsewhere(elsewhere) })
    }

    /// The time that a model of this process has been computing.
    #[must_use]
    pub fn time_in_model(&self) -> Duration {
        match &self.place {
            Place::Here(worker) => Duration::from_nanos(worker.in_model.load(Ordering::Relaxed)),
            Place::Elsewhere(_) => Duration::ZERO,
        }
    }

    #[must_use]
    pub const fn space(&self) -> &Space {
        &self.space
    }

    /// Why the model does not answer at the moment, if so: it is at an address that failed a moment ago.
    #[must_use]
    pub fn silence(&self) -> Option<Failure> {
        match &self.place {
            Place::Here(_) => None,
            Place::Elsewhere(elsewhere) => elsewhere.silence(),
        }
    }

    /// Whether it is at an address, which can be away.
    #[must_use]
    pub const fn is_elsewhere(&self) -> bool {
        matches!(self.place, Place::Elsewhere(_))
    }

    /// Embeds questions, before any waiting document.
    ///
    /// # Errors
    /// `embed.failed`, `embed.unavailable` (retry).
    pub async fn embed_questions(&self, texts: Vec<String>) -> Result<Vec<Vector>, Failure> {
        match &self.place {
            Place::Here(worker) => worker.embed(&worker.questions, worker.spec.question_prefix, &texts).await,
            Place::Elsewhere(elsewhere) => elsewhere.questions(&texts).await,
        }
    }

    /// Embeds passages, in their order.
    ///
    /// # Errors
    /// `embed.failed`, `embed.unavailable` (retry); `embed.refused` (reject) for texts that the model at an address does not
    /// take.
    pub async fn embed_documents(&self, texts: &[String]) -> Result<Vec<Vector>, Failure> {
        match &self.place {
            Place::Here(worker) => worker.embed(&worker.documents, worker.spec.passage_prefix, texts).await,
            Place::Elsewhere(elsewhere) => elsewhere.documents(texts).await,
        }
    }
}

impl Worker {
    /// Identical texts are embedded once; similar lengths share a batch, because a batch costs as much as its longest text
    /// in every row.
    async fn embed(
        &self,
        queue: &mpsc::Sender<Request>,
        prefix: &str,
        texts: &[String],
    ) -> Result<Vec<Vector>, Failure> {
        let unique = unique_by_length(texts);
        let mut vectors: HashMap<&str, Vector> = HashMap::with_capacity(unique.len());
        for batch in batches(&unique, self.spec.max_tokens) {
            let embedded = ask(queue, batch.iter().map(|t| format!("{prefix}{t}")).collect()).await?;
            vectors.extend(batch.iter().copied().zip(embedded));
        }
        let all: Option<Vec<Vector>> = texts.iter().map(|t| vectors.get(t.as_str()).cloned()).collect();
        all.ok_or_else(|| Failure::retry("embed.failed", "the model returned too few vectors"))
    }
}

fn unique_by_length(texts: &[String]) -> Vec<&str> {
    let mut unique: Vec<&str> = texts.iter().map(String::as_str).collect();
    // Longest first: the runtime's arena then never has to grow again for a larger shape.
    unique.sort_unstable_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    unique.dedup();
    unique
}

/// Cuts texts, longest first, into batches.
fn batches<'a, 'b>(texts: &'b [&'a str], max_tokens: usize) -> impl Iterator<Item = &'b [&'a str]> {
    let mut rest = texts;
    std::iter::from_fn(move || {
        let longest = (rest.first()?.len() / TOKEN_BYTES + 2).min(max_tokens);
        let rows = (BATCH_TOKENS / longest).clamp(1, BATCH).min(rest.len());
        let (batch, after) = rest.split_at(rows);
        rest = after;
        Some(batch)
    })
}

async fn ask(queue: &mpsc::Sender<Request>, texts: Vec<String>) -> Result<Vec<Vector>, Failure> {
    if texts.is_empty() {
        return Ok(Vec::new());
    }
    let stopped = || Failure::retry("embed.failed", "the embedding worker has stopped");
    let (reply, answer) = oneshot::channel();
    queue.send(Request { texts, reply }).await.map_err(|_| stopped())?;
    answer.await.map_err(|_| stopped())?
}

/// Until both queues are closed and empty.
async fn work(
    model: Arc<Mutex<Onnx>>,
    mut questions: mpsc::Receiver<Request>,
    mut documents: mpsc::Receiver<Request>,
    in_model: Arc<AtomicU64>,
) {
    loop {
        let request = tokio::select! {
            biased;
            Some(request) = questions.recv() => request,
            Some(request) = documents.recv() => request,
            else => return,
        };
        let model = Arc::clone(&model);
        let texts = request.texts;
        let in_model = Arc::clone(&in_model);
        let run = tokio::task::spawn_blocking(move || {
            let begun = Instant::now();
            // A panic inside the runtime leaves no half-written state of ours.
            let vectors = model.lock().unwrap_or_else(PoisonError::into_inner).embed(&texts);
            in_model.fetch_add(u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
            vectors
        });
        let result =
            run.await.unwrap_or_else(|e| Err(Failure::retry("embed.failed", format!("the model stopped: {e}"))));
        // The asker may have gone.
        let _ = request.reply.send(result);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_share_a_batch_with_fewer_others() {
        let (long, short) = ("x".repeat(3_000), "y".repeat(30));
        let texts: Vec<&str> =
            std::iter::repeat_n(long.as_str(), 7).chain(std::iter::repeat_n(short.as_str(), 70)).collect();
        let sizes: Vec<usize> = batches(&texts, 256).map(<[&str]>::len).collect();
        assert_eq!(sizes, [3, 3, 3, 32, 32, 4]);
        assert_eq!(batches(&[], 256).count(), 0);
    }

    fn cosine(a: &[f32], b: &[f32]) -> f32 {
        a.iter().zip(b).map(|(x, y)| x * y).sum()
    }

    // req: C-ACT-2
    #[tokio::test]
    async fn the_real_model_knows_what_is_alike_and_keeps_the_order() {
        let embedder = crate::testing::real_embedder().await;
        let texts = ["The cat sits on the mat.", "Quarterly revenue rose by nine percent.", "The cat sits on the mat."];
        let documents = embedder.embed_documents(&texts.map(str::to_owned)).await.expect("embedded");
        let question = embedder.embed_questions(vec!["Where is the kitten?".to_owned()]).await.expect("embedded");
        assert_eq!(documents[0], documents[2], "identical texts have identical vectors");
        assert_eq!(documents[0].len(), embedder.space().dimension);
        assert!((cosine(&documents[0], &documents[0]) - 1.0).abs() < 1e-4, "unit length");
        assert!(cosine(&question[0], &documents[0]) > cosine(&question[0], &documents[1]) + 0.2);
    }

    #[test]
    fn identical_texts_are_embedded_once_and_lengths_lie_together() {
        let texts = ["ccc", "a", "ccc", "bb", "a"].map(str::to_owned);
        assert_eq!(unique_by_length(&texts), ["ccc", "bb", "a"]);
    }
}
