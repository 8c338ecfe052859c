//! A cross-encoder that reads question and passage together: better than comparing vectors, and much slower, so only the
//! best candidates are put before it. Optional: an operator names a folder with its weights.

use crate::{
    embed::environment,
    models::{ModelState, Models},
};
use colloquy_domain::failure::Failure;
use fastembed::{OnnxSource, RerankInitOptionsUserDefined, TextRerank, TokenizerFiles, UserDefinedRerankingModel};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

/// Candidates that it reads.
pub(super) const READ: usize = 20;
/// Its own tokens of question and passage; longer ones are cut.
const MAX_TOKENS: usize = 512;
const WEIGHTS: &str = "model.onnx";
const TOKENIZER: &str = "tokenizer.json";

/// A loaded cross-encoder. Cheap to clone.
#[derive(Clone)]
pub struct Reranker {
    model: Arc<Mutex<TextRerank>>,
}

impl Reranker {
    /// Loads `model.onnx` and `tokenizer.json` of `folder`, with the installed ONNX Runtime.
    ///
    /// # Errors
    /// `rerank.missing` (fatal) when a file is not there, `rerank.model` or `embed.library` (fatal) when it cannot be used.
    pub async fn load(folder: PathBuf, models: &Models) -> Result<Self, Failure> {
        let library = match models.locate() {
            ModelState::Ready(files) => files.library,
            ModelState::Missing { what, hint } => return Err(missing(format!("{what} ({hint})"))),
        };
        for name in [WEIGHTS, TOKENIZER] {
            if !folder.join(name).is_file() {
                return Err(missing(format!("{} holds no {name}", folder.display())));
            }
        }
        let load = move || load(&folder, &library);
        let loaded = tokio::task::spawn_blocking(load).await;
        loaded.unwrap_or_else(|e| Err(unusable(&e.to_string())))
    }

    /// How well each passage answers the question, 0 to 1, in their order.
    ///
    /// # Errors
    /// `rerank.failed` (retry).
    pub(super) fn scores(&self, question: &str, passages: &[&str]) -> Result<Vec<f32>, Failure> {
        let failed = |cause: String| Failure::retry("rerank.failed", cause);
        let mut model = self.model.lock().unwrap_or_else(PoisonError::into_inner);
        let found = model.rerank(question, passages, false, None).map_err(|e| failed(e.to_string()))?;
        let mut scores = vec![0.0; passages.len()];
        for result in found {
            if let Some(score) = scores.get_mut(result.index) {
                *score = 1.0 / (1.0 + (-result.score).exp());
            }
        }
        Ok(scores)
    }
}

fn load(folder: &Path, library: &Path) -> Result<Reranker, Failure> {
    let environment = environment(library)?;
    let tokenizer_file = std::fs::read(folder.join(TOKENIZER)).map_err(|e| unusable(&e.to_string()))?;
    let tokenizer = TokenizerFiles {
        tokenizer_file,
        config_file: br#"{"pad_token_id":0}"#.to_vec(),
        special_tokens_map_file: b"{}".to_vec(),
        tokenizer_config_file: br#"{"model_max_length":512,"pad_token":"[PAD]"}"#.to_vec(),
    };
    let model = UserDefinedRerankingModel::new(OnnxSource::File(folder.join(WEIGHTS)), tokenizer);
    let mut options = RerankInitOptionsUserDefined::new().with_max_length(MAX_TOKENS);
    options.environment = Some(environment);
    let model = TextRerank::try_new_from_user_defined(model, options).map_err(|e| unusable(&e.to_string()))?;
    let reranker = Reranker { model: Arc::new(Mutex::new(model)) };
    reranker.scores("Does it work?", &["It works."]).map_err(|e| unusable(&e.detail))?;
    Ok(reranker)
}

fn missing(what: String) -> Failure {
    Failure::fatal("rerank.missing", format!("the cross-encoder named by reranker_dir cannot be loaded: {what}"))
}

fn unusable(cause: &str) -> Failure {
    Failure::fatal("rerank.model", format!("the cross-encoder named by reranker_dir cannot be used: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::judge_of_length;

    #[tokio::test]
    async fn a_folder_without_the_weights_is_a_clear_error() {
        let models = crate::testing::real_models().await;
        let dir = tempfile::tempdir().expect("a folder");
        let failure = Reranker::load(dir.path().into(), &models).await.err().expect("nothing there");
        assert_eq!(failure.code, "rerank.missing");
        assert!(failure.detail.contains("holds no model.onnx"), "{failure}");
        std::fs::write(dir.path().join(WEIGHTS), "no graph").expect("written");
        std::fs::write(dir.path().join(TOKENIZER), "{}").expect("written");
        let failure = Reranker::load(dir.path().into(), &models).await.err().expect("not usable");
        assert_eq!(failure.code, "rerank.model");
    }

    #[tokio::test]
    async fn a_cross_encoder_scores_each_passage_in_its_place() {
        let models = crate::testing::real_models().await;
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::write(dir.path().join(WEIGHTS), judge_of_length()).expect("written");
        std::fs::copy(models.spec().tokenizer.target(models.dir()), dir.path().join(TOKENIZER)).expect("copied");
        let reranker = Reranker::load(dir.path().into(), &models).await.expect("loads");
        let scores = reranker.scores("How long?", &["short", "a good deal longer than the others", "quite short"]);
        let scores = scores.expect("scored");
        assert!(scores[1] > scores[2] && scores[2] > scores[0], "the longer the better, says this one: {scores:?}");
        assert!(scores.iter().all(|s| (0.0..=1.0).contains(s)));
    }
}
