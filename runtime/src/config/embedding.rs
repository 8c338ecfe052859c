//! An embedding model at an OpenAI-compatible endpoint.

use super::{Config, OPENAI, problems::Problems};
use colloquy_domain::channel::Secret;
use colloquy_llm::{EmbeddingEndpoint, EmbeddingOptions};
use colloquy_rag::embed::ModelElsewhere;
use std::sync::Arc;

/// As far as it was named.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Embedding {
    /// Naming it is what switches it on.
    pub model: Option<String>,
    /// Without a slash at the end; that of the completions unless set.
    pub base_url: Option<String>,
    pub api_key: Option<Secret>,
    pub dimensions: Option<u32>,
    pub question_prefix: Option<String>,
    pub passage_prefix: Option<String>,
    pub cosines: Cosines,
}

/// In hundredths: what says as much as 0 and as 1 of the default model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cosines(u8, u8);

impl Default for Cosines {
    fn default() -> Self {
        Self(0, 100)
    }
}

impl Config {
    /// The embedding model at an address, if one is named.
    #[must_use]
    pub fn embedder(&self) -> Option<ModelElsewhere> {
        let e = &self.embedding;
        let model = e.model.clone()?;
        // The key of the completions' endpoint is for that endpoint alone.
        let (base_url, usual_key) = match &e.base_url {
            Some(url) => (url.clone(), None),
            None => (self.openai.base_url.clone().unwrap_or_else(|| OPENAI.to_owned()), self.openai.api_key.clone()),
        };
        let api_key = e.api_key.clone().or(usual_key);
        let options = EmbeddingOptions { base_url, api_key, model: model.clone(), dimensions: e.dimensions };
        // The settings are read without the blanks around them.
        let prefix = |p: &Option<String>| p.as_ref().map(|p| format!("{p} ")).unwrap_or_default();
        Some(ModelElsewhere {
            embeddings: Arc::new(EmbeddingEndpoint::new(options)),
            name: model,
            question_prefix: prefix(&e.question_prefix),
            passage_prefix: prefix(&e.passage_prefix),
            cosines: (f32::from(e.cosines.0) / 100.0, f32::from(e.cosines.1) / 100.0),
        })
    }

    /// Where settings of it are given and no model is, they would be passed over in silence.
    pub(super) fn check_embedding(&self, problems: &mut Problems) {
        if self.embedding.model.is_none() && self.embedding != Embedding::default() {
            problems.add(
                "embedding.model",
                "must be named where other settings of `embedding` are",
                "all settings together",
            );
        }
    }
}

/// `0.70-0.95`.
pub(super) fn cosines(v: &str) -> Result<Cosines, String> {
    let hundredths = |text: &str| {
        let n = text.trim().parse::<f32>().ok().filter(|n| (0.0..=1.0).contains(n))?;
        // Between 0 and 100.
        Some((n * 100.0).round() as u8)
    };
    let read = || {
        let (zero, one) = v.split_once('-')?;
        Some(Cosines(hundredths(zero)?, hundredths(one)?)).filter(|c| c.0 < c.1)
    };
    read().ok_or_else(|| "must be two cosines from 0 to 1, the lower first, such as 0.70-0.95".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(embedding: Embedding) -> Config {
        let mut config = Config::defaults();
        config.openai.api_key = Some(Secret::new("sk-1"));
        config.embedding = embedding;
        config
    }

    #[test]
    fn naming_a_model_switches_it_on_and_nothing_else_does() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        assert!(with(Embedding::default()).embedder().is_none());
        let named =
            Embedding { model: Some("small".into()), passage_prefix: Some("passage:".into()), ..Embedding::default() };
        let model = with(named).embedder().expect("named");
        assert_eq!(
            (model.name.as_str(), model.passage_prefix.as_str(), model.cosines),
            ("small", "passage: ", (0.0, 1.0))
        );
        let mut problems = Problems::default();
        with(Embedding { dimensions: Some(3), ..Embedding::default() }).check_embedding(&mut problems);
        assert!(problems.to_string().contains("embedding.model: must be named"), "{problems}");
    }

    #[test]
    fn cosines_are_a_lower_and_a_higher_one() {
        assert_eq!(cosines("0.70-0.95"), Ok(Cosines(70, 95)));
        assert_eq!(cosines("0 - 1"), Ok(Cosines::default()));
        for wrong in ["0.9", "0.95-0.7", "0.5-0.5", "-1-1", "0-2", "a-b"] {
            assert!(cosines(wrong).is_err(), "{wrong}");
        }
    }
}
