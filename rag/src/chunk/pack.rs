//! Filling passages with the sentences of one section.

use super::{
    ChunkOptions,
    measure::{self, Size},
    sections::{Part, Section},
    table,
};
use crate::document::Block;
use std::ops::Range;

/// A passage of a section.
#[derive(Debug)]
pub struct Passage {
    pub page: u32,
    /// In bytes of the whole text.
    pub start: usize,
    pub text: String,
}

/// The smallest thing that is not cut: a sentence, an item, a line of code, a small table.
#[derive(Debug, Clone)]
struct Atom {
    range: Range<usize>,
    size: Size,
    page: u32,
}

/// What is kept together when there is room: a paragraph, or a list with the line that leads it in.
struct Group {
    atoms: Vec<Atom>,
    size: Size,
    /// Whether its first sentence began on the page before.
    runs_on: bool,
}

enum Piece {
    Text(Group),
    /// A table larger than a passage, already cut.
    Table {
        page: u32,
        start: usize,
        pieces: Vec<table::Piece>,
    },
}

/// A passage in the making.
#[derive(Debug)]
enum Draft {
    Text { range: Range<usize>, size: Size, page: u32, mid_group: bool },
    Done(Passage),
}

pub fn pack(text: &str, section: &Section<'_>, options: ChunkOptions) -> Vec<Passage> {
    let most = Size { words: options.max_words.max(8), tokens: options.max_tokens.max(8) };
    let mut packer = Packer { options, most, drafts: Vec::new(), open: None };
    for piece in pieces(text, &section.parts, most) {
        match piece {
            Piece::Text(group) => packer.group(group),
            Piece::Table { page, start, pieces } => {
                packer.close();
                let passages = pieces.into_iter().map(|p| Passage { page, start: start + p.start, text: p.text });
                packer.drafts.extend(passages.map(Draft::Done));
            }
        }
    }
    packer.close();
    packer.merge_tiny_rests();
    packer.finish(text)
}

struct Packer {
    options: ChunkOptions,
    most: Size,
    drafts: Vec<Draft>,
    open: Option<Open>,
}

struct Open {
    range: Range<usize>,
    size: Size,
    page: u32,
    /// Begins within a paragraph, so that room is left for words from before.
    mid_group: bool,
}

impl Packer {
    fn group(&mut self, group: Group) {
        let page = group.atoms.first().map_or(0, |a| a.page);
        if self.open.as_ref().is_some_and(|o| o.page != page && !group.runs_on) {
            self.close();
        }
        if self.open.as_ref().is_none_or(|o| (o.size + group.size).fits(self.room(o))) && group.size.fits(self.most) {
            group.atoms.into_iter().for_each(|a| self.add(a, false));
        } else {
            let worth_keeping = self.open.as_ref().is_some_and(|o| o.size.words * 3 >= self.most.words);
            if worth_keeping && group.size.fits(self.most) && !group.runs_on {
                self.close();
            }
            for (index, atom) in group.atoms.into_iter().enumerate() {
                if self.open.as_ref().is_some_and(|o| !(o.size + atom.size).fits(self.room(o))) {
                    self.close();
                }
                self.add(atom, index > 0);
            }
        }
        // What ran on from the page before ends here; the rest belongs to its own page.
        if group.runs_on && self.open.as_ref().is_some_and(|o| o.page != page) {
            self.close();
        }
    }

    fn add(&mut self, atom: Atom, mid_group: bool) {
        match &mut self.open {
            Some(open) => {
                open.range.end = atom.range.end;
                open.size += atom.size;
            }
            None => self.open = Some(Open { range: atom.range, size: atom.size, page: atom.page, mid_group }),
        }
    }

    const fn room(&self, open: &Open) -> Size {
        if !open.mid_group {
            return self.most;
        }
        let (words, tokens) = (self.options.overlap_words, self.options.overlap_words * 3 / 2);
        Size {
            words: self.most.words - smaller(words, self.most.words / 2),
            tokens: self.most.tokens - smaller(tokens, self.most.tokens / 2),
        }
    }

    fn close(&mut self) {
        if let Some(Open { range, size, page, mid_group }) = self.open.take() {
            self.drafts.push(Draft::Text { range, size, page, mid_group });
        }
    }

    /// A few words left over say little on their own.
    fn merge_tiny_rests(&mut self) {
        let tiny = self.options.tiny();
        let bound = self.most.words + tiny;
        let mut merged: Vec<Draft> = Vec::new();
        for draft in self.drafts.drain(..) {
            if let Draft::Text { range, size, page, .. } = &draft
                && size.words < tiny
                && let Some(Draft::Text { range: before, size: sum, page: same, .. }) = merged.last_mut()
                && same == page
                && sum.words + size.words <= bound
                && sum.tokens + size.tokens <= self.most.tokens
            {
                before.end = range.end;
                *sum += *size;
                continue;
            }
            merged.push(draft);
        }
        self.drafts = merged;
    }

    fn finish(self, text: &str) -> Vec<Passage> {
        let mut out: Vec<Passage> = Vec::new();
        let mut before: Option<(Range<usize>, u32)> = None;
        for draft in self.drafts {
            match draft {
                Draft::Done(passage) => {
                    before = None;
                    out.push(passage);
                }
                Draft::Text { range, size, page, mid_group } => {
                    let room = self.most.words.saturating_sub(size.words).min(self.options.overlap_words);
                    let tokens = self.most.tokens.saturating_sub(size.tokens);
                    let start = match &before {
                        Some((previous, same)) if *same == page => {
                            overlap(text, previous.clone(), range.start, Size { words: room, tokens }, mid_group)
                        }
                        _ => range.start,
                    };
                    out.push(Passage { page, start, text: text[start..range.end].to_owned() });
                    before = Some((range, page));
                }
            }
        }
        out
    }
}

const fn smaller(a: usize, b: usize) -> usize {
    if a < b { a } else { b }
}

/// Where to begin so as to repeat up to `room` of what stood before: at a sentence where one is short enough, else at a
/// word when a paragraph was cut, else not at all.
fn overlap(text: &str, previous: Range<usize>, start: usize, room: Size, mid_group: bool) -> usize {
    let whole = Size { words: usize::MAX, tokens: usize::MAX };
    let mut best = start;
    for sentence in measure::sentences(&text[previous.clone()], whole).into_iter().rev() {
        let from = previous.start + sentence.start;
        if !Size::of(&text[from..start]).fits(room) {
            break;
        }
        best = from;
    }
    if best < start || !mid_group {
        return best;
    }
    let words: Vec<usize> = measure::words(&text[previous.clone()]).map(|w| previous.start + w.start).collect();
    for from in words.into_iter().rev() {
        if !Size::of(&text[from..start]).fits(room) {
            break;
        }
        best = from;
    }
    best
}

fn pieces(text: &str, parts: &[Part<'_>], most: Size) -> Vec<Piece> {
    let mut out: Vec<Piece> = Vec::new();
    let mut index = 0;
    while index < parts.len() {
        let part = &parts[index];
        let before = index.checked_sub(1).map(|i| &parts[i]);
        let size = Size::of(&text[part.range.clone()]);
        if matches!(part.block, Block::Table { .. }) && !size.fits(most) {
            let pieces = table::split(part.block, most);
            out.push(Piece::Table { page: part.page, start: part.range.start, pieces });
            index += 1;
            continue;
        }
        let used = list_with_lead_in(text, &parts[index..], most).unwrap_or(1);
        let atoms: Vec<Atom> = parts[index..index + used].iter().flat_map(|p| atoms(text, p, most)).collect();
        let size = atoms.iter().fold(Size::default(), |sum, a| sum + a.size);
        let runs_on = before.is_some_and(|b| b.page != part.page && runs_on(text, b, part));
        out.push(Piece::Text(Group { atoms, size, runs_on }));
        index += used;
    }
    out
}

/// How many parts make a list with its lead-in, when they are a list on one page and fit together.
fn list_with_lead_in(text: &str, parts: &[Part<'_>], most: Size) -> Option<usize> {
    let first = parts.first()?;
    let leads = matches!(first.block, Block::Paragraph { text } if text.ends_with(':'));
    if !leads && !matches!(first.block, Block::ListItem { .. }) {
        return None;
    }
    let items = parts[1..].iter().take_while(|p| matches!(p.block, Block::ListItem { .. }) && p.page == first.page);
    let used = 1 + items.count();
    let size = parts[..used].iter().fold(Size::default(), |sum, p| sum + Size::of(&text[p.range.clone()]));
    if size.fits(most) {
        return (used > 1).then_some(used);
    }
    // Too long for one passage: at least the first item stays with what leads it in.
    let two = Size::of(&text[first.range.clone()]) + Size::of(parts.get(1).map_or("", |p| &text[p.range.clone()]));
    (leads && used > 1 && two.fits(most)).then_some(2)
}

fn atoms(text: &str, part: &Part<'_>, most: Size) -> Vec<Atom> {
    let own = &text[part.range.clone()];
    let whole = std::iter::once(0..own.len());
    let ranges: Vec<Range<usize>> = match part.block {
        Block::Table { .. } => whole.collect(),
        // An item is cut only when it must be.
        Block::ListItem { .. } if Size::of(own).fits(most) => whole.collect(),
        Block::Paragraph { .. } | Block::ListItem { .. } | Block::Heading { .. } => measure::sentences(own, most),
        Block::Code { .. } => measure::lines(own, most),
    };
    ranges
        .into_iter()
        .map(|r| Atom {
            size: Size::of(&own[r.clone()]),
            range: part.range.start + r.start..part.range.start + r.end,
            page: part.page,
        })
        .collect()
}

/// Whether a paragraph goes on over the end of its page.
fn runs_on(text: &str, before: &Part<'_>, after: &Part<'_>) -> bool {
    let prose = |p: &Part<'_>| matches!(p.block, Block::Paragraph { .. } | Block::ListItem { .. });
    let ended = text[before.range.clone()].ends_with(['.', '!', '?', ':', ';', '”', '"', '»', ')']);
    prose(before)
        && matches!(after.block, Block::Paragraph { .. })
        && !ended
        && text[after.range.clone()].starts_with(char::is_lowercase)
}
