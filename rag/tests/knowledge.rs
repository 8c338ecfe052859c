//! The suite of the domain's test kit, against the real pipeline over the embedded store, by words alone, and against the
//! reference in memory.

use async_trait::async_trait;
use colloquy_domain::{
    failure::Failure,
    knowledge::PageStatus,
    ports::Ids,
    testkit::{MemoryKnowledge, SeqIds, conformance::knowledge_conformance},
};
use colloquy_rag::{
    document::{Block, ExtractStatus, Extraction, Page},
    index::VectorStore,
    models::Models,
    pipeline::{Extract, Rag, RagOptions},
};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Reads plain text: `# ` begins a heading. The child process that reads real formats has tests of its own.
struct Plain;

#[async_trait]
impl Extract for Plain {
    async fn extract(&self, path: &Path) -> Result<Extraction, Failure> {
        let text = fs::read_to_string(path).map_err(|e| Failure::reject("document.missing", e.to_string()))?;
        let block = |p: &str| match p.strip_prefix("# ") {
            Some(heading) => Block::Heading { level: 1, text: heading.to_owned() },
            None => Block::Paragraph { text: p.to_owned() },
        };
        let blocks = text.split("\n\n").map(str::trim).filter(|p| !p.is_empty()).map(block).collect();
        let pages = vec![Page { number: 1, status: PageStatus::Ok, blocks }];
        let (v, status) = (Extraction::VERSION, ExtractStatus::Ok);
        Ok(Extraction { v, status, cause: None, title: None, pages, paged: false })
    }
}

// req: S1-RAG-1
#[tokio::test]
async fn knowledge_conformance_embedded() {
    let dir = tempfile::tempdir().expect("temp dir");
    let models = Models::new(dir.path().join("no-models"), None);
    let store = VectorStore::Embedded { dir: dir.path().join("index") };
    let rag = Rag::open(RagOptions { store, models, elsewhere: None, extractor: Arc::new(Plain), reranker: None })
        .await
        .expect("opens");
    let ids = SeqIds::new(1);
    let write = |name: &str, text: &str| {
        let path = dir.path().join(format!("{}-{name}", ids.uuid()));
        fs::write(&path, text).expect("written");
        path
    };
    knowledge_conformance(&rag, write, &SeqIds::new(2)).await;
}

#[tokio::test]
async fn knowledge_conformance_in_memory() {
    let (knowledge, ids) = (MemoryKnowledge::default(), SeqIds::new(1));
    let write = |name: &str, text: &str| {
        let path = PathBuf::from(format!("{}-{name}", ids.uuid()));
        knowledge.put_file(&path, text);
        path
    };
    knowledge_conformance(&knowledge, write, &SeqIds::new(2)).await;
}
