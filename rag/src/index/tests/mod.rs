//! One suite on every store: embedded, the stand-in over real gRPC, and a real server when `QDRANT_URL` names one.

mod bench;
mod equality;
mod moving;
mod server;
mod suite;

use super::*;
use crate::{
    models::manifest::DEFAULT_MODEL,
    sparse::{self, Script},
};
use bench::Bench;
use colloquy_domain::{
    ids::{DocumentId, KnowledgeBaseId, TenantId},
    knowledge::Narrow,
};

pub(super) fn key(tenant: u128, base: u128, document: u128) -> DocumentKey {
    DocumentKey {
        tenant: TenantId::new(Uuid::from_u128(tenant)),
        base: KnowledgeBaseId::new(Uuid::from_u128(base)),
        document: DocumentId::new(Uuid::from_u128(document)),
    }
}

pub(super) fn passage(key: DocumentKey, generation: &str, ordinal: u32, text: &str) -> NewPassage {
    let stored = Stored {
        tenant: key.tenant,
        base: key.base,
        document: key.document,
        generation: generation.to_owned(),
        live: false,
        model: NO_MODEL.to_owned(),
        script: Script::English.code().to_owned(),
        ordinal,
        name: "handbook.pdf".to_owned(),
        title: None,
        headings: vec!["Chapter".to_owned()],
        page: Some(ordinal + 1),
        offset: u64::from(ordinal) * 100,
        text: text.to_owned(),
    };
    NewPassage { words: sparse::document(text, Script::English), stored, dense: None }
}

pub(super) async fn put(index: &Index, key: DocumentKey, generation: &str, texts: &[&str]) {
    let passages = (0_u32..).zip(texts).map(|(n, t)| passage(key, generation, n, t)).collect();
    index.stage(passages).await.expect("staged");
    index.switch(key, generation.to_owned(), u32::try_from(texts.len()).expect("few")).await.expect("switched");
}

pub(super) fn scope(tenant: TenantId, bases: Vec<KnowledgeBaseId>) -> Scope {
    Scope { tenant, bases, without: Vec::new(), narrow: Narrow::default(), model: DEFAULT_MODEL.id.to_owned() }
}

pub(super) async fn search(
    index: &Index,
    tenant: u128,
    bases: &[u128],
    question: &str,
) -> Result<Vec<String>, Failure> {
    let bases = bases.iter().map(|b| KnowledgeBaseId::new(Uuid::from_u128(*b))).collect();
    let scope = scope(TenantId::new(Uuid::from_u128(tenant)), bases);
    let words = sparse::query(question, None);
    let read = move |reader: &Reader<'_>| {
        let found = reader.candidates(&[Ask { words: &words, vector: None }], 10)?;
        let ids: Vec<Uuid> = found[0].words.iter().map(|h| h.id).collect();
        Ok(reader.load(&ids)?.into_iter().map(|(_, s)| s.text).collect::<Vec<_>>())
    };
    let mut texts = index.read(scope, read).await?;
    texts.sort();
    Ok(texts)
}

pub(super) async fn found(index: &Index, tenant: u128, bases: &[u128], question: &str) -> Vec<String> {
    search(index, tenant, bases, question).await.expect("searched")
}

pub(super) async fn count(index: &Index) -> usize {
    index.count().await.expect("counted")
}
