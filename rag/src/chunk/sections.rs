//! The parts of a document between headings, with the place of every block in the whole text.

use crate::document::{Block, Extraction};
use std::ops::Range;

/// What stands under one heading path.
#[derive(Debug)]
pub struct Section<'a> {
    /// Outermost first.
    pub headings: Vec<String>,
    pub parts: Vec<Part<'a>>,
}

impl Section<'_> {
    /// From its first part to its last, in bytes of [`Extraction::text`].
    pub fn range(&self) -> Range<usize> {
        let start = self.parts.first().map_or(0, |p| p.range.start);
        start..self.parts.last().map_or(start, |p| p.range.end)
    }
}

/// A block that is no heading, or a heading under which nothing stands.
#[derive(Debug, Clone)]
pub struct Part<'a> {
    pub block: &'a Block,
    pub page: u32,
    /// In bytes of [`Extraction::text`].
    pub range: Range<usize>,
}

/// Every section that holds something.
pub fn of(extraction: &Extraction) -> Vec<Section<'_>> {
    let mut path: Vec<(u8, String)> = Vec::new();
    let mut out: Vec<Section<'_>> = Vec::new();
    let mut current = Section { headings: Vec::new(), parts: Vec::new() };
    let parts = places(extraction);
    for (index, part) in parts.iter().enumerate() {
        let Block::Heading { level, text } = part.block else {
            current.parts.push(part.clone());
            continue;
        };
        path.retain(|(above, _)| above < level);
        let next = parts.get(index + 1).map(|p| p.block);
        let bare = match next {
            None => true,
            Some(Block::Heading { level: below, .. }) => below <= level,
            Some(_) => false,
        };
        let above: Vec<String> = path.iter().map(|(_, text)| text.clone()).collect();
        path.push((*level, text.clone()));
        let headings = path.iter().map(|(_, text)| text.clone()).collect();
        out.push(std::mem::replace(&mut current, Section { headings, parts: Vec::new() }));
        if bare {
            // Its words would be found nowhere else.
            out.push(Section { headings: above, parts: vec![part.clone()] });
        }
    }
    out.push(current);
    out.retain(|s| !s.parts.is_empty());
    out
}

/// Every block with its place; mirrors [`Extraction::text`].
fn places(extraction: &Extraction) -> Vec<Part<'_>> {
    let mut at = 0;
    let mut out = Vec::new();
    for (index, (page, block)) in
        extraction.pages.iter().flat_map(|p| p.blocks.iter().map(|b| (p.number, b))).enumerate()
    {
        if index > 0 {
            at += 2;
        }
        let length = block.text().len();
        out.push(Part { block, page, range: at..at + length });
        at += length;
    }
    out
}
