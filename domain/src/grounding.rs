//! From what a model wrote to a grounded reply: which passages it cites, and whether it abstained.

use crate::{
    ids::TurnNo,
    knowledge::Passage,
    language::Language,
    model::Usage,
    outbound::{Citation, Reply},
    phrases::{Phrase, phrase},
};

/// What a model writes, and nothing else, when the passages do not answer the question.
pub const ABSTAIN: &str = "NO_ANSWER";

/// Longest quote of a citation, in characters.
const QUOTE: usize = 240;

/// The passages that may be used: all of them, or none if even the best is too far from the question. The floor is on
/// the best one because good passages beside it often have a low cosine of their own, above all across languages.
#[must_use]
pub fn usable(passages: Vec<Passage>, min_cosine: f32) -> Vec<Passage> {
    let best = passages.iter().filter_map(|p| p.scores.cosine).reduce(f32::max);
    if best.is_some_and(|b| b < min_cosine) { Vec::new() } else { passages }
}

/// Builds the reply: `[n]` marks that name a passage become citations, numbered anew in the order of the text; marks
/// that name none are removed, because a citation that leads nowhere is worse than none.
#[must_use]
pub fn ground(turn: TurnNo, text: &str, passages: &[Passage], language: Language, usage: Usage) -> Reply {
    let text = text.trim();
    if text.trim_matches(|c: char| !c.is_alphanumeric() && c != '_').eq_ignore_ascii_case(ABSTAIN) {
        let text = phrase(Phrase::DontKnow, language).to_owned();
        return Reply { turn, text, citations: Vec::new(), abstained: true, usage };
    }
    let mut numbers: Vec<usize> = Vec::new();
    let text = rewrite_marks(&text.replace(ABSTAIN, ""), passages.len(), &mut numbers);
    let citations = numbers
        .iter()
        .zip(1_u32..)
        .filter_map(|(&place, number)| {
            let p = passages.get(place)?;
            Some(Citation {
                number,
                document: p.document,
                name: p.name.clone(),
                page: p.page,
                offset: p.offset,
                quote: quote(&p.text, &text),
                score: p.scores.shown,
            })
        })
        .collect();
    Reply { turn, text, citations, abstained: false, usage }
}

/// Renumbers `[3]`, `[2, 5]` and drops what names no passage. Leaves links (`[1](…)`) and other brackets alone.
fn rewrite_marks(text: &str, known: usize, numbers: &mut Vec<usize>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('[') {
        let (before, from) = rest.split_at(start);
        out.push_str(before);
        let Some(len) = from.find(']') else {
            out.push_str(from);
            return out;
        };
        let (inside, after) = (&from[1..len], &from[len + 1..]);
        match mark_numbers(inside) {
            Some(marks) if !after.starts_with('(') => {
                let known_marks = marks.into_iter().filter(|n| (1..=known).contains(n));
                let mut any = false;
                for n in known_marks {
                    let place = numbers.iter().position(|&m| m == n - 1).unwrap_or_else(|| {
                        numbers.push(n - 1);
                        numbers.len() - 1
                    });
                    out.push_str(&format!("[{}]", place + 1));
                    any = true;
                }
                if !any && out.ends_with(' ') {
                    out.pop();
                }
            }
            _ => out.push_str(&from[..=len]),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

fn mark_numbers(inside: &str) -> Option<Vec<usize>> {
    let marks: Option<Vec<usize>> = inside.split([',', ';']).map(|n| n.trim().parse().ok()).collect();
    marks.filter(|m| !m.is_empty() && inside.len() <= 24)
}

/// The sentences of the passage that share most words with the reply, at most [`QUOTE`] characters.
fn quote(passage: &str, reply: &str) -> String {
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
    let mut quote: String = best.split_whitespace().collect::<Vec<_>>().join(" ");
    if quote.chars().count() > QUOTE {
        quote = quote.chars().take(QUOTE - 1).collect::<String>() + "…";
    }
    quote
}

/// Pieces that end at a line break, or at `.`, `!`, `?` with a space and no small letter behind: "7 a.m. on Sundays" is
/// one piece.
fn sentences(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut start = 0;
    for (at, c) in text.char_indices() {
        let end = at + c.len_utf8();
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
            pieces.push(&text[start..end]);
            start = end;
        }
    }
    pieces.push(&text[start..]);
    pieces.into_iter().map(str::trim).filter(|s| !s.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ids::DocumentId, knowledge::Scores};

    fn passage(n: u128, text: &str) -> Passage {
        Passage {
            document: DocumentId::new(uuid::Uuid::from_u128(n)),
            name: format!("doc{n}.pdf"),
            headings: Vec::new(),
            page: Some(u32::try_from(n).expect("small")),
            offset: 0,
            text: text.into(),
            scores: Scores { cosine: None, bm25: 1.0, shown: 0.5 },
        }
    }

    #[test]
    fn marks_are_renumbered_in_order_of_the_text_and_unknown_ones_dropped() {
        let ps = [passage(1, "Alpha."), passage(2, "Beta. We open at nine."), passage(3, "Gamma.")];
        let r = ground(
            1,
            "We open at nine [2]. Gamma [3, 2] and nothing [9]. See [x] and [1](http://a).",
            &ps,
            Language::En,
            Usage::default(),
        );
        assert_eq!(r.text, "We open at nine [1]. Gamma [2][1] and nothing. See [x] and [1](http://a).");
        let cited: Vec<_> = r.citations.iter().map(|c| (c.number, c.name.as_str(), c.page)).collect();
        assert_eq!(cited, [(1, "doc2.pdf", Some(2)), (2, "doc3.pdf", Some(3))]);
        assert_eq!(r.citations[0].quote, "We open at nine.");
        assert!(!r.abstained);
    }

    #[test]
    fn quotes_are_whole_sentences() {
        let text =
            "Breakfast is served from 7 to 10:30 a.m., on Sundays until 11:30 a.m. Late guests get a tray. Enjoy!";
        assert_eq!(sentences(text).len(), 3);
        let quoted = quote(text, "Breakfast is served from 7 to 10:30");
        assert_eq!(quoted, "Breakfast is served from 7 to 10:30 a.m., on Sundays until 11:30 a.m.");
    }

    #[test]
    fn the_floor_is_on_the_best_passage() {
        let with = |c| {
            let mut p = passage(1, "Alpha.");
            p.scores.cosine = c;
            p
        };
        assert_eq!(usable(vec![with(Some(0.5)), with(Some(0.1))], 0.3).len(), 2);
        assert_eq!(usable(vec![with(Some(0.2)), with(Some(0.1))], 0.3).len(), 0);
        assert_eq!(usable(vec![with(None)], 0.3).len(), 1, "found by words alone");
    }

    #[test]
    fn abstaining_is_said_in_the_language_of_the_person() {
        let r = ground(1, " NO_ANSWER. ", &[], Language::Fr, Usage::default());
        assert!(r.abstained && r.citations.is_empty());
        assert!(r.text.starts_with("Je suis désolé"));
    }
}
