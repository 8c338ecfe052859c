//! A plain reading of WordprocessingML, without a model and without recursion: checks `docx-rs`, replaces it where it
//! fails, and reads the notes that it does not.

use super::styles::{Paragraph, Styles};
use crate::{
    document::Block,
    formats::{
        grid::table,
        markup::{Walker, attribute, walk},
    },
};
use quick_xml::events::BytesStart;

#[derive(Debug, Default)]
pub struct Reading {
    pub blocks: Vec<Block>,
    /// How deeply elements are nested.
    pub depth: usize,
}

/// Reads `document.xml`, `footnotes.xml` or `endnotes.xml`, as far as it is well formed.
pub fn read(xml: &str, styles: &Styles) -> Reading {
    let mut state = State::new(styles);
    walk(xml, &mut state);
    state.finish()
}

struct State<'a> {
    styles: &'a Styles,
    blocks: Vec<Block>,
    /// Open elements, now and at most.
    open: usize,
    depth: usize,
    /// Elements whose content does not count: deleted text, field codes, fallbacks of what was already read.
    skipped: usize,
    in_text: bool,
    /// Open paragraphs: a text box holds paragraphs within a paragraph.
    paragraphs: Vec<Paragraph>,
    /// Open tables: a cell may hold a table.
    tables: Vec<Table>,
    caption: Option<String>,
}

#[derive(Default)]
struct Table {
    rows: Vec<Vec<String>>,
    row: Vec<String>,
    cell: String,
}

fn is_skipped(name: &str) -> bool {
    matches!(name, "del" | "moveFrom" | "instrText" | "delText" | "delInstrText" | "Fallback" | "rPr" | "sectPr")
}

impl<'a> State<'a> {
    const fn new(styles: &'a Styles) -> Self {
        Self {
            styles,
            blocks: Vec::new(),
            open: 0,
            depth: 0,
            skipped: 0,
            in_text: false,
            paragraphs: Vec::new(),
            tables: Vec::new(),
            caption: None,
        }
    }

    fn end_paragraph(&mut self) {
        let Some(paragraph) = self.paragraphs.pop() else { return };
        if let Some(table) = self.tables.last_mut() {
            table.cell.push_str(&paragraph.text);
            table.cell.push(' ');
            return;
        }
        let Some(block) = self.styles.block(&paragraph) else { return };
        self.release_caption();
        if self.styles.is_caption(&paragraph) {
            self.caption = Some(block.text());
        } else {
            self.blocks.push(block);
        }
    }

    fn end_table(&mut self) {
        let Some(done) = self.tables.pop() else { return };
        match self.tables.last_mut() {
            Some(outer) => {
                for row in done.rows {
                    outer.cell.push_str(&row.join(" "));
                    outer.cell.push(' ');
                }
            }
            None => self.blocks.extend(table(done.rows, self.caption.take())),
        }
    }

    /// A caption that no table followed is a paragraph.
    fn release_caption(&mut self) {
        self.blocks.extend(self.caption.take().map(|text| Block::Paragraph { text }));
    }

    fn paragraph(&mut self, change: impl FnOnce(&mut Paragraph)) {
        if let Some(paragraph) = self.paragraphs.last_mut() {
            change(paragraph);
        }
    }

    /// `tab` is also the name of a tab stop within the paragraph's properties, which stand before any text.
    fn space(&mut self, name: &str) {
        self.paragraph(|p| {
            if name != "tab" || !p.text.is_empty() {
                p.text.push(' ');
            }
        });
    }

    fn text_in(&mut self, text: &str) {
        self.paragraph(|p| p.text.push_str(text));
    }

    fn finish(mut self) -> Reading {
        // What a broken file leaves open still counts.
        while !self.paragraphs.is_empty() {
            self.end_paragraph();
        }
        while !self.tables.is_empty() {
            self.end("tc");
            self.end("tr");
            self.end_table();
        }
        self.release_caption();
        Reading { blocks: self.blocks, depth: self.depth }
    }
}

impl Walker for State<'_> {
    fn start(&mut self, name: &str, element: &BytesStart<'_>) {
        self.open += 1;
        self.depth = self.depth.max(self.open);
        if is_skipped(name) || (is_note(name) && attribute(element, "type").is_some_and(|t| t != "normal")) {
            self.skipped += 1;
        }
        if self.skipped > 0 {
            return;
        }
        match name {
            "p" => self.paragraphs.push(Paragraph::default()),
            "t" => self.in_text = true,
            "tab" | "br" | "cr" | "ptab" => self.space(name),
            "noBreakHyphen" => self.text_in("-"),
            "pStyle" => self.paragraph(|p| p.style = attribute(element, "val")),
            "numId" => self.paragraph(|p| p.numbered = Some(attribute(element, "val").is_none_or(|v| v != "0"))),
            "outlineLvl" => {
                self.paragraph(|p| p.outline = attribute(element, "val").and_then(|v| v.parse().ok()));
            }
            "tbl" => self.tables.push(Table::default()),
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        self.open = self.open.saturating_sub(1);
        if self.skipped > 0 {
            // Notes that count never raised the counter, so that those which end within a skipped part did.
            if is_skipped(name) || is_note(name) {
                self.skipped -= 1;
            }
            return;
        }
        match name {
            "t" => self.in_text = false,
            "p" => self.end_paragraph(),
            "tc" => {
                if let Some(table) = self.tables.last_mut() {
                    let cell = std::mem::take(&mut table.cell);
                    table.row.push(cell);
                }
            }
            "tr" => {
                if let Some(table) = self.tables.last_mut() {
                    let row = std::mem::take(&mut table.row);
                    table.rows.push(row);
                }
            }
            "tbl" => self.end_table(),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if self.in_text && self.skipped == 0 {
            self.text_in(text);
        }
    }
}

fn is_note(name: &str) -> bool {
    matches!(name, "footnote" | "endnote")
}
