//! PDF: page by page through `pdf_oxide`, gaps filled by `pdf-extract`; every page has its own status.
//!
//! Both libraries panic on some real files, so each page is read behind `catch_unwind`; hangs and stack overflows are
//! the business of the child process that all of this runs in.

mod furniture;
mod layout;
mod primary;
mod secondary;

use super::{Cause, ExtractLimits, Format, Sniff};
use crate::document::{Block, ExtractStatus, Extraction, Page};
use colloquy_domain::knowledge::PageStatus;
use std::panic::{AssertUnwindSafe, catch_unwind};

pub const FORMAT: Format =
    Format { name: "PDF", extensions: &["pdf"], media_types: &["application/pdf"], sniff: Sniff::Sure(sniff), extract };

/// How far into the file the mark may stand; readers accept this much in front of it.
const HEAD: usize = 1024;
/// Fewer characters than this on a page with a picture are no text layer.
const MIN_CHARACTERS: usize = 20;
/// Pages with fewer letters than this are shown to the second reader too: now and then the first one loses a page but
/// for a line.
const FEW_LETTERS: usize = 100;

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
    let mut second = secondary::Reader::new(bytes);
    let first = match guarded(|| primary::Reader::open(bytes)) {
        Some(Err(Cause { code: Cause::ENCRYPTED, sentence })) => return Err(Cause::new(Cause::ENCRYPTED, sentence)),
        Some(Ok(reader)) => Some(reader),
        // Damaged for one library is often readable for the other.
        Some(Err(_)) | None => None,
    };
    let count = match first.as_ref().and_then(|r| guarded(|| r.page_count()).flatten()) {
        Some(count) => count,
        None => guarded(AssertUnwindSafe(|| second.page_count())).unwrap_or_else(|| Err(Cause::damaged("PDF")))?,
    };
    if count == 0 {
        return Err(Cause::new(Cause::EMPTY, "the document has no pages"));
    }
    if count > limits.pages {
        let sentence = format!("the document has {count} pages; at most {} are read", limits.pages);
        return Err(Cause::new(Cause::TOO_MANY_PAGES, sentence));
    }
    let mut raw: Vec<Option<RawPage>> = (0..count).map(|index| read_page(first.as_ref(), &mut second, index)).collect();
    furniture::remove(&mut raw);
    let title = first.as_ref().and_then(|r| guarded(|| r.title()).flatten());
    Ok(assemble(&raw, title))
}

/// One page from whichever library reads it better; `None` when neither does.
fn read_page(first: Option<&primary::Reader>, second: &mut secondary::Reader<'_>, index: usize) -> Option<RawPage> {
    let page = first.and_then(|r| guarded(|| r.page(index)).flatten());
    let other_may_help = page.as_ref().is_none_or(|p| letters(p) < FEW_LETTERS || looks_broken(p));
    if !other_may_help {
        return page;
    }
    let other = guarded(AssertUnwindSafe(|| second.page(index))).flatten();
    match (page, other) {
        (Some(page), Some(other)) => {
            let better = if looks_broken(&page) {
                !looks_broken(&other) && letters(&other) * 2 > letters(&page)
            } else {
                letters(&page) < MIN_CHARACTERS && letters(&other) > letters(&page)
                    || letters(&other) > 2 * letters(&page) && !looks_broken(&other)
            };
            Some(if better { RawPage { pictures: page.pictures, ..other } } else { page })
        }
        (page, other) => page.or(other),
    }
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
    let (status, cause) = verdict(&pages);
    let title = title.or_else(|| first_heading(&pages));
    Extraction { v: Extraction::VERSION, status, cause: cause.map(|c| c.to_string()), title, pages, paged: true }
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

fn verdict(pages: &[Page]) -> (ExtractStatus, Option<Cause>) {
    let with = |wanted: PageStatus| pages.iter().filter(|p| p.status == wanted).map(|p| p.number).collect::<Vec<_>>();
    let (failed, bare) = (with(PageStatus::Failed), with(PageStatus::NoTextLayer));
    if failed.len() == pages.len() {
        let cause = Cause::new(Cause::PAGES_FAILED, "none of the pages could be read; the file may be damaged");
        return (ExtractStatus::Failed, Some(cause));
    }
    if failed.len() + bare.len() == pages.len() {
        let sentence = "no page holds text: it is probably a scan; run text recognition (OCR) on it first";
        return (ExtractStatus::Failed, Some(Cause::new(Cause::NO_TEXT_LAYER, sentence)));
    }
    let all = pages.len();
    if !failed.is_empty() {
        let sentence = format!("{} of {all} pages could not be read: {}", failed.len(), listed(&failed));
        return (ExtractStatus::Partial, Some(Cause::new(Cause::PAGES_FAILED, sentence)));
    }
    if !bare.is_empty() {
        let sentence =
            format!("{} of {all} pages hold no text, only pictures or nothing: {}", bare.len(), listed(&bare));
        return (ExtractStatus::Partial, Some(Cause::new(Cause::NO_TEXT_LAYER, sentence)));
    }
    (ExtractStatus::Ok, None)
}

/// The first few numbers, for a sentence.
fn listed(numbers: &[u32]) -> String {
    let shown = numbers.iter().take(10).map(u32::to_string).collect::<Vec<_>>().join(", ");
    if numbers.len() > 10 { format!("{shown}, …") } else { shown }
}

fn first_heading(pages: &[Page]) -> Option<String> {
    pages.first()?.blocks.iter().take(3).find_map(|b| match b {
        Block::Heading { text, .. } => Some(text.clone()),
        _ => None,
    })
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
