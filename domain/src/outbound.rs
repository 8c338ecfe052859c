//! What an agent says, before a channel marks it up.

use crate::{
    ids::{DocumentId, TurnNo},
    model::Usage,
};
use serde::{Deserialize, Serialize};

/// A passage that a reply rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Citation {
    /// The number it has in the text, `[1]`, `[2]`, …
    pub number: u32,
    pub document: DocumentId,
    /// The generation of the document that the passage was of; empty if it is not known.
    #[serde(default)]
    pub version: String,
    /// The document's name, as uploaded.
    pub name: String,
    /// 1-based; `None` where the format has no pages.
    pub page: Option<u32>,
    /// Character offset of the passage in the document's extracted text.
    pub offset: u64,
    /// The words of the passage that the reply rests on.
    pub quote: String,
    /// The score that is shown and that thresholds apply to, 0 to 1.
    pub score: f32,
}

/// What came out when a reply was held against its passages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Checks {
    /// Citations that named no passage; they were removed.
    pub dropped_citations: u32,
    /// Sentences that neither the passages nor the tools' results support, without their marks; long ones are cut.
    pub unsupported: Vec<String>,
    /// Those sentences were left out of the text.
    pub withheld: bool,
}

/// An agent's reply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    pub turn: TurnNo,
    /// Markdown; citations stand as `[n]`.
    pub text: String,
    pub citations: Vec<Citation>,
    /// The agent said that it does not know.
    pub abstained: bool,
    #[serde(default)]
    pub checks: Checks,
    /// The sum over the turn's completions.
    pub usage: Usage,
}
