//! The registry of model providers: one folder and one line each.

use crate::{
    extractive::Extractive,
    openai::{OpenAi, OpenAiOptions},
    scripted::Scripted,
};
use async_trait::async_trait;
use colloquy_domain::{
    failure::Failure,
    model::{CompletionRequest, CompletionResult, ModelChoice, Recording, Transcript},
    ports::{FileOf, Model, SentFiles, TokenSink},
};
use std::sync::Arc;

/// What the configuration says about models.
#[derive(Clone, Default)]
pub struct ModelOptions {
    /// The OpenAI-compatible endpoint; `None` where none is configured.
    pub openai: Option<OpenAiOptions>,
    /// What the scripted provider plays; `None` for one that echoes.
    pub script: Option<Scripted>,
    /// Where models that see or listen find what people sent; `None` where nobody sends anything.
    pub files: Option<Arc<dyn SentFiles>>,
}

/// The model providers of an installation.
pub struct Models {
    providers: Vec<Provider>,
    /// The one that can listen.
    listens: Arc<OpenAi>,
}

type Check = Box<dyn Fn(&ModelChoice) -> Result<(), Failure> + Send + Sync>;

struct Provider {
    name: &'static str,
    model: Arc<dyn Model>,
    /// Whether models of it can be given images.
    sees: bool,
    /// Why a choice of this provider cannot work, if so.
    check: Check,
}

impl Models {
    /// The wiring. The process-wide rustls provider must be installed before.
    #[must_use]
    pub fn new(options: ModelOptions) -> Self {
        let openai = Arc::new(OpenAi::new(options.openai, options.files));
        let (checked, listens) = (openai.clone(), openai.clone());
        let fine = |_: &ModelChoice| Ok(());
        Self {
            listens,
            providers: vec![
                Provider {
                    name: "openai",
                    model: openai,
                    sees: true,
                    check: Box::new(move |choice| checked.check(choice)),
                },
                Provider { name: "extractive", model: Arc::new(Extractive), sees: false, check: Box::new(fine) },
                Provider {
                    name: "scripted",
                    model: Arc::new(options.script.unwrap_or_default()),
                    sees: false,
                    check: Box::new(fine),
                },
            ],
        }
    }

    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        self.providers.iter().map(|p| p.name).collect()
    }

    /// Checks the model that an agent is to be given.
    ///
    /// # Errors
    /// `model.unknown_provider`, naming those that exist; `model.not_configured`; `model.no_name`;
    /// `model.invalid_choice` for a temperature or a length out of range.
    pub fn check(&self, choice: &ModelChoice) -> Result<(), Failure> {
        let provider = self.provider(&choice.provider)?;
        if choice.temperature.is_some_and(|t| !(0.0..=2.0).contains(&t)) {
            return Err(Failure::reject("model.invalid_choice", "temperature: must be between 0 and 2"));
        }
        if choice.max_tokens == Some(0) {
            return Err(Failure::reject("model.invalid_choice", "max_tokens: must be at least 1"));
        }
        if choice.sees_images && !provider.sees {
            let detail = format!("sees_images: nothing of the provider {:?} sees", choice.provider);
            return Err(Failure::reject("model.invalid_choice", detail));
        }
        (provider.check)(choice)
    }

    fn provider(&self, name: &str) -> Result<&Provider, Failure> {
        self.providers.iter().find(|p| p.name == name).ok_or_else(|| {
            let detail = format!("no model provider is called {name:?}; there are: {}", self.names().join(", "));
            Failure::fatal("model.unknown_provider", detail)
        })
    }
}

#[async_trait]
impl Model for Models {
    async fn complete(&self, request: CompletionRequest, sink: &dyn TokenSink) -> CompletionResult {
        let provider = self.provider(&request.choice.provider)?;
        provider.model.complete(request, sink).await
    }

    fn writes(&self, choice: &ModelChoice) -> bool {
        self.provider(&choice.provider).is_ok_and(|provider| provider.model.writes(choice))
    }

    async fn transcribe(&self, recording: Recording) -> Result<Transcript, Failure> {
        self.listens.transcribe(recording).await
    }

    async fn listen(&self, recording: FileOf) -> Result<Transcript, Failure> {
        self.listens.listen(recording).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests_support::{Heard, install_tls, request};

    fn choice(provider: &str) -> ModelChoice {
        ModelChoice {
            provider: provider.into(),
            model: String::new(),
            temperature: None,
            max_tokens: None,
            sees_images: false,
        }
    }

    #[tokio::test]
    async fn an_unknown_provider_is_fatal_and_names_those_that_exist() {
        install_tls();
        let models = Models::new(ModelOptions::default());
        let mut asked = request("hello");
        asked.choice = choice("oracle");
        let failure = models.complete(asked, &Heard::default()).await.unwrap_err();
        insta::assert_snapshot!(failure.to_string(), @r#"model.unknown_provider: no model provider is called "oracle"; there are: openai, extractive, scripted"#);
        assert_eq!(models.check(&choice("oracle")), Err(failure));
    }

    #[tokio::test]
    async fn the_choice_decides_who_answers() {
        install_tls();
        let models = Models::new(ModelOptions::default());
        let mut asked = request("ping");
        asked.choice = choice("scripted");
        let heard = Heard::default();
        let completion = models.complete(asked, &heard).await.unwrap();
        assert_eq!((completion.text.as_str(), heard.text().as_str()), ("ping", "ping"));
    }

    #[test]
    fn choices_are_checked_when_an_agent_is_saved() {
        install_tls();
        let models = Models::new(ModelOptions::default());
        assert_eq!(models.check(&choice("extractive")), Ok(()));
        assert_eq!(models.check(&choice("openai")).unwrap_err().code, "model.not_configured");
        let hot = ModelChoice { temperature: Some(3.0), ..choice("extractive") };
        assert_eq!(models.check(&hot).unwrap_err().code, "model.invalid_choice");
        let blind = ModelChoice { sees_images: true, ..choice("extractive") };
        assert!(models.check(&blind).unwrap_err().detail.starts_with("sees_images: "));
        let mut options = OpenAiOptions::new("http://127.0.0.1:1/v1");
        let models = Models::new(ModelOptions { openai: Some(options.clone()), script: None, files: None });
        assert_eq!(models.check(&choice("openai")).unwrap_err().code, "model.no_name");
        options.default_model = Some("small".into());
        let models = Models::new(ModelOptions { openai: Some(options), script: None, files: None });
        assert_eq!(models.check(&choice("openai")), Ok(()));
    }
}
