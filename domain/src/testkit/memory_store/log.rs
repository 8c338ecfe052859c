use super::MemoryStore;
use crate::{
    placement::{Lane, lane_of},
    ports::{Cursor, IngressLog, LogEntry, NewEntry, Offset, StoreError},
    time::Timestamp,
};
use async_trait::async_trait;
use std::{future::poll_fn, task::Poll};

/// What one lane holds.
#[derive(Default)]
pub(super) struct Entries {
    kept: Vec<LogEntry>,
    end: Offset,
}

impl Entries {
    pub(super) const fn end(&self) -> Offset {
        self.end
    }
}

#[async_trait]
impl IngressLog for MemoryStore {
    fn lanes(&self) -> u8 {
        self.state().more_lanes.saturating_add(1)
    }

    async fn append(&self, entries: Vec<NewEntry>) -> Result<(), StoreError> {
        let mut state = self.state();
        let lanes = state.more_lanes.saturating_add(1);
        for entry in entries {
            let lane = state.log.entry(lane_of(entry.channel, &entry.inbound.peer.address, lanes)).or_default();
            lane.end += 1;
            lane.kept.push(LogEntry { offset: lane.end, entry });
        }
        state.waiting_for_log.drain(..).for_each(std::task::Waker::wake);
        Ok(())
    }

    async fn read(&self, lane: Lane, cursor: Cursor, max: usize) -> Result<Vec<LogEntry>, StoreError> {
        let state = self.state();
        let kept = state.log.get(&lane).map_or(&[][..], |e| &e.kept);
        let start = kept.partition_point(|e| e.offset <= cursor);
        Ok(kept.iter().skip(start).take(max).cloned().collect())
    }

    async fn behind(&self, lane: Lane, cursor: Cursor) -> Result<u64, StoreError> {
        Ok(self.state().log.get(&lane).map_or(0, Entries::end).saturating_sub(cursor))
    }

    /// Waits for an entry however long it takes: there is no clock here.
    async fn wait(&self, lane: Lane, cursor: Cursor) {
        poll_fn(|cx| {
            let mut state = self.state();
            if state.log.get(&lane).is_some_and(|e| e.end > cursor) {
                return Poll::Ready(());
            }
            if !state.waiting_for_log.iter().any(|w| w.will_wake(cx.waker())) {
                state.waiting_for_log.push(cx.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }

    async fn trim(&self, lane: Lane, cursor: Cursor, before: Timestamp) -> Result<u64, StoreError> {
        let mut state = self.state();
        let end = cursor.min(state.cursor(lane));
        let Some(entries) = state.log.get_mut(&lane) else { return Ok(0) };
        let held = entries.kept.len();
        entries.kept.retain(|e| e.offset > end || e.entry.received_at >= before);
        Ok((held - entries.kept.len()) as u64)
    }
}
