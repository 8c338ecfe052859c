//! Cutting texts into sentences, and finding the one that a reply rests on.

/// Longest quote of a citation, in characters.
const QUOTE: usize = 240;

/// Pieces that make up the text again: each ends at a line break, or at `.`, `!`, `?` with a space and no small letter
/// behind: "7 a.m. on Sundays" is one piece. Citation marks behind the end ("… at nine. [2]") belong to the piece.
pub(super) fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut start = 0;
    for (at, c) in text.char_indices() {
        let end = at + c.len_utf8();
        if end <= start {
            continue;
        }
        let ends = match c {
            '\n' => true,
            '.' | '!' | '?' => {
                let rest = &text[end..];
                let next = rest.trim_start().chars().next();
                rest.starts_with(char::is_whitespace) && next.is_none_or(|n| !n.is_lowercase())
            }
            _ => false,
        };
        if ends {
            let end = end + if c == '\n' { 0 } else { marks(&text[end..]) };
            pieces.push(&text[start..end]);
            start = end;
        }
    }
    pieces.push(&text[start..]);
    pieces
}

/// Bytes of the citation marks that a text begins with, and of the spaces before them.
fn marks(text: &str) -> usize {
    let mut taken = 0;
    loop {
        let rest = &text[taken..];
        let mark = rest.trim_start_matches(' ');
        let Some(end) = mark.find(']').filter(|_| mark.starts_with('[')) else { return taken };
        if end < 2 || !mark[1..end].chars().all(|c| c.is_ascii_digit() || matches!(c, ',' | ';' | ' ')) {
            return taken;
        }
        taken += rest.len() - mark.len() + end + 1;
    }
}

pub(super) fn sentences(text: &str) -> Vec<&str> {
    pieces(text).into_iter().map(str::trim).filter(|s| !s.is_empty()).collect()
}

/// The sentence of the passage that shares most words with the reply, at most [`QUOTE`] characters.
pub(super) fn quote(passage: &str, reply: &str) -> String {
    let words = |s: &str| -> Vec<String> {
        s.to_lowercase()
            .split(|c: char| !c.is_alphanumeric())
            .filter(|w| w.chars().count() > 2)
            .map(str::to_owned)
            .collect()
    };
    let reply_words = words(reply);
    let sentences = sentences(passage);
    let score = |s: &str| words(s).iter().filter(|w| reply_words.contains(w)).count();
    // The first of equals, so that a tie quotes the passage's beginning.
    let best = sentences.iter().rev().copied().max_by_key(|s| score(s)).unwrap_or(passage);
    shortened(best)
}

/// On one line, at most [`QUOTE`] characters.
pub(super) fn shortened(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() > QUOTE { line.chars().take(QUOTE - 1).collect::<String>() + "…" } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_whole_sentences() {
        let text =
            "Breakfast is served from 7 to 10:30 a.m., on Sundays until 11:30 a.m. Late guests get a tray. Enjoy!";
        assert_eq!(sentences(text).len(), 3);
        let quoted = quote(text, "Breakfast is served from 7 to 10:30");
        assert_eq!(quoted, "Breakfast is served from 7 to 10:30 a.m., on Sundays until 11:30 a.m.");
    }

    #[test]
    fn marks_behind_a_sentence_belong_to_it() {
        let text = "We open at nine. [1] [2, 3] We close at six [4].\n- Sundays: closed. [see] Bye.";
        let cut = pieces(text);
        assert_eq!(
            cut,
            ["We open at nine. [1] [2, 3]", " We close at six [4].", "\n", "- Sundays: closed.", " [see] Bye."]
        );
        assert_eq!(cut.concat(), text);
    }
}
