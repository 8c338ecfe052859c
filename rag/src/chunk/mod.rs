//! From an extracted document to passages of about 200 words, along its own structure.
//!
//! A passage never crosses a heading; it breaks at paragraphs, then at sentences, and only within a sentence when that
//! alone is too long. On pages it ends with the page unless a sentence runs on, so that the page it names is the page
//! its words are on. Except for pieces of a split table, a passage is a contiguous slice of [`Extraction::text`].

mod density;
mod measure;
mod pack;
mod sections;
mod table;

pub use density::Vocabulary;

use crate::document::{Chunk, Extraction};

/// Sizes of passages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkOptions {
    /// Most words of a passage, its overlap included. A short rest is merged into it up to an eighth more.
    pub max_words: usize,
    /// Most tokens of the embedding model, by an estimate for the language; see [`Vocabulary`].
    pub max_tokens: usize,
    /// Most words repeated from the passage before, in the same section and on the same page.
    pub overlap_words: usize,
    /// What the model's tokens were made from.
    pub vocabulary: Vocabulary,
}

impl Default for ChunkOptions {
    fn default() -> Self {
        Self { max_words: 200, max_tokens: 240, overlap_words: 30, vocabulary: Vocabulary::English }
    }
}

impl ChunkOptions {
    /// The same where a text of this density is to fit: `percent` estimated tokens stand for 100 real ones.
    const fn at_density(self, percent: usize) -> Self {
        Self { max_tokens: self.max_tokens * percent / 100, ..self }
    }

    /// A rest of fewer words is merged back.
    const fn tiny(&self) -> usize {
        self.max_words / 8
    }
}

/// The passages of a document, in its order.
#[must_use]
pub fn chunk(extraction: &Extraction, options: ChunkOptions) -> Vec<Chunk> {
    let text = extraction.text();
    let mut out = Vec::new();
    let mut cursor = Characters { text: &text, bytes: 0, characters: 0 };
    let usual = options.vocabulary.percent(&text).unwrap_or(100);
    for section in sections::of(extraction) {
        // A document may be in two languages.
        let percent = options.vocabulary.percent(&text[section.range()]).unwrap_or(usual);
        let options = options.at_density(percent);
        for passage in pack::pack(&text, &section, options) {
            out.push(Chunk {
                ordinal: u32::try_from(out.len()).unwrap_or(u32::MAX),
                headings: section.headings.clone(),
                page: extraction.paged.then_some(passage.page),
                offset: cursor.at(passage.start),
                text: passage.text,
            });
        }
    }
    out
}

/// What both indexes see: `title > heading path` above the words. Headings that repeat the title are not repeated.
#[must_use]
pub fn indexed_text(title: &str, chunk: &Chunk) -> String {
    let title = title.trim();
    let headings = chunk.headings.iter().map(|h| h.trim()).filter(|h| !h.is_empty() && *h != title);
    let path = std::iter::once(title).filter(|t| !t.is_empty()).chain(headings).collect::<Vec<_>>().join(" > ");
    if path.is_empty() { chunk.text.clone() } else { format!("{path}\n{}", chunk.text) }
}

/// Byte positions, asked for in nearly ascending order, as character positions.
struct Characters<'a> {
    text: &'a str,
    bytes: usize,
    characters: u64,
}

impl Characters<'_> {
    fn at(&mut self, bytes: usize) -> u64 {
        let count = |text: &str| text.chars().count() as u64;
        if bytes >= self.bytes {
            self.characters += count(&self.text[self.bytes..bytes]);
        } else {
            self.characters -= count(&self.text[bytes..self.bytes]);
        }
        self.bytes = bytes;
        self.characters
    }
}

#[cfg(test)]
mod tests;
