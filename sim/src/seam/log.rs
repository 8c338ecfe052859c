//! The ingress log.

use super::Seam;
use crate::{
    fault::{Kind, Site},
    planted::Planted,
};
use async_trait::async_trait;
use colloquy_domain::{
    placement::Lane,
    ports::{Cursor, IngressLog, LogEntry, NewEntry, StoreError},
    time::Timestamp,
};
use std::time::Duration;

/// A lane is looked at this often without being woken, as the real logs do it.
const LOOK: Duration = Duration::from_secs(5);
/// How early a planted defect answers.
const EARLY: Duration = Duration::from_millis(50);

#[async_trait]
impl IngressLog for Seam {
    fn lanes(&self) -> u8 {
        IngressLog::lanes(self.core.store.as_ref())
    }

    async fn append(&self, entries: Vec<NewEntry>) -> Result<(), StoreError> {
        let who = entries.first().map(|e| self.core.peer(e.channel, &e.inbound.peer.address)).unwrap_or_default();
        if self.core.has(Planted::AcknowledgeEarly) {
            let seam = self.clone();
            tokio::spawn(async move {
                tokio::time::sleep(EARLY).await;
                let work = seam.logged(entries);
                // Whoever would have to be told was told already.
                let _ = seam.call(Site::Append, &who, work).await;
            });
            return Ok(());
        }
        self.gate.pass().await;
        let fault = self.fault(Site::Append, &who);
        let again = fault.is_some_and(|f| f.kind == Kind::Duplicate).then(|| entries.clone());
        let work = async {
            self.reachable()?;
            self.logged(entries).await?;
            self.logged(again.unwrap_or_default()).await
        };
        self.struck(fault, work).await
    }

    async fn read(&self, lane: Lane, cursor: Cursor, max: usize) -> Result<Vec<LogEntry>, StoreError> {
        let work = async {
            self.reachable()?;
            self.core.store.read(lane, cursor, max).await
        };
        self.call(Site::ReadLog, &format!("lane/{}", lane.0), work).await
    }

    async fn behind(&self, lane: Lane, cursor: Cursor) -> Result<u64, StoreError> {
        self.gate.pass().await;
        self.core.store.behind(lane, cursor).await
    }

    async fn wait(&self, lane: Lane, cursor: Cursor) {
        self.gate.pass().await;
        // Time's up: look for oneself.
        let news = async {
            self.core.store.wait(lane, cursor).await;
            if self.is_cut_off() {
                std::future::pending::<()>().await;
            }
        };
        let _ = tokio::time::timeout(LOOK, news).await;
        self.gate.pass().await;
    }

    async fn trim(&self, lane: Lane, cursor: Cursor, before: Timestamp) -> Result<u64, StoreError> {
        self.gate.pass().await;
        self.core.store.trim(lane, cursor, before).await
    }
}

impl Seam {
    fn reachable(&self) -> Result<(), StoreError> {
        if self.is_cut_off() { Err(StoreError::Unavailable("no way to the log".into())) } else { Ok(()) }
    }

    async fn logged(&self, entries: Vec<NewEntry>) -> Result<(), StoreError> {
        for entry in &entries {
            let who = self.core.peer(entry.channel, &entry.inbound.peer.address);
            self.core.watch.logged(&who, &entry.inbound.provider_message_id);
        }
        self.core.store.append(entries).await
    }
}
