//! From lines to blocks: headings, paragraphs joined over line ends, list items, aligned columns as tables.

use super::{Line, RawPage, squeezed};
use crate::{document::Block, formats::tidy};
use std::collections::{BTreeMap, HashSet};

/// A larger font than the body's by this factor makes a heading.
const HEADING_RATIO: f32 = 1.15;
/// Longer lines are no headings, in characters.
const HEADING_MAX: usize = 100;
/// Deepest level that font sizes tell apart.
const MAX_LEVEL: u8 = 4;

/// What is known of the whole document before its pages are laid out.
pub struct Style {
    /// The size that most characters are set in; 0 when unknown.
    body: f32,
    /// Heading sizes, in half points, largest first.
    sizes: Vec<i32>,
    /// Words with a hyphen inside, lower case, as found within lines.
    compounds: HashSet<String>,
}

impl Style {
    pub fn of(pages: &[Option<RawPage>]) -> Self {
        let lines = || pages.iter().flatten().flat_map(|p| &p.lines);
        let mut weights: BTreeMap<i32, usize> = BTreeMap::new();
        for line in lines().filter(|l| l.size > 0.0) {
            *weights.entry(half_points(line.size)).or_default() += line.text.len();
        }
        let body = weights.iter().max_by_key(|(_, weight)| **weight).map_or(0, |(size, _)| *size);
        #[expect(clippy::cast_precision_loss, reason = "font sizes are small")]
        let mut style = Self { body: body as f32 / 2.0, sizes: Vec::new(), compounds: HashSet::new() };
        let mut sizes: Vec<i32> =
            lines().filter(|l| style.is_large(l) && could_be_heading(&l.text)).map(|l| half_points(l.size)).collect();
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        sizes.dedup();
        style.sizes = sizes;
        style.compounds = lines()
            .flat_map(|l| l.text.split_whitespace())
            .map(|w| w.trim_matches(|c: char| !c.is_alphanumeric()))
            .filter(|w| w.contains('-'))
            .map(str::to_lowercase)
            .collect();
        style
    }

    fn is_large(&self, line: &Line) -> bool {
        self.body > 0.0 && line.size >= self.body * HEADING_RATIO
    }

    /// The level that this line would have as a heading, judged by its type and its neighbours.
    fn heading(&self, line: &Line, alone: bool) -> Option<u8> {
        if !could_be_heading(&line.text) {
            return None;
        }
        if self.is_large(line) {
            let rank = self.sizes.iter().position(|s| *s == half_points(line.size)).unwrap_or(0);
            return Some(u8::try_from(rank + 1).unwrap_or(MAX_LEVEL).min(MAX_LEVEL));
        }
        let below_sizes = u8::try_from(self.sizes.len() + 1).unwrap_or(MAX_LEVEL).min(MAX_LEVEL);
        let as_small = self.body > 0.0 && line.size > 0.0 && line.size < self.body;
        if line.bold && alone && !as_small {
            return Some(below_sizes);
        }
        (alone && line.size <= 0.0).then(|| numbered_level(&line.text)).flatten()
    }
}

/// The blocks of one page.
pub fn blocks(page: &RawPage, style: &Style) -> Vec<Block> {
    let lines = &page.lines;
    let widest = typical_width(lines);
    let mut out = Builder { blocks: Vec::new(), open: None, style };
    let mut index = 0;
    while index < lines.len() {
        let rest = &lines[index..];
        if let Some((table, used)) = found_table(rest, &page.tables).or_else(|| aligned_table(rest)) {
            out.close();
            out.blocks.push(table);
            index += used;
            continue;
        }
        let line = &lines[index];
        let text = tidy::line(&with_bullet(&line.text));
        let last_of_paragraph = text.chars().count() * 10 < widest * 7 && text.ends_with(['.', '!', '?', ':']);
        let before = index.checked_sub(1).map(|i| &lines[i]);
        let after = lines.get(index + 1);
        let alone = is_gap(before) && is_gap(after) || (line.bold && !after.is_some_and(|l| l.bold));
        if text.is_empty() {
            out.close();
        } else if let Some(level) = style.heading(line, alone) {
            out.heading(level, text, before.is_some_and(|b| half_points(b.size) == half_points(line.size)));
        } else if let Some(item) = tidy::without_bullet(&text) {
            out.close();
            out.open = Some(Block::ListItem { text: item.to_owned() });
        } else {
            out.words(&text);
        }
        if last_of_paragraph {
            out.close();
        }
        index += 1;
    }
    out.close();
    out.blocks
}

/// Bullets of symbol fonts come out as control or private characters at the start of a line.
fn with_bullet(line: &str) -> std::borrow::Cow<'_, str> {
    let start = line.trim_start_matches([' ', '\t']);
    let mut chars = start.chars();
    match (chars.next(), chars.next()) {
        (Some(c), Some(' ')) if (c.is_control() && !c.is_whitespace()) || ('\u{E000}'..='\u{F8FF}').contains(&c) => {
            format!("• {}", chars.as_str()).into()
        }
        _ => line.into(),
    }
}

struct Builder<'a> {
    blocks: Vec<Block>,
    open: Option<Block>,
    style: &'a Style,
}

impl Builder<'_> {
    fn close(&mut self) {
        self.blocks.extend(self.open.take());
    }

    fn heading(&mut self, level: u8, text: String, same_size_above: bool) {
        self.close();
        // A heading over two lines.
        if same_size_above
            && let Some(Block::Heading { level: above, text: start }) = self.blocks.last_mut()
            && *above == level
            && start.len() + text.len() < 2 * HEADING_MAX
        {
            start.push(' ');
            start.push_str(&text);
            return;
        }
        self.blocks.push(Block::Heading { level, text });
    }

    fn words(&mut self, line: &str) {
        match &mut self.open {
            Some(Block::Paragraph { text } | Block::ListItem { text }) => join(text, line, &self.style.compounds),
            _ => {
                self.close();
                self.open = Some(Block::Paragraph { text: line.to_owned() });
            }
        }
    }
}

/// Appends a line; a word cut at the line's end is put together again, keeping the hyphen of a compound that the
/// document also writes within a line.
fn join(text: &mut String, line: &str, compounds: &HashSet<String>) {
    let cut = text.strip_suffix(['-', '\u{2010}']).is_some_and(|t| t.ends_with(char::is_alphabetic));
    if !cut || !line.starts_with(char::is_lowercase) {
        let within_compound = cut && line.starts_with(char::is_alphanumeric);
        if !within_compound {
            text.push(' ');
        }
        text.push_str(line);
        return;
    }
    let head = text.rsplit(|c: char| c.is_whitespace()).next().unwrap_or_default().to_lowercase();
    let tail: String =
        line.chars().take_while(|c| c.is_alphanumeric() || *c == '-').flat_map(char::to_lowercase).collect();
    let compound = format!("{head}{tail}");
    if !compounds.contains(compound.trim_matches(|c: char| !c.is_alphanumeric())) {
        text.pop();
    }
    text.push_str(line);
}

fn is_gap(line: Option<&Line>) -> bool {
    line.is_none_or(|l| l.text.trim().is_empty())
}

#[expect(clippy::cast_possible_truncation, reason = "font sizes are small")]
fn half_points(size: f32) -> i32 {
    (size * 2.0).round() as i32
}

/// Nine tenths of the lines are no longer than this, in characters.
fn typical_width(lines: &[Line]) -> usize {
    let mut widths: Vec<usize> = lines.iter().map(|l| l.text.trim().chars().count()).filter(|n| *n > 0).collect();
    widths.sort_unstable();
    widths.get(widths.len() * 9 / 10).copied().unwrap_or(0)
}

fn could_be_heading(text: &str) -> bool {
    let text = text.trim();
    let length = text.chars().count();
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    (2..=HEADING_MAX).contains(&length)
        && letters * 2 >= length
        && !text.ends_with(['.', ',', ';'])
        && tidy::without_bullet(text).is_none_or(|_| text.starts_with(|c: char| c.is_ascii_digit()))
        && !text.starts_with(char::is_lowercase)
}

/// `2 Rooms` is 1, `2.3 Prices` is 2; a year or a plain sentence is none.
fn numbered_level(text: &str) -> Option<u8> {
    let (number, rest) = text.trim().split_once(' ')?;
    let parts: Vec<&str> = number.trim_end_matches('.').split('.').collect();
    let sound = parts.iter().all(|p| (1..=2).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_digit()));
    let titled = rest.trim_start().starts_with(char::is_uppercase) && !rest.trim_end().ends_with(['.', ':', ';', ',']);
    // `3 Rooms` alone may as well be a quantity: only numbers with a dot count.
    (sound && titled && number.contains('.') && rest.split_whitespace().count() <= 10)
        .then(|| u8::try_from(parts.len()).unwrap_or(MAX_LEVEL).min(MAX_LEVEL))
}

/// A table that the library found, when these lines are exactly its rows: what it takes for a table in running text
/// does not pass.
fn found_table(lines: &[Line], tables: &[Vec<Vec<String>>]) -> Option<(Block, usize)> {
    let start = squeezed(&lines.first()?.text);
    if start.is_empty() {
        return None;
    }
    tables.iter().find_map(|rows| {
        let columns = rows.iter().map(Vec::len).max()?;
        let filled = rows.iter().flatten().filter(|c| !c.is_empty()).count();
        if columns < 2 || rows.len() < 2 || filled < rows.len() * 3 / 2 {
            return None;
        }
        let used = lines_of(rows, lines, &start)?;
        Some((table(rows.clone()), used))
    })
}

/// How many lines these rows take up, row by row; a row may run over several lines.
fn lines_of(rows: &[Vec<String>], lines: &[Line], start: &str) -> Option<usize> {
    let keys: Vec<String> = rows.iter().map(|r| squeezed(&r.concat())).filter(|k| !k.is_empty()).collect();
    if !keys.first()?.starts_with(start) {
        return None;
    }
    let mut used = 0;
    for key in &keys {
        let mut left = key.as_str();
        while !left.is_empty() {
            let line = squeezed(&lines.get(used)?.text);
            left = left.strip_prefix(line.as_str())?;
            used += 1;
        }
    }
    Some(used)
}

/// Lines whose cells stand in columns: at least three in a row with the same number of cells.
fn aligned_table(lines: &[Line]) -> Option<(Block, usize)> {
    let rows: Vec<Vec<String>> = lines.iter().map(|l| cells(&l.text)).take_while(|r| r.len() >= 2).collect();
    let width = rows.first()?.len();
    let rows: Vec<Vec<String>> = rows.into_iter().take_while(|r| r.len() == width).collect();
    let used = rows.len();
    (used >= 3).then(|| (table(rows), used))
}

/// A header names its columns; a first row that is mostly numbers is data.
fn table(mut rows: Vec<Vec<String>>) -> Block {
    let digits = |c: &String| c.chars().filter(char::is_ascii_digit).count() * 2 >= c.chars().count().max(1);
    let named =
        rows.first().is_some_and(|first| first.iter().filter(|c| digits(c) && !c.is_empty()).count() * 2 < first.len());
    let header = if named && rows.len() > 1 { rows.remove(0) } else { Vec::new() };
    Block::Table { caption: None, header, rows }
}

/// What stands between wide gaps (three spaces or a tab).
fn cells(line: &str) -> Vec<String> {
    line.replace('\t', "   ").split("   ").map(tidy::line).filter(|c| !c.is_empty()).collect()
}
