//! PDF: page by page through `pdf_oxide`, gaps filled by `pdf-extract`; every page has its own status.
//!
//! Both libraries panic on some real files and never end on some pages, so each page is read behind `catch_unwind` and for
//! a limited time; stack overflows and memory are the business of the child process that all of this runs in.

mod furniture;
mod layout;
mod patience;
mod primary;
mod rtl;
mod secondary;

use super::{Cause, ExtractLimits, Format, Sniff, paged};
use crate::document::{Extraction, Page};
use colloquy_domain::knowledge::PageStatus;
use patience::Patience;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

pub const FORMAT: Format =
    Format { name: "PDF", extensions: &["pdf"], media_types: &["application/pdf"], sniff: Sniff::Sure(sniff), extract };

/// How far into the file the mark may stand; readers accept this much in front of it.
const HEAD: usize = 1024;
/// Fewer characters than this on a page with a picture are no text layer.
const MIN_CHARACTERS: usize = 20;
/// Pages with fewer letters than this are shown to the second reader too: now and then the first one loses a page but
/// for a line.
const FEW_LETTERS: usize = 100;

/// Pages that may run for ever before the rest of the document is given up: each costs its time.
const MOST_STUCK: usize = 2;

/// A line of a page with what is known of its type; an empty text is a gap between paragraphs.
#[derive(Debug, Clone, PartialEq, Default)]
struct Line {
    text: String,
    /// Font size in points; 0 when unknown.
    size: f32,
    bold: bool,
}

#[derive(Debug, Clone, Default)]
struct RawPage {
    lines: Vec<Line>,
    /// Tables that the library found: rows of cells. Their text is also among the lines.
    tables: Vec<Vec<Vec<String>>>,
    /// Whether the page shows pictures, so that little text hints at a scan.
    pictures: bool,
}

fn sniff(bytes: &[u8]) -> bool {
    bytes[..bytes.len().min(HEAD)].windows(5).any(|w| w == b"%PDF-")
}

fn extract(bytes: &[u8], limits: &ExtractLimits) -> Result<Extraction, Cause> {
    let bytes: Arc<[u8]> = bytes.into();
    let first = match guarded(|| primary::Reader::open(&bytes)) {
        Some(Err(Cause { code: Cause::ENCRYPTED, sentence })) => return Err(Cause::new(Cause::ENCRYPTED, sentence)),
        Some(Ok(reader)) => Some(reader),
        // Damaged for one library is often readable for the other.
        Some(Err(_)) | None => None,
    };
    let count = match first.as_ref().and_then(|r| guarded(|| r.page_count()).flatten()) {
        Some(count) => count,
        None => guarded(|| secondary::Reader::new(bytes.clone()).page_count())
            .unwrap_or_else(|| Err(Cause::damaged("PDF")))?,
    };
    if count == 0 {
        return Err(Cause::new(Cause::EMPTY, "the document has no pages"));
    }
    if count > limits.pages {
        let sentence = format!("the document has {count} pages; at most {} are read", limits.pages);
        return Err(Cause::new(Cause::TOO_MANY_PAGES, sentence));
    }
    let title = first.as_ref().and_then(|r| guarded(|| r.title()).flatten());
    let mut raw = read_pages(&bytes, count, first.is_some(), limits);
    furniture::remove(&mut raw);
    Ok(assemble(&raw, title))
}

/// Each page from whichever library reads it better; `None` where neither does.
fn read_pages(bytes: &Arc<[u8]>, count: usize, first_opens: bool, limits: &ExtractLimits) -> Vec<Option<RawPage>> {
    let patience = Patience { page: limits.page_wall, stuck: MOST_STUCK, stack: limits.stack_bytes };
    let all: Vec<usize> = (0..count).collect();
    let mut pages: Vec<Option<RawPage>> = if first_opens {
        let bytes = bytes.clone();
        patience::pages(&all, patience, move || primary::Reader::open(&bytes).ok(), |r, index| r.page(index))
    } else {
        all.iter().map(|_| None).collect()
    };
    let doubtful = |page: &Option<RawPage>| page.as_ref().is_none_or(|p| letters(p) < FEW_LETTERS || looks_broken(p));
    let wanted: Vec<usize> = all.into_iter().filter(|i| doubtful(&pages[*i])).collect();
    let bytes = bytes.clone();
    let others = patience::pages(
        &wanted,
        patience,
        move || Some(secondary::Reader::new(bytes.clone())),
        |r, index| r.page(index),
    );
    for (index, other) in wanted.into_iter().zip(others) {
        let page = pages[index].take();
        pages[index] = better(page, other);
    }
    pages
}

fn better(page: Option<RawPage>, other: Option<RawPage>) -> Option<RawPage> {
    let (Some(page), Some(other)) = (&page, &other) else { return page.or(other) };
    let other_is_better = if looks_broken(page) {
        !looks_broken(other) && letters(other) * 2 > letters(page)
    } else {
        letters(page) < MIN_CHARACTERS && letters(other) > letters(page)
            || letters(other) > 2 * letters(page) && !looks_broken(other)
    };
    Some(if other_is_better { RawPage { pictures: page.pictures, ..other.clone() } } else { page.clone() })
}

fn assemble(raw: &[Option<RawPage>], title: Option<String>) -> Extraction {
    let style = layout::Style::of(raw);
    let pages: Vec<Page> = raw
        .iter()
        .zip(1..)
        .map(|(page, number)| match page {
            None => Page { number, status: PageStatus::Failed, blocks: Vec::new() },
            Some(page) => Page { number, status: status(page), blocks: layout::blocks(page, &style) },
        })
        .collect();
    paged(title, pages)
}

fn status(page: &RawPage) -> PageStatus {
    let letters = letters(page);
    if letters == 0 || (letters < MIN_CHARACTERS && page.pictures) {
        PageStatus::NoTextLayer
    } else if looks_broken(page) {
        PageStatus::Suspect
    } else {
        PageStatus::Ok
    }
}

fn letters(page: &RawPage) -> usize {
    page.lines.iter().flat_map(|l| l.text.chars()).filter(|c| c.is_alphanumeric()).count()
}

/// Letters set apart ("H e l l o"), or glyphs without a meaning.
fn looks_broken(page: &RawPage) -> bool {
    let (mut words, mut single, mut characters, mut meaningless) = (0_usize, 0_usize, 0_usize, 0_usize);
    for word in page.lines.iter().flat_map(|l| l.text.split_whitespace()) {
        words += 1;
        let mut chars = word.chars();
        let first = chars.next();
        // Ideographs are words of one character.
        single += usize::from(chars.next().is_none() && first.is_some_and(|c| c.is_alphabetic() && c < '\u{2E80}'));
        for c in word.chars() {
            characters += 1;
            meaningless +=
                usize::from(c == char::REPLACEMENT_CHARACTER || matches!(c, '\u{E000}'..='\u{F8FF}') || c.is_control());
        }
    }
    (words >= MIN_CHARACTERS && single * 4 > words) || (characters >= MIN_CHARACTERS && meaningless * 10 > characters)
}

/// The letters and digits alone: what the same words have in common wherever their spaces are.
fn squeezed(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

/// `None` when the library panics.
fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

#[cfg(test)]
mod tests;
