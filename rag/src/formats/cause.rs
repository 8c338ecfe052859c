//! Why a document cannot be read, in a code for programs and a sentence for people.

use crate::document::{ExtractStatus, Extraction};
use std::fmt;

/// A named cause; shown as `extract.code: sentence`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// `area.cause`, stable.
    pub code: &'static str,
    pub sentence: String,
}

impl Cause {
    pub const UNKNOWN_FORMAT: &'static str = "extract.unknown_format";
    pub const ENCRYPTED: &'static str = "extract.encrypted";
    pub const NO_TEXT_LAYER: &'static str = "extract.no_text_layer";
    pub const EMPTY: &'static str = "extract.empty";
    pub const DAMAGED: &'static str = "extract.damaged";
    pub const ZIP_BOMB: &'static str = "extract.zip_bomb";
    pub const XML_ENTITIES: &'static str = "extract.xml_entities";
    pub const SYMLINK: &'static str = "extract.symlink";
    pub const TOO_LARGE: &'static str = "extract.too_large";
    pub const TOO_MANY_PAGES: &'static str = "extract.too_many_pages";
    pub const NOT_A_FILE: &'static str = "extract.not_a_file";
    pub const UNREADABLE: &'static str = "extract.unreadable";
    pub const CRASHED: &'static str = "extract.crashed";
    pub const TIMEOUT: &'static str = "extract.timeout";
    pub const OUT_OF_MEMORY: &'static str = "extract.out_of_memory";
    pub const PAGES_FAILED: &'static str = "extract.pages_failed";
    pub const OUTPUT_TOO_LARGE: &'static str = "extract.output_too_large";
    pub const CANNOT_START: &'static str = "extract.cannot_start";

    pub fn new(code: &'static str, sentence: impl Into<String>) -> Self {
        Self { code, sentence: sentence.into() }
    }

    pub fn empty() -> Self {
        Self::new(Self::EMPTY, "the document holds no text")
    }

    pub fn damaged(what: &str) -> Self {
        Self::new(Self::DAMAGED, format!("the file is damaged or not really a {what}: it cannot be opened"))
    }

    pub fn encrypted() -> Self {
        Self::new(Self::ENCRYPTED, "the document is protected by a password; upload it without one")
    }

    pub fn crashed() -> Self {
        Self::new(Self::CRASHED, "the document broke the program that reads it; it may be damaged")
    }

    /// The extraction that says only this.
    #[must_use]
    pub fn into_extraction(self) -> Extraction {
        Extraction {
            v: Extraction::VERSION,
            status: ExtractStatus::Failed,
            cause: Some(self.to_string()),
            title: None,
            pages: Vec::new(),
            paged: false,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.sentence)
    }
}
