//! What a transaction may write where partitions have owners.
//!
//! A transaction first takes its partitions' locks, shared until it ends, and then looks who owns them: a claim takes
//! the same lock alone, so that between the look and the commit nobody can become the owner.

use crate::options::Placed;
use colloquy_domain::placement::{Epoch, Partition};
use std::{
    collections::{BTreeSet, HashSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// The first half of the partitions' lock numbers; the partition is the second.
pub(crate) const PARTITION_LOCKS: i32 = 0x636f_6c01;

/// What the transaction under way may write.
#[derive(Debug, Default)]
pub(crate) struct Fence {
    /// `None`: everything.
    passed: Option<HashSet<Partition>>,
    refused: Vec<Partition>,
}

impl Fence {
    pub(crate) fn open() -> Self {
        Self::default()
    }

    /// Whether the partition is this node's. What is asked for and is not counts as refused, once the transaction is
    /// committed.
    pub(crate) fn lets(&mut self, partition: impl Into<Partition>) -> bool {
        let partition = partition.into();
        let passed = self.passed.as_ref().is_none_or(|p| p.contains(&partition));
        if !passed {
            self.refused.push(partition);
        }
        passed
    }
}

/// Makes the fences of a store's transactions, and counts what they refused.
#[derive(Debug, Clone)]
pub(crate) struct Fencing {
    pub(super) placed: Option<Placed>,
    refused: Arc<AtomicU64>,
}

impl Fencing {
    pub(crate) fn new(placed: Option<Placed>) -> Self {
        Self { placed, refused: Arc::default() }
    }

    /// Writes that were refused since the start.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// The statements that take the locks and look: their rows are (partition, epoch) of what is this node's.
    pub(super) fn statements(&self, partitions: &BTreeSet<Partition>) -> Option<String> {
        let placed = self.placed.as_ref().filter(|_| !partitions.is_empty())?;
        let list = partitions.iter().map(|p| p.0.to_string()).collect::<Vec<_>>().join(",");
        // One lock after the other in the order of the list, and no rows: nothing is NULL. The second statement sees
        // what was committed while the first one waited.
        Some(format!(
            "SELECT FROM unnest(ARRAY[{list}]) AS p WHERE pg_advisory_xact_lock_shared({PARTITION_LOCKS}, p) IS NULL; \
             SELECT number, epoch FROM partitions WHERE owner = '{}' AND number = ANY(ARRAY[{list}])",
            placed.node
        ))
    }

    /// What of it may be written: where the database says the epoch that the node believes.
    pub(super) fn fence(&self, owned: Vec<(i64, i64)>) -> Fence {
        let Some(placed) = &self.placed else { return Fence::open() };
        let believed = |(number, epoch): (i64, i64)| {
            let partition = Partition(u8::try_from(number).ok()?);
            (placed.ownership.epoch(partition) == Epoch::try_from(epoch).ok()).then_some(partition)
        };
        Fence { passed: Some(owned.into_iter().filter_map(believed).collect()), refused: Vec::new() }
    }

    /// The transaction was committed: what it left out for its fence is final.
    pub(super) fn count(&self, fence: &mut Fence) {
        let (Some(placed), refused) = (&self.placed, std::mem::take(&mut fence.refused)) else { return };
        self.refused.fetch_add(refused.len() as u64, Ordering::Relaxed);
        for partition in refused.into_iter().collect::<BTreeSet<_>>() {
            let believed = placed.ownership.epoch(partition);
            tracing::warn!(
                partition = partition.0,
                partition.epoch = believed,
                node.id = %placed.node,
                "refused to write in a partition that another node owns"
            );
        }
    }
}
