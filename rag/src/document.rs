//! What extraction gives and chunking takes: the wire form between the child process and its parent, version 1.

use colloquy_domain::{
    failure::Failure,
    knowledge::{PageReport, PageStatus},
};
use serde::{Deserialize, Serialize};

/// A document read from its file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extraction {
    /// Version of this shape.
    pub v: u16,
    pub status: ExtractStatus,
    /// `area.cause: sentence`, when `status` is not `ok`.
    pub cause: Option<String>,
    /// From the document's own properties or its first heading.
    pub title: Option<String>,
    /// At least one; formats without pages have exactly one, with `paged` false.
    pub pages: Vec<Page>,
    /// Whether page numbers mean something to a reader (PDF) or not (Markdown, HTML, DOCX, text, CSV).
    pub paged: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExtractStatus {
    Ok,
    /// Some pages failed or hold no text; the others are usable.
    Partial,
    /// Nothing is usable.
    Failed,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// 1-based.
    pub number: u32,
    pub status: PageStatus,
    pub blocks: Vec<Block>,
}

/// A piece of structure, in reading order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "block", rename_all = "snake_case")]
pub enum Block {
    /// `level` is 1 for the outermost.
    Heading {
        level: u8,
        text: String,
    },
    Paragraph {
        text: String,
    },
    /// One item; `text` starts without bullet or number.
    ListItem {
        text: String,
    },
    /// `header` may be empty.
    Table {
        caption: Option<String>,
        header: Vec<String>,
        rows: Vec<Vec<String>>,
    },
    Code {
        text: String,
    },
}

/// A passage in the making.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Place in the document, from 0.
    pub ordinal: u32,
    /// Headings above it, outermost first.
    pub headings: Vec<String>,
    /// The page it begins on; `None` where the format has no pages.
    pub page: Option<u32>,
    /// Character offset in [`Extraction::text`].
    pub offset: u64,
    /// The words themselves, for quoting.
    pub text: String,
}

impl Extraction {
    pub const VERSION: u16 = 1;

    /// The whole text: blocks one after the other, two line breaks between them.
    #[must_use]
    pub fn text(&self) -> String {
        self.pages.iter().flat_map(|p| &p.blocks).map(Block::text).collect::<Vec<_>>().join("\n\n")
    }

    /// Why nothing of it is usable; such a document fails the same way every time.
    #[must_use]
    pub fn failure(&self) -> Option<Failure> {
        if self.status != ExtractStatus::Failed {
            return None;
        }
        let cause = self.cause.as_deref().unwrap_or("extract.crashed: the document could not be read");
        let (code, detail) = cause.split_once(": ").unwrap_or((cause, "the document could not be read"));
        Some(Failure::reject(code, detail))
    }

    #[must_use]
    pub fn reports(&self) -> Vec<PageReport> {
        self.pages.iter().map(|p| PageReport { number: p.number, status: p.status }).collect()
    }
}

impl Page {
    #[must_use]
    pub fn text(&self) -> String {
        self.blocks.iter().map(Block::text).collect::<Vec<_>>().join("\n\n")
    }
}

impl Block {
    /// As plain text; a table as lines of ` | ` separated cells.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Heading { text, .. } | Self::Paragraph { text } | Self::ListItem { text } | Self::Code { text } => {
                text.clone()
            }
            Self::Table { caption, header, rows } => {
                let lines = std::iter::once(header).chain(rows).filter(|r| !r.is_empty()).map(|r| r.join(" | "));
                caption.iter().cloned().chain(lines).collect::<Vec<_>>().join("\n")
            }
        }
    }
}
