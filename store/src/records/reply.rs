use super::{read, write};
use colloquy_domain::{
    ids::DocumentId,
    knowledge::{PageReport, PageStatus},
    outbound::{Checks, Citation},
    ports::StoreError,
};
use serde::{Deserialize, Serialize};

/// A passage that a reply rests on. Version 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CitationRecord {
    pub number: u32,
    pub document: DocumentId,
    /// Absent in rows from before versions were kept.
    #[serde(default)]
    pub version: String,
    pub name: String,
    #[serde(default)]
    pub page: Option<u32>,
    pub offset: u64,
    pub quote: String,
    pub score: f32,
}

impl CitationRecord {
    pub(crate) fn json(citations: &[Citation]) -> Result<String, StoreError> {
        write(&citations.iter().cloned().map(Self::from).collect::<Vec<_>>())
    }

    pub(crate) fn parse(text: &str) -> Result<Vec<Citation>, StoreError> {
        Ok(read::<Vec<Self>>("citations", text)?.into_iter().map(Citation::from).collect())
    }
}

impl From<Citation> for CitationRecord {
    fn from(c: Citation) -> Self {
        let Citation { number, document, version, name, page, offset, quote, score } = c;
        Self { number, document, version, name, page, offset, quote, score }
    }
}

impl From<CitationRecord> for Citation {
    fn from(r: CitationRecord) -> Self {
        let CitationRecord { number, document, version, name, page, offset, quote, score } = r;
        Self { number, document, version, name, page, offset, quote, score }
    }
}

/// What came out when a reply was held against its passages. Version 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct ChecksRecord {
    pub dropped_citations: u32,
    pub unsupported: Vec<String>,
    pub withheld: bool,
}

impl ChecksRecord {
    /// `None` where nothing came out.
    pub(crate) fn json(checks: &Checks) -> Result<Option<String>, StoreError> {
        if *checks == Checks::default() {
            return Ok(None);
        }
        write(&Self::from(checks.clone())).map(Some)
    }

    pub(crate) fn parse(text: &str) -> Result<Checks, StoreError> {
        read::<Self>("checks", text).map(Checks::from)
    }
}

impl From<Checks> for ChecksRecord {
    fn from(c: Checks) -> Self {
        let Checks { dropped_citations, unsupported, withheld } = c;
        Self { dropped_citations, unsupported, withheld }
    }
}

impl From<ChecksRecord> for Checks {
    fn from(r: ChecksRecord) -> Self {
        let ChecksRecord { dropped_citations, unsupported, withheld } = r;
        Self { dropped_citations, unsupported, withheld }
    }
}

/// How one page of a document came out. Version 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageRecord {
    pub number: u32,
    pub status: PageStatusRecord,
}

/// See [`PageStatus`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PageStatusRecord {
    Ok,
    NoTextLayer,
    Suspect,
    Failed,
}

impl PageRecord {
    pub(crate) fn json(pages: &[PageReport]) -> Result<String, StoreError> {
        write(&pages.iter().map(Self::from).collect::<Vec<_>>())
    }

    pub(crate) fn parse(text: &str) -> Result<Vec<PageReport>, StoreError> {
        Ok(read::<Vec<Self>>("pages", text)?.into_iter().map(PageReport::from).collect())
    }
}

impl From<&PageReport> for PageRecord {
    fn from(p: &PageReport) -> Self {
        let status = match p.status {
            PageStatus::Ok => PageStatusRecord::Ok,
            PageStatus::NoTextLayer => PageStatusRecord::NoTextLayer,
            PageStatus::Suspect => PageStatusRecord::Suspect,
            PageStatus::Failed => PageStatusRecord::Failed,
        };
        Self { number: p.number, status }
    }
}

impl From<PageRecord> for PageReport {
    fn from(r: PageRecord) -> Self {
        let status = match r.status {
            PageStatusRecord::Ok => PageStatus::Ok,
            PageStatusRecord::NoTextLayer => PageStatus::NoTextLayer,
            PageStatusRecord::Suspect => PageStatus::Suspect,
            PageStatusRecord::Failed => PageStatus::Failed,
        };
        Self { number: r.number, status }
    }
}
