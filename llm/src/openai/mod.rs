//! Any OpenAI-compatible endpoint.
//!
//! Requests are written with async-openai's types; answers are read here (`sse`, `chunk`, `accumulate`), because servers
//! that call themselves compatible agree on little.

mod accumulate;
mod chunk;
mod dialect;
mod embeddings;
mod images;
mod price;
mod printed_call;
mod prompt;
mod recordings;
mod retry;
mod sse;
mod transcribe;
mod transport;

use self::{
    accumulate::Answer,
    dialect::{Dialect, MaxTokens},
    images::Shown,
    transport::Transport,
};
use async_openai::types::chat::{ChatCompletionStreamOptions, CreateChatCompletionRequest};
use async_trait::async_trait;
use colloquy_domain::{
    channel::Secret,
    failure::Failure,
    model::{Completion, CompletionRequest, CompletionResult, ModelChoice, Recording, Transcript, Usage},
    ports::{FileOf, Model, SentFiles, TokenSink},
};
pub use embeddings::{EmbeddingEndpoint, EmbeddingOptions};
pub use price::Price;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// Where the endpoint is and how to use it.
#[derive(Debug, Clone)]
pub struct OpenAiOptions {
    /// Up to and including the version: `https://api.openai.com/v1`.
    pub base_url: String,
    /// `None` for servers that need none.
    pub api_key: Option<Secret>,
    /// Used where an agent names no model.
    pub default_model: Option<String>,
    /// Writes down what was said.
    pub transcription_model: String,
    /// By the model's name; a model without a price costs nothing.
    pub prices: BTreeMap<String, Price>,
    pub connect_timeout: Duration,
    /// Longest silence within an answer.
    pub idle_timeout: Duration,
}

impl OpenAiOptions {
    /// An endpoint without key, default model and prices, with the usual timeouts.
    #[must_use]
    pub fn new(base_url: impl Into<String>) -> Self {
        Self {
            base_url: base_url.into(),
            api_key: None,
            default_model: None,
            transcription_model: "whisper-1".to_owned(),
            prices: BTreeMap::new(),
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
        }
    }
}

/// The provider.
pub(crate) struct OpenAi {
    endpoint: Option<Endpoint>,
}

struct Endpoint {
    options: OpenAiOptions,
    transport: Transport,
    /// What was learnt from refusals, by model.
    dialects: Mutex<BTreeMap<String, Dialect>>,
    files: Option<Arc<dyn SentFiles>>,
}

impl OpenAi {
    pub(crate) fn new(options: Option<OpenAiOptions>, files: Option<Arc<dyn SentFiles>>) -> Self {
        let endpoint = options.map(|options| Endpoint {
            transport: Transport::new(&options),
            options,
            dialects: Mutex::default(),
            files,
        });
        Self { endpoint }
    }

    pub(crate) fn check(&self, choice: &ModelChoice) -> Result<(), Failure> {
        self.endpoint()?.model(choice).map(|_| ())
    }

    fn endpoint(&self) -> Result<&Endpoint, Failure> {
        let detail = "no OpenAI-compatible endpoint is configured: set a key or a base URL";
        self.endpoint.as_ref().ok_or_else(|| Failure::fatal("model.not_configured", detail))
    }
}

#[async_trait]
impl Model for OpenAi {
    async fn complete(&self, request: CompletionRequest, sink: &dyn TokenSink) -> CompletionResult {
        let endpoint = self.endpoint()?;
        let model = endpoint.model(&request.choice)?.to_owned();
        let deadline = Instant::now() + request.timeout;
        let answer = tokio::time::timeout_at(deadline, endpoint.answer(&request, &model, deadline, sink));
        let result = answer.await.unwrap_or_else(|_| {
            Err(Failure::retry("model.timeout", format!("no answer within {} s", request.timeout.as_secs())))
        });
        log(&request, &model, &result);
        result
    }

    fn writes(&self, _: &ModelChoice) -> bool {
        true
    }

    async fn transcribe(&self, recording: Recording) -> Result<Transcript, Failure> {
        let endpoint = self.endpoint()?;
        transcribe::transcribe(&endpoint.transport, &endpoint.options, recording).await
    }

    async fn listen(&self, recording: FileOf) -> Result<Transcript, Failure> {
        // Nobody waits for a file that nobody can listen to.
        let endpoint = self.endpoint()?;
        let recording = recordings::brought(endpoint.files.as_deref(), recording).await?;
        self.transcribe(recording).await
    }
}

impl Endpoint {
    fn model<'a>(&'a self, choice: &'a ModelChoice) -> Result<&'a str, Failure> {
        let chosen = Some(choice.model.as_str()).filter(|m| !m.is_empty());
        let detail = "neither the agent nor the configuration names a model";
        chosen.or(self.options.default_model.as_deref()).ok_or_else(|| Failure::fatal("model.no_name", detail))
    }

    /// Asks until an answer begins, within the bounds of `retry`, and reads it to its end.
    async fn answer(
        &self,
        request: &CompletionRequest,
        model: &str,
        deadline: Instant,
        sink: &dyn TokenSink,
    ) -> CompletionResult {
        let mut dialect = self.dialect(model);
        let mut shown = Shown::load(self.files.as_deref(), request).await;
        let mut attempt = 1;
        loop {
            let body = body(request, &shown, (model, dialect));
            let failed = match self.transport.ask(&body, request, sink).await {
                Ok(answer) => return Ok(self.completion(answer, (&body, &shown), model)),
                Err(failed) => failed,
            };
            // Not remembered: one image that a server cannot read says nothing of the next.
            if shown.is_any() && failed.refused.as_ref().is_some_and(|(status, body)| retry::names_image(*status, body))
            {
                tracing::warn!(tenant.id = %request.tenant, model.name = model, "the model server refused an image");
                shown = shown.refused();
                continue;
            }
            if let Some(adapted) = failed.refused.as_ref().and_then(|(status, body)| dialect.adapted(*status, body)) {
                dialect = adapted;
                self.learn(model, dialect);
                continue;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let pause = if failed.begun { None } else { retry::pause(&failed.failure, attempt, left) };
            let Some(pause) = pause else { return Err(failed.failure) };
            tracing::debug!(
                tenant.id = %request.tenant, conversation.id = %request.conversation, model.name = model,
                failure.code = failed.failure.code, attempt, "model asked again"
            );
            tokio::time::sleep(pause).await;
            attempt += 1;
        }
    }

    fn completion(
        &self,
        answer: Answer,
        (body, shown): (&CreateChatCompletionRequest, &Shown),
        model: &str,
    ) -> Completion {
        let written = || answer.text.chars().count() + answer.calls.iter().map(|c| c.arguments.len()).sum::<usize>();
        let (images, characters) = shown.size();
        let asked = || serde_json::to_string(&body.messages).map_or(0, |text| text.chars().count());
        let estimated = || price::estimate(asked().saturating_sub(characters)) + price::IMAGE * images as u64;
        let counted = answer.usage.unwrap_or_default();
        let usage = price::usage(
            counted.prompt_tokens.unwrap_or_else(estimated),
            counted.completion_tokens.unwrap_or_else(|| price::estimate(written())),
            self.options.prices.get(model),
        );
        Completion { text: answer.text, calls: answer.calls, usage, truncated: answer.truncated }
    }

    fn dialect(&self, model: &str) -> Dialect {
        let known = self.dialects.lock().unwrap_or_else(PoisonError::into_inner).get(model).copied();
        known.unwrap_or_else(|| Dialect::of(&self.options.base_url))
    }

    fn learn(&self, model: &str, dialect: Dialect) {
        self.dialects.lock().unwrap_or_else(PoisonError::into_inner).insert(model.to_owned(), dialect);
    }
}

fn body(request: &CompletionRequest, shown: &Shown, (model, dialect): (&str, Dialect)) -> CreateChatCompletionRequest {
    let limit = request.choice.max_tokens;
    let (max_tokens, max_completion_tokens) = match dialect.max_tokens {
        MaxTokens::Classic => (limit, None),
        MaxTokens::Completion => (None, limit),
    };
    let usage = ChatCompletionStreamOptions { include_usage: Some(true), include_obfuscation: None };
    // `max_tokens` is deprecated by OpenAI and the only name that most other servers know.
    #[allow(deprecated)]
    CreateChatCompletionRequest {
        model: model.to_owned(),
        messages: prompt::messages(request, shown),
        tools: prompt::tools(&request.tools),
        temperature: request.choice.temperature.filter(|_| dialect.temperature),
        max_tokens,
        max_completion_tokens,
        stream: Some(true),
        stream_options: dialect.counts_usage.then_some(usage),
        ..CreateChatCompletionRequest::default()
    }
}

fn log(request: &CompletionRequest, model: &str, result: &CompletionResult) {
    let Usage { prompt_tokens, completion_tokens, cost_micros } = result.as_ref().map_or(Usage::default(), |c| c.usage);
    let code = result.as_ref().err().map_or("", |f| f.code.as_str());
    tracing::info!(
        tenant.id = %request.tenant, conversation.id = %request.conversation, model.name = model,
        model.prompt_tokens = prompt_tokens, model.completion_tokens = completion_tokens,
        model.cost_micros = cost_micros, failure.code = code, "completion ended"
    );
}

#[cfg(test)]
mod tests;
