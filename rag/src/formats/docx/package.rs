//! The ZIP around a DOCX: sizes are checked in its directory and again while unpacking, before any library sees it.

use super::styles::attribute;
use crate::formats::{Cause, ExtractLimits, encoding, tidy};
use quick_xml::{
    Reader,
    events::{BytesStart, Event},
};
use std::io::{Cursor, Read, Write};
use zip::{CompressionMethod, ZipArchive, ZipWriter, write::SimpleFileOptions};

/// Parts below this size may have any ratio: they are harmless, in bytes.
const SMALL: u64 = 8 << 20;
/// More parts than this no document has.
const MAX_PARTS: usize = 20_000;

/// The XML parts of a package; pictures and the like are never unpacked.
pub struct Package {
    /// Name and content, in the package's order.
    parts: Vec<(String, Vec<u8>)>,
}

impl Package {
    /// # Errors
    /// `extract.damaged`, `extract.encrypted` or `extract.zip_bomb`.
    pub fn open(bytes: &[u8], limits: &ExtractLimits) -> Result<Self, Cause> {
        let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| Cause::damaged("Word document"))?;
        check_directory(&mut archive, limits)?;
        Ok(Self { parts: unpack(&mut archive, limits)? })
    }

    /// The main document.
    pub fn document(&self) -> Option<String> {
        let main = self.part("_rels/.rels").and_then(|xml| main_part(&xml));
        main.and_then(|main| self.part(&main)).or_else(|| self.part("word/document.xml"))
    }

    /// A part as text.
    pub fn part(&self, name: &str) -> Option<String> {
        let name = name.trim_start_matches('/');
        let (_, bytes) = self.parts.iter().find(|(n, bytes)| n == name && !bytes.is_empty())?;
        Some(encoding::decode(bytes, None))
    }

    pub fn title(&self) -> Option<String> {
        self.part("docProps/core.xml").and_then(|xml| title(&xml))
    }

    /// The same parts in a plain archive: what is handed on holds no more than what was checked here.
    pub fn repacked(&self) -> Option<Vec<u8>> {
        let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
        let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        for (name, bytes) in &self.parts {
            archive.start_file(name.as_str(), stored).ok()?;
            archive.write_all(bytes).ok()?;
        }
        archive.finish().ok().map(Cursor::into_inner)
    }
}

fn bomb() -> Cause {
    Cause::new(
        Cause::ZIP_BOMB,
        "the document unpacks to far more than its size: it looks like an attack and was not read",
    )
}

/// What the archive says of itself.
fn check_directory(archive: &mut ZipArchive<Cursor<&[u8]>>, limits: &ExtractLimits) -> Result<(), Cause> {
    if archive.len() > MAX_PARTS {
        return Err(bomb());
    }
    let mut total = 0_u64;
    for index in 0..archive.len() {
        let part = archive.by_index_raw(index).map_err(|_| Cause::damaged("Word document"))?;
        if part.encrypted() {
            return Err(Cause::new(Cause::ENCRYPTED, "the document is protected by a password; upload it without one"));
        }
        total = total.saturating_add(part.size());
        let ratio = part.size() / part.compressed_size().max(1);
        if total > limits.unpacked_bytes || (part.size() > SMALL && ratio > limits.unpacked_ratio) {
            return Err(bomb());
        }
    }
    Ok(())
}

/// What it really holds: directories lie, and parts may share the same bytes.
fn unpack(archive: &mut ZipArchive<Cursor<&[u8]>>, limits: &ExtractLimits) -> Result<Vec<(String, Vec<u8>)>, Cause> {
    let mut left = limits.unpacked_bytes;
    let mut parts = Vec::new();
    for index in 0..archive.len() {
        // Packed in a way that cannot be read here: found missing when it is needed.
        let Ok(mut part) = archive.by_index(index) else { continue };
        let name = part.name().map_err(|_| Cause::damaged("Word document"))?.replace('\\', "/");
        if !name.ends_with(".xml") && !name.ends_with(".rels") {
            continue;
        }
        let mut bytes = Vec::new();
        // Keeps what came before a break: half a document is better than none.
        let _ = part.by_ref().take(left + 1).read_to_end(&mut bytes);
        let (packed, unpacked) = (part.compressed_size().max(1), bytes.len() as u64);
        if unpacked > left || (unpacked > SMALL && unpacked / packed > limits.unpacked_ratio) {
            return Err(bomb());
        }
        left -= unpacked;
        parts.push((name, bytes));
    }
    Ok(parts)
}

/// The main document that the package's relations name.
fn main_part(rels: &str) -> Option<String> {
    let mut reader = Reader::from_str(rels);
    loop {
        match reader.read_event().ok()? {
            Event::Start(e) | Event::Empty(e) if is_main(&e) => return attribute(&e, "Target"),
            Event::Eof => return None,
            _ => {}
        }
    }
}

fn is_main(element: &BytesStart<'_>) -> bool {
    element.local_name().as_ref() == "Relationship"
        && attribute(element, "Type").is_some_and(|t| t.ends_with("/officeDocument"))
}

fn title(core: &str) -> Option<String> {
    let mut reader = Reader::from_str(core);
    let mut title: Option<String> = None;
    loop {
        match reader.read_event().ok()? {
            Event::Start(e) if e.local_name().as_ref() == "title" => title = Some(String::new()),
            Event::Text(t) => {
                if let Some(title) = &mut title {
                    title.push_str(&t.xml10_content());
                }
            }
            Event::GeneralRef(r) => {
                if let Some(title) = &mut title {
                    title.push_str(&super::xml::reference(&r));
                }
            }
            Event::End(e) if e.local_name().as_ref() == "title" => {
                return title.map(|t| tidy::line(&t)).filter(|t| !t.is_empty());
            }
            Event::Eof => return None,
            _ => {}
        }
    }
}
