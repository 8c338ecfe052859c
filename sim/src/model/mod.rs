//! Who answers in a simulated world.

mod mutant;
mod oracle;
mod quotes;
mod server;
mod tape;

pub use mutant::{Garbling, Mutation, misspelt};
pub use server::{Deck, Outside, Servers, Take};
pub use tape::{Answered, Recorded, Tape};

use crate::{
    scenario::{Heard, ModelSpec, Rule, ServerSpec},
    seed::Seed,
};
use colloquy_domain::{
    conversation::asks_whose,
    model::{Completion, CompletionRequest, CompletionResult, Step, Usage},
    tool::ToolCall,
};
use std::{sync::Arc, time::Duration};

/// What thinks behind a simulated model: the same request, the same answer.
pub trait Mind: Send + Sync {
    /// `who` is the conversation's name: `channel/peer`.
    fn answer(&self, who: &str, request: &CompletionRequest) -> Completion;
}

/// Who answers: somebody in the world, or a server outside of it.
#[derive(Clone)]
pub enum Thinks {
    Here(Arc<dyn Mind>),
    Outside(Arc<ServerSpec>),
}

impl Thinks {
    /// The one that a scenario names.
    #[must_use]
    pub fn of(spec: &ModelSpec) -> Self {
        let here: Arc<dyn Mind> = match spec {
            ModelSpec::Echo => Arc::new(Echo),
            ModelSpec::Quotes => Arc::new(quotes::Quotes),
            ModelSpec::Scripted { rules } => Arc::new(Scripted(rules.clone())),
            ModelSpec::Cassette { answers } => Arc::new(Cassette(answers.clone())),
            ModelSpec::Oracle(gold) => Arc::new(oracle::Oracle::of(gold)),
            ModelSpec::Mutant { gold, mutation } => Arc::new(oracle::Oracle::mutated(gold, mutation)),
            ModelSpec::Openai(server) => return Self::Outside(Arc::new(server.clone())),
        };
        Self::Here(here)
    }

    /// One completion, and how long it takes in the world: within `usual`, in milliseconds, where nobody measured it.
    /// `nth`: how often `who` asked before.
    pub fn complete(
        &self,
        deck: &Deck,
        (seed, nth, usual): (Seed, u64, (u64, u64)),
        who: &str,
        request: &CompletionRequest,
    ) -> (CompletionResult, Duration) {
        match self {
            Self::Here(mind) => {
                let takes = Duration::from_millis(seed.millis("model", who, nth, usual));
                (Ok(mind.answer(who, request)), takes)
            }
            Self::Outside(server) => deck.complete(server, seed, who, request.clone()),
        }
    }
}

/// What a simulated completion costs, in millionths of a US dollar.
pub const COST: u64 = 100;

fn saying(text: String) -> Completion {
    let usage = Usage { prompt_tokens: 100, completion_tokens: text.len() as u64 / 4, cost_micros: COST };
    Completion { text, usage, ..Completion::default() }
}

fn calling(request: &CompletionRequest, name: &str, arguments: String) -> Completion {
    let call = ToolCall { id: format!("call-{}", request.steps.len()), name: name.to_owned(), arguments };
    Completion { calls: vec![call], ..saying(String::new()) }
}

struct Echo;

impl Mind for Echo {
    fn answer(&self, _: &str, request: &CompletionRequest) -> Completion {
        if asks_whose(request) {
            return saying(request.messages.iter().find_map(|m| named(m)).unwrap_or("NONE").to_owned());
        }
        let words = request.messages.join(" + ");
        let wanted: Vec<Directive<'_>> = request.messages.iter().filter_map(|m| directive(m)).collect();
        match wanted.get(request.steps.len()) {
            Some(Directive { tool, arguments, tries }) if *tries || request.tools.iter().any(|t| t.name == *tool) => {
                calling(request, tool, (*arguments).to_owned())
            }
            _ => saying(format!("re: {words}{}", if request.passages.is_empty() { "" } else { " [1]" })),
        }
    }
}

struct Cassette(Vec<Heard>);

impl Mind for Cassette {
    fn answer(&self, _: &str, request: &CompletionRequest) -> Completion {
        let last = request.messages.last().map(String::as_str).unwrap_or_default();
        let same = self.0.iter().find(|h| h.heard == last);
        // A turn may have gathered other messages than the one that was recorded.
        let near = || self.0.iter().find(|h| request.messages.contains(&h.heard));
        saying(same.or_else(near).map_or_else(|| "I do not know.".to_owned(), |h| h.said.clone()))
    }
}

/// `[to NAME]`: whose a message is.
fn named(message: &str) -> Option<&str> {
    message.split_once("[to ")?.1.split_once(']').map(|(name, _)| name)
}

#[derive(Debug, PartialEq)]
struct Directive<'a> {
    tool: &'a str,
    arguments: &'a str,
    /// Whether it was offered or not.
    tries: bool,
}

/// `[tool NAME {…}]`, or `[try NAME {…}]`.
fn directive(message: &str) -> Option<Directive<'_>> {
    let (tries, behind) = match message.split_once("[tool ") {
        Some((_, behind)) => (false, behind),
        None => (true, message.split_once("[try ")?.1),
    };
    let inner = behind.split_once(']')?.0;
    let (tool, arguments) = inner.split_once(' ').unwrap_or((inner, "{}"));
    Some(Directive { tool, arguments, tries })
}

struct Scripted(Vec<Rule>);

impl Mind for Scripted {
    fn answer(&self, _: &str, request: &CompletionRequest) -> Completion {
        let words = request.messages.join("\n").to_lowercase();
        let is_of =
            |r: &Rule| r.agent.as_ref().is_none_or(|a| request.instructions.starts_with(&format!("You are {a}. ")));
        let fits = |r: &&Rule| is_of(r) && r.when.iter().all(|w| words.contains(&w.to_lowercase()));
        let Some(rule) = self.0.iter().find(fits) else {
            return saying("I do not know.".to_owned());
        };
        match rule.calls.get(own_steps(request)) {
            Some(call) => {
                let arguments = serde_json::to_string(&call.arguments).unwrap_or_default();
                calling(request, &call.tool, arguments)
            }
            None => saying(quotes::resting_on(&rule.cites, &rule.say, request)),
        }
    }
}

/// Steps of the agent that is asked: those behind the last hand-off.
fn own_steps(request: &CompletionRequest) -> usize {
    let handed = |s: &&Step| s.results.iter().flatten().any(|r| r.hand_off.is_some());
    request.steps.iter().rev().take_while(|s| !handed(s)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_are_found_in_messages() {
        let found = |tool, arguments, tries| Some(Directive { tool, arguments, tries });
        assert_eq!(directive("please [tool book {\"n\": 1}] now"), found("book", "{\"n\": 1}", false));
        assert_eq!(directive("[tool look]"), found("look", "{}", false));
        assert_eq!(directive("[try look]"), found("look", "{}", true));
        assert_eq!(directive("nothing"), None);
    }
}
