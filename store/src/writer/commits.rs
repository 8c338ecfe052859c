//! Conversations' commits: those of a batch become few statements.

use crate::db::Conn;
use crate::ports::{Prepared, write_all};
use colloquy_domain::{placement::Partition, ports::StoreError};
use futures::FutureExt;
use std::{collections::HashMap, panic::AssertUnwindSafe};
use tokio::sync::oneshot;

pub(super) struct Commit {
    prepared: Prepared,
    pub(super) result: Result<(), StoreError>,
    reply: oneshot::Sender<Result<(), StoreError>>,
}

impl Commit {
    pub(super) fn new(prepared: Prepared, reply: oneshot::Sender<Result<(), StoreError>>) -> Self {
        Self { prepared, result: Ok(()), reply }
    }

    pub(super) fn partition(&self) -> Partition {
        self.prepared.partition()
    }

    pub(super) fn answer(self) {
        // A caller that went away does not want to know.
        let _ = self.reply.send(self.result);
    }
}

/// Writes all commits; one that is refused for its partition or its version keeps that answer and has left nothing
/// behind.
pub(super) async fn write(conn: &mut Conn, commits: &mut [Commit]) -> Result<(), StoreError> {
    for commit in &mut *commits {
        commit.result = if conn.fence.lets(commit.partition()) { Ok(()) } else { Err(StoreError::Stale) };
    }
    let mut let_through = (0..commits.len()).filter(|&place| commits[place].result.is_ok()).collect::<Vec<_>>();
    // In one order on all nodes: two transactions that write the same rows must not wait for each other.
    let_through.sort_by_key(|&place| commits[place].prepared.conversation());
    for round in rounds(let_through.iter().map(|&place| commits[place].prepared.conversation())) {
        let places: Vec<usize> = round.into_iter().map(|n| let_through[n]).collect();
        let round: Vec<&Prepared> = places.iter().map(|&place| &commits[place].prepared).collect();
        // A defect in one write must not end the writer for everybody.
        let written = AssertUnwindSafe(write_all(conn, &round)).catch_unwind().await;
        let results = written.unwrap_or_else(|_| Err(StoreError::Broken("a write panicked".to_owned())))?;
        for (place, result) in places.into_iter().zip(results) {
            commits[place].result = result;
        }
    }
    Ok(())
}

/// Places in their order, cut so that no round names a conversation twice: the second one must see what the first did.
fn rounds<K: std::hash::Hash + Eq>(keys: impl Iterator<Item = K>) -> Vec<Vec<usize>> {
    let (mut rounds, mut times): (Vec<Vec<usize>>, HashMap<K, usize>) = Default::default();
    for (place, key) in keys.enumerate() {
        let round = times.entry(key).or_default();
        if *round == rounds.len() {
            rounds.push(Vec::new());
        }
        rounds[*round].push(place);
        *round += 1;
    }
    rounds
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_named_again_comes_in_a_later_round() {
        let rounds = super::rounds(["a", "b", "a", "c", "a", "b"].into_iter());
        assert_eq!(rounds, [vec![0, 1, 3], vec![2, 5], vec![4]]);
    }
}
