//! What a point looks like in every store: its id, payload, vectors and the indexes over its payload.

use crate::{chunk::indexed_text, document::Chunk, embed::Vector, models::manifest::DEFAULT_MODEL, sparse::Sparse};
use colloquy_domain::{
    ids::{DocumentId, KnowledgeBaseId, TenantId},
    knowledge::Narrow,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Version of the layout: of the folder or of the collections.
pub(super) const LAYOUT: u32 = 1;

/// Names of the vectors. Those of an embedding model of another length than the default's lie beside them, see
/// [`dense_of`].
pub(super) const DENSE: &str = "dense";
pub(super) const WORDS: &str = "words";

/// What dense vectors of this length are called.
pub(super) fn dense_of(dimension: usize) -> String {
    if dimension == DEFAULT_MODEL.dimension { DENSE.to_owned() } else { format!("{DENSE}-{dimension}") }
}

/// Whether dense vectors of some length are called so.
pub(super) fn is_dense(name: &str) -> bool {
    name.strip_prefix(DENSE).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

pub(super) const TENANT: &str = "tenant_id";
pub(super) const BASE: &str = "kb_id";
pub(super) const DOCUMENT: &str = "document_id";
pub(super) const GENERATION: &str = "generation";
pub(super) const MODEL: &str = "model";
pub(super) const LIVE: &str = "live";
pub(super) const SCRIPT: &str = "script";
/// On a server: which replacement showed the passage last.
pub(super) const SHOWN_BY: &str = "shown_by";
pub(super) const ORDINAL: &str = "ordinal";

/// `model` of a passage that was indexed by words alone.
pub(crate) const NO_MODEL: &str = "none";

/// How a payload key is indexed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Indexed {
    /// Keywords; the key that separates tenants.
    Tenant,
    /// Keywords that searches narrow down to.
    Narrowing,
    /// Keywords that nothing is searched within: no vector links for their values.
    Lookup,
    Flag,
}

/// Payload keys with an index: without one, a filter reads the payload of every candidate.
pub(super) const INDEXES: [(&str, Indexed); 6] = [
    (TENANT, Indexed::Tenant),
    (BASE, Indexed::Narrowing),
    (DOCUMENT, Indexed::Lookup),
    (GENERATION, Indexed::Lookup),
    (MODEL, Indexed::Lookup),
    (LIVE, Indexed::Flag),
];

/// A document of a knowledge base of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DocumentKey {
    pub tenant: TenantId,
    pub base: KnowledgeBaseId,
    pub document: DocumentId,
}

/// Where a query may look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    pub tenant: TenantId,
    pub bases: Vec<KnowledgeBaseId>,
    /// Documents that are passed over.
    pub without: Vec<DocumentId>,
    pub narrow: Narrow,
    /// Whose vectors are compared with the question's: those of other models say nothing about it.
    pub model: String,
}

/// A passage as stored: everything that a reader or a citation needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    #[serde(rename = "tenant_id")]
    pub tenant: TenantId,
    #[serde(rename = "kb_id")]
    pub base: KnowledgeBaseId,
    #[serde(rename = "document_id")]
    pub document: DocumentId,
    /// Which content, model and pipeline it came from.
    pub generation: String,
    /// Whether readers see it.
    pub live: bool,
    /// The embedding model, or `none`.
    pub model: String,
    /// How its words were analysed: `en`, `fr` or `xx`.
    pub script: String,
    pub ordinal: u32,
    pub name: String,
    /// The document's own, where it differs from its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    pub headings: Vec<String>,
    pub page: Option<u32>,
    /// Characters.
    pub offset: u64,
    pub text: String,
}

/// A passage to write.
#[derive(Debug, Clone)]
pub struct NewPassage {
    pub stored: Stored,
    pub words: Sparse,
    /// `None` without an embedding model.
    pub dense: Option<Vector>,
}

/// A passage as it lies in a store, with its id and vectors: what is moved from one store to another.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    pub id: Uuid,
    pub stored: Stored,
    pub words: Sparse,
    /// Of length 1, as stores keep it.
    pub dense: Option<Vector>,
}

impl Stored {
    #[must_use]
    pub const fn key(&self) -> DocumentKey {
        DocumentKey { tenant: self.tenant, base: self.base, document: self.document }
    }

    /// Of which content it is, whichever model made its vectors: a generation is `content-model`.
    #[must_use]
    pub fn version(&self) -> &str {
        self.generation.split_once('-').map_or(&self.generation, |(content, _)| content)
    }

    /// What its vectors are made of: the words under the document's title and their headings.
    #[must_use]
    pub fn indexed(&self) -> String {
        let Self { ordinal, headings, page, offset, text, .. } = self.clone();
        indexed_text(self.title.as_ref().unwrap_or(&self.name), &Chunk { ordinal, headings, page, offset, text })
    }

    /// The id of another passage of the same generation.
    pub(crate) fn sibling(&self, ordinal: u32) -> Uuid {
        point_id_of(self.key(), &self.generation, ordinal)
    }
}

impl From<NewPassage> for Point {
    fn from(new: NewPassage) -> Self {
        Self { id: point_id(&new.stored), stored: new.stored, words: new.words, dense: new.dense }
    }
}

/// The same passage of the same generation always has the same id, so that writing it twice leaves one.
fn point_id(stored: &Stored) -> Uuid {
    stored.sibling(stored.ordinal)
}

fn point_id_of(key: DocumentKey, generation: &str, ordinal: u32) -> Uuid {
    let key = key_parts(key);
    let [tenant, base, document] = key.each_ref().map(Uuid::as_bytes);
    hashed(&[tenant, base, document, generation.as_bytes(), &ordinal.to_be_bytes()])
}

pub(super) const fn key_parts(key: DocumentKey) -> [Uuid; 3] {
    [key.tenant.uuid(), key.base.uuid(), key.document.uuid()]
}

/// An id made of the SHA-256 of the parts.
pub(super) fn hashed(parts: &[&[u8]]) -> Uuid {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    let mut bytes = [0_u8; 16];
    bytes.copy_from_slice(&hash.finalize()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}
