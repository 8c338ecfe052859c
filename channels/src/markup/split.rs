//! Packs atoms into parts that the provider accepts, cutting where it hurts least.

use super::{
    dialect::Dialect,
    flow::{Atom, Kind, Style},
};
use colloquy_domain::channel::Part;
use unicode_segmentation::UnicodeSegmentation;

/// Cuts into parts of at most `limit` units: between paragraphs if the part is then at least a quarter full, else
/// between lines, else between words; inside a word, a link or a code block only if it is too long for any part.
pub(super) fn split(atoms: &[Atom], dialect: Dialect, limit: usize) -> Vec<Part> {
    let atoms: Vec<Atom> = atoms.iter().flat_map(|a| fit(a, dialect, limit)).collect();
    let mut parts = Vec::new();
    let mut rest: &[Atom] = &atoms;
    loop {
        let gaps = rest.iter().take_while(|a| a.is_gap()).count();
        rest = &rest[gaps..];
        if rest.is_empty() {
            return parts;
        }
        let end = cut(rest, dialect, limit);
        let (part, after) = rest.split_at(end);
        let kept = part.len() - part.iter().rev().take_while(|a| a.is_gap()).count();
        parts.push(write(&part[..kept], dialect, limit));
        rest = after;
    }
}

fn write(atoms: &[Atom], dialect: Dialect, limit: usize) -> Part {
    let text = dialect.write(atoms);
    let mut plain = Dialect::Plain.write(atoms);
    if dialect.measure(&plain) > limit {
        // Without addresses and quote marks it is never longer than the marked-up text.
        plain = atoms.iter().map(|a| a.text.as_str()).collect();
    }
    Part::words(text, plain)
}

/// How many of the atoms (which begin with a word) go into the next part; at least one.
fn cut(atoms: &[Atom], dialect: Dialect, limit: usize) -> usize {
    let none = Style::default();
    let (mut cost, mut style) = (0, &none);
    // For each kind of gap: the last place, and whether enough lies before it.
    let mut places: [Option<usize>; 3] = [None; 3];
    let mut last = None;
    for (i, atom) in atoms.iter().enumerate() {
        if atom.is_gap() && cost > 0 {
            last = Some(i);
            let rank = match atom.kind {
                Kind::Paragraph => 0,
                Kind::Line => 1,
                Kind::Space | Kind::Cut | Kind::Word => 2,
            };
            if cost >= limit / 4 {
                places[rank] = Some(i);
            }
        }
        cost += dialect.turn_cost(style, &atom.style) + dialect.words_cost(atom);
        style = &atom.style;
        if !atom.is_gap() && cost + dialect.turn_cost(style, &none) > limit {
            return places.into_iter().flatten().next().or(last).unwrap_or(i).max(1);
        }
    }
    atoms.len()
}

fn cost_alone(atom: &Atom, dialect: Dialect) -> usize {
    overhead(&atom.style, dialect) + dialect.words_cost(atom)
}

fn overhead(style: &Style, dialect: Dialect) -> usize {
    let none = Style::default();
    dialect.turn_cost(&none, style) + dialect.turn_cost(style, &none)
}

/// The atom, or smaller ones if it is too long for any part.
fn fit(atom: &Atom, dialect: Dialect, limit: usize) -> Vec<Atom> {
    if cost_alone(atom, dialect) <= limit {
        return vec![atom.clone()];
    }
    if let Some(url) = &atom.style.link {
        let style = Style { link: None, ..atom.style.clone() };
        let spelled = Atom::new(format!("{} ({url})", atom.text), style, Kind::Word);
        return fit_pieces(&spelled, ' ', Kind::Space, dialect, limit);
    }
    if atom.style.pre.is_some() {
        return fit_pieces(atom, '\n', Kind::Line, dialect, limit);
    }
    fit_pieces(atom, ' ', Kind::Space, dialect, limit)
}

fn fit_pieces(atom: &Atom, separator: char, gap: Kind, dialect: Dialect, limit: usize) -> Vec<Atom> {
    let mut out = Vec::new();
    for (i, piece) in atom.text.split(separator).enumerate() {
        if i > 0 {
            out.push(Atom::new(separator, atom.style.clone(), gap));
        }
        let piece = Atom::new(piece, atom.style.clone(), Kind::Word);
        if cost_alone(&piece, dialect) <= limit {
            out.push(piece);
        } else {
            chop(&piece, dialect, limit, &mut out);
        }
    }
    out
}

/// Cuts a monster between characters as people see them.
fn chop(atom: &Atom, dialect: Dialect, limit: usize, out: &mut Vec<Atom>) {
    let room = limit.saturating_sub(overhead(&atom.style, dialect)).max(1);
    let cost = |text: &str| dialect.words_cost(&Atom::new(text, atom.style.clone(), Kind::Word));
    let mut piece = String::new();
    let mut used = 0;
    let mut add = |text: &str, out: &mut Vec<Atom>| {
        let more = cost(text);
        if used + more > room && !piece.is_empty() {
            out.push(Atom::new(std::mem::take(&mut piece), atom.style.clone(), Kind::Word));
            out.push(Atom::new("", atom.style.clone(), Kind::Cut));
            used = 0;
        }
        piece.push_str(text);
        used += more;
    };
    for grapheme in atom.text.graphemes(true) {
        if cost(grapheme) <= room {
            add(grapheme, out);
        } else {
            grapheme.chars().for_each(|c| add(c.encode_utf8(&mut [0; 4]), out));
        }
    }
    if !piece.is_empty() {
        out.push(Atom::new(piece, atom.style.clone(), Kind::Word));
    }
}
