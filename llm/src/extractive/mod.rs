//! Answers cut from the retrieved passages, with no model at all: what a fresh installation speaks with.
//!
//! It says only sentences that stand in the documents, cites each, and abstains when the question's words are not
//! covered (`compose::answer`). Small talk needs no document.

mod compose;
mod cues;
mod question;
mod rank;
mod smalltalk;
mod units;

use crate::citable::citable;
use async_trait::async_trait;
use colloquy_domain::{
    grounding::ABSTAIN,
    language::Language,
    model::{Completion, CompletionRequest, CompletionResult},
    phrases::{Phrase, phrase},
    ports::{Model, TokenSink},
    tool::ToolCall,
};
use question::Question;
use smalltalk::SmallTalk;

/// The provider.
#[derive(Debug, Clone, Copy, Default)]
pub struct Extractive;

#[async_trait]
impl Model for Extractive {
    async fn complete(&self, request: CompletionRequest, sink: &dyn TokenSink) -> CompletionResult {
        let completion = complete(&request);
        for word in completion.text.split_inclusive(' ') {
            sink.delta(word);
        }
        Ok(completion)
    }
}

fn complete(request: &CompletionRequest) -> Completion {
    let talk: Vec<Option<SmallTalk>> = request.messages.iter().map(|m| smalltalk::recognise(m)).collect();
    if talk.contains(&Some(SmallTalk::Person))
        && let Some(call) = hand_over(request)
    {
        return Completion { calls: vec![call], ..Completion::default() };
    }
    let text = match talk.last().copied().flatten() {
        Some(said) if talk.iter().all(Option::is_some) => chat(said, request),
        _ => answers(request),
    };
    Completion { text, ..Completion::default() }
}

fn answers(request: &CompletionRequest) -> String {
    let passages = citable(request);
    let questions = question::questions(request);
    // What leans on the earlier question may yet be one of its own.
    let answer = |q: &Question| compose::answer(q, &passages).or_else(|| compose::answer(&q.alone()?, &passages));
    let answers: Vec<String> = questions.iter().filter_map(answer).collect();
    if answers.is_empty() { ABSTAIN.to_owned() } else { answers.join("\n\n") }
}

fn chat(said: SmallTalk, request: &CompletionRequest) -> String {
    let language = Language::detect(&request.messages.join(" ")).unwrap_or(request.language);
    match (said, language) {
        (SmallTalk::Greeting, _) => phrase(Phrase::Welcome, language),
        (SmallTalk::Person, _) => phrase(Phrase::HandedOver, language),
        (SmallTalk::Thanks, Language::En) => "You're welcome!",
        (SmallTalk::Thanks, Language::Fr) => "Avec plaisir !",
    }
    .to_owned()
}

/// The call that passes the conversation to a person, if this agent may and did not yet.
fn hand_over(request: &CompletionRequest) -> Option<ToolCall> {
    let offered = request.tools.iter().any(|t| t.name == "hand_over");
    (offered && request.steps.is_empty()).then(|| ToolCall {
        id: "call_0_0".into(),
        name: "hand_over".into(),
        arguments: r#"{"reason":"The person asked for a human."}"#.into(),
    })
}

#[cfg(test)]
mod evaluation;
#[cfg(test)]
mod tests;
