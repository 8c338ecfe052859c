//! What is telling in an argument, and whether a text says it.

use unicode_normalization::UnicodeNormalization;

/// Consecutive words that are a phrase; a value of fewer words is one as a whole, from [`FEWEST`] on.
const PHRASE: usize = 4;
const FEWEST: usize = 3;
/// Letters and digits of a phrase: what is shorter says nothing, unless it is a number.
const SHORTEST: usize = 12;
/// Letters and digits of an identifier, and digits of a number, that are not said by chance.
const IDENTIFIER: usize = 4;
/// From so many on, a part is found however it is cut by spaces and signs.
const COMPACT: usize = 6;

/// A telling part of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// Letters and digits of an address, a number or an identifier, without what stands between them.
    Token(String),
    /// Words in their order.
    Phrase(Vec<String>),
}

/// A text as it is searched.
pub(super) struct Text {
    words: Vec<String>,
    /// All words without anything between them.
    compact: String,
}

impl Text {
    pub(super) fn of(text: &str) -> Self {
        let words: Vec<String> = words(text).map(|w| compact(&w)).filter(|w| !w.is_empty()).collect();
        Self { compact: words.concat(), words }
    }

    /// Whether the part is in here, however it is cut: for text that is not vouched for.
    pub(super) fn holds(&self, part: &Part) -> bool {
        match part {
            Part::Token(token) if token.len() >= COMPACT => self.compact.contains(token.as_str()),
            part => self.says(part),
        }
    }

    /// Whether whole words say exactly this: for text that is vouched for, where `martin@shop.com` must not pass for
    /// `jean.martin@shop.com`.
    pub(super) fn says(&self, part: &Part) -> bool {
        match part {
            Part::Phrase(phrase) => self.words.windows(phrase.len()).any(|w| w == phrase),
            Part::Token(token) => (0..self.words.len()).any(|from| {
                let mut rest = token.as_str();
                for word in &self.words[from..] {
                    match rest.strip_prefix(word.as_str()) {
                        Some("") => return true,
                        Some(more) => rest = more,
                        None => return false,
                    }
                }
                false
            }),
        }
    }
}

/// The telling parts of a value: each address, number and identifier in it, and its phrases.
pub(super) fn parts(value: &str) -> Vec<Part> {
    let written: Vec<String> = words(value).collect();
    let mut parts: Vec<Part> =
        written.iter().filter(|w| is_telling(w)).map(|w| Part::Token(compact(w))).filter(|p| !is_short(p)).collect();
    parts.extend(spaced_number(&written));
    let plain: Vec<String> = written.iter().map(|w| compact(w)).filter(|w| !w.is_empty()).collect();
    if plain.len() >= FEWEST {
        let phrases = plain.windows(PHRASE.min(plain.len())).filter(|w| is_phrase(w));
        parts.extend(phrases.map(|w| Part::Phrase(w.to_vec())));
    }
    parts
}

fn is_phrase(words: &[String]) -> bool {
    let letters = || words.iter().flat_map(|w| w.chars());
    letters().count() >= SHORTEST || letters().filter(char::is_ascii_digit).count() >= COMPACT
}

/// As written, in lower case and one form, without what cannot be seen.
fn words(text: &str) -> impl Iterator<Item = String> {
    let seen = |c: &char| !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{ad}');
    let text: String = text.chars().filter(seen).nfkc().flat_map(char::to_lowercase).collect();
    text.split_whitespace().map(str::to_owned).collect::<Vec<_>>().into_iter()
}

fn compact(word: &str) -> String {
    word.chars().filter(|c| c.is_alphanumeric()).collect()
}

/// An address, a URL or host, a number, or letters mixed with digits.
fn is_telling(word: &str) -> bool {
    let inner = word.trim_matches(|c: char| !c.is_alphanumeric());
    let host = inner
        .split_once('.')
        .is_some_and(|(name, rest)| !name.is_empty() && rest.chars().next().is_some_and(char::is_alphanumeric));
    inner.contains('@') || word.contains("://") || host || inner.chars().any(|c| c.is_ascii_digit())
}

fn is_short(part: &Part) -> bool {
    matches!(part, Part::Token(token) if token.chars().count() < IDENTIFIER)
}

/// Groups of digits are one number: a phone, a card, an account.
fn spaced_number(words: &[String]) -> Option<Part> {
    let numeric = |w: &String| w.chars().all(|c| c.is_ascii_digit() || !c.is_alphanumeric());
    let of_account = |w: &String| w.len() <= 4 && w.chars().any(|c| c.is_ascii_digit());
    let grouped = words.len() > 1 && words.iter().all(|w| numeric(w) || of_account(w));
    let token = compact(&words.concat());
    (grouped && token.len() >= COMPACT).then_some(Part::Token(token))
}
