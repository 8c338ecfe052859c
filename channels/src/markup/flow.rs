//! Lays the tree out as one line of styled atoms, which can be cut at the gaps.

use super::ast::{Block, Inline, plain_text};
use std::rc::Rc;

/// What a style can hold. Code holds nothing else, because no provider nests anything in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Style {
    pub quote: bool,
    pub bold: bool,
    pub italic: bool,
    pub strike: bool,
    pub link: Option<Rc<str>>,
    pub code: bool,
    pub pre: Option<Pre>,
}

/// A code block and its language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pre(pub Option<Rc<str>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Kept whole, and kept together with its neighbours unless a gap lies between.
    Word,
    /// A place to cut where there is no gap: inside what is too long for any message.
    Cut,
    Space,
    Line,
    Paragraph,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Atom {
    pub text: String,
    pub style: Style,
    pub kind: Kind,
}

impl Atom {
    pub(super) fn new(text: impl Into<String>, style: Style, kind: Kind) -> Self {
        Self { text: text.into(), style, kind }
    }

    pub(super) const fn is_gap(&self) -> bool {
        !matches!(self.kind, Kind::Word)
    }
}

pub(super) fn flow(blocks: &[Block]) -> Vec<Atom> {
    let mut flow = Flow { atoms: Vec::new(), indent: 0, quote: false };
    flow.blocks(blocks);
    flow.settle_spaces();
    flow.atoms
}

struct Flow {
    atoms: Vec<Atom>,
    /// Columns that continued lines are moved in by.
    indent: usize,
    quote: bool,
}

impl Flow {
    fn base(&self) -> Style {
        Style { quote: self.quote, ..Style::default() }
    }

    fn word(&mut self, text: impl Into<String>, style: Style) {
        self.atoms.push(Atom::new(text, style, Kind::Word));
    }

    fn blocks(&mut self, blocks: &[Block]) {
        for (i, block) in blocks.iter().enumerate() {
            if i > 0 {
                self.separate();
                if !matches!(block, Block::Code { .. } | Block::Table(_) | Block::List { .. }) {
                    self.indentation();
                }
            }
            self.block(block);
        }
    }

    /// Between blocks: an empty line, but inside a list only a new one.
    fn separate(&mut self) {
        let style = self.base();
        if self.indent > 0 {
            self.atoms.push(Atom::new("\n", style, Kind::Line));
        } else {
            self.atoms.push(Atom::new("\n\n", style, Kind::Paragraph));
        }
    }

    fn indentation(&mut self) {
        if self.indent > 0 {
            self.word(" ".repeat(self.indent), self.base());
        }
    }

    fn block(&mut self, block: &Block) {
        match block {
            Block::Paragraph(inlines) => self.paragraph(inlines, &self.base()),
            Block::Heading(inlines) => self.paragraph(inlines, &Style { bold: true, ..self.base() }),
            Block::Code { language, text } => self.code_block(text, language.as_deref()),
            Block::Table(rows) => self.code_block(&table(rows), None),
            Block::Rule => self.word("———", self.base()),
            Block::Quote(inner) => {
                let outer = std::mem::replace(&mut self.quote, true);
                self.blocks(inner);
                self.quote = outer;
            }
            Block::List { start, items } => self.list(*start, items),
        }
    }

    fn list(&mut self, start: Option<u64>, items: &[Vec<Block>]) {
        let outer = self.indent;
        for (i, item) in items.iter().enumerate() {
            if i > 0 {
                self.atoms.push(Atom::new("\n", self.base(), Kind::Line));
            }
            let mark = start.map_or_else(
                || "- ".to_owned(),
                |first| format!("{}. ", first.saturating_add(u64::try_from(i).unwrap_or(u64::MAX))),
            );
            // The mark is one atom with its space, so that no cut separates it from its item.
            self.word(" ".repeat(outer) + &mark, self.base());
            self.indent = outer + mark.chars().count().min(4);
            self.blocks(item);
            self.indent = outer;
        }
    }

    fn paragraph(&mut self, inlines: &[Inline], style: &Style) {
        let first = self.atoms.len();
        self.inlines(inlines, style);
        while self.atoms.len() > first && self.atoms.last().is_some_and(Atom::is_gap) {
            self.atoms.pop();
        }
    }

    fn inlines(&mut self, inlines: &[Inline], style: &Style) {
        for inline in inlines {
            match inline {
                Inline::Text(t) => self.text(t, style),
                Inline::Code(t) => {
                    self.word(one_line(t), Style { quote: style.quote, code: true, ..Style::default() });
                }
                Inline::Bold(c) => self.inlines(c, &Style { bold: true, ..style.clone() }),
                Inline::Italic(c) => self.inlines(c, &Style { italic: true, ..style.clone() }),
                Inline::Strike(c) => self.inlines(c, &Style { strike: true, ..style.clone() }),
                Inline::Link { url, label } => self.link(url, label, style),
                Inline::Break => self.line_break(),
            }
        }
    }

    fn line_break(&mut self) {
        self.atoms.push(Atom::new("\n", self.base(), Kind::Line));
        self.indentation();
    }

    fn link(&mut self, url: &str, label: &[Inline], style: &Style) {
        let words = one_line(&plain_text(label));
        let words = if words.is_empty() { url.to_owned() } else { words };
        // Where the label is the address itself, every provider makes the link on its own.
        let link = (is_followable(url) && words != url).then(|| Rc::from(url));
        self.word(words, Style { link, ..style.clone() });
    }

    fn text(&mut self, text: &str, style: &Style) {
        let mut rest = text;
        while !rest.is_empty() {
            let end = rest.find(is_break).unwrap_or(rest.len());
            if end > 0 {
                self.word(&rest[..end], style.clone());
            }
            rest = &rest[end..];
            let gap = rest.find(|c| !is_break(c)).unwrap_or(rest.len());
            if rest[..gap].contains('\n') {
                self.line_break();
            } else if gap > 0 {
                self.atoms.push(Atom::new(" ", style.clone(), Kind::Space));
            }
            rest = &rest[gap..];
        }
    }

    fn code_block(&mut self, text: &str, language: Option<&str>) {
        let text = text.trim_end_matches(['\n', '\r']);
        if text.trim().is_empty() {
            return;
        }
        let language = language.filter(|l| {
            l.len() <= 32 && l.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '#' | '-' | '_' | '.'))
        });
        let style = Style { pre: Some(Pre(language.map(Rc::from))), ..Style::default() };
        self.word(text.replace('\r', ""), style);
    }

    /// A space carries only the styles of both its neighbours: a mark next to a space marks nothing on WhatsApp.
    fn settle_spaces(&mut self) {
        for i in 0..self.atoms.len() {
            if self.atoms[i].kind == Kind::Space {
                let style = match (i.checked_sub(1).and_then(|b| self.atoms.get(b)), self.atoms.get(i + 1)) {
                    (Some(before), Some(after)) => common(&before.style, &after.style),
                    _ => Style::default(),
                };
                self.atoms[i].style = style;
            }
        }
    }
}

/// Unlike `char::is_whitespace`, leaves the no-break spaces of French punctuation in their words.
const fn is_break(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

fn common(a: &Style, b: &Style) -> Style {
    Style {
        quote: a.quote && b.quote,
        bold: a.bold && b.bold,
        italic: a.italic && b.italic,
        strike: a.strike && b.strike,
        link: None,
        code: false,
        pre: None,
    }
}

fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ").trim().to_owned()
}

/// Only addresses that people may be sent to become links; the label of another stays as words.
fn is_followable(url: &str) -> bool {
    let scheme = url.split_once(':').map(|(s, _)| s.to_ascii_lowercase());
    matches!(scheme.as_deref(), Some("http" | "https" | "mailto" | "tel"))
}

/// Columns side by side, for a monospaced block.
fn table(rows: &[Vec<Vec<Inline>>]) -> String {
    let cells: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| one_line(&plain_text(cell))).collect()).collect();
    let columns = cells.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        cells.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut lines = Vec::new();
    for (i, row) in cells.iter().enumerate() {
        let line: Vec<String> = row.iter().zip(&widths).map(|(cell, &w)| format!("{cell:<w$}")).collect();
        lines.push(line.join(" | ").trim_end().to_owned());
        if i == 0 {
            let rule: Vec<String> = widths.iter().map(|&w| "-".repeat(w)).collect();
            lines.push(rule.join("-|-"));
        }
    }
    lines.join("\n")
}
