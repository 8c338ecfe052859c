//! Tables that are too large for one passage: each piece repeats the caption and the header row.

use super::measure::{Size, words};
use crate::document::Block;
use std::ops::Range;

/// A piece of a table.
pub struct Piece {
    /// Where its first row (or the table, for the first piece) begins in the table's text, in bytes.
    pub start: usize,
    pub text: String,
}

/// Cuts a table between rows, and within a row only when that alone is too large.
pub fn split(block: &Block, most: Size) -> Vec<Piece> {
    let Block::Table { caption, header, rows } = block else { return Vec::new() };
    let text = block.text();
    let head = caption.iter().cloned().chain((!header.is_empty()).then(|| header.join(" | "))).collect::<Vec<_>>();
    let head = head.join("\n");
    let rows = row_ranges(&text, head.len(), rows);
    // A header that fills half the passage is cut like a row and not repeated.
    let repeated = Size::of(&head).fits(Size { words: most.words / 2, tokens: most.tokens / 2 });
    let (prefix, lead) = if repeated { (head.as_str(), None) } else { ("", Some(0..head.len())) };
    let taken = Size::of(prefix);
    let room = Size { words: most.words - taken.words, tokens: most.tokens - taken.tokens };
    let mut pieces: Vec<Piece> = Vec::new();
    let mut group: Option<(Range<usize>, Size)> = None;
    let mut close = |group: Option<(Range<usize>, Size)>| {
        let Some((range, _)) = group else { return };
        let first = pieces.is_empty() && repeated;
        let body = &text[range.clone()];
        let text = if prefix.is_empty() { body.to_owned() } else { format!("{prefix}\n{body}") };
        pieces.push(Piece { start: if first { 0 } else { range.start }, text });
    };
    for row in lead.into_iter().chain(rows).flat_map(|row| fitting(&text, row, room)) {
        let size = Size::of(&text[row.clone()]);
        match &mut group {
            Some((range, sum)) if (*sum + size).fits(room) => {
                range.end = row.end;
                *sum += size;
            }
            _ => close(group.replace((row, size))),
        }
    }
    close(group);
    pieces
}

/// Where each row that holds something stands; mirrors [`Block::text`].
fn row_ranges(text: &str, head: usize, rows: &[Vec<String>]) -> Vec<Range<usize>> {
    let mut at = head;
    let filled = rows.iter().filter(|row| !row.is_empty());
    filled
        .map(|row| {
            let start = if at == 0 { 0 } else { at + 1 };
            at = start + row.iter().map(String::len).sum::<usize>() + 3 * (row.len() - 1);
            start..at.min(text.len())
        })
        .collect()
}

/// The row, or its pieces when it is too large.
fn fitting(text: &str, row: Range<usize>, most: Size) -> Vec<Range<usize>> {
    let mut out: Vec<Range<usize>> = Vec::new();
    let mut size = Size::default();
    for word in words(&text[row.clone()]) {
        let word = row.start + word.start..row.start + word.end;
        let one = Size::of(&text[word.clone()]);
        match out.last_mut() {
            Some(piece) if (size + one).fits(most) => {
                piece.end = word.end;
                size += one;
            }
            _ => {
                out.push(word);
                size = one;
            }
        }
    }
    out
}
