//! Whether agents pass somebody round and round.

use crate::world::{Core, News};
use colloquy_domain::{
    conversation::{JournalRow, JournalWhat},
    ids::{AgentId, TurnNo},
    team::MOST_HAND_OFFS,
};
use std::collections::BTreeMap;

pub fn at_rest(core: &Core, (key, ..): &News) {
    let Some(own) = core.account(key.channel).map(|a| a.agent) else { return };
    if let Some(what) = looped(&core.store.journal(key.id), own) {
        core.watch.broken(core, "hand_off.loop", &core.peer(key.channel, &key.peer.address), what);
    }
}

/// What is wrong with the hand-offs that a conversation did.
fn looped(journal: &[JournalRow], own: AgentId) -> Option<String> {
    let mut had: BTreeMap<TurnNo, Vec<AgentId>> = BTreeMap::new();
    for row in journal {
        let JournalWhat::Settled(result) = &row.what else { continue };
        let Some(hand_off) = &result.hand_off else { continue };
        let had = had.entry(row.turn).or_default();
        had.push(row.agent.unwrap_or(own));
        if had.contains(&hand_off.to) {
            return Some(format!("turn {}: {} got it back", row.turn, hand_off.name));
        }
        if had.len() > MOST_HAND_OFFS {
            return Some(format!("turn {}: {} hand-offs", row.turn, had.len()));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use colloquy_domain::{team::HandOff, tool::ToolResult};
    use uuid::Uuid;

    #[test]
    fn whoever_gets_it_back_in_one_turn_is_found() {
        let agent = |n| AgentId::new(Uuid::from_u128(n));
        let row = |turn, step, by: Option<u128>, to| {
            let hand_off = Some(HandOff { to: agent(to), name: format!("agent {to}") });
            let what = JournalWhat::Settled(ToolResult { hand_off, ..ToolResult::done("") });
            JournalRow { turn, step, index: 0, agent: by.map(agent), what }
        };
        let found = |rows: &[JournalRow]| looped(rows, agent(1));
        assert_eq!(found(&[row(1, 0, None, 2), row(2, 0, Some(2), 1)]), None, "another turn is another matter");
        assert_eq!(found(&[row(1, 0, None, 2), row(1, 1, Some(2), 1)]).as_deref(), Some("turn 1: agent 1 got it back"));
        let far: Vec<JournalRow> = (0..4).map(|n| row(1, n, Some(u128::from(n) + 1), u128::from(n) + 2)).collect();
        assert_eq!(found(&far).as_deref(), Some("turn 1: 4 hand-offs"));
    }
}
