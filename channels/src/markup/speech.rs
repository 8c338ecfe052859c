//! A reply as it is read out: words and pauses, no markup, no address letter by letter, no citation marks.

use super::ast::{Block, Inline, parse};

/// Characters that one reply may have on the telephone: about three minutes.
const LONGEST: usize = 3_000;

/// What a voice says of a Markdown reply; empty if there is nothing to say.
pub(crate) fn speech(markdown: &str) -> String {
    let mut sentences = Vec::new();
    blocks(&parse(markdown), &mut sentences);
    shortened(&sentences.join(" "))
}

fn blocks(of: &[Block], sentences: &mut Vec<String>) {
    for block in of {
        match block {
            Block::Paragraph(inlines) | Block::Heading(inlines) => sentence(&words(inlines), sentences),
            Block::Code { text, .. } => sentence(text, sentences),
            Block::Quote(inner) => blocks(inner, sentences),
            Block::List { items, .. } => items.iter().for_each(|item| blocks(item, sentences)),
            Block::Table(rows) => table(rows, sentences),
            Block::Rule => {}
        }
    }
}

/// Each row with the names of its columns: who listens sees no columns.
fn table(rows: &[Vec<Vec<Inline>>], sentences: &mut Vec<String>) {
    let Some((head, rest)) = rows.split_first() else { return };
    let head: Vec<String> = head.iter().map(|cell| words(cell)).collect();
    for row in rest {
        let cell = |(n, cell): (usize, &Vec<Inline>)| match head.get(n).filter(|name| n > 0 && !name.trim().is_empty())
        {
            Some(name) => format!("{}: {}", name.trim(), words(cell)),
            None => words(cell),
        };
        let said: Vec<String> = row.iter().enumerate().map(cell).filter(|c| !c.trim().is_empty()).collect();
        sentence(&said.join(", "), sentences);
    }
}

fn words(inlines: &[Inline]) -> String {
    let mut text = String::new();
    for inline in inlines {
        match inline {
            Inline::Text(t) | Inline::Code(t) => text.push_str(t),
            Inline::Bold(inner) | Inline::Italic(inner) | Inline::Strike(inner) => text.push_str(&words(inner)),
            Inline::Link { url, label } => {
                let label = words(label);
                // A number that leads somewhere is a citation.
                if !label.chars().all(|c| c.is_ascii_digit()) {
                    text.push_str(if label.trim() == url { host(url) } else { &label });
                }
            }
            Inline::Break => text.push(' '),
        }
    }
    text
}

fn sentence(text: &str, sentences: &mut Vec<String>) {
    let spoken: Vec<String> = without_marks(text).split_whitespace().map(word).filter(|w| !w.is_empty()).collect();
    let mut spoken = spoken.join(" ");
    if !spoken.contains(char::is_alphanumeric) {
        return;
    }
    if !spoken.ends_with(['.', '!', '?', ':', ';', ',', '…']) {
        spoken.push('.');
    }
    sentences.push(spoken);
}

/// Without `[1]` and `[2, 5]`, and the spaces before them.
fn without_marks(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once('[') {
        out.push_str(before);
        let number = |c: char| c.is_ascii_digit() || c == ',' || c == ' ';
        match after.split_once(']').filter(|(mark, _)| !mark.is_empty() && mark.chars().all(number)) {
            Some((_, after)) => {
                out.truncate(out.trim_end().len());
                rest = after;
            }
            None => {
                out.push('[');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// An address is its host; pictures are not read out.
fn word(word: &str) -> String {
    let bare = word.trim_start_matches(['(', '<', '"', '«']);
    if bare.starts_with("http://") || bare.starts_with("https://") || bare.starts_with("www.") {
        let end = bare.trim_end_matches(['.', ',', ')', '>', '"', '»', '!', '?', ';', ':']);
        return format!("{}{}", host(end), bare.get(end.len()..).unwrap_or_default().trim_start_matches([')', '>']));
    }
    word.chars().filter(|c| !is_picture(*c)).collect()
}

fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    host.strip_prefix("www.").unwrap_or(host)
}

const fn is_picture(c: char) -> bool {
    matches!(c, '\u{1f000}'..='\u{1faff}' | '\u{2600}'..='\u{27bf}' | '\u{2190}'..='\u{21ff}' | '\u{fe00}'..='\u{fe0f}' | '\u{200d}' | '•')
}

/// The sentences that fit.
fn shortened(text: &str) -> String {
    let Some((end, _)) = text.char_indices().nth(LONGEST) else { return text.to_owned() };
    let head = &text[..end];
    let cut = head.rfind(['.', '!', '?']).map_or_else(|| head.rfind(' ').unwrap_or(end), |at| at + 1);
    head[..cut].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // req: S4-TEL-3
    #[test]
    fn what_is_read_out_has_no_markup_no_marks_and_no_addresses() {
        for (markdown, said) in [
            ("Nous ouvrons à **9 h** [1], sauf le _dimanche_ [2, 3].", "Nous ouvrons à 9 h, sauf le dimanche."),
            ("# Tarifs\n\n- vélo : 20 €\n- casque", "Tarifs. vélo : 20 €. casque."),
            ("See https://www.example.com/a/b?c=d&e=f.", "See example.com."),
            ("[our page](https://example.com/x) and <https://example.com/y>", "our page and example.com."),
            ("Done 🎉 → `ok`", "Done ok."),
            ("| Plan | Price |\n|---|---|\n| Basic | 5 € |\n| Pro | 9 € |", "Basic, Price: 5 €. Pro, Price: 9 €."),
            ("a[i] stays", "a[i] stays."),
            ("---\n\n***", ""),
        ] {
            assert_eq!(speech(markdown), said, "{markdown}");
        }
        let long = speech(&"Une phrase de plus. ".repeat(1_000));
        assert!(long.chars().count() <= LONGEST && long.ends_with('.'), "{}", long.len());
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in ".{0,200}") {
            prop_assert!(speech(&text).chars().count() <= LONGEST);
        }
    }
}
