//! Small repairs of text that every format needs.

use std::borrow::Cow;
use unicode_normalization::UnicodeNormalization;

/// One line: composed accents, ligatures taken apart, no invisible characters, single spaces, trimmed.
#[must_use]
pub fn line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in visible(&letters(text)) {
        if c.is_whitespace() {
            if !out.is_empty() && !out.ends_with(' ') {
                out.push(' ');
            }
        } else {
            out.push(c);
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// Several lines, as in code: spaces at line ends and blank lines around go, the rest stays.
#[must_use]
pub fn lines(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let text: String = visible(&letters(&text)).collect();
    let tidy = text.split('\n').map(str::trim_end).collect::<Vec<_>>().join("\n");
    tidy.trim_matches('\n').to_owned()
}

/// A bullet or an item's number at the start of a line, and the words after it: `• milk`, `- milk`, `2) milk`.
#[must_use]
pub fn without_bullet(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let mut chars = line.chars();
    let first = chars.next()?;
    if matches!(first, '•' | '◦' | '▪' | '▫' | '‣' | '●' | '○' | '■' | '□' | '➢' | '✓' | '✔' | '\u{F0B7}' | '\u{F0A7}')
    {
        return Some(chars.as_str().trim_start()).filter(|rest| !rest.is_empty());
    }
    if matches!(first, '-' | '–' | '—' | '*' | '·') {
        return chars.as_str().strip_prefix(' ').map(str::trim_start).filter(|rest| !rest.is_empty());
    }
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let marker = if (1..=2).contains(&digits) {
        digits
    } else if first.is_ascii_lowercase() {
        1
    } else {
        return None;
    };
    let rest = &line[marker..];
    let rest = rest.strip_prefix(')').or_else(|| (digits > 0).then(|| rest.strip_prefix('.')).flatten())?;
    rest.strip_prefix(' ').map(str::trim_start).filter(|rest| !rest.is_empty())
}

/// Arabic and Hebrew letters in the forms that they have within a word, as the letters that people type.
fn letters(text: &str) -> Cow<'_, str> {
    let is_form = |c: char| matches!(c, '\u{FB1D}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFC}');
    if !text.contains(is_form) {
        return text.into();
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_form(c) { out.extend(std::iter::once(c).nfkc()) } else { out.push(c) }
    }
    out.into()
}

fn visible(text: &str) -> impl Iterator<Item = char> + '_ {
    text.nfc().flat_map(expand)
}

/// What stands for one character; nothing for what nobody sees.
fn expand(c: char) -> impl Iterator<Item = char> {
    let plain: &'static str = match c {
        'ﬀ' => "ff",
        'ﬁ' => "fi",
        'ﬂ' => "fl",
        'ﬃ' => "ffi",
        'ﬄ' => "ffl",
        'ﬅ' | 'ﬆ' => "st",
        '\u{00AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}' | '\u{FEFF}' => "",
        // Private use: bullets and icons of symbol fonts.
        '\u{F0B7}' | '\u{F0A7}' => "•",
        c if c.is_control() && !matches!(c, '\n' | '\t') => {
            if c.is_whitespace() {
                " "
            } else {
                ""
            }
        }
        c => return Either::One(Some(c)),
    };
    Either::Many(plain.chars())
}

enum Either {
    One(Option<char>),
    Many(std::str::Chars<'static>),
}

impl Iterator for Either {
    type Item = char;
    fn next(&mut self) -> Option<char> {
        match self {
            Self::One(c) => c.take(),
            Self::Many(chars) => chars.next(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_made_plain() {
        assert_eq!(line("  of\u{FB01}ce\u{A0}:\u{200B}  e\u{301}te\u{301}\t2026 \r\n"), "office : été 2026");
        assert_eq!(line("ca\u{AD}fé\u{0}"), "café");
        assert_eq!(line("\u{FEB3}\u{FEFC}\u{FEE1}"), "سلام");
        assert_eq!(lines("\n  fn a() {\r\n    b  \n}\n\n"), "  fn a() {\n    b\n}");
    }

    #[test]
    fn bullets_are_told_from_prose() {
        for (text, want) in [
            ("• milk", Some("milk")),
            ("- milk", Some("milk")),
            ("12. milk", Some("milk")),
            ("3) milk", Some("milk")),
            ("a) milk", Some("milk")),
            ("-3 degrees", None),
            ("2026. A good year", None),
            ("3.5 litres", None),
            ("e. g. this", None),
            ("Milk", None),
            ("•", None),
        ] {
            assert_eq!(without_bullet(text), want, "{text}");
        }
    }
}
