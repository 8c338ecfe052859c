//! OpenDocument: texts, spreadsheets and presentations through one plain reading of `content.xml`.

use super::{
    Cause, ExtractLimits, Format, Sniff, grid,
    markup::{self, Walker, attribute, walk},
    package::{self, Package},
    tidy, unpaged,
};
use crate::document::{Block, Extraction};
use quick_xml::events::BytesStart;
use std::collections::HashMap;

pub const FORMAT: Format = Format {
    name: "OpenDocument",
    extensions: &["odt", "ods", "odp"],
    media_types: &[
        "application/vnd.oasis.opendocument.text",
        "application/vnd.oasis.opendocument.spreadsheet",
        "application/vnd.oasis.opendocument.presentation",
    ],
    sniff: Sniff::Sure(|bytes| package::is_typed(bytes, "application/vnd.oasis.opendocument.")),
    extract,
};

/// What complaints call it.
const WHAT: &str = "OpenDocument file";
/// A cell or row that says it stands there more often than this is an empty rest of a sheet, or an attack.
const MOST_REPEATED: usize = 1_000;
/// More cells than this no sheet for people has.
const MOST_CELLS: usize = 2_000_000;

fn extract(bytes: &[u8], limits: &ExtractLimits) -> Result<Extraction, Cause> {
    let package = Package::open(bytes, WHAT, limits)?;
    let manifest = package.part("META-INF/manifest.xml").unwrap_or_default();
    if manifest.contains("encryption-data") {
        return Err(Cause::encrypted());
    }
    let content = package.part("content.xml").ok_or_else(|| Cause::damaged(WHAT))?;
    let mut reader = Reader::new(&package);
    walk(&content, &mut reader);
    let title = package.part("meta.xml").and_then(|xml| markup::text_of(&xml, "title"));
    Ok(unpaged(title, reader.finish()))
}

struct Reader<'a> {
    package: &'a Package,
    blocks: Vec<Block>,
    /// Footnotes and comments on slides, which come after everything else.
    notes: Vec<Block>,
    /// Style → the style it is based on: automatic styles say nothing else about meaning.
    parents: HashMap<String, String>,
    /// Open paragraphs: a note or a frame holds paragraphs within a paragraph.
    paragraphs: Vec<Paragraph>,
    tables: Vec<Table>,
    lists: usize,
    in_notes: usize,
    skipped: usize,
    is_sheet: bool,
    caption: Option<String>,
    cells: usize,
}

#[derive(Default)]
struct Paragraph {
    text: String,
    style: String,
    level: Option<u8>,
}

#[derive(Default)]
struct Table {
    rows: Vec<Vec<String>>,
    row: Vec<String>,
    cell: String,
    repeated_cell: usize,
    repeated_row: usize,
}

/// Comments, deleted text, tables of contents, and what only describes.
fn is_skipped(name: &str) -> bool {
    matches!(
        name,
        "annotation" | "tracked-changes" | "table-of-content" | "note-citation" | "forms" | "sequence-decls" | "desc"
    )
}

impl<'a> Reader<'a> {
    fn new(package: &'a Package) -> Self {
        Self {
            package,
            blocks: Vec::new(),
            notes: Vec::new(),
            parents: HashMap::new(),
            paragraphs: Vec::new(),
            tables: Vec::new(),
            lists: 0,
            in_notes: 0,
            skipped: 0,
            is_sheet: false,
            caption: None,
            cells: 0,
        }
    }

    fn begin_table(&mut self, element: &BytesStart<'_>) {
        if self.is_sheet && self.tables.is_empty() {
            let name = attribute(element, "name").filter(|n| !grid::is_usual_sheet_name(n));
            self.blocks.extend(name.map(|text| Block::Heading { level: 1, text }));
        }
        self.tables.push(Table::default());
    }

    fn end_table(&mut self) {
        let Some(done) = self.tables.pop() else { return };
        if let Some(outer) = self.tables.last_mut() {
            for row in done.rows {
                outer.cell.push_str(&row.join(" "));
                outer.cell.push(' ');
            }
        } else if self.is_sheet {
            self.blocks.extend(grid::sheet(done.rows));
        } else {
            let caption = self.caption.take();
            self.blocks.extend(grid::table(done.rows, caption));
        }
    }

    fn end_cell(&mut self) {
        let Some(table) = self.tables.last_mut() else { return };
        let cell = tidy::line(&std::mem::take(&mut table.cell));
        let times = if cell.is_empty() { table.repeated_cell } else { table.repeated_cell.min(MOST_REPEATED) };
        // A long empty rest would only be cut off again.
        let times = times.min(MOST_REPEATED).min(MOST_CELLS.saturating_sub(self.cells));
        self.cells += times;
        table.row.extend(std::iter::repeat_n(cell, times));
    }

    fn end_row(&mut self) {
        let Some(table) = self.tables.last_mut() else { return };
        let mut row = std::mem::take(&mut table.row);
        while row.last().is_some_and(String::is_empty) {
            row.pop();
        }
        // One empty row parts two tables as well as a million do.
        let most = if row.is_empty() { 1 } else { MOST_REPEATED };
        let room = MOST_CELLS.saturating_sub(self.cells) / row.len().max(1);
        // Of a broken file the row may never have begun; what is in it counts once all the same.
        let times = table.repeated_row.clamp(1, most).min(room.max(1));
        self.cells += (times - 1) * row.len();
        table.rows.extend(std::iter::repeat_n(row, times));
    }

    fn end_paragraph(&mut self) {
        let Some(paragraph) = self.paragraphs.pop() else { return };
        let text = tidy::line(&paragraph.text);
        if let Some(table) = self.tables.last_mut() {
            table.cell.push_str(&text);
            table.cell.push(' ');
            return;
        }
        if text.is_empty() {
            return;
        }
        let meaning = self.meaning(&paragraph.style);
        let block = match meaning {
            _ if self.in_notes > 0 => return self.notes.push(Block::Paragraph { text }),
            Meaning::Contents => return,
            Meaning::Caption => {
                self.release_caption();
                self.caption = Some(text);
                return;
            }
            Meaning::Title if paragraph.level.is_none() => Block::Heading { level: 1, text },
            _ => match paragraph.level {
                Some(level) => Block::Heading { level, text },
                None if self.lists > 0 => Block::ListItem { text },
                None => Block::Paragraph { text },
            },
        };
        self.release_caption();
        self.blocks.push(block);
    }

    fn release_caption(&mut self) {
        self.blocks.extend(self.caption.take().map(|text| Block::Paragraph { text }));
    }

    fn meaning(&self, style: &str) -> Meaning {
        let mut name = style;
        for _ in 0..10 {
            match name {
                "Title" => return Meaning::Title,
                "Table" | "Caption" => return Meaning::Caption,
                _ if name.starts_with("Contents_20_") => return Meaning::Contents,
                _ => {}
            }
            let Some(parent) = self.parents.get(name) else { break };
            name = parent;
        }
        Meaning::Body
    }

    /// An equation is a document of its own within the package.
    fn object(&mut self, element: &BytesStart<'_>) {
        let Some(place) = attribute(element, "href") else { return };
        let part = format!("{}/content.xml", package::resolved("", &place));
        let Some(text) = self.package.part(&part).filter(|xml| xml.contains("math")).map(|xml| formula(&xml)) else {
            return;
        };
        self.say(&text);
    }

    fn say(&mut self, text: &str) {
        if let Some(paragraph) = self.paragraphs.last_mut() {
            paragraph.text.push_str(text);
        }
    }

    fn finish(mut self) -> Vec<Block> {
        // What a broken file leaves open still counts.
        while !self.paragraphs.is_empty() {
            self.end_paragraph();
        }
        while !self.tables.is_empty() {
            self.end_cell();
            self.end_row();
            self.end_table();
        }
        self.release_caption();
        self.blocks.append(&mut self.notes);
        self.blocks
    }
}

enum Meaning {
    Title,
    Caption,
    Contents,
    Body,
}

/// The signs of an equation, in order.
fn formula(xml: &str) -> String {
    #[derive(Default)]
    struct Signs {
        text: String,
        within: bool,
    }
    impl Walker for Signs {
        fn start(&mut self, name: &str, _: &BytesStart<'_>) {
            self.within = matches!(name, "mi" | "mn" | "mo" | "mtext");
        }
        fn end(&mut self, _: &str) {
            self.within = false;
        }
        fn text(&mut self, text: &str) {
            if self.within {
                self.text.push_str(text);
                self.text.push(' ');
            }
        }
    }
    let mut signs = Signs::default();
    walk(xml, &mut signs);
    format!(" {} ", signs.text.trim())
}

fn count(element: &BytesStart<'_>, name: &str) -> usize {
    attribute(element, name).and_then(|n| n.parse().ok()).unwrap_or(1).max(1)
}

impl Walker for Reader<'_> {
    fn start(&mut self, name: &str, element: &BytesStart<'_>) {
        if is_skipped(name) {
            self.skipped += 1;
        }
        if self.skipped > 0 {
            return;
        }
        match name {
            "style" => {
                let parent = attribute(element, "parent-style-name");
                self.parents.extend(attribute(element, "name").zip(parent));
            }
            "spreadsheet" => self.is_sheet = true,
            "p" | "h" => {
                let level = (name == "h").then(|| u8::try_from(count(element, "outline-level")).unwrap_or(9).min(9));
                let style = attribute(element, "style-name").unwrap_or_default();
                self.paragraphs.push(Paragraph { text: String::new(), style, level });
            }
            "s" => self.say(" "),
            "tab" | "line-break" => self.say(" "),
            "list" => self.lists += 1,
            "note-body" | "notes" => self.in_notes += 1,
            "object" => self.object(element),
            "page" => {
                let named = attribute(element, "name").filter(|n| !n.starts_with("page"));
                self.blocks.extend(named.map(|text| Block::Heading { level: 1, text }));
            }
            "table" => self.begin_table(element),
            "table-row" => {
                if let Some(table) = self.tables.last_mut() {
                    table.repeated_row = count(element, "number-rows-repeated");
                }
            }
            "table-cell" | "covered-table-cell" => {
                if let Some(table) = self.tables.last_mut() {
                    table.repeated_cell = count(element, "number-columns-repeated");
                }
            }
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        if self.skipped > 0 {
            self.skipped -= usize::from(is_skipped(name));
            return;
        }
        match name {
            "p" | "h" => self.end_paragraph(),
            "list" => self.lists = self.lists.saturating_sub(1),
            "note-body" | "notes" => self.in_notes = self.in_notes.saturating_sub(1),
            "table-cell" | "covered-table-cell" => self.end_cell(),
            "table-row" => self.end_row(),
            "table" => self.end_table(),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if self.skipped == 0 {
            self.say(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::{outline, package::testing::package};

    fn read(kind: &str, body: &str, more: &[(&str, &str)]) -> Extraction {
        let kind = format!("application/vnd.oasis.opendocument.{kind}");
        let content = format!("<office:document-content xmlns:office=\"o\">{body}</office:document-content>");
        let parts = [&[("mimetype", kind.as_str()), ("content.xml", content.as_str())], more].concat();
        crate::formats::extract(std::path::Path::new("a"), &package(&parts), &ExtractLimits::default())
    }

    #[test]
    fn a_text_keeps_headings_lists_tables_notes_and_equations() {
        let meta = "<m><dc:title>Guide</dc:title></m>";
        let math = "<math><mi>E</mi><mo>=</mo><mi>m</mi><msup><mi>c</mi><mn>2</mn></msup></math>";
        let read = read(
            "text",
            r#"<style:style style:name="P1" style:parent-style-name="Title"/><style:style style:name="P2" style:parent-style-name="Table"/>
            <office:text><text:p text:style-name="P1">Villa</text:p><text:tracked-changes><text:p>gone</text:p></text:tracked-changes>
            <text:h text:outline-level="2">Rooms</text:h><text:p>Each<text:s text:c="2"/>has a view<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>Not the cellar.</text:p></text:note-body></text:note>.</text:p>
            <text:list><text:list-item><text:p>a balcony</text:p></text:list-item></text:list>
            <text:p>Energy:<draw:object xlink:href="./Object 1"/></text:p>
            <text:p text:style-name="P2">Prices</text:p><table:table><table:table-row><table:table-cell><text:p>Room</text:p></table:table-cell>
            <table:table-cell><text:p>Euro</text:p></table:table-cell></table:table-row><table:table-row><table:table-cell table:number-columns-repeated="2">
            <text:p>9</text:p></table:table-cell></table:table-row></table:table></office:text>"#,
            &[("meta.xml", meta), ("Object 1/content.xml", math)],
        );
        insta::assert_snapshot!(outline(&read), @r"
        h1 Villa
        h2 Rooms
        p Each has a view.
        li a balcony
        p Energy: E = m c 2
        table Prices [Room, Euro] [9, 9]
        p Not the cellar.
        ");
        assert_eq!(read.title.as_deref(), Some("Guide"));
    }

    #[test]
    fn sheets_are_tables_under_their_names_however_far_they_say_to_reach() {
        let read = read(
            "spreadsheet",
            r#"<office:spreadsheet><table:table table:name="Tarifs"><table:table-row><table:table-cell><text:p>Chambre</text:p></table:table-cell>
            <table:table-cell><text:p>Euro</text:p></table:table-cell><table:table-cell table:number-columns-repeated="16382"/></table:table-row>
            <table:table-row table:number-rows-repeated="99999999"><table:table-cell table:number-columns-repeated="99999999"><text:p>9</text:p></table:table-cell>
            </table:table-row><table:table-row table:number-rows-repeated="99999999"><table:table-cell/></table:table-row></table:table></office:spreadsheet>"#,
            &[],
        );
        assert!(outline(&read).starts_with("h1 Tarifs\ntable [Chambre, Euro"), "{:.200}", outline(&read));
        assert!(read.text().len() < 20_000_000, "a sheet grew to {} bytes", read.text().len());
    }

    #[test]
    fn passwords_and_missing_parts_are_named() {
        let limits = ExtractLimits::default();
        let sealed = package(&[("META-INF/manifest.xml", "<m:encryption-data/>"), ("content.xml", "??")]);
        assert_eq!(extract(&sealed, &limits).unwrap_err().code, Cause::ENCRYPTED);
        assert_eq!(extract(&package(&[("a.xml", "<x/>")]), &limits).unwrap_err().code, Cause::DAMAGED);
    }
}
