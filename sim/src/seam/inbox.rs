//! The way from the log into the inboxes.

use super::Seam;
use crate::{fault::Site, planted::Planted};
use async_trait::async_trait;
use colloquy_domain::{
    placement::Lane,
    ports::{Cursor, InboxStore, LogEntry, StoreError, TakenIn},
};

#[async_trait]
impl InboxStore for Seam {
    async fn cursor(&self, lane: Lane) -> Result<Cursor, StoreError> {
        self.gate.pass().await;
        self.core.store.cursor(lane).await
    }

    async fn take_in(
        &self,
        lane: Lane,
        from: Cursor,
        to: Cursor,
        entries: Vec<LogEntry>,
    ) -> Result<TakenIn, StoreError> {
        let work = async {
            self.fenced(lane)?;
            let entries = self.spoilt(entries);
            let taken = self.core.store.take_in(lane, from, to, entries).await?;
            for hint in &taken.hints {
                self.note("taken_in", &self.called(hint.conversation), "");
            }
            Ok(taken)
        };
        self.call(Site::TakeIn, &format!("lane/{}", lane.0), work).await
    }
}

impl Seam {
    fn spoilt(&self, mut entries: Vec<LogEntry>) -> Vec<LogEntry> {
        if self.core.has(Planted::SkipLastEntry) && entries.len() > 1 {
            entries.pop();
        }
        if self.core.has(Planted::SwapEntries)
            && let [.., a, b] = entries.as_mut_slice()
            && a.entry.channel == b.entry.channel
            && a.entry.inbound.peer == b.entry.inbound.peer
        {
            std::mem::swap(&mut a.entry, &mut b.entry);
        }
        if self.core.has(Planted::SkipDedupe) {
            for LogEntry { offset, entry } in &mut entries {
                let id = &mut entry.inbound.provider_message_id;
                if self.core.came_before(entry.channel, id) {
                    id.push_str(&format!("@{offset}"));
                }
            }
        }
        entries
    }
}
