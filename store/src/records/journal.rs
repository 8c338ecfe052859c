use super::{read, write};
use colloquy_domain::{
    conversation::{JournalWhat, Snapshot},
    model::Completion,
    ports::StoreError,
    tool::ToolResult,
};
use serde::{Deserialize, Serialize};

/// One line of the journal: a piece of what the snapshot holds, in the snapshot's own version.
#[derive(Debug, Clone, Serialize)]
pub struct JournalRecord<'a, T> {
    pub v: u16,
    pub body: &'a T,
}

impl<T: Serialize> JournalRecord<'_, T> {
    fn of(body: &T) -> Result<String, StoreError> {
        write(&JournalRecord { v: Snapshot::VERSION, body })
    }
}

/// The name that the journal's table gives it, and its JSON.
pub(crate) fn journal(what: &JournalWhat) -> Result<(&'static str, String), StoreError> {
    Ok(match what {
        JournalWhat::Completion(completion) => ("completion", JournalRecord::of(completion)?),
        JournalWhat::Settled(result) => ("settled", JournalRecord::of(result)?),
    })
}

#[derive(Deserialize)]
struct Kept<T> {
    body: T,
}

/// What [`journal`] wrote.
///
/// # Errors
/// It is of a version that cannot be read any more.
pub(crate) fn journalled(what: &str, json: &str) -> Result<JournalWhat, StoreError> {
    if what == "completion" {
        let kept: Kept<Completion> = read("completion", json)?;
        return Ok(JournalWhat::Completion(kept.body));
    }
    let kept: Kept<ToolResult> = read("tool result", json)?;
    Ok(JournalWhat::Settled(kept.body))
}
