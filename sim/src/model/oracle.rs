//! Does exactly what is written down for it: gold calls, one in each completion, then an answer.

use super::{Mind, Mutation, calling, saying};
use crate::scenario::Gold;
use colloquy_domain::model::{Completion, CompletionRequest, Speaker};

/// What is done in the turns after the first.
const AFTERWARDS: &str = "Is there anything else that I can do for you?";

/// A call as a model writes it: a name and text that should be JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    pub tool: String,
    pub arguments: String,
}

pub struct Oracle {
    calls: Vec<Written>,
    say: String,
}

impl Oracle {
    pub fn of(gold: &Gold) -> Self {
        Self { calls: gold.calls.iter().map(Written::of).collect(), say: gold.say.clone() }
    }

    /// An oracle with one mistake.
    pub fn mutated(gold: &Gold, mutation: &Mutation) -> Self {
        let (calls, say) = mutation.applied(gold);
        Self { calls, say }
    }
}

impl Written {
    pub fn of(call: &crate::scenario::CallSpec) -> Self {
        let arguments = serde_json::to_string(&call.arguments).unwrap_or_default();
        Self { tool: call.tool.clone(), arguments }
    }
}

impl Mind for Oracle {
    fn answer(&self, _: &str, request: &CompletionRequest) -> Completion {
        // What was done for an earlier turn of the conversation is not done again.
        if request.history.iter().any(|m| m.speaker == Speaker::Agent) {
            return saying(AFTERWARDS.to_owned());
        }
        match self.calls.get(request.steps.len()) {
            Some(call) => calling(request, &call.tool, call.arguments.clone()),
            None => saying(self.say.clone()),
        }
    }
}
