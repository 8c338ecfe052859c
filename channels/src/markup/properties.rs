//! What holds for any reply.

use super::{Dialect, render};
use proptest::prelude::*;

const DIALECTS: [Dialect; 6] =
    [Dialect::TelegramHtml, Dialect::WhatsApp, Dialect::Plain, Dialect::Instagram, Dialect::Gsm, Dialect::Ucs2];

/// The length that the provider sees.
fn length(dialect: Dialect, text: &str) -> usize {
    match dialect {
        Dialect::TelegramHtml => words_of_html(text).expect("well-formed").encode_utf16().count(),
        Dialect::WhatsApp | Dialect::Plain => text.chars().count(),
        Dialect::Instagram => text.len(),
        // All of these words are in the alphabet.
        Dialect::Gsm => text.chars().map(|c| if "^{}\\[~]|€".contains(c) { 2 } else { 1 }).sum(),
        Dialect::Ucs2 => text.encode_utf16().count(),
    }
}

/// Reads HTML as strictly as Telegram does: known tags, properly nested, nothing unescaped.
fn words_of_html(html: &str) -> Result<String, String> {
    let (mut out, mut open, mut rest) = (String::new(), Vec::new(), html);
    while let Some(c) = rest.chars().next() {
        match c {
            '<' => {
                let end = rest.find('>').ok_or("a tag without end")?;
                let tag = &rest[1..end];
                match tag.strip_prefix('/') {
                    Some(name) if open.pop() == Some(name.to_owned()) => {}
                    Some(name) => return Err(format!("unexpected end tag {name}")),
                    None => {
                        let name = tag.split(' ').next().unwrap_or_default();
                        if !["b", "i", "s", "a", "code", "pre", "blockquote"].contains(&name) {
                            return Err(format!("unknown tag {name}"));
                        }
                        open.push(name.to_owned());
                    }
                }
                rest = &rest[end + 1..];
            }
            '&' => {
                let end = rest.find(';').ok_or("an entity without end")?;
                out.push(match &rest[..=end] {
                    "&lt;" => '<',
                    "&gt;" => '>',
                    "&amp;" => '&',
                    "&quot;" => '"',
                    other => return Err(format!("unknown entity {other}")),
                });
                rest = &rest[end + 1..];
            }
            '>' | '"' => return Err(format!("{c} unescaped")),
            c => {
                out.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    if open.is_empty() { Ok(out) } else { Err(format!("left open: {open:?}")) }
}

fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

/// Markdown of words that are all different, so that losing, repeating or swapping one shows.
fn documents() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("w "),
        Just("**w w** "),
        Just("*w* "),
        Just("~~w w~~ "),
        Just("`w w` "),
        Just("[w w](https://x.example) "),
        Just("\n\n"),
        Just("\n- w "),
        Just("\n1. w "),
        Just("\n\n> w w\n"),
        Just("\n\n# w\n\n"),
        Just("w<b>&"),
        Just("\n\n```\nw w\nw\n```\n\n"),
        Just("\n\n| w | w |\n|---|---|\n| w | w |\n\n"),
        Just("***w** w* "),
        Just("\n---\n"),
    ];
    proptest::collection::vec(piece, 0..60).prop_map(|pieces| {
        let mut n = 0;
        let mut numbered = String::new();
        for c in pieces.concat().chars() {
            if c == 'w' {
                n += 1;
                numbered.push_str(&format!("q{n}z"));
            } else {
                numbered.push(c);
            }
        }
        numbered
    })
}

proptest! {
    #[test]
    fn parts_fit_are_well_formed_and_lose_no_word(markdown in documents(), limit in 40_usize..400) {
        let words: Vec<String> = (1..).map(|n| format!("q{n}z")).take_while(|w| markdown.contains(w.as_str())).collect();
        for dialect in DIALECTS {
            let parts = render(&markdown, &[], dialect, limit);
            for part in &parts {
                prop_assert!(length(dialect, &part.text) <= limit, "{:?}: {}", dialect, part.text);
                prop_assert!(dialect.measure(&part.plain) <= limit, "{:?}: {}", dialect, part.plain);
                prop_assert!(!part.text.trim().is_empty());
            }
            let text: Vec<String> = parts.iter().map(|p| p.text.clone()).collect();
            let (joined, plain) = (text.join("\n"), parts.iter().map(|p| p.plain.as_str()).collect::<Vec<_>>().join("\n"));
            for form in [joined, plain] {
                let places: Vec<_> = words.iter().map(|w| form.find(w.as_str())).collect();
                prop_assert!(places.iter().all(Option::is_some), "{:?} lost a word of {:?}: {}", dialect, markdown, form);
                prop_assert!(places.is_sorted(), "{:?} changed the order of {:?}: {}", dialect, markdown, form);
            }
        }
    }

    #[test]
    fn any_text_is_survived_within_the_limit(markdown in "\\PC{0,300}|[a-z*_~`\\[\\]()<>&#|>\n -]{0,300}", limit in 40_usize..200) {
        for dialect in DIALECTS {
            for part in render(&markdown, &[], dialect, limit) {
                prop_assert!(length(dialect, &part.text) <= limit);
                prop_assert!(dialect.measure(&part.plain) <= limit);
            }
        }
    }

    #[test]
    fn plain_words_come_through_letter_by_letter(
        // Words that begin after four spaces would be code.
        markdown in "[a-zA-Zéà😀][a-zA-Zéà😀 ]{0,500}", limit in 10_usize..60) {
        for dialect in DIALECTS {
            let parts = render(&markdown, &[], dialect, limit);
            let all: String = parts.iter().map(|p| letters(&p.text)).collect();
            prop_assert_eq!(all, letters(&markdown));
        }
    }
}

#[test]
fn hostile_nesting_does_not_exhaust_the_stack() {
    for opening in ["> ", "- ", "**a ", "[", "*a **b "] {
        let markdown = format!("{}words", opening.repeat(5_000));
        for dialect in DIALECTS {
            let parts = render(&markdown, &[], dialect, 2000);
            assert!(parts.iter().any(|p| p.text.contains("words")), "{opening}");
        }
    }
    for depth in 25..40 {
        let table = ["| a | words |", "|---|---|", "| b | c |"].map(|row| format!("{}{row}\n", "> ".repeat(depth)));
        for markdown in [table.concat(), format!("{}1. words\n", "> - ".repeat(depth / 2))] {
            let parts = render(&markdown, &[], Dialect::Plain, 2000);
            assert!(parts.iter().any(|p| p.text.contains("words")), "{depth}");
        }
    }
}
