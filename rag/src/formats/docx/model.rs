//! From the model of `docx-rs` to blocks.

use super::styles::{Paragraph, Styles};
use crate::{document::Block, formats::grid::table};
use docx_rs as word;

pub fn blocks(document: &word::Document, styles: &Styles) -> Vec<Block> {
    let mut walk = Walk { styles, blocks: Vec::new(), caption: None };
    for child in &document.children {
        match child {
            word::DocumentChild::Paragraph(p) => walk.paragraph(p),
            word::DocumentChild::Table(t) => walk.table(t),
            word::DocumentChild::StructuredDataTag(tag) => walk.tag(tag),
            _ => {}
        }
    }
    walk.release_caption();
    walk.blocks
}

struct Walk<'a> {
    styles: &'a Styles,
    blocks: Vec<Block>,
    caption: Option<String>,
}

impl Walk<'_> {
    fn paragraph(&mut self, p: &word::Paragraph) {
        self.text_boxes(p);
        let paragraph = read(p);
        let Some(block) = self.styles.block(&paragraph) else { return };
        self.release_caption();
        if self.styles.is_caption(&paragraph) {
            self.caption = Some(block.text());
        } else {
            self.blocks.push(block);
        }
    }

    fn table(&mut self, t: &word::Table) {
        let caption = self.caption.take();
        self.blocks.extend(table(rows(t), caption));
    }

    fn tag(&mut self, tag: &word::StructuredDataTag) {
        let mut loose = String::new();
        for child in &tag.children {
            match child {
                word::StructuredDataTagChild::Paragraph(p) => self.paragraph(p),
                word::StructuredDataTagChild::Table(t) => self.table(t),
                word::StructuredDataTagChild::StructuredDataTag(inner) => self.tag(inner),
                word::StructuredDataTagChild::Run(r) => run(r, &mut loose),
                _ => {}
            }
        }
        self.blocks.extend(self.styles.block(&Paragraph { text: loose, ..Paragraph::default() }));
    }

    fn text_boxes(&mut self, p: &word::Paragraph) {
        let runs = p.children.iter().filter_map(|c| match c {
            word::ParagraphChild::Run(r) => Some(r),
            _ => None,
        });
        for child in runs.flat_map(|r| &r.children) {
            let word::RunChild::Drawing(drawing) = child else { continue };
            let Some(word::DrawingData::TextBox(text_box)) = &drawing.data else { continue };
            for content in &text_box.children {
                match content {
                    word::TextBoxContentChild::Paragraph(p) => self.paragraph(p),
                    word::TextBoxContentChild::Table(t) => self.table(t),
                }
            }
        }
    }

    fn release_caption(&mut self) {
        self.blocks.extend(self.caption.take().map(|text| Block::Paragraph { text }));
    }
}

fn read(p: &word::Paragraph) -> Paragraph {
    let mut text = String::new();
    for child in &p.children {
        inline(child, &mut text);
    }
    let numbering = p.property.numbering_property.as_ref();
    Paragraph {
        text,
        style: p.property.style.as_ref().map(|s| s.val.clone()),
        numbered: numbering.and_then(|n| n.id.as_ref()).map(|id| id.id != 0),
        outline: p.property.outline_lvl.as_ref().and_then(|l| u8::try_from(l.v).ok()),
    }
}

/// Deleted and moved-away text is left out; inserted and moved-here text is in.
fn inline(child: &word::ParagraphChild, out: &mut String) {
    match child {
        word::ParagraphChild::Run(r) => run(r, out),
        word::ParagraphChild::Hyperlink(h) => h.children.iter().for_each(|c| inline(c, out)),
        word::ParagraphChild::Insert(i) => {
            for child in &i.children {
                if let word::InsertChild::Run(r) = child {
                    run(r, out);
                }
            }
        }
        word::ParagraphChild::MoveTo(m) => {
            for child in &m.children {
                if let word::MoveToChild::Run(r) = child {
                    run(r, out);
                }
            }
        }
        word::ParagraphChild::StructuredDataTag(tag) => tag_text(tag, out),
        _ => {}
    }
}

fn run(r: &word::Run, out: &mut String) {
    for child in &r.children {
        match child {
            word::RunChild::Text(t) => out.push_str(&t.text),
            word::RunChild::Tab(_)
            | word::RunChild::PTab(_)
            | word::RunChild::Break(_)
            | word::RunChild::CarriageReturn(_) => {
                out.push(' ');
            }
            _ => {}
        }
    }
}

fn tag_text(tag: &word::StructuredDataTag, out: &mut String) {
    for child in &tag.children {
        match child {
            word::StructuredDataTagChild::Run(r) => run(r, out),
            word::StructuredDataTagChild::Paragraph(p) => {
                out.push_str(&read(p).text);
                out.push(' ');
            }
            word::StructuredDataTagChild::StructuredDataTag(inner) => tag_text(inner, out),
            _ => {}
        }
    }
}

fn rows(t: &word::Table) -> Vec<Vec<String>> {
    t.rows
        .iter()
        .map(|word::TableChild::TableRow(row)| {
            row.cells.iter().map(|word::TableRowChild::TableCell(c)| cell(c)).collect()
        })
        .collect()
}

fn cell(c: &word::TableCell) -> String {
    let mut out = String::new();
    for child in &c.children {
        match child {
            word::TableCellContent::Paragraph(p) => out.push_str(&read(p).text),
            word::TableCellContent::Table(t) => {
                rows(t).iter().for_each(|row| {
                    out.push_str(&row.join(" "));
                    out.push(' ');
                });
            }
            word::TableCellContent::StructuredDataTag(tag) => tag_text(tag, &mut out),
            word::TableCellContent::TableOfContents(_) => {}
        }
        out.push(' ');
    }
    out
}
