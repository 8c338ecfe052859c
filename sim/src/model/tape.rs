//! Cassettes: what servers answered, so that a run can be made again without them.

use colloquy_domain::{
    failure::Failure,
    model::{Completion, CompletionRequest, CompletionResult},
    tool::ToolStatus,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{fmt, str::FromStr, time::Duration};

/// One answer of a server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    /// Of the run: the same question may be answered otherwise in another trial.
    pub seed: u64,
    /// Who asked, for people: `wa/33600000001`, or `person wa/33600000001`.
    pub who: String,
    /// Hash of everything that the model was given.
    pub request: String,
    /// How long it took: as long as it takes in the world.
    pub took_ms: u64,
    pub answer: Answered,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answered {
    Completion(Completion),
    Failure(Failure),
}

impl Recorded {
    /// The answer and how long it took.
    pub fn played(&self) -> (CompletionResult, Duration) {
        let answer = match &self.answer {
            Answered::Completion(completion) => Ok(completion.clone()),
            Answered::Failure(failure) => Err(failure.clone()),
        };
        (answer, Duration::from_millis(self.took_ms))
    }
}

impl From<CompletionResult> for Answered {
    fn from(result: CompletionResult) -> Self {
        match result {
            Ok(completion) => Self::Completion(completion),
            Err(failure) => Self::Failure(failure),
        }
    }
}

/// The content of a cassette: a line of JSON for each answer, in the order in which they came.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tape(pub Vec<Recorded>);

impl Tape {
    /// The answers to this request in runs with this seed, in their order.
    pub fn answers<'a>(&'a self, seed: u64, request: &'a str) -> impl Iterator<Item = &'a Recorded> {
        self.0.iter().filter(move |r| r.seed == seed && r.request == request)
    }
}

impl FromStr for Tape {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = |(n, line): (usize, &str)| -> Result<Recorded, String> {
            serde_json::from_str(line).map_err(|e| format!("line {}: {e}", n + 1))
        };
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        Ok(Self(lines.map(read).collect::<Result<_, _>>()?))
    }
}

impl fmt::Display for Tape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for recorded in &self.0 {
            let line = serde_json::to_string(recorded).map_err(|_| fmt::Error)?;
            writeln!(f, "{line}")?;
        }
        Ok(())
    }
}

/// A hash of what the model is given. Ids are left out: they say when something was made, not what it is. So is the
/// server's address: it may move.
#[must_use]
pub fn fingerprint(request: &CompletionRequest) -> String {
    let history: Vec<Value> = request.history.iter().map(|h| json!([h.speaker, h.text])).collect();
    let passages: Vec<Value> = request.passages.iter().map(|p| json!([p.name, p.headings, p.text])).collect();
    let tools: Vec<Value> = request.tools.iter().map(|t| json!([t.name, t.description, t.parameters])).collect();
    let steps: Vec<Value> = request.steps.iter().map(step).collect();
    let whole = json!([
        request.choice.model,
        request.choice.temperature,
        request.choice.max_tokens,
        request.instructions,
        request.language.code(),
        history,
        request.messages,
        passages,
        tools,
        steps,
    ]);
    hex::encode(&Sha256::digest(whole.to_string())[..16])
}

fn step(step: &colloquy_domain::model::Step) -> Value {
    let calls: Vec<Value> = step.completion.calls.iter().map(|c| json!([c.name, c.arguments])).collect();
    let results: Vec<Value> = step
        .results
        .iter()
        .map(|r| r.as_ref().map_or(Value::Null, |r| json!([r.content, r.status == ToolStatus::Done])))
        .collect();
    json!([step.completion.text, calls, results])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let of = |answer: CompletionResult| Recorded {
            seed: 3,
            who: "wa/1".to_owned(),
            request: "ab".to_owned(),
            took_ms: 812,
            answer: answer.into(),
        };
        let said = Completion { text: "Bonjour\n\u{2028}".to_owned(), ..Completion::default() };
        let tape = Tape(vec![of(Ok(said.clone())), of(Err(Failure::retry("model.rate_limited", "429")))]);
        let again: Tape = tape.to_string().parse().expect("a cassette");
        assert_eq!(again, tape);
        let answers: Vec<bool> = again.answers(3, "ab").map(|r| r.played().0.is_ok()).collect();
        assert_eq!((answers, again.answers(4, "ab").count()), (vec![true, false], 0));
        assert_eq!(again.0[0].played(), (Ok(said), Duration::from_millis(812)));
        let wrong = "{}\n".parse::<Tape>().expect_err("no answer");
        assert!(wrong.starts_with("line 1: "), "{wrong}");
    }
}
