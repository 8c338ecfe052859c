//! `pdf_oxide`: the better reader, with font sizes.

use super::{Cause, Line, RawPage, rtl, squeezed};
use crate::formats::{encoding, tidy};
use pdf_oxide::{
    PdfDocument,
    layout::{TextChar, TextSpan},
    object::Object,
};
use std::collections::HashMap;

pub struct Reader {
    document: PdfDocument,
}

impl Reader {
    /// # Errors
    /// `extract.encrypted` when the empty password does not open it, `extract.damaged` when the library does not.
    pub fn open(bytes: &[u8]) -> Result<Self, Cause> {
        let document = PdfDocument::from_bytes(bytes.to_vec()).map_err(|e| match e {
            pdf_oxide::error::Error::EncryptedPdf => Cause::encrypted(),
            _ => Cause::damaged("PDF"),
        })?;
        if document.is_encrypted() && !document.is_authenticated() && !document.authenticate(b"").unwrap_or(false) {
            return Err(Cause::encrypted());
        }
        Ok(Self { document })
    }

    pub fn page_count(&self) -> Option<usize> {
        self.document.page_count().ok().filter(|n| *n > 0)
    }

    /// `None` when the page cannot be read. Pages count from 0.
    pub fn page(&self, index: usize) -> Option<RawPage> {
        let text = self.document.extract_text(index).ok()?;
        if let Some(lines) = self.from_right_to_left(index, &text) {
            return Some(RawPage { lines, tables: Vec::new(), pictures: self.has_pictures(index).unwrap_or(false) });
        }
        let styles = self.document.extract_spans(index).map(|spans| row_styles(&spans)).unwrap_or_default();
        let lines = text
            .lines()
            .map(|text| {
                let (size, bold) = styles.get(&squeezed(text)).copied().unwrap_or_default();
                Line { text: text.to_owned(), size, bold }
            })
            .collect();
        Some(RawPage { lines, tables: self.tables(index), pictures: self.has_pictures(index).unwrap_or(false) })
    }

    /// The lines of a page that is written so, unless letters get lost on the way.
    fn from_right_to_left(&self, index: usize, text: &str) -> Option<Vec<Line>> {
        if !rtl::is_page(text) {
            return None;
        }
        let upright = |c: &TextChar| c.rotation_degrees.abs() < 1.0 && !c.char.is_control();
        let letter = |c: TextChar| rtl::Letter {
            char: c.char,
            left: c.origin_x,
            right: c.origin_x + c.advance_width,
            base: c.origin_y,
            size: c.font_size,
            bold: c.font_weight.is_bold(),
        };
        let chars = self.document.extract_chars(index).ok()?;
        let lines = rtl::lines(chars.into_iter().filter(upright).map(letter).collect());
        let letters = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).count();
        let kept: usize = lines.iter().map(|l| letters(&l.text)).sum();
        (kept * 10 >= letters(text) * 8).then_some(lines)
    }

    /// The document's own title, unless it is the kind that programs invent.
    pub fn title(&self) -> Option<String> {
        let info = self.document.resolve_object(self.document.trailer().as_dict()?.get("Info")?).ok()?;
        let title = self.document.resolve_object(info.as_dict()?.get("Title")?).ok()?;
        let title = tidy::line(&text_string(title.as_string()?));
        let lower = title.to_lowercase();
        let invented = lower.starts_with("untitled")
            || lower.starts_with("microsoft ")
            || [".doc", ".docx", ".tex", ".dvi", ".indd", ".qxd", ".odt"].iter().any(|e| lower.ends_with(e))
            || !title.contains(char::is_alphabetic);
        (!invented).then_some(title)
    }

    fn tables(&self, index: usize) -> Vec<Vec<Vec<String>>> {
        let tables = self.document.extract_tables(index).unwrap_or_default();
        let rows = |table: pdf_oxide::structure::Table| {
            table.rows.into_iter().map(|row| row.cells.into_iter().map(|c| tidy::line(&c.text)).collect()).collect()
        };
        tables.into_iter().map(rows).collect()
    }

    fn has_pictures(&self, index: usize) -> Option<bool> {
        let page = self.document.get_page(index).ok()?;
        let resources = self.document.resolve_object(page.as_dict()?.get("Resources")?).ok()?;
        let objects = self.document.resolve_object(resources.as_dict()?.get("XObject")?).ok()?;
        let is_picture = |object: &Object| {
            let object = self.document.resolve_object(object).ok()?;
            Some(object.as_dict()?.get("Subtype")?.as_name()? == "Image")
        };
        Some(objects.as_dict()?.values().any(|o| is_picture(o).unwrap_or(false)))
    }
}

/// A text string of the document's own properties: UTF-16 or UTF-8 where marked, else PDFDocEncoding, which is Latin-1
/// but for these.
fn text_string(bytes: &[u8]) -> String {
    const FROM_80: [char; 33] = [
        '•', '†', '‡', '…', '—', '–', 'ƒ', '⁄', '‹', '›', '−', '‰', '„', '“', '”', '‘', '’', '‚', '™', 'ﬁ', 'ﬂ', 'Ł',
        'Œ', 'Š', 'Ÿ', 'Ž', 'ı', 'ł', 'œ', 'š', 'ž', ' ', '€',
    ];
    if bytes.starts_with(&[0xFE, 0xFF]) || bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xEF, 0xBB, 0xBF]) {
        return encoding::decode(bytes, None);
    }
    let character = |b: &u8| FROM_80.get(usize::from(*b).wrapping_sub(0x80)).copied().unwrap_or(char::from(*b));
    bytes.iter().map(character).collect()
}

/// Size and weight of each row, found again by its letters: the library's text has reading order and spacing, its
/// spans have type, and nothing else links the two.
fn row_styles(spans: &[TextSpan]) -> HashMap<String, (f32, bool)> {
    let mut styles = HashMap::new();
    let mut row: Vec<&TextSpan> = Vec::new();
    let mut close = |row: &mut Vec<&TextSpan>| {
        let key = squeezed(&row.iter().map(|s| s.text.as_str()).collect::<String>());
        let size = row.iter().map(|s| s.font_size).fold(0.0, f32::max);
        let bold = row.iter().filter(|s| !s.text.trim().is_empty()).all(|s| s.font_weight.is_bold());
        if !key.is_empty() {
            styles.entry(key).or_insert((size, bold));
        }
        row.clear();
    };
    for span in spans {
        let same = row.last().is_none_or(|last| (last.bbox.y - span.bbox.y).abs() <= 0.4 * span.font_size.max(1.0));
        if !same {
            close(&mut row);
        }
        row.push(span);
    }
    close(&mut row);
    styles
}
