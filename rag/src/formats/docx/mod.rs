//! DOCX: `docx-rs` reads the document; a plain reading of the same XML checks it and takes over where words got lost.

mod model;
mod styles;
mod xml;

use super::{
    Cause, ExtractLimits, Format, Sniff,
    package::{self, Package},
    unpaged,
};
use crate::document::{Block, Extraction};
use docx_rs::{ReadDocxOptions, read_docx_with_options};
use std::{
    collections::HashSet,
    panic::{AssertUnwindSafe, catch_unwind},
};
use styles::Styles;

pub const FORMAT: Format = Format {
    name: "DOCX",
    extensions: &["docx", "docm"],
    media_types: &["application/vnd.openxmlformats-officedocument.wordprocessingml.document"],
    sniff: Sniff::Sure(sniff),
    extract,
};

/// `docx-rs` recurses into what is nested; deeper documents are only read plainly.
const MAX_DEPTH: usize = 200;
/// What complaints call it.
const WHAT: &str = "Word document";
/// Where the words usually are.
const MAIN: &str = "word/document.xml";

fn sniff(bytes: &[u8]) -> bool {
    ["word/document.xml", "word/document2.xml"].iter().any(|part| package::holds(bytes, part))
}

fn extract(bytes: &[u8], limits: &ExtractLimits) -> Result<Extraction, Cause> {
    let package = Package::open(bytes, WHAT, limits)?;
    let main = package.main_part().unwrap_or_else(|| MAIN.to_owned());
    let document = package.part(&main).or_else(|| package.part(MAIN)).ok_or_else(|| Cause::damaged(WHAT))?;
    let styles = package.part("word/styles.xml").as_deref().map(Styles::read).unwrap_or_default();
    let plain = xml::read(&document, &styles);
    let modelled = (plain.depth <= MAX_DEPTH).then(|| modelled(&package, &styles)).flatten();
    let mut blocks = match modelled {
        // Text boxes, equations and some fields are lost by the library now and then.
        Some(blocks) if words(&blocks) >= words(&plain.blocks) => blocks,
        _ => plain.blocks,
    };
    let related = package.relations(&main);
    for (kind, usual) in [("footnotes", "word/footnotes.xml"), ("endnotes", "word/endnotes.xml")] {
        let place = related.iter().find(|r| r.kind == kind).map_or(usual, |r| r.target.as_str());
        blocks.extend(package.part(place).map(|xml| xml::read(&xml, &styles).blocks).unwrap_or_default());
    }
    let mut shown = HashSet::new();
    for edge in related.iter().filter(|r| matches!(r.kind.as_str(), "header" | "footer")) {
        let found = package.part(&edge.target).map(|xml| xml::read(&xml, &styles).blocks).unwrap_or_default();
        blocks.extend(found.into_iter().filter(|b| says_something(&b.text()) && shown.insert(b.text())));
    }
    Ok(unpaged(package.title(), blocks))
}

fn modelled(package: &Package, styles: &Styles) -> Option<Vec<Block>> {
    let bytes = package.repacked()?;
    let options = ReadDocxOptions::default().with_image_previews(false);
    let read = catch_unwind(AssertUnwindSafe(|| read_docx_with_options(&bytes, options).ok()));
    read.ok().flatten().map(|docx| model::blocks(&docx.document, styles))
}

/// Whether a running header or footer is more than a page number: an address, a name, a notice.
fn says_something(text: &str) -> bool {
    text.split_whitespace().filter(|w| w.chars().filter(|c| c.is_alphabetic()).count() > 1).count() >= 3
}

fn words(blocks: &[Block]) -> usize {
    blocks.iter().map(|b| b.text().split_whitespace().filter(|w| *w != "|").count()).sum()
}

#[cfg(test)]
mod tests;
