//! Agents that answer a question of another agent, which stays with the conversation.
//!
//! A model asks one as it calls a tool. The specialist has its own instructions, knowledge and model, and nothing else: no
//! tools, no team, nobody whom it could ask, so that one question is one answer.

use crate::{
    agent::AgentProfile,
    ids::AgentId,
    json::{fields, quoted},
    model::Usage,
    team::Teammate,
    tool::{EffectClass, ToolSpec},
};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use unicode_normalization::UnicodeNormalization;

/// How long an answer may take, if the turn has that much left.
pub const WAIT: Duration = Duration::from_secs(45);

/// How the names of their tools begin.
const ASK: &str = "ask_";
/// Letters of a specialist's name in that of its tool; providers take 64 in all.
const LONGEST_NAME: usize = 40;
/// Characters of a question.
const LONGEST_QUESTION: usize = 4_000;

/// Who answered a call, and what that cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    pub agent: AgentId,
    pub usage: Usage,
}

/// Each with the name of its tool.
fn named(specialists: &[Teammate]) -> Vec<(String, &Teammate)> {
    let mut named: Vec<(String, &Teammate)> = Vec::new();
    for specialist in specialists {
        let plain = format!("{ASK}{}", plain(&specialist.name));
        let mut name = plain.clone();
        let mut n = 2;
        while named.iter().any(|(taken, _)| *taken == name) {
            name = format!("{plain}_{n}");
            n += 1;
        }
        named.push((name, specialist));
    }
    named
}

/// Small letters without accents, and digits: what every provider takes for a tool's name.
fn plain(name: &str) -> String {
    let mut plain = String::new();
    for c in name.nfd().filter(|c| c.is_ascii()).take(LONGEST_NAME) {
        if c.is_ascii_alphanumeric() {
            plain.push(c.to_ascii_lowercase());
        } else if !plain.ends_with('_') {
            plain.push('_');
        }
    }
    let plain = plain.trim_matches('_');
    if plain.is_empty() { "specialist".to_owned() } else { plain.to_owned() }
}

/// Whether a tool may be one of theirs.
#[must_use]
pub fn may_be(tool: &str) -> bool {
    tool.starts_with(ASK)
}

/// Whom a tool asks.
#[must_use]
pub fn behind<'a>(specialists: &'a [Teammate], tool: &str) -> Option<&'a Teammate> {
    named(specialists).into_iter().find(|(name, _)| name == tool).map(|(_, specialist)| specialist)
}

/// Their tools, as a model sees them.
#[must_use]
pub fn offered(specialists: &[Teammate]) -> Vec<ToolSpec> {
    let spec = |(name, specialist): (String, &Teammate)| ToolSpec {
        name,
        description: format!(
            "Asks {}, who answers you and not the person: {} They read nothing but your question.",
            specialist.name, specialist.when
        ),
        parameters: format!(
            r#"{{"type":"object","properties":{{"question":{{"type":"string","description":{}}}}},"required":["question"]}}"#,
            quoted("All that is needed to answer, in the person's language.")
        ),
        effect: EffectClass::Read,
        timeout: WAIT,
    };
    named(specialists).into_iter().map(spec).collect()
}

/// What a call asks.
#[must_use]
pub fn question(arguments: &str) -> Option<String> {
    let question = fields(arguments)?.remove("question")?;
    let fits = !question.trim().is_empty() && question.chars().count() <= LONGEST_QUESTION;
    fits.then_some(question)
}

/// The agent as a specialist: it only answers, within this time.
#[must_use]
pub fn alone(profile: &AgentProfile, left: Duration) -> AgentProfile {
    let mut alone = profile.clone();
    alone.limits.max_steps = 0;
    alone.limits.deadline = left.min(WAIT).min(profile.limits.deadline);
    // The person is told by whoever talks to them.
    alone.disclosure = None;
    alone
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn mate(n: u128, name: &str) -> Teammate {
        Teammate { agent: AgentId::new(Uuid::from_u128(n)), name: name.into(), when: "about prices.".into() }
    }

    #[test]
    fn each_has_a_tool_whose_name_every_provider_takes() {
        let all = [mate(1, "Crédit & Co."), mate(2, "Credit co"), mate(3, "税務"), mate(4, &"x".repeat(90))];
        let names: Vec<String> = offered(&all).into_iter().map(|t| t.name).collect();
        assert_eq!(names[..3], ["ask_credit_co", "ask_credit_co_2", "ask_specialist"]);
        assert!(names.iter().all(|n| n.len() <= 64 && n.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')));
        assert_eq!(behind(&all, "ask_credit_co_2").map(|t| t.name.as_str()), Some("Credit co"));
        assert_eq!(behind(&all, "ask_nobody"), None);
    }

    #[test]
    fn a_question_has_words() {
        assert_eq!(question(r#"{"question": "What does it cost?"}"#).as_deref(), Some("What does it cost?"));
        for empty in ["{}", r#"{"question": " "}"#, "oops", r#"{"question": ["a"]}"#] {
            assert_eq!(question(empty), None, "{empty}");
        }
        assert_eq!(question(&format!(r#"{{"question": "{}"}}"#, "a".repeat(5_000))), None);
    }
}
