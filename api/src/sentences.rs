//! An answer in the making, cut into pieces that can be read out.
//!
//! Marks and addresses can be taken out of whole sentences only. Words in which there are none are said as they come: a
//! caller hears the first of them sooner.

/// Collects an answer and gives it out in pieces.
#[derive(Debug, Default)]
pub struct Sentences {
    /// Not given out.
    held: String,
    /// Something of the sentence that is held may be a mark.
    marked: bool,
    /// Something of the line was given out.
    begun: bool,
}

/// A piece of an answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// Words that can be said as they are.
    Words(String),
    /// A sentence, or what is left of one, with its marks.
    Marked(String),
}

impl Sentences {
    /// More of the answer; the pieces that can be said by now.
    pub fn hear(&mut self, text: &str) -> Vec<Piece> {
        let mut pieces = Vec::new();
        for word in text.split_inclusive([' ', '\n']) {
            self.held.push_str(word);
            if self.held.ends_with([' ', '\n']) {
                pieces.extend(self.word_ended());
            }
        }
        pieces
    }

    /// What was given out stands; what was held is void.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// The answer is whole.
    pub fn rest(&mut self) -> Option<Piece> {
        let Self { held, marked, .. } = std::mem::take(self);
        let plain = !marked && held.split_whitespace().all(is_plain);
        (!held.trim().is_empty()).then_some(if plain { Piece::Words(held) } else { Piece::Marked(held) })
    }

    fn word_ended(&mut self) -> Option<Piece> {
        let last = self.held.trim_end().rsplit([' ', '\n']).next().unwrap_or_default();
        let lists = !self.begun && last.len() == self.held.trim().len() && is_list_mark(last);
        self.marked |= lists || !is_plain(last);
        let line_ends = self.held.ends_with('\n');
        // Rows of a table, and lines of code, are read together.
        let block = self.held.trim_start().starts_with(['|', '`']);
        let ends =
            if block { self.held.ends_with("\n\n") } else { line_ends || last.ends_with(['.', '!', '?', '…']) };
        if self.marked && (lists || !ends) {
            return None;
        }
        let held = std::mem::take(&mut self.held);
        let marked = std::mem::take(&mut self.marked) || line_ends;
        self.begun = !line_ends;
        if held.trim().is_empty() {
            return None;
        }
        Some(if marked { Piece::Marked(held) } else { Piece::Words(held) })
    }
}

/// Whether a line that begins with it is one of a list.
fn is_list_mark(word: &str) -> bool {
    matches!(word, "-" | "*" | "+")
        || word.strip_suffix(['.', ')']).is_some_and(|n| n.bytes().all(|c| c.is_ascii_digit()))
}

/// Whether a word has none but letters, figures and what ends words.
fn is_plain(word: &str) -> bool {
    let around = |c: char| matches!(c, ',' | '.' | '!' | '?' | ';' | ':' | '…' | '«' | '»' | '"' | '€' | '$' | '%');
    let inside = word.trim_matches(around);
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '\'' | '’' | '-' | ',' | '\u{a0}' | '\u{202f}');
    inside.chars().all(plain) && !inside.starts_with('-') && !inside.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pieces(parts: &[&str]) -> Vec<Piece> {
        let mut sentences = Sentences::default();
        let mut all: Vec<Piece> = parts.iter().flat_map(|p| sentences.hear(p)).collect();
        all.extend(sentences.rest());
        all
    }

    fn words(text: &str) -> Piece {
        Piece::Words(text.to_owned())
    }

    fn marked(text: &str) -> Piece {
        Piece::Marked(text.to_owned())
    }

    #[test]
    fn plain_words_are_said_as_they_come() {
        let said = pieces(&["Nous ", "ouvrons à", " neuf heures", "."]);
        assert_eq!(said, [words("Nous "), words("ouvrons "), words("à "), words("neuf "), words("heures.")]);
    }

    #[test]
    fn what_may_be_a_mark_waits_for_its_sentence() {
        let said = pieces(&["C'est **ouvert le ", "samedi** [1]. Voyez ", "www.example.com ou "]);
        assert_eq!(
            said,
            [words("C'est "), marked("**ouvert le samedi** [1]. "), words("Voyez "), marked("www.example.com ou ")]
        );
        assert_eq!(
            pieces(&["1. un\n", "2. deux. ", "Trois"]),
            [marked("1. un\n"), marked("2. deux. "), words("Trois")]
        );
        assert_eq!(pieces(&["|a|b|\n|-|-|\n", "|1|2|\n\n"]), [marked("|a|b|\n|-|-|\n|1|2|\n\n")]);
        assert_eq!(pieces(&["un\n- deux\n"]), [marked("un\n"), marked("- deux\n")], "lines of a list stay lines");
    }

    #[test]
    fn what_was_held_of_a_void_answer_is_not_said() {
        let mut sentences = Sentences::default();
        sentences.hear("*peut-être ");
        sentences.reset();
        assert_eq!(sentences.hear("Oui, "), [words("Oui, ")]);
        assert_eq!(sentences.rest(), None);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_doubled(text in "[a-z*.\\[\\]1 \n-]{0,60}", cut in 0_usize..60) {
            let cut = cut.min(text.len());
            let (mut all, mut sentences) = (String::new(), Sentences::default());
            let mut pieces = sentences.hear(&text[..cut]);
            pieces.extend(sentences.hear(&text[cut..]));
            pieces.extend(sentences.rest());
            for piece in pieces {
                let (Piece::Words(piece) | Piece::Marked(piece)) = piece;
                all.push_str(&piece);
            }
            let plain = |t: &str| t.split_whitespace().collect::<Vec<_>>().join(" ");
            prop_assert_eq!(plain(&all), plain(&text));
        }
    }
}
