//! Whether only what was done was undone, and once.

use crate::world::{Core, News};
use colloquy_domain::{
    approval::CallPlace,
    conversation::{JournalRow, JournalWhat},
    testkit::Approval,
    tool::{ToolResult, ToolStatus},
};

pub fn at_rest(core: &Core, (key, ..): &News) {
    let (journal, approvals) = (core.store.journal(key.id), core.store.approvals(key.id));
    for what in approvals.iter().filter_map(|a| wrong(&journal, a)) {
        core.watch.broken(core, "tool.undone", &core.peer(key.channel, &key.peer.address), what);
    }
}

/// What is wrong with the order to undo something.
fn wrong(journal: &[JournalRow], order: &Approval) -> Option<String> {
    let (place, call) = (order.asked.place.undone()?, &order.asked.call);
    let undo = settled(journal, place).filter(|r| r.status == ToolStatus::Done).and_then(|r| r.undo.as_ref());
    if undo.is_none_or(|undo| (&undo.tool, &undo.arguments) != (&call.name, &call.arguments)) {
        return Some(format!("{} undoes what was not done at {place:?}", call.name));
    }
    let runs = journal.iter().filter_map(|row| match &row.what {
        JournalWhat::Completion(c) => {
            let index = u32::try_from(c.calls.iter().position(|c| c.id == call.id)?).ok()?;
            Some(CallPlace { turn: row.turn, step: row.step, index })
        }
        JournalWhat::Settled(_) => None,
    });
    let done = |place: CallPlace| settled(journal, place).is_some_and(|r| r.status == ToolStatus::Done);
    let times = runs.filter(|place| done(*place)).count();
    (times > 1).then(|| format!("{} undid {place:?} {times} times", call.name))
}

fn settled(journal: &[JournalRow], place: CallPlace) -> Option<&ToolResult> {
    journal.iter().find_map(|row| match &row.what {
        JournalWhat::Settled(result) if (row.turn, row.step, row.index) == (place.turn, place.step, place.index) => {
            Some(result)
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use colloquy_domain::{
        approval::{NewUndo, Undoing},
        failure::Failure,
        ids::{ApprovalId, ConversationId, TenantId},
        model::Completion,
        tool::Undo,
    };
    use uuid::Uuid;

    const DONE: CallPlace = CallPlace { turn: 1, step: 0, index: 0 };

    fn row(turn: u32, what: JournalWhat) -> JournalRow {
        JournalRow { turn, step: 0, index: 0, agent: None, what }
    }

    #[test]
    fn what_was_not_done_and_what_is_undone_twice_is_found() {
        let undo = Undo { tool: "give_back".into(), arguments: "{}".into(), automatic: true };
        let whose = (TenantId::new(Uuid::from_u128(1)), ConversationId::new(Uuid::from_u128(2)));
        let undoing = Undoing::of(DONE, &undo, whose);
        let call = undoing.call.clone();
        let order = Approval::ordered(NewUndo { id: ApprovalId::new(Uuid::from_u128(3)), undoing, reason: None }, 0);
        let result = ToolResult { undo: Some(undo), ..ToolResult::done("a table") };
        let done = row(1, JournalWhat::Settled(result));
        let runs = |turn| {
            let completion = Completion { calls: vec![call.clone()], ..Completion::default() };
            [row(turn, JournalWhat::Completion(completion)), row(turn, JournalWhat::Settled(ToolResult::done("")))]
        };
        let once: Vec<JournalRow> = [done].into_iter().chain(runs(2)).collect();
        assert_eq!(wrong(&once, &order), None);
        let twice: Vec<JournalRow> = once.iter().cloned().chain(runs(3)).collect();
        assert!(wrong(&twice, &order).expect("found").ends_with("2 times"));
        let failed = row(1, JournalWhat::Settled(ToolResult::failed(Failure::reject("tool.refused", "no"))));
        assert!(wrong(&[failed], &order).expect("found").contains("what was not done"));
    }
}
