//! EPUB: the chapters in the order of the book's spine, each read as HTML.

use super::{
    Cause, ExtractLimits, Format, Sniff, html,
    markup::{self, Walker, attribute, walk},
    package::{self, Package},
    unpaged,
};
use crate::document::Extraction;
use quick_xml::events::BytesStart;
use std::collections::{HashMap, HashSet};

pub const FORMAT: Format = Format {
    name: "EPUB",
    extensions: &["epub"],
    media_types: &["application/epub+zip"],
    sniff: Sniff::Sure(sniff),
    extract,
};

/// What complaints call it.
const WHAT: &str = "book";
const CONTAINER: &str = "META-INF/container.xml";

fn sniff(bytes: &[u8]) -> bool {
    package::is_typed(bytes, "application/epub+zip") || package::holds(bytes, CONTAINER)
}

fn extract(bytes: &[u8], limits: &ExtractLimits) -> Result<Extraction, Cause> {
    let package = Package::open(bytes, WHAT, limits)?;
    let damaged = || Cause::damaged(WHAT);
    let container = package.part(CONTAINER).ok_or_else(damaged)?;
    let mut finder = Finder::default();
    walk(&container, &mut finder);
    let place = finder.book.ok_or_else(damaged)?;
    let description = package.part(&place).ok_or_else(damaged)?;
    let folder = place.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut book = Book::default();
    walk(&description, &mut book);
    let chapters: Vec<String> = book.chapters().map(|place| package::resolved(folder, place)).collect();
    if is_sealed(&package, &chapters) {
        return Err(Cause::new(Cause::ENCRYPTED, "the book is protected against copying; upload it without that"));
    }
    let blocks = chapters.iter().filter_map(|c| package.part(c)).flat_map(|text| html::page_blocks(&text)).collect();
    Ok(unpaged(markup::text_of(&description, "title"), blocks))
}

/// Whether a chapter is encrypted. Fonts often are, which is no obstacle.
fn is_sealed(package: &Package, chapters: &[String]) -> bool {
    #[derive(Default)]
    struct Sealed(HashSet<String>);
    impl Walker for Sealed {
        fn start(&mut self, name: &str, element: &BytesStart<'_>) {
            if name == "CipherReference" {
                self.0.extend(attribute(element, "URI").map(|place| package::resolved("", &unescaped(&place))));
            }
        }
        fn end(&mut self, _: &str) {}
        fn text(&mut self, _: &str) {}
    }
    let mut sealed = Sealed::default();
    walk(&package.part("META-INF/encryption.xml").unwrap_or_default(), &mut sealed);
    chapters.iter().any(|c| sealed.0.contains(c))
}

/// Finds the book's description.
#[derive(Default)]
struct Finder {
    book: Option<String>,
}

impl Walker for Finder {
    fn start(&mut self, name: &str, element: &BytesStart<'_>) {
        if name == "rootfile" && self.book.is_none() {
            self.book = attribute(element, "full-path").map(|place| package::resolved("", &place));
        }
    }
    fn end(&mut self, _: &str) {}
    fn text(&mut self, _: &str) {}
}

/// The description: which parts there are, and the order of the chapters.
#[derive(Default)]
struct Book {
    places: HashMap<String, String>,
    spine: Vec<String>,
}

impl Book {
    fn chapters(&self) -> impl Iterator<Item = &String> {
        self.spine.iter().filter_map(|id| self.places.get(id))
    }
}

impl Walker for Book {
    fn start(&mut self, name: &str, element: &BytesStart<'_>) {
        match name {
            "item" => {
                let is_contents = attribute(element, "properties").is_some_and(|p| p.split(' ').any(|p| p == "nav"));
                let place = attribute(element, "href").filter(|_| !is_contents).map(|place| unescaped(&place));
                self.places.extend(attribute(element, "id").zip(place));
            }
            "itemref" => self.spine.extend(attribute(element, "idref")),
            _ => {}
        }
    }
    fn end(&mut self, _: &str) {}
    fn text(&mut self, _: &str) {}
}

/// `%20` and the like, and without what follows `#`.
fn unescaped(place: &str) -> String {
    let place = place.split('#').next().unwrap_or_default();
    let mut out = Vec::new();
    let mut bytes = place.as_bytes();
    while let Some((first, rest)) = bytes.split_first() {
        let pair = rest.get(..2).and_then(|p| std::str::from_utf8(p).ok()).and_then(|p| u8::from_str_radix(p, 16).ok());
        match (first, pair) {
            (b'%', Some(byte)) => {
                out.push(byte);
                bytes = &rest[2..];
            }
            _ => {
                out.push(*first);
                bytes = rest;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::{outline, package::testing::package};

    const BOOK: &str = r#"<package><metadata><dc:title>The &amp; book</dc:title></metadata><manifest>
        <item id="nav" href="nav.xhtml" properties="nav"/><item id="b" href="text/two%20words.xhtml"/><item id="a" href="text/one.xhtml"/>
        </manifest><spine><itemref idref="nav"/><itemref idref="a"/><itemref idref="b"/></spine></package>"#;

    fn book(more: &[(&str, &str)]) -> Vec<u8> {
        let chapter = |words: &str| {
            format!(
                "<?xml version=\"1.0\"?><html xmlns=\"http://www.w3.org/1999/xhtml\"><head><title/></head><body>{words}</body></html>"
            )
        };
        let (one, two) =
            (chapter("<h1>One</h1><p>First<a id=\"x\"/> words.</p>"), chapter("<h1>Two</h1><p>Last words.</p>"));
        let parts = [
            ("mimetype", "application/epub+zip"),
            (CONTAINER, "<container><rootfiles><rootfile full-path=\"OEBPS/book.opf\"/></rootfiles></container>"),
            ("OEBPS/book.opf", BOOK),
            ("OEBPS/nav.xhtml", "<html><body><p>Contents</p></body></html>"),
            ("OEBPS/text/two words.xhtml", &two),
            ("OEBPS/text/one.xhtml", &one),
        ];
        package(&[&parts[..], more].concat())
    }

    #[test]
    fn chapters_follow_the_spine() {
        let read = crate::formats::extract(std::path::Path::new("a.epub"), &book(&[]), &ExtractLimits::default());
        assert_eq!(read.title.as_deref(), Some("The & book"));
        insta::assert_snapshot!(outline(&read), @r"
        h1 One
        p First words.
        h1 Two
        p Last words.
        ");
    }

    #[test]
    fn sealed_chapters_are_named_and_sealed_fonts_are_not() {
        let seal = |place: &str| {
            format!("<encryption><EncryptedData><CipherReference URI=\"{place}\"/></EncryptedData></encryption>")
        };
        let limits = ExtractLimits::default();
        let sealed = book(&[("META-INF/encryption.xml", &seal("OEBPS/text/one.xhtml"))]);
        assert_eq!(extract(&sealed, &limits).unwrap_err().code, Cause::ENCRYPTED);
        assert!(extract(&book(&[("META-INF/encryption.xml", &seal("OEBPS/font.otf"))]), &limits).is_ok());
        assert_eq!(extract(&package(&[("a.xml", "")]), &limits).unwrap_err().code, Cause::DAMAGED);
    }
}
