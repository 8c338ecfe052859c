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

/// An agent's reply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    pub turn: TurnNo,
    /// Markdown; citations stand as `[n]`.
    pub text: String,
    pub citations: Vec<Citation>,
    /// The agent said that it does not know.
    pub abstained: bool,
    /// The sum over the turn's completions.
    pub usage: Usage,
}
