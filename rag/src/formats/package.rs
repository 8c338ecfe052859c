//! The ZIP around Office, OpenDocument and EPUB files: sizes are checked in its directory and again while unpacking,
//! before any library sees it.

use super::{
    Cause, ExtractLimits, encoding,
    markup::{self, attribute},
};
use quick_xml::{Reader, events::Event};
use std::io::{Cursor, Read, Write};
use zip::{CompressionMethod, ZipArchive, ZipWriter, write::SimpleFileOptions};

/// Parts below this size may have any ratio: they are harmless, in bytes.
const SMALL: u64 = 8 << 20;
/// More parts than this no document has.
const MAX_PARTS: usize = 20_000;
/// Parts that hold text, by the end of their names.
const TEXT_PARTS: [&str; 7] = [".xml", ".rels", ".xhtml", ".html", ".htm", ".opf", ".ncx"];
/// Of these only markup that declares entities could make a reader swell; HTML readers expand none.
const XML_PARTS: [&str; 4] = [".xml", ".rels", ".opf", ".ncx"];

/// The parts of a package that hold text; pictures and the like are never unpacked.
pub struct Package {
    /// Name and content, in the package's order.
    parts: Vec<(String, Vec<u8>)>,
}

/// A part that another one names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    pub id: String,
    /// The last segment of its type: `slide`, `notesSlide`, `officeDocument`.
    pub kind: String,
    /// Full name of the part, without a slash in front.
    pub target: String,
}

/// Whether these bytes are a ZIP with a part of this name (or, for a name that ends in `/`, in this folder).
pub fn holds(bytes: &[u8], part: &str) -> bool {
    if !bytes.starts_with(b"PK\x03\x04") {
        return false;
    }
    let fits = |name: &str| name == part || (part.ends_with('/') && name.starts_with(part));
    match ZipArchive::new(Cursor::new(bytes)) {
        Ok(archive) => archive.file_names().flatten().any(|name| fits(&name.replace('\\', "/"))),
        // A cut file still says at its start what it is.
        Err(_) => bytes.windows(part.len()).any(|w| w == part.as_bytes()),
    }
}

/// Whether these bytes are a ZIP whose first part is a `mimetype` that begins so, as OpenDocument and EPUB have it.
pub fn is_typed(bytes: &[u8], media_type: &str) -> bool {
    let head = &bytes[..bytes.len().min(300)];
    let wanted = format!("mimetype{media_type}");
    bytes.starts_with(b"PK\x03\x04") && head.windows(wanted.len()).any(|w| w == wanted.as_bytes())
}

impl Package {
    /// `what` names the kind of document in complaints: "Word document".
    ///
    /// # Errors
    /// `extract.damaged`, `extract.encrypted`, `extract.symlink`, `extract.zip_bomb` or `extract.xml_entities`.
    pub fn open(bytes: &[u8], what: &str, limits: &ExtractLimits) -> Result<Self, Cause> {
        let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| Cause::damaged(what))?;
        check_directory(&mut archive, what, limits)?;
        Ok(Self { parts: unpack(&mut archive, what, limits)? })
    }

    /// A part as text.
    pub fn part(&self, name: &str) -> Option<String> {
        let name = name.trim_start_matches('/');
        let (_, bytes) = self.parts.iter().find(|(n, bytes)| n == name && !bytes.is_empty())?;
        Some(encoding::decode(bytes, None))
    }

    /// The name of the main part of an Office file.
    pub fn main_part(&self) -> Option<String> {
        self.relations("").into_iter().find(|r| r.kind == "officeDocument").map(|r| r.target)
    }

    /// What a part of an Office file names; the package itself has the empty name.
    pub fn relations(&self, part: &str) -> Vec<Relation> {
        let (folder, file) = part.rsplit_once('/').unwrap_or(("", part));
        let place =
            if folder.is_empty() { format!("_rels/{file}.rels") } else { format!("{folder}/_rels/{file}.rels") };
        self.part(&place).map(|xml| relations(&xml, folder)).unwrap_or_default()
    }

    /// The title in an Office file's properties.
    pub fn title(&self) -> Option<String> {
        self.part("docProps/core.xml").and_then(|xml| markup::text_of(&xml, "title")).filter(|t| !is_invented(t))
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

/// Titles that programs write by themselves.
fn is_invented(title: &str) -> bool {
    matches!(title.to_lowercase().as_str(), "powerpoint presentation" | "présentation powerpoint" | "word document")
}

/// A reference within a package, as a full name.
pub fn resolved(folder: &str, reference: &str) -> String {
    let mut parts: Vec<&str> = if reference.starts_with('/') { Vec::new() } else { folder.split('/').collect() };
    for part in reference.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.retain(|p| !p.is_empty());
    parts.join("/")
}

fn relations(xml: &str, folder: &str) -> Vec<Relation> {
    let mut reader = Reader::from_str(xml);
    let mut out = Vec::new();
    loop {
        match reader.read_event() {
            Ok(Event::Start(e) | Event::Empty(e)) if e.local_name().as_ref() == "Relationship" => {
                let external = attribute(&e, "TargetMode").is_some_and(|m| m == "External");
                let kind = attribute(&e, "Type").unwrap_or_default();
                let target = attribute(&e, "Target").filter(|_| !external);
                out.extend(target.map(|target| Relation {
                    id: attribute(&e, "Id").unwrap_or_default(),
                    kind: kind.rsplit('/').next().unwrap_or_default().to_owned(),
                    target: resolved(folder, &target),
                }));
            }
            Ok(Event::Eof) | Err(_) => return out,
            Ok(_) => {}
        }
    }
}

fn bomb() -> Cause {
    Cause::new(
        Cause::ZIP_BOMB,
        "the document unpacks to far more than its size: it looks like an attack and was not read",
    )
}

/// What the archive says of itself.
fn check_directory(archive: &mut ZipArchive<Cursor<&[u8]>>, what: &str, limits: &ExtractLimits) -> Result<(), Cause> {
    if archive.len() > MAX_PARTS {
        return Err(bomb());
    }
    let mut total = 0_u64;
    for index in 0..archive.len() {
        let part = archive.by_index_raw(index).map_err(|_| Cause::damaged(what))?;
        if part.encrypted() {
            return Err(Cause::encrypted());
        }
        if part.is_symlink() {
            let sentence = "the document holds a symbolic link where a part should be: it was not read";
            return Err(Cause::new(Cause::SYMLINK, sentence));
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
fn unpack(
    archive: &mut ZipArchive<Cursor<&[u8]>>,
    what: &str,
    limits: &ExtractLimits,
) -> Result<Vec<(String, Vec<u8>)>, Cause> {
    let mut left = limits.unpacked_bytes;
    let mut parts = Vec::new();
    for index in 0..archive.len() {
        // Packed in a way that cannot be read here: found missing when it is needed.
        let Ok(mut part) = archive.by_index(index) else { continue };
        let name = part.name().map_err(|_| Cause::damaged(what))?.replace('\\', "/");
        let lower = name.to_ascii_lowercase();
        if !TEXT_PARTS.iter().any(|end| lower.ends_with(end)) {
            continue;
        }
        let mut bytes = Vec::new();
        // Keeps what came before a break: half a document is better than none.
        let _ = part.by_ref().take(left + 1).read_to_end(&mut bytes);
        let (packed, unpacked) = (part.compressed_size().max(1), bytes.len() as u64);
        if unpacked > left || (unpacked > SMALL && unpacked / packed > limits.unpacked_ratio) {
            return Err(bomb());
        }
        if XML_PARTS.iter().any(|end| lower.ends_with(end)) && declares_entities(&bytes) {
            let sentence = "the document declares XML entities of its own: it looks like an attack and was not read";
            return Err(Cause::new(Cause::XML_ENTITIES, sentence));
        }
        left -= unpacked;
        parts.push((name, bytes));
    }
    Ok(parts)
}

/// Whether there is an entity declaration before the first element: no program writes one into such a part.
fn declares_entities(bytes: &[u8]) -> bool {
    let marked = |needle: &[u8]| bytes.windows(needle.len()).any(|w| w == needle);
    let wide: Vec<u8> = "<!ENTITY".encode_utf16().flat_map(u16::to_le_bytes).collect();
    if !marked(b"<!ENTITY") && !marked(&wide) && !marked(&wide[1..]) {
        return false;
    }
    let text = encoding::decode(bytes, None);
    let mut reader = Reader::from_str(&text);
    loop {
        match reader.read_event() {
            Ok(Event::DocType(declared)) => {
                let inside: &str = declared.as_ref();
                if inside.contains("<!ENTITY") {
                    return true;
                }
            }
            Ok(Event::Start(_) | Event::Empty(_) | Event::Eof) => return false,
            // Not well formed before it begins, with such a declaration somewhere: nothing to trust.
            Err(_) => return true,
            Ok(_) => {}
        }
    }
}

#[cfg(test)]
pub mod testing {
    use super::*;

    /// A package of these parts.
    pub fn package<T: AsRef<[u8]>>(parts: &[(&str, T)]) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in parts {
            let plain = SimpleFileOptions::default();
            let options = if *name == "mimetype" { plain.compression_method(CompressionMethod::Stored) } else { plain };
            zip.start_file(*name, options).unwrap();
            zip.write_all(bytes.as_ref()).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(bytes: &[u8]) -> &'static str {
        Package::open(bytes, "document", &ExtractLimits::default()).err().expect("must be refused").code
    }

    #[test]
    fn references_are_resolved_within_the_package() {
        assert_eq!(resolved("ppt/slides", "../notesSlides/n1.xml"), "ppt/notesSlides/n1.xml");
        assert_eq!(resolved("", "/word/document.xml"), "word/document.xml");
        assert_eq!(resolved("OEBPS", "text/./a.xhtml"), "OEBPS/text/a.xhtml");
        assert_eq!(resolved("a", "../../../etc/passwd"), "etc/passwd");
    }

    #[test]
    fn entity_bombs_are_refused_and_words_about_them_are_not() {
        let bomb = b"<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;&a;\">]><x>&b;</x>";
        assert_eq!(refused(&testing::package(&[("word/document.xml", bomb)])), Cause::XML_ENTITIES);
        let wide: Vec<u8> = std::str::from_utf8(bomb).unwrap().encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(refused(&testing::package(&[("a.xml", [&[0xFF, 0xFE][..], &wide].concat())])), Cause::XML_ENTITIES);
        let harmless = "<x><![CDATA[ <!ENTITY a \"b\"> ]]></x>";
        assert!(Package::open(&testing::package(&[("a.xml", harmless)]), "x", &ExtractLimits::default()).is_ok());
    }

    #[test]
    fn links_in_a_package_are_refused() {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        zip.add_symlink("word/document.xml", "/etc/passwd", SimpleFileOptions::default()).unwrap();
        assert_eq!(refused(&zip.finish().unwrap().into_inner()), Cause::SYMLINK);
    }

    #[test]
    fn contents_are_told_by_their_parts() {
        let office = testing::package(&[("ppt/presentation.xml", "<x/>")]);
        assert!(holds(&office, "ppt/presentation.xml") && holds(&office, "ppt/"));
        assert!(!holds(&office, "word/document.xml") && !holds(b"ppt/presentation.xml", "ppt/presentation.xml"));
        assert!(holds(&office[..office.len() / 2], "ppt/presentation.xml"), "its start is enough");
        let book = testing::package(&[("mimetype", "application/epub+zip")]);
        assert!(is_typed(&book, "application/epub+zip") && !is_typed(&office, "application/epub+zip"));
    }
}
