//! Writes of one kind, of which a batch runs all together: the statements are as many for one as for a hundred.

use crate::db::Conn;
use async_trait::async_trait;
use colloquy_domain::{placement::Partition, ports::StoreError};
use futures::FutureExt;
use std::{collections::HashMap, hash::Hash, panic::AssertUnwindSafe};
use tokio::sync::oneshot;

/// What one caller wants written, together with others of its kind. It may be run more than once (its batch was rolled
/// back), so it keeps nothing of an earlier run.
#[async_trait]
pub(crate) trait Merge: Sized + Send + Sync + 'static {
    type Output: Send + 'static;
    /// What no statement may name twice: the second one must see what the first did. Rows are locked in its order, on
    /// all nodes.
    type Key: Ord + Hash + Send;

    fn key(&self) -> Self::Key;

    /// The partition that must be this node's.
    fn partition(&self) -> Option<Partition>;

    /// Writes all of them, whose keys differ. Answers for each, in order; one that is refused leaves nothing behind. After
    /// an error half of it may be written.
    async fn run_all(conn: &mut Conn, writes: &[&Self]) -> Result<Vec<Result<Self::Output, StoreError>>, StoreError>;
}

/// One of them, and the place where its caller waits for the answer.
pub(super) struct Pending<M: Merge> {
    write: M,
    result: Option<Result<M::Output, StoreError>>,
    reply: oneshot::Sender<Result<M::Output, StoreError>>,
}

impl<M: Merge> Pending<M> {
    pub(super) const fn new(write: M, reply: oneshot::Sender<Result<M::Output, StoreError>>) -> Self {
        Self { write, result: None, reply }
    }
}

/// Those of a batch.
pub(super) struct Merged<M: Merge>(Vec<Pending<M>>);

impl<M: Merge> Default for Merged<M> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<M: Merge> Merged<M> {
    pub(super) fn push(&mut self, one: Pending<M>) {
        self.0.push(one);
    }

    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn partitions(&self) -> impl Iterator<Item = Partition> {
        self.0.iter().filter_map(|p| p.write.partition())
    }

    /// Writes all; one that is refused for its partition, or by itself, keeps that answer.
    pub(super) async fn write(&mut self, conn: &mut Conn) -> Result<(), StoreError> {
        for one in &mut self.0 {
            let passed = one.write.partition().is_none_or(|p| conn.fence.lets(p));
            one.result = (!passed).then_some(Err(StoreError::Stale));
        }
        let mut passed = (0..self.0.len()).filter(|&place| self.0[place].result.is_none()).collect::<Vec<_>>();
        // In one order on all nodes: two transactions that write the same rows must not wait for each other.
        passed.sort_by_cached_key(|&place| self.0[place].write.key());
        for round in rounds(passed.iter().map(|&place| self.0[place].write.key())) {
            let places: Vec<usize> = round.into_iter().map(|n| passed[n]).collect();
            let round: Vec<&M> = places.iter().map(|&place| &self.0[place].write).collect();
            // A defect in one write must not end the writer for everybody.
            let written = AssertUnwindSafe(M::run_all(conn, &round)).catch_unwind().await;
            let results = written.unwrap_or_else(|_| Err(StoreError::Broken("a write panicked".to_owned())))?;
            for (place, result) in places.into_iter().zip(results) {
                self.0[place].result = Some(result);
            }
        }
        Ok(())
    }

    pub(super) fn refuse(&mut self, error: &StoreError) {
        for one in &mut self.0 {
            one.result = Some(Err(error.clone()));
        }
    }

    /// Tells the callers; only after the commit.
    pub(super) fn answer(self) {
        let lost = || Err(StoreError::Unavailable("the write was not run".to_owned()));
        for one in self.0 {
            // A caller that went away does not want to know.
            let _ = one.reply.send(one.result.unwrap_or_else(lost));
        }
    }

    /// Each alone.
    pub(super) fn split(self) -> impl Iterator<Item = Self> {
        self.0.into_iter().map(|one| Self(vec![one]))
    }
}

/// Places in their order, cut so that no round names a key twice.
fn rounds<K: Hash + Eq>(keys: impl Iterator<Item = K>) -> Vec<Vec<usize>> {
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
