//! How large a text is, and where it may be cut.

use std::ops::{Add, AddAssign, Range};
use unicode_segmentation::UnicodeSegmentation;

/// A run of letters longer than this without a space is cut anyway, in characters: such "words" are texts in scripts
/// without spaces, or data.
const LONGEST_WORD: usize = 60;

/// Words and estimated model tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Size {
    pub words: usize,
    pub tokens: usize,
}

impl Size {
    pub fn of(text: &str) -> Self {
        text.split_whitespace().fold(Self::default(), |size, word| size + Self { words: 1, tokens: tokens(word) })
    }

    pub const fn fits(self, most: Self) -> bool {
        self.words <= most.words && self.tokens <= most.tokens
    }
}

impl Add for Size {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { words: self.words + other.words, tokens: self.tokens + other.tokens }
    }
}

impl AddAssign for Size {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

/// Word-piece tokens of one word, guessed a little high: marks and ideographs are one each, short runs of letters one,
/// longer ones more.
fn tokens(word: &str) -> usize {
    let (mut tokens, mut run) = (0, 0_usize);
    let mut digits = false;
    let close = |run: usize, digits: bool| if digits { run.div_ceil(3) } else { run.div_ceil(8) };
    for c in word.chars() {
        let alone = !c.is_alphanumeric() || c >= '\u{2E80}';
        if alone || (run > 0 && digits != c.is_ascii_digit()) {
            tokens += close(run, digits);
            run = 0;
        }
        if alone {
            tokens += 1;
        } else {
            digits = c.is_ascii_digit();
            run += 1;
        }
    }
    tokens + close(run, digits)
}

/// Sentences, their spaces at the end left out; a sentence larger than `most` in pieces of words.
pub fn sentences(text: &str, most: Size) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    for (start, sentence) in text.split_sentence_bound_indices() {
        let lead = sentence.len() - sentence.trim_start().len();
        let range = start + lead..start + sentence.trim_end().len();
        if range.is_empty() {
            continue;
        }
        if Size::of(&text[range.clone()]).fits(most) {
            out.push(range);
        } else {
            out.extend(windows(&text[range.clone()], most).map(|w| range.start + w.start..range.start + w.end));
        }
    }
    out
}

/// Lines that hold something; a line larger than `most` in pieces of words.
pub fn lines(text: &str, most: Size) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let end = start + line.trim_end().len();
        if end > start && !line.trim().is_empty() {
            if Size::of(line).fits(most) {
                out.push(start..end);
            } else {
                out.extend(windows(&text[start..end], most).map(|w| start + w.start..start + w.end));
            }
        }
        start += line.len();
    }
    out
}

/// Pieces of whole words, each as large as `most` allows.
fn windows(text: &str, most: Size) -> impl Iterator<Item = Range<usize>> {
    let mut out: Vec<Range<usize>> = Vec::new();
    let mut size = Size::default();
    for word in words(text) {
        let one = Size { words: 1, tokens: tokens(&text[word.clone()]) };
        match out.last_mut() {
            Some(piece) if (size + one).fits(most) => {
                piece.end = word.end;
                size += one;
            }
            _ => {
                out.push(word);
                size = one;
            }
        }
    }
    out.into_iter()
}

/// Words between spaces; overlong ones in parts.
pub fn words(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    text.split_whitespace().flat_map(move |word| {
        let start = word.as_ptr() as usize - text.as_ptr() as usize;
        let cuts: Vec<usize> = word.char_indices().step_by(LONGEST_WORD).map(|(i, _)| i).chain([word.len()]).collect();
        (1..cuts.len()).map(move |i| start + cuts[i - 1]..start + cuts[i]).collect::<Vec<_>>()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_guessed_near_what_models_count() {
        // Sixteen words and numbers in parts, three marks: 19 pieces.
        let english = Size::of("The front desk is open 24 hours a day, and breakfast is served until 10:30.");
        assert!((17..=22).contains(&english.tokens), "{english:?}");
        assert_eq!(english.words, 15);
        assert_eq!(Size::of("東京の天気").tokens, 5);
    }

    #[test]
    fn sentences_are_cut_only_when_too_long() {
        let most = Size { words: 4, tokens: 100 };
        let text = "One two. Three four five six seven eight. Nine!";
        let cut: Vec<&str> = sentences(text, most).into_iter().map(|r| &text[r]).collect();
        assert_eq!(cut, ["One two.", "Three four five six", "seven eight.", "Nine!"]);
    }

    #[test]
    fn words_without_spaces_are_cut_at_characters() {
        let text = "é".repeat(150);
        let sizes: Vec<usize> = words(&text).map(|r| text[r].chars().count()).collect();
        assert_eq!(sizes, [60, 60, 30]);
    }
}
