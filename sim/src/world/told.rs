//! What people got, conversation by conversation.

use super::{Core, News};
use colloquy_domain::{conversation::JournalWhat, model::Speaker};
use serde::Serialize;

/// One conversation, as the person saw it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Told {
    /// `channel/peer`.
    pub who: String,
    /// Answers, in order.
    pub replies: Vec<String>,
    /// Tool calls with their arguments, in order.
    pub tools: Vec<(String, String)>,
    /// Answers that say that the agent does not know.
    pub abstentions: u64,
    /// Millionths of a US dollar.
    pub cost_micros: u64,
}

/// In the order of their names.
pub fn all(core: &Core) -> Vec<Told> {
    let tools = core.watch.tools();
    let told = |(key, _, lines): News| {
        let who = core.peer(key.channel, &key.peer.address);
        let abstentions = lines.iter().filter(|l| l.abstained).count() as u64;
        let replies = lines.into_iter().filter(|l| l.speaker == Speaker::Agent).map(|l| l.text).collect();
        let calls = tools.iter().filter(|t| t.who == who).map(|t| (t.tool.clone(), t.arguments.clone())).collect();
        let cost = core.store.journal(key.id).into_iter().filter_map(|row| match row.what {
            JournalWhat::Completion(c) => Some(c.usage.cost_micros),
            JournalWhat::Settled(_) => None,
        });
        Told { replies, tools: calls, abstentions, cost_micros: cost.sum(), who }
    };
    let mut all: Vec<Told> =
        core.news().into_iter().filter(|(_, inbox, lines)| !inbox.is_empty() || !lines.is_empty()).map(told).collect();
    all.sort_by(|a, b| a.who.cmp(&b.who));
    all
}
