//! What a lane's mover has read beyond what it moved: whose entries are next, and where the cursor may stand.
//!
//! One tenant's backlog must not delay another tenant's entry behind it, however long the backlog is, and what is read must
//! not fill the memory. So the lane is read onward while the backlog is moved; of each tenant only some entries are kept,
//! and the others are passed over and read again when the tenant's line runs low. Tenants' lines are served by deficit round
//! robin. What of a tenant was moved is always the lane's beginning, and the cursor stays before the first entry of
//! anybody's that was not moved: whoever begins anew there repeats some moves, which changes nothing, and loses none.

use crate::{
    fairness::FairQueue,
    ids::TenantId,
    ports::{Cursor, LogEntry, Offset},
};
use std::collections::{BTreeMap, BTreeSet};

/// Entries of one tenant that may go before those of the next one.
const QUANTUM: u64 = 1;
/// Batches that are read at once where there is a backlog. Reading is several times as fast as moving.
const BATCHES: usize = 8;

/// What may be kept of one lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub entries: usize,
    /// As [`Inbound::size`](crate::message::Inbound::size) counts them. A single entry may be larger.
    pub bytes: usize,
}

/// A place in the lane to read on from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Read {
    pub after: Offset,
    pub max: usize,
}

/// Entries to move next, and what the cursor is before and afterwards.
#[derive(Debug, Clone, PartialEq)]
pub struct Move {
    pub from: Cursor,
    pub to: Cursor,
    pub entries: Vec<LogEntry>,
}

impl Move {
    /// Neither entries nor a cursor to move.
    #[must_use]
    pub const fn is_nothing(&self) -> bool {
        self.entries.is_empty() && self.from == self.to
    }
}

/// One lane's entries between the log and the inboxes.
#[derive(Debug)]
pub struct Lookahead {
    limits: Limits,
    cursor: Cursor,
    /// How far the lane was read.
    frontier: Offset,
    /// There is probably more beyond the frontier.
    more: bool,
    kept: FairQueue<TenantId, Kept>,
    bytes: BTreeMap<TenantId, usize>,
    bytes_of_all: usize,
    /// Tenants of whose entries some were passed over, and the offset up to which none was.
    passed_over: BTreeMap<TenantId, Offset>,
}

#[derive(Debug)]
struct Kept {
    entry: LogEntry,
    /// The offset of the entry before it in the lane.
    after: Offset,
    bytes: usize,
}

impl Lookahead {
    /// Begins at the lane's cursor.
    #[must_use]
    pub fn new(cursor: Cursor, limits: Limits) -> Self {
        Self {
            limits,
            cursor,
            frontier: cursor,
            more: false,
            kept: FairQueue::new(QUANTUM),
            bytes: BTreeMap::new(),
            bytes_of_all: 0,
            passed_over: BTreeMap::new(),
        }
    }

    /// Entries in memory.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.kept.len()
    }

    /// Nothing waits in memory; there may be more in the log.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// How far the lane was read.
    #[must_use]
    pub const fn frontier(&self) -> Offset {
        self.frontier
    }

    /// Whether there is more to move than what is moved at once, so that it is worth reading on meanwhile.
    #[must_use]
    pub fn has_backlog(&self) -> bool {
        self.more || !self.kept.is_empty() || !self.passed_over.is_empty()
    }

    /// What to read next, where `batch` entries are moved at once. Without a backlog that is one batch.
    #[must_use]
    pub fn wants(&self, batch: usize) -> Vec<Read> {
        let max = if self.has_backlog() { batch.saturating_mul(BATCHES) } else { batch };
        let low = self.passed_over.iter().filter(|(tenant, _)| self.kept.waiting_of(tenant) < batch);
        let again = low.map(|(_, after)| *after).min();
        let onward = (!self.is_full()).then_some(self.frontier);
        again.into_iter().chain(onward).map(|after| Read { after, max }).collect()
    }

    /// Takes what the log gave for one of [`Self::wants`].
    pub fn fill(&mut self, read: Read, entries: Vec<LogEntry>) {
        let end = entries.last().map_or(read.after, |e| e.offset);
        if end >= self.frontier {
            self.more = entries.len() >= read.max;
        }
        let mut refused: BTreeSet<TenantId> = BTreeSet::new();
        let mut after = read.after;
        for entry in entries {
            let (tenant, before) = (entry.entry.tenant, std::mem::replace(&mut after, entry.offset));
            let seen = self.seen(tenant);
            // Seen already; or between here and what was seen last lie entries that this read does not show.
            if entry.offset <= seen || seen < read.after || refused.contains(&tenant) {
                continue;
            }
            let bytes = size_of::<Kept>() + entry.entry.inbound.size();
            if self.has_room(tenant, bytes) {
                self.keep(Kept { entry, after: before, bytes });
            } else {
                refused.insert(tenant);
                self.passed_over.insert(tenant, before);
            }
        }
        self.frontier = self.frontier.max(end);
        let frontier = self.frontier;
        self.passed_over.retain(|tenant, up_to| {
            if *up_to >= read.after && !refused.contains(tenant) {
                *up_to = end.max(*up_to);
            }
            *up_to < frontier
        });
    }

    /// The next entries to move, `max` at most. They count as moved from now on: if moving them fails, begin anew at the
    /// lane's cursor.
    pub fn next(&mut self, max: usize) -> Move {
        let from = self.cursor;
        let mut entries = Vec::with_capacity(max.min(self.kept.len()));
        while entries.len() < max
            && let Some(kept) = self.kept.pop()
        {
            let tenant = kept.entry.entry.tenant;
            self.bytes_of_all -= kept.bytes;
            if self.kept.waiting_of(&tenant) == 0 {
                self.bytes.remove(&tenant);
            } else if let Some(bytes) = self.bytes.get_mut(&tenant) {
                *bytes -= kept.bytes;
            }
            entries.push(kept.entry);
        }
        let not_moved = self.kept.firsts().map(|kept| kept.after).chain(self.passed_over.values().copied());
        self.cursor = not_moved.min().unwrap_or(self.frontier);
        Move { from, to: self.cursor, entries }
    }

    /// Up to here every entry of the tenant's was kept or moved.
    fn seen(&self, tenant: TenantId) -> Offset {
        self.passed_over.get(&tenant).copied().unwrap_or(self.frontier)
    }

    fn keep(&mut self, kept: Kept) {
        let tenant = kept.entry.entry.tenant;
        *self.bytes.entry(tenant).or_default() += kept.bytes;
        self.bytes_of_all += kept.bytes;
        self.kept.push(tenant, 1, kept);
    }

    fn is_full(&self) -> bool {
        self.kept.len() >= self.limits.entries || self.bytes_of_all >= self.limits.bytes
    }

    /// Nobody may have more than what is still free: however many tenants have a backlog, there is room for one more.
    fn has_room(&self, tenant: TenantId, bytes: usize) -> bool {
        if self.kept.is_empty() {
            return true;
        }
        let free = self.limits.entries.saturating_sub(self.kept.len());
        let free_bytes = self.limits.bytes.saturating_sub(self.bytes_of_all);
        let its_bytes = self.bytes.get(&tenant).copied().unwrap_or(0);
        self.kept.waiting_of(&tenant) < free && its_bytes + bytes <= free_bytes
    }
}

#[cfg(test)]
mod tests;
