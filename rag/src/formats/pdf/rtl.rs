//! Pages written from right to left, put together from where each letter stands: the library's own order of such lines is now
//! and then that of the page, from left to right.

use super::Line;
use unicode_bidi::{BidiClass, BidiInfo, Level, bidi_class};
use unicode_normalization::char::is_combining_mark;

/// One letter on the page; lengths in points, upwards and to the right.
#[derive(Debug, Clone, Copy)]
pub struct Letter {
    pub char: char,
    pub left: f32,
    pub right: f32,
    /// Where its line stands.
    pub base: f32,
    pub size: f32,
    pub bold: bool,
}

/// Letters of one line stand within this part of their size.
const SAME_LINE: f32 = 0.4;
/// A wider gap than this part of the size parts words.
const WORD_GAP: f32 = 0.15;
/// A wider gap than this many usual ones parts paragraphs.
const PARAGRAPH_GAP: f32 = 1.5;
/// Fewer letters do not tell how a page is written.
const LEAST: usize = 10;

fn is_rtl(c: char) -> bool {
    matches!(bidi_class(c), BidiClass::R | BidiClass::AL)
}

/// Whether at least a third of the letters are written from right to left.
pub fn is_page(text: &str) -> bool {
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let rtl = text.chars().filter(|c| is_rtl(*c)).count();
    rtl >= LEAST && rtl * 3 >= letters
}

/// The lines of a page from top to bottom, each in the order in which it is read.
pub fn lines(mut letters: Vec<Letter>) -> Vec<Line> {
    letters.sort_by(|a, b| b.base.total_cmp(&a.base));
    let mut rows: Vec<Vec<Letter>> = Vec::new();
    for letter in letters {
        match rows.last_mut() {
            Some(row) if row[0].base - letter.base <= SAME_LINE * row[0].size.max(1.0) => row.push(letter),
            _ => rows.push(vec![letter]),
        }
    }
    let bases: Vec<f32> = rows.iter().map(|r| r[0].base).collect();
    let mut pitches: Vec<f32> = bases.windows(2).map(|b| b[0] - b[1]).collect();
    pitches.sort_by(f32::total_cmp);
    let usual = pitches.get(pitches.len().saturating_sub(1) / 2).copied().unwrap_or(f32::MAX);
    let mut out = Vec::new();
    for (index, row) in rows.into_iter().enumerate() {
        if index > 0 && bases[index - 1] - bases[index] > PARAGRAPH_GAP * usual {
            out.push(Line::default());
        }
        out.push(line(row));
    }
    out
}

fn line(row: Vec<Letter>) -> Line {
    let size = row.iter().map(|l| l.size).fold(0.0, f32::max);
    let bold = row.iter().all(|l| l.bold);
    Line { text: read(&signs(row)), size, bold }
}

/// What stands at one place, from left to right; its marks and the other letters of a ligature follow its first letter.
fn signs(row: Vec<Letter>) -> Vec<String> {
    let (marks, mut bases): (Vec<Letter>, Vec<Letter>) = row.into_iter().partition(|l| is_combining_mark(l.char));
    bases.sort_by(|a, b| a.left.total_cmp(&b.left));
    let mut signs: Vec<(Letter, String)> = Vec::new();
    for letter in bases {
        if let Some((before, text)) = signs.last_mut() {
            if (letter.left - before.left).abs() < 0.02 * letter.size {
                // Drawn twice for weight, or two letters in one shape.
                if before.char != letter.char {
                    text.push(letter.char);
                }
                continue;
            }
            if letter.left - before.right > WORD_GAP * letter.size {
                let gap = Letter { char: ' ', left: before.right, right: letter.left, ..letter };
                signs.push((gap, " ".to_owned()));
            }
        }
        signs.push((letter, letter.char.to_string()));
    }
    for mark in marks {
        let middle = |l: &Letter| (l.left + l.right) / 2.0;
        let distance = |l: &Letter| (middle(l) - middle(&mark)).abs();
        let solid = signs.iter_mut().filter(|(l, _)| !l.char.is_whitespace());
        if let Some((_, text)) = solid.min_by(|a, b| distance(&a.0).total_cmp(&distance(&b.0))) {
            text.push(mark.char);
        }
    }
    signs.into_iter().map(|(_, text)| text).collect()
}

/// From the order on the page to the order of reading. Turning what runs against the line round is its own inverse, so the rules
/// that lay a line out also read it back.
fn read(signs: &[String]) -> String {
    // One character for each sign: what follows the first one stays with it.
    let shown: String = signs.iter().filter_map(|s| s.chars().next()).collect();
    let strong = |wanted: fn(char) -> bool| shown.chars().filter(|c| wanted(*c)).count();
    let rtl = strong(is_rtl) * 2 >= strong(|c| is_rtl(c) || bidi_class(c) == BidiClass::L);
    let level = if rtl { Level::rtl() } else { Level::ltr() };
    let places: Vec<usize> = shown.char_indices().map(|(at, _)| at).collect();
    let info = BidiInfo::new(&shown, Some(level));
    let mut out = String::new();
    for paragraph in &info.paragraphs {
        let (levels, runs) = info.visual_runs(paragraph, paragraph.range.clone());
        for run in runs {
            let within = |at: &usize| run.contains(&places[*at]);
            let indexes = (0..signs.len()).filter(within);
            if levels[run.start].is_rtl() {
                out.extend(indexes.rev().map(|i| signs[i].as_str()));
            } else {
                out.extend(indexes.map(|i| signs[i].as_str()));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Letters of a line as they stand on the page, from left to right; a space is a gap.
    fn row(shown: &str, base: f32) -> Vec<Letter> {
        let place = |(n, char): (usize, char)| {
            let left = 6.0 * n as f32;
            Letter { char, left, right: left + 6.0, base, size: 10.0, bold: false }
        };
        shown.chars().enumerate().filter(|(_, c)| *c != ' ').map(place).collect()
    }

    #[test]
    fn lines_are_read_from_their_right_end_and_what_is_latin_in_them_from_its_left() {
        let shown = [row("םולש", 100.0), row("2026 תנשב PDF ךמסמ", 88.0), row("The word שלום is", 50.0)].concat();
        let text: Vec<String> = lines(shown).into_iter().map(|l| l.text).collect();
        assert_eq!(text, ["שלום", "מסמך PDF בשנת 2026", "", "The word םולש is"]);
    }

    #[test]
    fn marks_and_ligatures_stay_with_their_letter() {
        let mut shown = row("םש", 0.0);
        shown.insert(0, Letter { char: '\u{05C1}', left: 8.0, right: 8.0, ..shown[1] });
        assert_eq!(lines(shown)[0].text, "ש\u{05C1}ם");
        let letter = |char, left| Letter { char, left, right: left + 6.0, base: 0.0, size: 10.0, bold: false };
        let ligature = vec![letter('م', 0.0), letter('ل', 6.0), letter('ا', 6.0), letter('س', 12.0)];
        assert_eq!(lines(ligature)[0].text, "سلام");
    }

    #[test]
    fn pages_are_told_by_their_letters() {
        assert!(is_page("مستند يدعم الكتابة باللغة العربية with LaTeX"));
        assert!(!is_page("An English page that quotes سلام once or twice, and goes on in English."));
    }
}
