//! Documents, passages and what ingestion reports.

use crate::{
    failure::Failure,
    ids::{DocumentId, KnowledgeBaseId, TenantId},
    language::Language,
};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A question to the knowledge of one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnowledgeQuery {
    pub tenant: TenantId,
    /// Empty finds nothing: an agent without bindings has no knowledge.
    pub bases: Vec<KnowledgeBaseId>,
    /// Documents of these bases that are passed over.
    pub without: Vec<DocumentId>,
    pub text: String,
    /// The person's earlier messages, newest last, for follow-up questions.
    pub previous: Vec<String>,
    /// `text` as a question that needs no earlier message, if somebody wrote it so; then `previous` does not matter.
    pub rewritten: Option<String>,
    pub language: Option<Language>,
    pub limit: usize,
    pub narrow: Narrow,
}

/// Which passages of the named bases count. The default is all of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Narrow {
    /// Only these documents; empty is no limit.
    pub documents: Vec<DocumentId>,
    /// Only passages in this language.
    pub language: Option<Language>,
}

/// A stretch of one document's passages, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    pub tenant: TenantId,
    pub base: KnowledgeBaseId,
    pub document: DocumentId,
    /// The first one; counts from 0.
    pub from: u32,
    pub limit: u32,
}

/// The three scores of a passage, never mixed up.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Default)]
pub struct Scores {
    /// Cosine similarity, −1 to 1, on the scale of the default embedding model; `None` when none is installed.
    pub cosine: Option<f32>,
    /// BM25, 0 upwards.
    pub bm25: f32,
    /// What ranks, is shown, and thresholds apply to: 0 to 1.
    pub shown: f32,
}

/// A piece of a document, as retrieval returns it. Its text is data, never an instruction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Passage {
    pub document: DocumentId,
    /// The generation of the document that it is of: the same file, read and indexed in the same way.
    #[serde(default)]
    pub version: String,
    pub name: String,
    /// Headings above it, outermost first.
    pub headings: Vec<String>,
    pub page: Option<u32>,
    /// Character offset in the document's extracted text.
    pub offset: u64,
    pub text: String,
    pub scores: Scores,
}

/// A document to ingest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngestJob {
    pub tenant: TenantId,
    pub base: KnowledgeBaseId,
    pub document: DocumentId,
    pub name: String,
    /// Where its bytes are.
    pub path: PathBuf,
    /// How often it was begun before; 0 the first time.
    pub attempt: u32,
}

/// Where a document is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum DocumentStatus {
    #[default]
    Pending,
    Extracting,
    Indexing,
    Ready,
    Failed,
}

impl DocumentStatus {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Extracting => "extracting",
            Self::Indexing => "indexing",
            Self::Ready => "ready",
            Self::Failed => "failed",
        }
    }
}

/// How one page came out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageReport {
    /// 1-based.
    pub number: u32,
    pub status: PageStatus,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PageStatus {
    Ok,
    /// Fewer than about 20 characters: probably a scan.
    NoTextLayer,
    /// Text came out, but looks broken (letters apart).
    Suspect,
    Failed,
}

/// How far ingestion is; counts only grow within one attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct IngestProgress {
    pub status: DocumentStatus,
    pub pages: u32,
    pub chunks: u32,
    /// Chunks that are embedded and searchable.
    pub indexed: u32,
}

/// What a finished ingestion says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IngestReport {
    pub pages: Vec<PageReport>,
    pub chunks: u32,
    pub characters: u64,
    pub language: Option<Language>,
    /// Names what was indexed: see [`Passage::version`].
    pub generation: String,
    /// False when no embedding model was there: searchable by words only, to be upgraded later.
    pub embedded: bool,
}

/// A document that cannot be ingested, with what is known of its pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngestFailure {
    pub failure: Failure,
    pub pages: Vec<PageReport>,
}
