//! Agents that hand a conversation to each other.
//!
//! A model asks for it with the tool [`HAND_OFF`]; the conversation decides (`conversation::hand_off`), so that no words of
//! a model can make agents pass somebody round and round.

use crate::ids::AgentId;
use serde::{Deserialize, Serialize};

/// The tool by which an agent asks; it has it whenever it has somebody to hand to.
pub const HAND_OFF: &str = "hand_off";

/// Hand-offs of one turn. Whoever has it then answers.
pub const MOST_HAND_OFFS: usize = 3;

/// Somebody to whom an agent may hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    pub agent: AgentId,
    /// When to, in a sentence for the model.
    pub when: String,
}

/// The same, with the name that it has now: it exists and is switched on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Teammate {
    pub agent: AgentId,
    pub name: String,
    pub when: String,
}

/// A call's wish that another agent goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandOff {
    pub to: AgentId,
    /// Its name when it was asked for.
    pub name: String,
}

/// What a model is told of its team; nothing if there is none.
#[must_use]
pub fn told(team: &[Teammate]) -> String {
    if team.is_empty() {
        return String::new();
    }
    let lines: String = team.iter().map(|t| format!("- {}: {}\n", t.name, t.when)).collect();
    format!(
        "These colleagues answer what is not yours. Where one of them fits what the person wants, call {HAND_OFF} instead of \
         answering; otherwise answer yourself.\n{lines}"
    )
}
