//! Arguments of tool calls that came from text which nobody vouches for: documents, other programs' answers, and what the
//! agent said earlier, which can repeat either.
//!
//! An argument is tainted when a telling part of it (an address, a URL, a number of a phone, an account or an order, an
//! identifier, a phrase of some length) stands in such text, and neither in what the person or the team wrote, nor in what
//! our own tools said, nor in the agent's instructions. It is a rule on words, and so has an edge: what was translated,
//! spelled otherwise or computed is not recognised (docs/SECURITY.md).
//!
//! An image counts as such text, although a person of the outside sent it: they pass on what others made (an invoice, a
//! screenshot, a poster) without having read what stands small in it, and no rule can read it for them. So where the model
//! saw an image, a telling part that stands nowhere else is taken to come from it.

mod parts;

use crate::{
    approval::{Origin, Risk, Taint},
    journey::{self, FILL},
    json::leaves,
    model::{Completion, CompletionRequest, HistoryMessage, Speaker},
    tool::{EffectClass, ToolResult, ToolSpec},
    tool_server::server_of,
};
use parts::{Text, parts};
use std::collections::BTreeSet;

/// The completion's calls that are judged, each with its taints: judged by what the model had read when it asked for them.
#[must_use]
pub fn risks(request: &CompletionRequest, completion: &Completion) -> Vec<Risk> {
    let judged = |name: &str| request.tools.iter().any(|t| t.name == name && is_judged(t));
    let calls = || (0_u32..).zip(&completion.calls).filter(|(_, call)| judged(&call.name));
    if calls().next().is_none() {
        return Vec::new();
    }
    let read = Read::of(request);
    calls().map(|(index, call)| Risk { index, taints: read.taints(&call.arguments) }).collect()
}

/// Whether calls of a tool are judged: it could do harm, or it fills slots, of which arguments are made later.
#[must_use]
pub fn is_judged(tool: &ToolSpec) -> bool {
    tool.effect == EffectClass::Unsafe || tool.name == FILL
}

/// What the model had read, by who vouches for it.
struct Read {
    trusted: Vec<Text>,
    foreign: Vec<(Origin, Text)>,
    /// The model saw images.
    seen: bool,
}

impl Read {
    fn of(request: &CompletionRequest) -> Self {
        let seen = !request.images.is_empty() || request.history.iter().any(|m| m.image.is_some());
        let mut read = Self { trusted: vec![Text::of(&request.instructions)], foreign: Vec::new(), seen };
        read.trusted.extend(request.messages.iter().map(|m| Text::of(m)));
        for HistoryMessage { speaker, text, .. } in &request.history {
            match speaker {
                Speaker::Person | Speaker::Operator => read.trusted.push(Text::of(text)),
                Speaker::Agent => read.foreign.push((Origin::Reply, Text::of(text))),
            }
        }
        read.passages(&request.passages);
        for step in &request.steps {
            for (call, result) in step.completion.calls.iter().zip(&step.results) {
                if let Some(result) = result {
                    read.result(&call.name, result);
                }
            }
        }
        read
    }

    fn passages(&mut self, passages: &[crate::knowledge::Passage]) {
        for p in passages {
            let origin = Origin::Document { document: p.document, name: p.name.clone(), page: p.page };
            let headings = p.headings.join("\n");
            self.foreign.push((origin, Text::of(&format!("{headings}\n{}", p.text))));
        }
    }

    fn result(&mut self, tool: &str, result: &ToolResult) {
        self.passages(&result.passages);
        if journey::moves(tool) {
            // It repeats what the model gave, and of that nothing that was tainted: nobody's word, and nobody's text.
        } else if result.hand_off.is_some() || result.asked.is_some() {
            // Another agent's words, which can repeat what it had read.
            self.foreign.push((Origin::Reply, Text::of(&result.content)));
        } else if server_of(tool).is_some() {
            self.foreign.push((Origin::Tool { name: tool.to_owned() }, Text::of(&result.content)));
        } else if result.passages.is_empty() {
            // What a search says of the passages are names and headings of documents: no word of ours.
            self.trusted.push(Text::of(&result.content));
        }
    }

    fn taints(&self, arguments: &str) -> Vec<Taint> {
        let mut taints = BTreeSet::new();
        for (argument, value) in leaves(arguments) {
            for part in parts(&value).iter().filter(|p| !self.trusted.iter().any(|t| t.says(p))) {
                let origin = self.foreign.iter().find(|(_, text)| text.holds(part)).map(|(origin, _)| origin.clone());
                let origin = origin.or(self.seen.then_some(Origin::Image));
                taints.extend(origin.map(|origin| Taint { argument: argument.clone(), origin }));
            }
        }
        taints.into_iter().collect()
    }
}

#[cfg(test)]
mod tests;
