//! An embedding model at an address: asked over the network, and passed over for a moment when it fails, so that nobody waits
//! for a server that is away. What needed a vector meanwhile works by words.

use super::Vector;
use colloquy_domain::{
    failure::{Failure, Verdict},
    meaning::{Space, unit},
    ports::Embeddings,
};
use sha2::{Digest, Sha256};
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// Somebody waits for an answer.
const QUESTION: Duration = Duration::from_secs(4);
/// One window of a document.
const DOCUMENTS: Duration = Duration::from_secs(120);
/// For how long a model that failed is not asked.
const SILENCE: Duration = Duration::from_secs(10);
const FIRST: &str = "The model works.";

/// A model at an address, as it is configured.
#[derive(Clone)]
pub struct ModelElsewhere {
    pub embeddings: Arc<dyn Embeddings>,
    /// What the server calls it.
    pub name: String,
    /// Stands before every question.
    pub question_prefix: String,
    /// Stands before every passage.
    pub passage_prefix: String,
    /// The cosines that say as much as 0 and 1 of the default model.
    pub cosines: (f32, f32),
}

impl fmt::Debug for ModelElsewhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelElsewhere").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The same in use: it has answered once.
#[derive(Debug)]
pub struct Elsewhere {
    model: ModelElsewhere,
    dimension: usize,
    /// Since when it has not answered, and why.
    silent: Mutex<Option<(Instant, Failure)>>,
}

impl Elsewhere {
    pub(super) async fn begin(model: ModelElsewhere) -> Result<(Space, Self), Failure> {
        let made = model.embeddings.embed(vec![FIRST.to_owned()], QUESTION).await.map_err(unavailable)?;
        let dimension = made.vectors.first().map_or(0, Vec::len);
        if dimension == 0 {
            return Err(unavailable(Failure::retry("embed.empty", "the embedding server sent no vector")));
        }
        let space = Space { id: id(&model, dimension), dimension, english_only: false, cosines: model.cosines };
        Ok((space, Self { model, dimension, silent: Mutex::default() }))
    }

    pub(super) fn silence(&self) -> Option<Failure> {
        let silent = self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        silent.as_ref().filter(|(since, _)| since.elapsed() < SILENCE).map(|(_, why)| why.clone())
    }

    pub(super) async fn questions(&self, texts: &[String]) -> Result<Vec<Vector>, Failure> {
        let prefixed = texts.iter().map(|t| format!("{}{t}", self.model.question_prefix)).collect();
        self.ask(prefixed, QUESTION).await
    }

    pub(super) async fn documents(&self, texts: &[String]) -> Result<Vec<Vector>, Failure> {
        let prefixed = texts.iter().map(|t| format!("{}{t}", self.model.passage_prefix)).collect();
        self.ask(prefixed, DOCUMENTS).await
    }

    async fn ask(&self, texts: Vec<String>, within: Duration) -> Result<Vec<Vector>, Failure> {
        if let Some(why) = self.silence() {
            return Err(why);
        }
        let asked = texts.len();
        let made = self.model.embeddings.embed(texts, within).await.and_then(|made| self.fitting(made.vectors, asked));
        let mut silent = self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        match made {
            Ok(vectors) => {
                *silent = None;
                Ok(vectors)
            }
            // The server answers, but not to these texts.
            Err(failure) if failure.verdict == Verdict::Reject => {
                Err(Failure::reject("embed.refused", failure.to_string()))
            }
            Err(failure) => {
                let failure = unavailable(failure);
                *silent = Some((Instant::now(), failure.clone()));
                drop(silent);
                tracing::warn!(embedding.model = self.model.name, error = %failure, "the embedding server does not answer");
                Err(failure)
            }
        }
    }

    /// Vectors of another length are another model's, under the same name.
    fn fitting(&self, vectors: Vec<Vector>, asked: usize) -> Result<Vec<Vector>, Failure> {
        if vectors.len() != asked || vectors.iter().any(|v| v.len() != self.dimension) {
            let detail =
                format!("the embedding server does not send {} numbers for each text any more", self.dimension);
            return Err(Failure::retry("embed.changed", detail));
        }
        Ok(vectors.into_iter().map(unit).collect())
    }
}

/// Whatever it is, it may be mended at the server while this program runs.
fn unavailable(failure: Failure) -> Failure {
    Failure::retry("embed.unavailable", failure.to_string())
}

/// Names the vector space: the model, how long its vectors are, and what stands before passages.
fn id(model: &ModelElsewhere, dimension: usize) -> String {
    let named = format!("{}@{dimension}", model.name);
    if model.passage_prefix.is_empty() {
        return named;
    }
    let prefix = hex::encode(&Sha256::digest(model.passage_prefix.as_bytes())[..4]);
    format!("{named}#{prefix}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{EndpointWords, at};

    fn model(words: &Arc<EndpointWords>) -> ModelElsewhere {
        at(words, "words")
    }

    #[tokio::test]
    async fn a_space_is_the_model_its_length_and_its_prefix() {
        let words = Arc::new(EndpointWords::new(12));
        let (space, _) = Elsewhere::begin(model(&words)).await.expect("answers");
        assert_eq!((space.id.as_str(), space.dimension), ("words@12", 12));
        let prefixed = ModelElsewhere { passage_prefix: "passage: ".into(), ..model(&words) };
        let (other, _) = Elsewhere::begin(prefixed).await.expect("answers");
        assert_ne!(other.id, space.id);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_is_away_is_not_waited_for_again_and_again() {
        let words = Arc::new(EndpointWords::new(12));
        let (_, elsewhere) = Elsewhere::begin(model(&words)).await.expect("answers");
        words.fail(true);
        let failure = elsewhere.questions(&["hello".into()]).await.unwrap_err();
        assert_eq!((failure.code.as_str(), failure.is_retry()), ("embed.unavailable", true));
        let asked = words.asked();
        assert_eq!(elsewhere.questions(&["hello".into()]).await.unwrap_err(), failure);
        assert_eq!(words.asked(), asked, "not asked while it is silent");
        words.fail(false);
        tokio::time::advance(SILENCE).await;
        assert!(elsewhere.silence().is_none());
        assert_eq!(elsewhere.questions(&["hello".into()]).await.expect("answers again").len(), 1);
    }

    #[tokio::test]
    async fn vectors_of_another_length_are_never_taken() {
        let words = Arc::new(EndpointWords::new(12));
        let (_, elsewhere) = Elsewhere::begin(model(&words)).await.expect("answers");
        words.widen(16);
        let failure = elsewhere.documents(&["hello".into()]).await.unwrap_err();
        assert!(failure.is_retry() && failure.detail.contains("12 numbers"), "{failure}");
    }
}
