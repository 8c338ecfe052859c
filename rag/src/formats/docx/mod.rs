//! DOCX: `docx-rs` reads the document; a plain reading of the same XML checks it and takes over where words got lost.

mod model;
mod package;
mod styles;
mod xml;

use super::{Cause, ExtractLimits, Format, Sniff, unpaged};
use crate::document::{Block, Extraction};
use docx_rs::{ReadDocxOptions, read_docx_with_options};
use package::Package;
use std::panic::{AssertUnwindSafe, catch_unwind};
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

fn sniff(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04") && bytes.windows(14).any(|w| w == b"word/document." || w == b"word/document2")
}

fn extract(bytes: &[u8], limits: &ExtractLimits) -> Result<Extraction, Cause> {
    let package = Package::open(bytes, limits)?;
    let Some(document) = package.document() else { return Err(Cause::damaged("Word document")) };
    let styles = package.part("word/styles.xml").as_deref().map(Styles::read).unwrap_or_default();
    let plain = xml::read(&document, &styles);
    let modelled = (plain.depth <= MAX_DEPTH).then(|| modelled(&package, &styles)).flatten();
    let mut blocks = match modelled {
        // Text boxes, equations and some fields are lost by the library now and then.
        Some(blocks) if words(&blocks) * 100 >= words(&plain.blocks) * 98 => blocks,
        _ => plain.blocks,
    };
    for notes in ["word/footnotes.xml", "word/endnotes.xml"] {
        blocks.extend(package.part(notes).map(|xml| xml::read(&xml, &styles).blocks).unwrap_or_default());
    }
    Ok(unpaged(package.title(), blocks))
}

fn modelled(package: &Package, styles: &Styles) -> Option<Vec<Block>> {
    let bytes = package.repacked()?;
    let options = ReadDocxOptions::default().with_image_previews(false);
    let read = catch_unwind(AssertUnwindSafe(|| read_docx_with_options(&bytes, options).ok()));
    read.ok().flatten().map(|docx| model::blocks(&docx.document, styles))
}

fn words(blocks: &[Block]) -> usize {
    blocks.iter().map(|b| b.text().split_whitespace().filter(|w| *w != "|").count()).sum()
}

#[cfg(test)]
mod tests;
