//! PPTX: a page for each slide in the order of the show: title, text, tables, diagrams, then the speaker's notes.

use super::{
    Cause, ExtractLimits, Format, Sniff, grid,
    markup::{Walker, attribute, walk},
    package::{self, Package, Relation},
    paged, tidy,
};
use crate::document::{Block, Extraction, Page};
use colloquy_domain::knowledge::PageStatus;
use quick_xml::events::BytesStart;

pub const FORMAT: Format = Format {
    name: "PPTX",
    extensions: &["pptx", "ppsx", "pptm"],
    media_types: &["application/vnd.openxmlformats-officedocument.presentationml.presentation"],
    sniff: Sniff::Sure(|bytes| package::holds(bytes, "ppt/presentation.xml")),
    extract,
};

/// What complaints call it.
const WHAT: &str = "presentation";
/// Where the order of the slides usually is.
const MAIN: &str = "ppt/presentation.xml";

fn extract(bytes: &[u8], limits: &ExtractLimits) -> Result<Extraction, Cause> {
    let package = Package::open(bytes, WHAT, limits)?;
    let main = package.main_part().unwrap_or_else(|| MAIN.to_owned());
    let show = package.part(&main).ok_or_else(|| Cause::damaged(WHAT))?;
    let slides = slides(&show, &package.relations(&main));
    if slides.is_empty() {
        return Err(Cause::empty());
    }
    if slides.len() > limits.pages {
        let sentence = format!("the presentation has {} slides; at most {} are read", slides.len(), limits.pages);
        return Err(Cause::new(Cause::TOO_MANY_PAGES, sentence));
    }
    let pages = slides.iter().zip(1..).map(|(slide, number)| page(&package, slide, number)).collect();
    Ok(paged(package.title(), pages))
}

/// The slides' parts, in the order of the show.
fn slides(show: &str, related: &[Relation]) -> Vec<String> {
    struct Order(Vec<String>);
    impl Walker for Order {
        fn start(&mut self, name: &str, element: &BytesStart<'_>) {
            if name == "sldId" {
                // `id` is also the name of the slide's number, so the prefix matters here.
                let named = |a: &quick_xml::events::attributes::Attribute<'_>| a.key.as_ref().ends_with(":id");
                self.0.extend(element.attributes().flatten().find(named).map(|a| a.value.to_string()));
            }
        }
        fn end(&mut self, _: &str) {}
        fn text(&mut self, _: &str) {}
    }
    let mut order = Order(Vec::new());
    walk(show, &mut order);
    let target = |id: &String| related.iter().find(|r| r.id == *id).map(|r| r.target.clone());
    order.0.iter().filter_map(target).collect()
}

fn page(package: &Package, slide: &str, number: u32) -> Page {
    let Some(xml) = package.part(slide) else {
        return Page { number, status: PageStatus::Failed, blocks: Vec::new() };
    };
    let mut blocks = read(&xml, Wanted::Slide);
    // Titles stand wherever they were drawn.
    blocks.sort_by_key(|b| !matches!(b, Block::Heading { .. }));
    let related = package.relations(slide);
    let parts = |kind: &str| {
        let targets = related.iter().filter(|r| r.kind == kind).map(|r| r.target.clone());
        targets.filter_map(|t| package.part(&t)).collect::<Vec<_>>()
    };
    blocks.extend(parts("diagramData").iter().flat_map(|xml| read(xml, Wanted::Diagram)));
    blocks.extend(parts("notesSlide").iter().flat_map(|xml| read(xml, Wanted::Notes)));
    let status = if blocks.is_empty() { PageStatus::NoTextLayer } else { PageStatus::Ok };
    Page { number, status, blocks }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Slide,
    Diagram,
    /// Of a page of notes only what the speaker wrote, not the picture of the slide and its number.
    Notes,
}

fn read(xml: &str, wanted: Wanted) -> Vec<Block> {
    let mut reader = Reader { wanted, ..Reader::new() };
    walk(xml, &mut reader);
    reader.end("sp");
    reader.blocks
}

struct Reader {
    wanted: Wanted,
    blocks: Vec<Block>,
    /// The kind of placeholder that the shape fills, if it fills one.
    placeholder: Option<String>,
    title: String,
    words: String,
    bullet: Option<bool>,
    in_text: bool,
    /// Fields with the slide's number, and what is drawn again for older programs.
    skipped: usize,
    rows: Vec<Vec<String>>,
    row: Vec<String>,
    cell: Option<String>,
}

impl Reader {
    const fn new() -> Self {
        Self {
            wanted: Wanted::Slide,
            blocks: Vec::new(),
            placeholder: None,
            title: String::new(),
            words: String::new(),
            bullet: None,
            in_text: false,
            skipped: 0,
            rows: Vec::new(),
            row: Vec::new(),
            cell: None,
        }
    }

    fn end_paragraph(&mut self) {
        let text = tidy::line(&std::mem::take(&mut self.words));
        let bullet = self.bullet.take();
        if text.is_empty() {
            return;
        }
        if let Some(cell) = &mut self.cell {
            cell.push_str(&text);
            cell.push(' ');
            return;
        }
        let kind = self.placeholder.as_deref();
        if self.wanted == Wanted::Notes {
            self.blocks.extend((kind == Some("body")).then_some(Block::Paragraph { text }));
            return;
        }
        match kind {
            Some("title" | "ctrTitle") => {
                self.title.push_str(&text);
                self.title.push(' ');
            }
            Some("sldNum" | "ftr" | "dt" | "hdr") => {}
            Some("subTitle") => self.blocks.push(Block::Paragraph { text }),
            Some(_) if bullet != Some(false) => self.blocks.push(Block::ListItem { text }),
            _ if bullet == Some(true) || self.wanted == Wanted::Diagram => self.blocks.push(Block::ListItem { text }),
            _ => self.blocks.push(Block::Paragraph { text }),
        }
    }

    fn end_shape(&mut self) {
        let title = tidy::line(&std::mem::take(&mut self.title));
        self.blocks.extend((!title.is_empty()).then_some(Block::Heading { level: 1, text: title }));
        self.placeholder = None;
    }
}

fn is_skipped(name: &str, element: &BytesStart<'_>) -> bool {
    name == "Fallback" || (name == "fld" && attribute(element, "type").is_some_and(|t| t == "slidenum"))
}

impl Walker for Reader {
    fn start(&mut self, name: &str, element: &BytesStart<'_>) {
        if self.skipped > 0 || is_skipped(name, element) {
            self.skipped += usize::from(matches!(name, "Fallback" | "fld"));
            return;
        }
        match name {
            // Without a type it is for text like the body.
            "ph" => self.placeholder = Some(attribute(element, "type").unwrap_or_else(|| "obj".to_owned())),
            "buNone" => self.bullet = Some(false),
            "buChar" | "buAutoNum" | "buBlip" => self.bullet = Some(true),
            "t" => self.in_text = true,
            "br" | "tab" => self.words.push(' '),
            "tc" => self.cell = Some(String::new()),
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        if self.skipped > 0 {
            self.skipped -= usize::from(matches!(name, "Fallback" | "fld"));
            return;
        }
        match name {
            "t" => self.in_text = false,
            "p" => self.end_paragraph(),
            "tc" => self.row.extend(self.cell.take()),
            "tr" => self.rows.push(std::mem::take(&mut self.row)),
            "tbl" => self.blocks.extend(grid::table(std::mem::take(&mut self.rows), None)),
            "sp" | "graphicFrame" => self.end_shape(),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if self.in_text && self.skipped == 0 {
            self.words.push_str(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        document::ExtractStatus,
        formats::{outline, package::testing::package},
    };

    const RELS: &str = r#"<Relationships><Relationship Id="rId1" Type="http://x/slide" Target="slides/slide1.xml"/>
        <Relationship Id="rId2" Type="http://x/slide" Target="slides/slide2.xml"/></Relationships>"#;
    const SHOW: &str = r#"<p:presentation xmlns:p="p" xmlns:r="r"><p:sldIdLst><p:sldId id="257" r:id="rId2"/>
        <p:sldId id="256" r:id="rId1"/></p:sldIdLst></p:presentation>"#;

    #[test]
    fn slides_come_in_the_order_of_the_show_with_titles_first() {
        let slide = |shapes: &str| {
            format!(r#"<p:sld xmlns:p="p" xmlns:a="a"><p:cSld><p:spTree>{shapes}</p:spTree></p:cSld></p:sld>"#)
        };
        let shape = |placeholder: &str, paragraphs: &[&str]| {
            let paragraphs: String =
                paragraphs.iter().map(|p| format!("<a:p><a:r><a:t>{p}</a:t></a:r></a:p>")).collect();
            format!("<p:sp><p:nvSpPr>{placeholder}</p:nvSpPr><p:txBody>{paragraphs}</p:txBody></p:sp>")
        };
        let first = slide(&[
            shape("<p:ph idx=\"1\"/>", &["Soup of the day", "Fish &amp; chips"]),
            shape("<p:ph type=\"title\"/>", &["The", "menu"]),
            shape("", &["Ask for the wine list."]),
            shape("<p:ph type=\"sldNum\"/>", &["1"]),
            "<p:graphicFrame><a:tbl><a:tr><a:tc><a:p><a:r><a:t>Dish</a:t></a:r></a:p></a:tc><a:tc><a:p><a:r><a:t>Euro</a:t></a:r></a:p></a:tc></a:tr>\
             <a:tr><a:tc><a:p><a:r><a:t>Soup</a:t></a:r></a:p></a:tc><a:tc><a:p><a:r><a:t>6</a:t></a:r></a:p></a:tc></a:tr></a:tbl></p:graphicFrame>".into(),
        ].concat());
        let notes = slide(
            &[
                shape("<p:ph type=\"sldImg\"/>", &["picture"]),
                shape("<p:ph type=\"body\" idx=\"1\"/>", &["Mention the terrace."]),
            ]
            .concat(),
        );
        let bytes = package(&[
            ("ppt/presentation.xml", SHOW),
            ("ppt/_rels/presentation.xml.rels", RELS),
            ("ppt/slides/slide1.xml", &slide("")),
            ("ppt/slides/slide2.xml", &first),
            (
                "ppt/slides/_rels/slide2.xml.rels",
                r#"<Relationships><Relationship Id="rId1" Type="http://x/notesSlide" Target="../notesSlides/n1.xml"/></Relationships>"#,
            ),
            ("ppt/notesSlides/n1.xml", &notes),
        ]);
        let read = crate::formats::extract(std::path::Path::new("a.pptx"), &bytes, &ExtractLimits::default());
        insta::assert_snapshot!(outline(&read), @r"
        h1 The menu
        li Soup of the day
        li Fish & chips
        p Ask for the wine list.
        table [Dish, Euro] [Soup, 6]
        p Mention the terrace.
        ");
        assert!(read.paged);
        assert_eq!(read.status, ExtractStatus::Partial);
        assert_eq!(read.pages.iter().map(|p| p.status).collect::<Vec<_>>(), [PageStatus::Ok, PageStatus::NoTextLayer]);
    }

    #[test]
    fn a_show_without_slides_or_parts_is_refused() {
        let limits = ExtractLimits::default();
        let cause = |parts: &[(&str, &str)]| extract(&package(parts), &limits).unwrap_err().code;
        assert_eq!(cause(&[("ppt/presentation.xml", "<x/>")]), Cause::EMPTY);
        assert_eq!(cause(&[("ppt/other.xml", "<x/>")]), Cause::DAMAGED);
        let one = ExtractLimits { pages: 1, ..limits };
        let two = package(&[("ppt/presentation.xml", SHOW), ("ppt/_rels/presentation.xml.rels", RELS)]);
        assert_eq!(extract(&two, &one).unwrap_err().code, Cause::TOO_MANY_PAGES);
    }
}
