use super::MemoryStore;
use crate::{
    placement::Lane,
    ports::{Cursor, IngressLog, LogEntry, NewEntry, StoreError},
    time::Timestamp,
};
use async_trait::async_trait;
use std::{future::poll_fn, task::Poll};

#[async_trait]
impl IngressLog for MemoryStore {
    fn lanes(&self) -> u8 {
        1
    }

    async fn append(&self, entries: Vec<NewEntry>) -> Result<(), StoreError> {
        let mut state = self.state();
        for entry in entries {
            state.log_end += 1;
            let offset = state.log_end;
            state.log.push(LogEntry { offset, entry });
        }
        state.waiting_for_log.drain(..).for_each(std::task::Waker::wake);
        Ok(())
    }

    async fn read(&self, _: Lane, cursor: Cursor, max: usize) -> Result<Vec<LogEntry>, StoreError> {
        let state = self.state();
        let start = state.log.partition_point(|e| e.offset <= cursor);
        Ok(state.log.iter().skip(start).take(max).cloned().collect())
    }

    async fn behind(&self, _: Lane, cursor: Cursor) -> Result<u64, StoreError> {
        Ok(self.state().log_end.saturating_sub(cursor))
    }

    /// Waits for an entry however long it takes: there is no clock here.
    async fn wait(&self, _: Lane, cursor: Cursor) {
        poll_fn(|cx| {
            let mut state = self.state();
            if state.log_end > cursor {
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
        let (end, held) = (cursor.min(state.cursor(lane)), state.log.len());
        state.log.retain(|e| e.offset > end || e.entry.received_at >= before);
        Ok((held - state.log.len()) as u64)
    }
}
