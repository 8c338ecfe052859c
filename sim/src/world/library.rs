//! The knowledge of a world: bases and documents by their names, and every edition that was uploaded.

use super::Core;
use crate::scenario::BaseSpec;
use colloquy_domain::{
    ids::{DocumentId, KnowledgeBaseId, TenantId},
    knowledge::{DocumentStatus, IngestJob},
    ports::{DocumentPipeline, Ids},
    testkit::{
        MemoryKnowledge, MemoryStore, Piece, SeqIds,
        memory_knowledge::{pieces, report},
    },
};
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// How long a deletion takes between its parts, as requests do.
const DELETES: Duration = Duration::from_millis(20);
/// How long somebody waits who finds no node that answers.
const AGAIN: Duration = Duration::from_secs(1);

pub struct Library {
    pub knowledge: MemoryKnowledge,
    ids: SeqIds,
    bases: BTreeMap<String, (TenantId, KnowledgeBaseId)>,
    documents: Mutex<Vec<Document>>,
}

/// What was uploaded under one name, until it was deleted.
#[derive(Debug, Clone)]
pub struct Document {
    pub tenant: TenantId,
    pub base: KnowledgeBaseId,
    pub id: DocumentId,
    /// `base/name`.
    pub called: String,
    pub name: String,
    /// As they were cut, the last one at the end.
    pub editions: Vec<Vec<Piece>>,
    pub texts: Vec<String>,
    pub deleted: bool,
}

impl Library {
    /// Bases without documents; ids come from `ids`.
    pub fn new(specs: &[BaseSpec], ids: SeqIds, tenant: impl Fn(&str) -> Option<TenantId>) -> Self {
        let base =
            |spec: &BaseSpec| Some((spec.name.clone(), (tenant(&spec.tenant)?, KnowledgeBaseId::new(ids.uuid()))));
        let bases = specs.iter().filter_map(base).collect();
        Self { knowledge: MemoryKnowledge::default(), ids, bases, documents: Mutex::default() }
    }

    #[must_use]
    pub fn base(&self, name: &str) -> Option<KnowledgeBaseId> {
        self.bases.get(name).map(|(_, base)| *base)
    }

    /// In the order of their names.
    #[must_use]
    pub fn all_bases(&self) -> Vec<(TenantId, KnowledgeBaseId)> {
        self.bases.values().copied().collect()
    }

    #[must_use]
    pub fn bases_called(&self, bases: &[KnowledgeBaseId]) -> String {
        let names = bases.iter().filter_map(|b| self.bases.iter().find(|(_, (_, base))| base == b));
        names.map(|(name, _)| name.as_str()).collect::<Vec<_>>().join("+")
    }

    /// `base/name` of a document.
    #[must_use]
    pub fn called(&self, id: DocumentId) -> String {
        self.lock().iter().find(|d| d.id == id).map(|d| d.called.clone()).unwrap_or_default()
    }

    #[must_use]
    pub fn documents(&self) -> Vec<Document> {
        self.lock().clone()
    }

    #[must_use]
    pub fn document(&self, id: DocumentId) -> Option<Document> {
        self.lock().iter().find(|d| d.id == id).cloned()
    }

    /// The same name in the same base is the same document with new content.
    pub fn upload(&self, store: &MemoryStore, base: &str, name: &str, text: &str) {
        if let Some(job) = self.edition(base, name, text) {
            store.register_document(job);
        }
    }

    fn edition(&self, base: &str, name: &str, text: &str) -> Option<IngestJob> {
        let (tenant, base_id) = self.bases.get(base).copied()?;
        let mut documents = self.lock();
        let called = format!("{base}/{name}");
        let place = documents.iter().position(|d| d.called == called && !d.deleted).unwrap_or_else(|| {
            documents.push(Document {
                tenant,
                base: base_id,
                id: DocumentId::new(self.ids.uuid()),
                called,
                name: name.to_owned(),
                editions: Vec::new(),
                texts: Vec::new(),
                deleted: false,
            });
            documents.len() - 1
        });
        let document = &mut documents[place];
        document.editions.push(pieces(text));
        document.texts.push(text.to_owned());
        let path = PathBuf::from(format!("{}.{}", document.id, document.editions.len()));
        self.knowledge.put_file(&path, text);
        let (document, name) = (document.id, name.to_owned());
        Some(IngestJob { tenant, base: base_id, document, name, path, attempt: 0 })
    }

    /// A document as it was found in another world.
    pub fn restore(&self, store: &MemoryStore, base: &str, name: &str, text: &str) {
        let Some(job) = self.edition(base, name, text) else { return };
        let Ok(cut) = self.knowledge.begin(&job) else { return };
        let report = report(&cut);
        (0..).zip(cut).for_each(|(n, piece)| self.knowledge.stage(&job, n, piece));
        // Everything was written a moment ago.
        let _ = self.knowledge.switch(&job, report.chunks);
        store.put_ready_document(job, report);
    }

    fn mark_deleted(&self, id: DocumentId) {
        if let Some(document) = self.lock().iter_mut().find(|d| d.id == id) {
            document.deleted = true;
        }
    }

    /// Whether every document is ready or has failed for good.
    #[must_use]
    pub fn is_settled(&self, store: &MemoryStore) -> bool {
        self.lock().iter().filter(|d| !d.deleted).all(|d| status(store, d.id).is_some_and(is_over))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Document>> {
        self.documents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[must_use]
pub fn status(store: &MemoryStore, id: DocumentId) -> Option<DocumentStatus> {
    store.document(id).map(|(progress, _)| progress.status)
}

const fn is_over(status: DocumentStatus) -> bool {
    matches!(status, DocumentStatus::Ready | DocumentStatus::Failed)
}

/// Somebody of the team uploads a document through a node.
pub async fn upload(core: &Arc<Core>, base: &str, name: &str, text: &str) {
    let door = answering(core).await;
    core.note("", "uploaded", &format!("{base}/{name}"), text.lines().next().unwrap_or_default());
    core.library.upload(&core.store, base, name, text);
    door.handle.wake_ingestion();
}

/// Somebody of the team deletes one: first the passages, then the row, then what was written in between, as the API does.
pub async fn delete(core: &Arc<Core>, base: &str, name: &str) {
    let called = format!("{base}/{name}");
    let found = core.library.documents().into_iter().find(|d| d.called == called && !d.deleted);
    let Some(document) = found else { return };
    let Document { tenant, base, id, .. } = document;
    answering(core).await;
    // The index in memory has no troubles of its own.
    let _ = core.library.knowledge.forget(tenant, base, id).await;
    tokio::time::sleep(DELETES).await;
    core.store.remove_document(tenant, id);
    core.library.mark_deleted(id);
    core.note("", "deleted", &called, "");
    tokio::time::sleep(DELETES).await;
    let _ = core.library.knowledge.forget(tenant, base, id).await;
}

async fn answering(core: &Arc<Core>) -> super::Door {
    loop {
        if let Some(door) = core.doors.all().into_iter().find(|d| d.seam.gate.is_open()) {
            return door;
        }
        tokio::time::sleep(AGAIN).await;
    }
}
