//! Two configurations on the same conversations: what changes for the people, and what it costs.

use crate::world::{Report, Told, Verdict};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// An answer that is not the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// `channel/peer`.
    pub who: String,
    /// Which answer of the conversation, from 1.
    pub answer: usize,
    pub a: Option<String>,
    pub b: Option<String>,
}

/// One side of a comparison, over all conversations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Side {
    pub verdict: Verdict,
    pub replies: u64,
    pub abstentions: u64,
    /// Calls by tool.
    pub tools: BTreeMap<String, u64>,
    /// Millionths of a US dollar.
    pub cost_micros: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Comparison {
    pub conversations: usize,
    pub a: Side,
    pub b: Side,
    pub changed: Vec<Change>,
}

/// Holds two runs of the same conversations against each other.
#[must_use]
pub fn compare(a: &Report, b: &Report) -> Comparison {
    let by_name = |report: &Report| -> BTreeMap<String, Told> {
        report.told.iter().map(|t| (t.who.clone(), t.clone())).collect()
    };
    let (of_a, of_b) = (by_name(a), by_name(b));
    let all: BTreeSet<&String> = of_a.keys().chain(of_b.keys()).collect();
    let nobody = Told::default();
    let mut changed = Vec::new();
    for who in &all {
        let (a, b) = (of_a.get(*who).unwrap_or(&nobody), of_b.get(*who).unwrap_or(&nobody));
        for n in 0..a.replies.len().max(b.replies.len()) {
            let (a, b) = (a.replies.get(n), b.replies.get(n));
            if a != b {
                changed.push(Change { who: (*who).clone(), answer: n + 1, a: a.cloned(), b: b.cloned() });
            }
        }
    }
    Comparison { conversations: all.len(), a: side(a), b: side(b), changed }
}

fn side(report: &Report) -> Side {
    let mut tools = BTreeMap::new();
    for (tool, _) in report.told.iter().flat_map(|t| &t.tools) {
        *tools.entry(tool.clone()).or_default() += 1;
    }
    Side {
        verdict: report.verdict,
        replies: report.told.iter().map(|t| t.replies.len() as u64).sum(),
        abstentions: report.told.iter().map(|t| t.abstentions).sum(),
        tools,
        cost_micros: report.told.iter().map(|t| t.cost_micros).sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Options, run, scenario::from_yaml};

    const A: &str = "format: convsim/1\nname: a\nmodel:\n  kind: scripted\n  rules:\n    - {when: [hours], say: Nine to five.}\n    - {say: I see.}\nconversations:\n  - channel: wa\n    peer: '33600000001'\n    user:\n      kind: script\n      messages:\n        - {at: 1s, text: Hello}\n        - {at: 20s, text: Your hours?}\n";

    #[test]
    fn what_changed_is_told_and_nothing_else() {
        let b = A.replace("Nine to five.", "Ten to six.");
        let [a, b] = [A, b.as_str()].map(|y| run(&from_yaml(y).expect("valid"), 1, Options::default()));
        let found = compare(&a, &b);
        assert_eq!(found.changed.len(), 1);
        let change = &found.changed[0];
        assert_eq!((change.who.as_str(), change.answer), ("wa/33600000001", 2));
        assert_eq!((change.a.as_deref(), change.b.as_deref()), (Some("Nine to five."), Some("Ten to six.")));
        assert!(compare(&a, &a).changed.is_empty());
        assert!(found.a.cost_micros > 0);
    }
}
