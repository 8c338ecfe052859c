//! From ranked pieces to words: whether to answer at all, which pieces to say, and how.

use super::{
    question::Question,
    rank::{Candidate, Indexed, rank},
    units::{Role, Unit},
};
use colloquy_domain::{
    knowledge::Passage,
    words::{Words, raw},
};
use std::collections::BTreeSet;

/// Longest answer to one question, in characters.
const LONGEST: usize = 450;
/// Sentences that one answer has at most …
const SENTENCES: usize = 3;
/// … and short lines of one list or table.
const LINES: usize = 8;
/// A line, not a sentence, in characters.
const LINE: usize = 70;
/// Cosine from which a passage in another language is trusted.
const OTHER_LANGUAGE: f32 = 0.45;

/// The answer to one question, with citation marks; `None` if the passages do not answer it.
pub(super) fn answer(question: &Question, passages: &[&Passage]) -> Option<String> {
    let words = Words::of(question.language);
    let indexed: Vec<Indexed<'_>> = passages.iter().map(|p| Indexed::new(p, &words)).collect();
    let ranked = rank(question, &indexed);
    let leads = Leads::of(passages);
    let best = ranked.iter().find(|c| is_enough(question, c, &indexed[c.passage], &leads))?;
    // One answer speaks one language.
    let foreign = |c: &Candidate| indexed[c.passage].is_foreign(question.language);
    let spoken: Vec<Candidate> = ranked.iter().filter(|c| foreign(c) == foreign(best)).copied().collect();
    Some(say(&pick(best, &spoken, &indexed), &spoken, &indexed))
}

/// How far the best passage by BM25 is ahead of the second.
struct Leads {
    best: f32,
    /// Part of the best score, 0 to 1; `None` where there is nothing to compare.
    margin: Option<f32>,
}

impl Leads {
    fn of(passages: &[&Passage]) -> Self {
        let mut scores: Vec<f32> = passages.iter().map(|p| p.scores.bm25).filter(|s| *s > 0.0).collect();
        scores.sort_by(|a, b| b.total_cmp(a));
        match scores[..] {
            [best, second, ..] => Self { best, margin: Some((best - second) / best) },
            _ => Self { best: scores.first().copied().unwrap_or_default(), margin: None },
        }
    }

    fn ahead(&self, passage: &Passage) -> Option<f32> {
        self.margin.map(|margin| if passage.scores.bm25 >= self.best { margin } else { 0.0 })
    }
}

fn is_enough(question: &Question, candidate: &Candidate, indexed: &Indexed<'_>, leads: &Leads) -> bool {
    let passage = indexed.passage;
    if passage.scores.cosine.is_some_and(|cosine| cosine >= OTHER_LANGUAGE) && indexed.is_foreign(question.language) {
        return true;
    }
    candidate.asked && candidate.coverage >= needed(candidate, passage, leads)
}

/// The part of the question's words that must be covered. A passage that stands out, or is close in meaning, needs
/// fewer; one that lacks the names asked for, or the kind of thing asked for, more. The numbers were fitted with the
/// example `evaluate_extractive`.
fn needed(candidate: &Candidate, passage: &Passage, leads: &Leads) -> f32 {
    let by_words = leads.ahead(passage).map_or(0.45, |margin| (0.60 - 0.80 * margin).max(0.33));
    let by_meaning = passage.scores.cosine.map_or(0.0, |cosine| (0.45 - cosine) * 0.5);
    let by_kind = if candidate.cue == Some(false) { 0.06 } else { 0.0 };
    let by_names = 0.16 * f32::from(candidate.missing_names.min(2));
    (by_words + by_meaning + by_kind + by_names).clamp(0.30, 0.85)
}

/// The best piece and what adds to it.
fn pick(best: &Candidate, ranked: &[Candidate], indexed: &[Indexed<'_>]) -> Vec<Candidate> {
    let unit = |c: &Candidate| &indexed[c.passage].units[c.unit];
    let size = |c: &Candidate| with_list(c, indexed).chars().count();
    let best = &whole(best, ranked, indexed);
    let mut picked = vec![*best];
    let mut length = size(best);
    if let Some(before) = antecedent(best, ranked, indexed) {
        length += size(&before);
        picked.push(before);
    }
    for candidate in ranked.iter().take_while(|c| c.score >= best.score * 0.85) {
        let more = size(candidate);
        let line = is_line(unit(candidate)) && is_line(unit(best)) && unit(candidate).under() == unit(best).under();
        let room = picked.len() < if line { LINES } else { SENTENCES };
        if !room || length + more > LONGEST || picked.iter().any(|p| is_said(p, candidate, indexed)) {
            continue;
        }
        length += more;
        picked.push(*candidate);
    }
    picked
}

/// The "…:" of a list whose item is meant for what it stands under, not for its own words: all of the list is wanted.
fn whole(best: &Candidate, ranked: &[Candidate], indexed: &[Indexed<'_>]) -> Candidate {
    let unit = |c: &Candidate| &indexed[c.passage].units[c.unit];
    let lead = ranked.iter().find(|c| c.passage == best.passage && is_lead(unit(c), unit(best)));
    lead.filter(|lead| lead.own > best.own).copied().unwrap_or(*best)
}

fn is_lead(lead: &Unit, item: &Unit) -> bool {
    lead.text.ends_with(':') && item.lead == lead.text
}

/// The sentence before, where the best one says only "it" or "they".
fn antecedent(best: &Candidate, ranked: &[Candidate], indexed: &[Indexed<'_>]) -> Option<Candidate> {
    const PRONOUNS: &[&str] = &[
        "it", "they", "this", "these", "he", "she", "its", "il", "elle", "ils", "elles", "ce", "cela", "cette", "ces",
    ];
    let units = &indexed[best.passage].units;
    let first = raw(&units[best.unit].text).next()?.to_lowercase();
    let before = ranked.iter().find(|c| c.passage == best.passage && c.unit + 1 == best.unit)?;
    let room = units[best.unit].text.chars().count() + units[before.unit].text.chars().count() <= LONGEST;
    (PRONOUNS.contains(&first.as_str()) && room && units[before.unit].role == Role::Sentence).then_some(*before)
}

fn is_line(unit: &Unit) -> bool {
    unit.role != Role::Sentence || (unit.text.chars().count() <= LINE && !unit.text.ends_with(['.', '!', ':']))
}

/// Whether the one, when said, says the other as well.
fn is_said(picked: &Candidate, other: &Candidate, indexed: &[Indexed<'_>]) -> bool {
    let unit = |c: &Candidate| &indexed[c.passage].units[c.unit];
    let leads = |a: &Candidate, b: &Candidate| a.passage == b.passage && is_lead(unit(a), unit(b));
    picked.is_at(other) || leads(picked, other) || leads(other, picked) || repeats(picked, other, indexed)
}

/// Whether two pieces say the same.
fn repeats(a: &Candidate, b: &Candidate, indexed: &[Indexed<'_>]) -> bool {
    let words = |c: &Candidate| -> BTreeSet<String> {
        raw(&indexed[c.passage].units[c.unit].text).map(str::to_lowercase).collect()
    };
    let (a, b) = (words(a), words(b));
    let common = a.intersection(&b).count();
    common * 10 >= a.union(&b).count() * 7
}

/// The pieces as text: passages in the order of their best piece, the pieces of each in their own order.
fn say(picked: &[Candidate], ranked: &[Candidate], indexed: &[Indexed<'_>]) -> String {
    let mut order: Vec<usize> = Vec::new();
    for candidate in picked {
        if !order.contains(&candidate.passage) {
            order.push(candidate.passage);
        }
    }
    let parts: Vec<String> = order
        .iter()
        .map(|passage| {
            let mut pieces: Vec<&Candidate> = picked.iter().filter(|c| c.passage == *passage).collect();
            pieces.sort_by_key(|c| c.unit);
            format!("{} {}", joined(&pieces, indexed), marks(&pieces, ranked, indexed))
        })
        .collect();
    parts.join(if parts.iter().any(|p| p.contains('\n')) { "\n\n" } else { " " })
}

fn joined(pieces: &[&Candidate], indexed: &[Indexed<'_>]) -> String {
    let unit = |c: &Candidate| &indexed[c.passage].units[c.unit];
    let listed = pieces.iter().filter(|c| is_line(unit(c))).count() > 1;
    let mut out = String::new();
    let mut after_line = false;
    for piece in pieces {
        let line = listed && is_line(unit(piece));
        if !out.is_empty() {
            out.push_str(if line {
                "\n"
            } else if after_line {
                "\n\n"
            } else {
                " "
            });
        }
        if line {
            out.push_str("- ");
            out.push_str(&clean(&unit(piece).text));
        } else {
            out.push_str(&clean(&with_list(piece, indexed)));
        }
        after_line = line;
    }
    out
}

/// A piece with what it needs to be understood: the items after "…:", the "…:" before an item.
fn with_list(candidate: &Candidate, indexed: &[Indexed<'_>]) -> String {
    let units = &indexed[candidate.passage].units;
    let unit = &units[candidate.unit];
    if unit.role == Role::Item && unit.lead.ends_with(':') {
        return format!("{} {}", unit.lead, unit.text);
    }
    if !unit.text.ends_with(':') {
        return unit.text.clone();
    }
    let items = units[candidate.unit + 1..].iter().take_while(|u| u.lead == unit.text).take(LINES);
    let items: Vec<&str> = items.map(|u| u.text.trim_end_matches([';', '.', ','])).collect();
    format!("{} {}", unit.text, items.join("; "))
}

/// The citation marks: of the pieces' own passage and of those that say the same.
fn marks(pieces: &[&Candidate], ranked: &[Candidate], indexed: &[Indexed<'_>]) -> String {
    let mut passages = vec![pieces[0].passage];
    for other in ranked {
        if !passages.contains(&other.passage) && pieces.iter().any(|p| repeats(p, other, indexed)) {
            passages.push(other.passage);
        }
    }
    passages.iter().map(|p| format!("[{}]", p + 1)).collect()
}

/// Without marks of the document's own that would read as citations, and not longer than an answer may be.
fn clean(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('[') {
        out.push_str(before);
        match after.split_once(']') {
            Some((inside, tail)) if inside.chars().all(|c| c.is_ascii_digit() || matches!(c, ',' | ';' | ' ')) => {
                rest = tail;
            }
            _ => {
                out.push('[');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    if out.chars().count() <= LONGEST {
        return out;
    }
    let cut: String = out.chars().take(LONGEST).collect();
    format!("{}…", cut.rsplit_once(' ').map_or(cut.as_str(), |(head, _)| head))
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn marks_of_the_document_and_endless_sentences_are_cut() {
        assert_eq!(clean("It opened[12] in 1999 [see note] [3, 4]."), "It opened in 1999 [see note] .");
        let long = clean(&"word ".repeat(200));
        assert!(long.chars().count() <= 451 && long.ends_with("word…"));
    }
}
