//! Plays a script: for tests and simulations. Instant where no delay is asked for.

mod script;

use async_trait::async_trait;
use colloquy_domain::{
    failure::Failure,
    model::{Completion, CompletionRequest, CompletionResult, Usage},
    ports::{Model, TokenSink},
    tool::ToolCall,
};
use script::{Asked, Rule, Script};

/// The provider. Without rules it echoes the last message.
#[derive(Debug, Clone, Default)]
pub struct Scripted {
    script: Script,
}

impl Scripted {
    /// Reads a script:
    ///
    /// ```json
    /// {"rules": [
    ///   {"when": {"matches": "(?i)refund", "step": 0}, "calls": [{"name": "hand_over", "arguments": {"reason": "refund"}}]},
    ///   {"when": {"contains": "slow", "turn": 2}, "delay_ms": 500, "text": "Here I am."},
    ///   {"when": {"contains": "busy"}, "fail": {"code": "model.rate_limited", "retry": true, "after_ms": 1000}},
    ///   {"text": "I heard: {message}"}
    /// ]}
    /// ```
    ///
    /// The first rule whose conditions all hold is played. `step` counts from 0, `turn` from 1 (one more than the
    /// person's earlier messages in the history that the model is given). `{message}` stands for the last message.
    ///
    /// # Errors
    /// `model.invalid_script`, naming what is wrong.
    pub fn from_json(json: &str) -> Result<Self, Failure> {
        let script = Script::parse(json).map_err(|detail| Failure::fatal("model.invalid_script", detail))?;
        Ok(Self { script })
    }
}

#[async_trait]
impl Model for Scripted {
    async fn complete(&self, request: CompletionRequest, sink: &dyn TokenSink) -> CompletionResult {
        let asked = Asked::of(&request);
        let Some(rule) = self.script.rule(&asked) else { return Ok(say(asked.message.to_owned(), &request, sink)) };
        if let Some(delay) = rule.delay() {
            if delay > request.timeout {
                tokio::time::sleep(request.timeout).await;
                return Err(Failure::retry("model.timeout", "the script's delay is longer than the time left"));
            }
            tokio::time::sleep(delay).await;
        }
        if let Some(failure) = rule.failure() {
            return Err(failure);
        }
        let text = rule.text.as_deref().unwrap_or_default().replace("{message}", asked.message);
        Ok(Completion { calls: calls(rule, &request), ..say(text, &request, sink) })
    }
}

fn calls(rule: &Rule, request: &CompletionRequest) -> Vec<ToolCall> {
    let step = request.steps.len();
    let numbered = rule.calls.iter().enumerate();
    let call = |(place, call): (usize, &script::Call)| ToolCall {
        id: format!("call_{step}_{place}"),
        name: call.name.clone(),
        arguments: call.arguments(),
    };
    numbered.map(call).collect()
}

fn say(text: String, request: &CompletionRequest, sink: &dyn TokenSink) -> Completion {
    for word in text.split_inclusive(' ') {
        sink.delta(word);
    }
    let words = |text: &str| text.split_whitespace().count() as u64;
    let prompt_tokens = request.messages.iter().map(|m| words(m)).sum();
    let usage = Usage { prompt_tokens, completion_tokens: words(&text), cost_micros: 0 };
    Completion { text, usage, ..Completion::default() }
}

#[cfg(test)]
mod tests;
