//! Reading files: one module per format, each with a doc, a [`Format`], an `extract` and its tests.
//!
//! To add a format: a module of that anatomy and one line in [`ALL`]. The order of [`ALL`] is the order in which
//! contents are looked at.

mod cause;
mod csv;
mod docx;
mod email;
mod encoding;
mod epub;
mod grid;
mod html;
mod limits;
mod markdown;
mod markup;
mod opendocument;
mod package;
mod pdf;
mod pptx;
mod text;
mod tidy;
mod xhtml;
mod xlsx;

pub use cause::Cause;
pub use limits::ExtractLimits;

use crate::document::{Block, ExtractStatus, Extraction, Page};
use colloquy_domain::knowledge::PageStatus;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

/// What a format says of itself.
pub struct Format {
    /// As shown to people.
    pub name: &'static str,
    /// Lower case, without the dot.
    pub extensions: &'static [&'static str],
    pub media_types: &'static [&'static str],
    /// How sure its contents are to be recognised.
    pub sniff: Sniff,
    extract: fn(&[u8], &ExtractLimits) -> Result<Extraction, Cause>,
}

/// What the first bytes say.
pub enum Sniff {
    /// They decide, whatever the file is called; a file that is called so but lacks them is not of this format.
    Sure(fn(&[u8]) -> bool),
    /// They decide where the name says nothing.
    Likely(fn(&[u8]) -> bool),
    /// Only the name tells.
    ByNameOnly,
}

/// Every format, in the order in which contents are looked at.
pub const ALL: &[&Format] = &[
    &pdf::FORMAT,
    &docx::FORMAT,
    &pptx::FORMAT,
    &xlsx::FORMAT,
    &opendocument::FORMAT,
    &epub::FORMAT,
    &html::FORMAT,
    &email::FORMAT,
    &markdown::FORMAT,
    &csv::FORMAT,
    &text::FORMAT,
];

/// Reads a document: its format by content, then by the extension of `name`. Never panics; whatever goes wrong is in
/// the extraction's status and cause.
#[must_use]
pub fn extract(name: &Path, bytes: &[u8], limits: &ExtractLimits) -> Extraction {
    if bytes.is_empty() {
        return Cause::new(Cause::EMPTY, "the file is empty (0 bytes)").into_extraction();
    }
    let format = match detect(name, bytes) {
        Ok(format) => format,
        Err(cause) => return cause.into_extraction(),
    };
    let read = catch_unwind(AssertUnwindSafe(|| (format.extract)(bytes, limits)));
    match read {
        Ok(Ok(extraction)) => finish(extraction),
        Ok(Err(cause)) => cause.into_extraction(),
        Err(_) => Cause::crashed().into_extraction(),
    }
}

/// The names of all formats, for a sentence.
#[must_use]
pub fn names() -> String {
    ALL.iter().map(|f| f.name).collect::<Vec<_>>().join(", ")
}

/// The format of a document.
///
/// # Errors
/// `extract.unknown_format`, or `extract.encrypted` for an Office file behind a password.
pub fn detect(name: &Path, bytes: &[u8]) -> Result<&'static Format, Cause> {
    if let Some(format) = ALL.iter().find(|f| matches!(f.sniff, Sniff::Sure(is) if is(bytes))) {
        return Ok(format);
    }
    refuse_known_strangers(bytes)?;
    let extension = name.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
    let named = ALL.iter().find(|f| f.extensions.contains(&extension.as_str()));
    match named {
        Some(format) if matches!(format.sniff, Sniff::Sure(_)) => {
            return Err(Cause::new(
                Cause::DAMAGED,
                format!("the file is called .{extension}, but its content is not {}", format.name),
            ));
        }
        Some(format) if encoding::looks_like_text(bytes) => return Ok(format),
        _ => {}
    }
    let likely = ALL.iter().find(|f| matches!(f.sniff, Sniff::Likely(is) if is(bytes)));
    likely.copied().ok_or_else(|| {
        Cause::new(Cause::UNKNOWN_FORMAT, format!("this kind of file cannot be read; known kinds are {}", names()))
    })
}

/// Kinds that people do upload and that deserve a better word than "unknown".
fn refuse_known_strangers(bytes: &[u8]) -> Result<(), Cause> {
    if bytes.starts_with(&[0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1]) {
        let wanted: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
        return Err(if bytes.windows(wanted.len()).any(|w| w == wanted) {
            Cause::encrypted()
        } else {
            Cause::new(Cause::UNKNOWN_FORMAT, "this is an old Office file; save it as .docx or PDF and upload that")
        });
    }
    if bytes.starts_with(b"{\\rtf") {
        return Err(Cause::new(Cause::UNKNOWN_FORMAT, "this is an RTF file; save it as .docx or PDF and upload that"));
    }
    Ok(())
}

/// One page that holds everything, for formats without pages.
fn unpaged(title: Option<String>, blocks: Vec<Block>) -> Extraction {
    let title = title.filter(|t| t.contains(char::is_alphanumeric)).or_else(|| first_heading(&blocks));
    Extraction {
        v: Extraction::VERSION,
        status: ExtractStatus::Ok,
        cause: None,
        title,
        pages: vec![Page { number: 1, status: PageStatus::Ok, blocks }],
        paged: false,
    }
}

/// Pages that each have their own status.
fn paged(title: Option<String>, pages: Vec<Page>) -> Extraction {
    let (status, cause) = verdict(&pages);
    let first = pages.first().map_or(&[][..], |p| &p.blocks);
    let title = title.or_else(|| first_heading(first));
    Extraction { v: Extraction::VERSION, status, cause: cause.map(|c| c.to_string()), title, pages, paged: true }
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

fn first_heading(blocks: &[Block]) -> Option<String> {
    blocks.iter().take(3).find_map(|b| match b {
        Block::Heading { text, .. } => Some(text.clone()),
        _ => None,
    })
}

/// Takes empty blocks out and gives a document without any text its cause.
fn finish(mut extraction: Extraction) -> Extraction {
    for page in &mut extraction.pages {
        page.blocks.retain(|b| !b.text().trim().is_empty());
    }
    let empty = extraction.pages.iter().all(|p| p.blocks.is_empty());
    if empty && extraction.status != ExtractStatus::Failed {
        return Extraction { pages: extraction.pages, ..Cause::empty().into_extraction() };
    }
    extraction
}

/// The structure in a form that is good to read in tests.
#[cfg(test)]
fn outline(extraction: &Extraction) -> String {
    let line = |block: &Block| match block {
        Block::Heading { level, text } => format!("h{level} {text}"),
        Block::Paragraph { text } => format!("p {text}"),
        Block::ListItem { text } => format!("li {text}"),
        Block::Code { text } => format!("code {text}"),
        Block::Table { caption, header, rows } => {
            let rows = std::iter::once(header).chain(rows).map(|r| format!(" [{}]", r.join(", "))).collect::<String>();
            format!("table{}{rows}", caption.iter().map(|c| format!(" {c}")).collect::<String>())
        }
    };
    let blocks = extraction.pages.iter().flat_map(|p| &p.blocks);
    blocks.map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name_of(file: &str, bytes: &[u8]) -> Result<&'static str, &'static str> {
        detect(Path::new(file), bytes).map(|f| f.name).map_err(|c| c.code)
    }

    #[test]
    fn content_decides_before_the_name() {
        assert_eq!(name_of("notes.txt", b"%PDF-1.7\n"), Ok("PDF"));
        assert_eq!(name_of("a.md", b"# Title\n"), Ok("Markdown"));
        assert_eq!(name_of("a.MARKDOWN", b"# Title\n"), Ok("Markdown"));
        assert_eq!(name_of("a.csv", b"a,b\n1,2\n"), Ok("CSV"));
        assert_eq!(name_of("page", b"<!DOCTYPE html><p>x"), Ok("HTML"));
        assert_eq!(name_of("README", b"Plain words.\n"), Ok("text"));
        assert_eq!(name_of("a.txt", b"<html> is a tag"), Ok("text"));
    }

    #[test]
    fn strangers_are_refused_with_their_cause() {
        let png = [0x89, b'P', b'N', b'G', 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13, 0, 1, 2, 3];
        assert_eq!(name_of("a.png", &png), Err(Cause::UNKNOWN_FORMAT));
        assert_eq!(name_of("a.txt", &png), Err(Cause::UNKNOWN_FORMAT));
        assert_eq!(name_of("a.pdf", b"hello"), Err(Cause::DAMAGED));
        assert_eq!(name_of("a.rtf", b"{\\rtf1 hello}"), Err(Cause::UNKNOWN_FORMAT));
        let mut ole = vec![0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1];
        assert_eq!(name_of("a.doc", &ole), Err(Cause::UNKNOWN_FORMAT));
        ole.extend("EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes));
        assert_eq!(name_of("a.docx", &ole), Err(Cause::ENCRYPTED));
    }

    #[test]
    fn nothing_in_it_is_said_so() {
        for (file, bytes) in [("a.txt", &b""[..]), ("a.txt", b" \n\n \t"), ("a.md", b"\n"), ("a.html", b"<p></p>")] {
            let read = extract(Path::new(file), bytes, &ExtractLimits::default());
            assert_eq!(read.status, ExtractStatus::Failed, "{file}");
            assert!(read.cause.is_some_and(|c| c.starts_with("extract.empty: ")), "{file}");
        }
    }

    #[test]
    fn extensions_belong_to_one_format_each() {
        let mut seen = std::collections::HashSet::new();
        for format in ALL {
            assert!(!format.media_types.is_empty(), "{}", format.name);
            for extension in format.extensions {
                assert!(seen.insert(extension), "{extension} is claimed twice");
            }
        }
    }
}
