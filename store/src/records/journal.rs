use super::write;
use colloquy_domain::{
    conversation::{JournalWhat, Snapshot},
    ports::StoreError,
};
use serde::Serialize;

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
