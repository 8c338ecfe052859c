//! HTML: what a reader reads (headings, paragraphs, lists, tables, code), without scripts and navigation.

use super::{Cause, ExtractLimits, Format, Sniff, encoding, tidy, unpaged, xhtml};
use crate::document::{Block, Extraction};
use scraper::{ElementRef, Html, Selector, node::Node};

pub const FORMAT: Format = Format {
    name: "HTML",
    extensions: &["html", "htm", "xhtml"],
    media_types: &["text/html", "application/xhtml+xml"],
    sniff: Sniff::Likely(sniff),
    extract,
};

/// Deeper elements are read as plain text of their ancestor.
const MAX_DEPTH: usize = 200;
/// How far into the file the declared character set is looked for.
const HEAD: usize = 4096;

fn sniff(bytes: &[u8]) -> bool {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(HEAD)]).to_ascii_lowercase();
    let head = head.trim_start_matches('\u{FEFF}').trim_start();
    head.starts_with("<!doctype html")
        || head.starts_with("<html")
        || (head.starts_with("<?xml") && head.contains("<html"))
}

fn extract(bytes: &[u8], _: &ExtractLimits) -> Result<Extraction, Cause> {
    let text = encoding::decode(bytes, declared_charset(bytes).as_deref());
    let document = page(&text);
    let title = select(&document, "head title").map(|e| tidy::line(&e.text().collect::<String>()));
    Ok(unpaged(title.filter(|t| !t.is_empty()), walk(&document)))
}

/// The blocks of a fragment, for formats that embed HTML.
pub fn blocks(fragment: &str) -> Vec<Block> {
    walk(&Html::parse_fragment(fragment))
}

/// The blocks of a whole page, for formats that hold pages.
pub fn page_blocks(text: &str) -> Vec<Block> {
    walk(&page(text))
}

fn page(text: &str) -> Html {
    if xhtml::is(text) { Html::parse_document(&xhtml::expanded(text)) } else { Html::parse_document(text) }
}

fn select<'a>(document: &'a Html, css: &str) -> Option<ElementRef<'a>> {
    let selector = Selector::parse(css).ok()?;
    document.select(&selector).next()
}

/// `charset=…` in a meta element or an XML declaration.
fn declared_charset(bytes: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(HEAD)]).to_ascii_lowercase();
    let at = head.find("charset=").map(|i| i + 8).or_else(|| head.find("encoding=").map(|i| i + 9))?;
    let label: String = head[at..]
        .trim_start_matches(['"', '\'', ' '])
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':' | '.'))
        .collect();
    Some(label).filter(|l| !l.is_empty())
}

fn walk(document: &Html) -> Vec<Block> {
    let mut reader = Reader::default();
    reader.children(document.root_element(), 0);
    reader.flush();
    reader.blocks
}

#[derive(Default)]
struct Reader {
    blocks: Vec<Block>,
    words: String,
    in_item: bool,
}

impl Reader {
    fn children(&mut self, element: ElementRef<'_>, depth: usize) {
        for child in element.children() {
            match child.value() {
                Node::Text(text) => self.words.push_str(text),
                Node::Element(_) => {
                    if let Some(child) = ElementRef::wrap(child) {
                        self.element(child, depth + 1);
                    }
                }
                _ => {}
            }
        }
    }

    fn element(&mut self, element: ElementRef<'_>, depth: usize) {
        let name = element.value().name();
        if is_boilerplate(element) {
            return self.boundary(name);
        }
        if depth > MAX_DEPTH {
            self.words.extend(element.text());
            return;
        }
        match name {
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                self.flush();
                let level = name.as_bytes()[1] - b'0';
                self.push(|text| Block::Heading { level, text }, &visible_text(element));
            }
            "pre" => {
                self.flush();
                let text = tidy::lines(&element.text().collect::<String>());
                self.blocks.extend((!text.trim().is_empty()).then_some(Block::Code { text }));
            }
            "table" => {
                self.flush();
                self.table(element, depth);
            }
            "li" | "dt" | "dd" => {
                self.flush();
                let outer = std::mem::replace(&mut self.in_item, true);
                self.children(element, depth);
                self.flush();
                self.in_item = outer;
            }
            "br" => self.words.push(' '),
            "img" => self.alternative(element),
            _ if is_block(name) => {
                self.flush();
                self.children(element, depth);
                self.flush();
            }
            _ => self.children(element, depth),
        }
    }

    /// What is dropped still ends a paragraph when it stands between two of them.
    fn boundary(&mut self, name: &str) {
        if is_block(name) {
            self.flush();
        }
    }

    fn alternative(&mut self, image: ElementRef<'_>) {
        if let Some(alt) = image.attr("alt").filter(|a| a.split_whitespace().count() > 2) {
            self.words.push(' ');
            self.words.push_str(alt);
            self.words.push(' ');
        }
    }

    fn table(&mut self, table: ElementRef<'_>, depth: usize) {
        let mut caption = None;
        let mut rows: Vec<(bool, Vec<String>)> = Vec::new();
        let mut nested = false;
        for part in table.descendants().filter_map(ElementRef::wrap).filter(|e| owner(*e) == Some(table)) {
            match part.value().name() {
                "caption" => caption = Some(visible_text(part)).filter(|c| !c.is_empty()),
                "tr" => {
                    let cells: Vec<ElementRef<'_>> =
                        part.child_elements().filter(|c| matches!(c.value().name(), "td" | "th")).collect();
                    nested |= cells.iter().any(|c| c.descendent_elements().any(|e| e.value().name() == "table"));
                    let is_header = !cells.is_empty() && cells.iter().all(|c| c.value().name() == "th");
                    rows.push((is_header, cells.into_iter().map(visible_text).collect()));
                }
                _ => {}
            }
        }
        rows.retain(|(_, cells)| cells.iter().any(|c| !c.is_empty()));
        // Tables that only arrange the page are no tables to a reader.
        if nested || rows.iter().all(|(_, cells)| cells.len() < 2) {
            self.children(table, depth);
            return self.flush();
        }
        let header = if rows.len() > 1 && rows[0].0 { rows.remove(0).1 } else { Vec::new() };
        let rows = rows.into_iter().map(|(_, cells)| cells).collect();
        self.blocks.push(Block::Table { caption, header, rows });
    }

    fn flush(&mut self) {
        let words = std::mem::take(&mut self.words);
        if self.in_item {
            self.push(|text| Block::ListItem { text }, &words);
        } else {
            self.push(|text| Block::Paragraph { text }, &words);
        }
    }

    fn push(&mut self, block: impl FnOnce(String) -> Block, words: &str) {
        let text = tidy::line(words);
        if !text.is_empty() {
            self.blocks.push(block(text));
        }
    }
}

/// The table that a row or caption belongs to.
fn owner(element: ElementRef<'_>) -> Option<ElementRef<'_>> {
    element.ancestors().filter_map(ElementRef::wrap).find(|e| e.value().name() == "table")
}

/// Inline text with boundaries of inner blocks as spaces.
fn visible_text(element: ElementRef<'_>) -> String {
    let mut words = String::new();
    for node in element.descendants() {
        match node.value() {
            Node::Text(text) => {
                let hidden = node.ancestors().filter_map(ElementRef::wrap).take(3).any(is_never_text);
                if !hidden {
                    words.push_str(text);
                }
            }
            Node::Element(e) if is_block(e.name()) || e.name() == "br" => words.push(' '),
            _ => {}
        }
    }
    tidy::line(&words)
}

fn is_never_text(element: ElementRef<'_>) -> bool {
    matches!(
        element.value().name(),
        "head"
            | "script"
            | "style"
            | "noscript"
            | "template"
            | "svg"
            | "iframe"
            | "object"
            | "select"
            | "button"
            | "canvas"
    )
}

/// Not what the page is about: scripts, navigation, the site's header and footer, what is hidden.
fn is_boilerplate(element: ElementRef<'_>) -> bool {
    if is_never_text(element) || element.attr("hidden").is_some() || element.attr("aria-hidden") == Some("true") {
        return true;
    }
    if matches!(element.attr("role"), Some("navigation" | "banner" | "contentinfo" | "search")) {
        return true;
    }
    match element.value().name() {
        "nav" => true,
        // Inside an article they hold its own title and notes.
        "header" | "footer" => {
            !element
                .ancestors()
                .filter_map(ElementRef::wrap)
                .any(|e| matches!(e.value().name(), "article" | "main" | "section" | "blockquote"))
                && lacks_title(element)
        }
        _ => false,
    }
}

/// A header that holds the page's own title is content.
fn lacks_title(element: ElementRef<'_>) -> bool {
    !element.descendent_elements().any(|e| matches!(e.value().name(), "h1" | "h2"))
}

fn is_block(name: &str) -> bool {
    matches!(
        name,
        "html"
            | "body"
            | "address"
            | "article"
            | "aside"
            | "blockquote"
            | "details"
            | "summary"
            | "div"
            | "dl"
            | "fieldset"
            | "figcaption"
            | "figure"
            | "footer"
            | "form"
            | "header"
            | "hr"
            | "li"
            | "dt"
            | "dd"
            | "main"
            | "nav"
            | "ol"
            | "p"
            | "section"
            | "table"
            | "ul"
            | "tr"
            | "td"
            | "th"
            | "caption"
            | "pre"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::outline;

    fn read(html: &str) -> Extraction {
        extract(html.as_bytes(), &ExtractLimits::default()).unwrap()
    }

    #[test]
    fn a_page_keeps_its_structure_and_loses_its_frame() {
        let read = read(
            "<!doctype html><html><head><title>Spa &amp; Wellness</title><style>p{}</style></head><body>\
             <header><a href=/>Home</a></header><nav><ul><li>Menu</li></ul></nav><main><h1>The <em>spa</em></h1>\
             <p>Open<br>daily.</p><script>alert(1)</script><ul><li>Sauna<ul><li>Hot</li></ul></li><li><p>Pool</p></li></ul>\
             <table><caption>Prices</caption><thead><tr><th>What</th><th>Euro</th></tr></thead><tbody><tr><td>Massage</td>\
             <td>80</td></tr></tbody></table><pre>a\n  b</pre></main><footer>© 2026</footer></body></html>",
        );
        assert_eq!(read.title.as_deref(), Some("Spa & Wellness"));
        insta::assert_snapshot!(outline(&read), @r"
        h1 The spa
        p Open daily.
        li Sauna
        li Hot
        li Pool
        table Prices [What, Euro] [Massage, 80]
        code a
          b
        ");
    }

    #[test]
    fn charsets_are_honoured() {
        let html = b"<html><head><meta charset=\"iso-8859-1\"></head><body><p>Caf\xE9 \xE0 la carte</p></body></html>";
        assert_eq!(extract(html, &ExtractLimits::default()).unwrap().text(), "Café à la carte");
        let html = b"<html><body><p>Sans d\xE9claration</p></body></html>";
        assert_eq!(extract(html, &ExtractLimits::default()).unwrap().text(), "Sans déclaration");
    }

    #[test]
    fn layout_tables_are_read_as_text() {
        let read = read("<table><tr><td><p>One</p><p>Two</p></td></tr></table>");
        assert_eq!(read.text(), "One\n\nTwo");
    }

    #[test]
    fn absurd_nesting_is_survived() {
        let html = format!("{}deep words{}", "<div>".repeat(2_000), "</div>".repeat(2_000));
        assert!(read(&html).text().contains("deep words"));
    }
}
