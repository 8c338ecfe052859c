//! How long running documents still take, by what was done so far.

use crate::index::DocumentKey;
use colloquy_domain::ids::{DocumentId, TenantId};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// Documents that are being embedded in this process.
#[derive(Clone, Default)]
pub(super) struct Running(Arc<Mutex<HashMap<(TenantId, DocumentId), Work>>>);

#[derive(Clone, Copy)]
struct Work {
    begun: Instant,
    /// Bytes of text: what the work is proportional to, more than to the number of chunks.
    all: u64,
    done: u64,
}

/// One document's; forgotten when dropped.
pub(super) struct Pace {
    running: Running,
    document: (TenantId, DocumentId),
}

impl Running {
    pub(super) fn begin(&self, key: DocumentKey, bytes: u64) -> Pace {
        let document = (key.tenant, key.document);
        self.lock().insert(document, Work { begun: Instant::now(), all: bytes, done: 0 });
        Pace { running: self.clone(), document }
    }

    /// `None` when it is not being embedded, or too little is done to tell.
    pub(super) fn time_left(&self, tenant: TenantId, document: DocumentId) -> Option<Duration> {
        let work = *self.lock().get(&(tenant, document))?;
        if work.done == 0 {
            return None;
        }
        Some(work.begun.elapsed().mul_f64((work.all - work.done) as f64 / work.done as f64))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(TenantId, DocumentId), Work>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pace {
    /// Counts bytes of text that were embedded.
    pub(super) fn done(&self, bytes: u64) {
        if let Some(work) = self.running.lock().get_mut(&self.document) {
            work.done = (work.done + bytes).min(work.all);
        }
    }
}

impl Drop for Pace {
    fn drop(&mut self) {
        self.running.lock().remove(&self.document);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use colloquy_domain::ids::KnowledgeBaseId;
    use uuid::Uuid;

    #[tokio::test(start_paused = true)]
    async fn what_is_left_takes_as_long_as_what_is_done_did() {
        let (tenant, document) = (TenantId::new(Uuid::from_u128(1)), DocumentId::new(Uuid::from_u128(2)));
        let key = DocumentKey { tenant, base: KnowledgeBaseId::new(Uuid::from_u128(3)), document };
        let running = Running::default();
        let pace = running.begin(key, 1_000);
        assert_eq!(running.time_left(tenant, document), None, "nothing is known yet");
        tokio::time::advance(Duration::from_secs(2)).await;
        pace.done(250);
        assert_eq!(running.time_left(tenant, document), Some(Duration::from_secs(6)));
        assert_eq!(
            running.time_left(TenantId::new(Uuid::from_u128(9)), document),
            None,
            "another tenant's is not told"
        );
        pace.done(750);
        assert_eq!(running.time_left(tenant, document), Some(Duration::ZERO));
        drop(pace);
        assert_eq!(running.time_left(tenant, document), None);
    }
}
