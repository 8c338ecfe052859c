//! From what a model wrote to a grounded reply: which passages it cites, whether they support what it says, and whether
//! it abstained.

mod marks;
mod sentences;
mod support;

use crate::{
    agent::Unsupported,
    ids::TurnNo,
    knowledge::Passage,
    language::Language,
    model::Usage,
    outbound::{Checks, Citation, Reply},
    phrases::{Phrase, phrase},
};
use support::Source;

/// What a model writes, and nothing else, when the passages do not answer the question.
pub const ABSTAIN: &str = "NO_ANSWER";

/// What a reply may rest on.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// In the order that citations number.
    pub passages: &'a [Passage],
    /// What tools answered: it may be repeated, but cannot be cited.
    pub results: &'a [&'a str],
}

/// The passages that may be used: all of them, or none if even the best is too far from the question. The floor is on
/// the best one because good passages beside it often have a low cosine of their own, above all across languages.
#[must_use]
pub fn usable(passages: Vec<Passage>, min_cosine: f32) -> Vec<Passage> {
    let best = passages.iter().filter_map(|p| p.scores.cosine).reduce(f32::max);
    if best.is_some_and(|b| b < min_cosine) { Vec::new() } else { passages }
}

/// Builds the reply: `[n]` marks that name a passage become citations, numbered anew in the order of the text; marks
/// that name none are removed and counted, because a citation that leads nowhere is worse than none. Sentences that
/// nothing supports are named in the reply's checks, or left out of it; if nothing of substance is left, the reply
/// abstains.
#[must_use]
pub fn ground(
    turn: TurnNo,
    text: &str,
    evidence: &Evidence<'_>,
    policy: Unsupported,
    language: Language,
    usage: Usage,
) -> Reply {
    let text = text.trim();
    if text.trim_matches(|c: char| !c.is_alphanumeric() && c != '_').eq_ignore_ascii_case(ABSTAIN) {
        return abstained(turn, Checks::default(), language, usage);
    }
    let text = text.replace(ABSTAIN, "");
    let known = evidence.passages.len();
    let dropped_citations = marks::renumber(&text, known).dropped;
    let (kept, unsupported, substance) = match policy {
        Unsupported::Off => (text, Vec::new(), true),
        Unsupported::Flag => (text.clone(), check(&text, evidence, language).unsupported, true),
        Unsupported::Withhold => {
            let checked = check(&text, evidence, language);
            (checked.kept, checked.unsupported, checked.substance)
        }
    };
    let withheld = policy == Unsupported::Withhold && !unsupported.is_empty();
    let checks = Checks { dropped_citations, unsupported, withheld };
    if withheld && !substance {
        return abstained(turn, checks, language, usage);
    }
    let marked = marks::renumber(kept.trim(), known);
    let citations = citations(&marked, evidence.passages);
    Reply { turn, text: marked.text, citations, abstained: false, checks, usage }
}

fn abstained(turn: TurnNo, checks: Checks, language: Language, usage: Usage) -> Reply {
    let text = phrase(Phrase::DontKnow, language).to_owned();
    Reply { turn, text, citations: Vec::new(), abstained: true, checks, usage }
}

fn citations(marked: &marks::Marked, passages: &[Passage]) -> Vec<Citation> {
    let cited = marked.cited.iter().zip(1_u32..).filter_map(|(&place, number)| Some((number, passages.get(place)?)));
    cited
        .map(|(number, p)| Citation {
            number,
            document: p.document,
            version: p.version.clone(),
            name: p.name.clone(),
            page: p.page,
            offset: p.offset,
            quote: sentences::quote(&p.text, &marked.text),
            score: p.scores.shown,
        })
        .collect()
}

/// A text held against its evidence.
struct Checked {
    /// What is left without the unsupported sentences.
    kept: String,
    unsupported: Vec<String>,
    /// Something that is left rests on a passage or a result.
    substance: bool,
}

fn check(text: &str, evidence: &Evidence<'_>, language: Language) -> Checked {
    let source = |p: &Passage| Source::new(&[&p.name, &p.headings.join(" "), p.text.as_str()].join(" "), language);
    let passages: Vec<Source> = evidence.passages.iter().map(source).collect();
    let results: Vec<Source> = evidence.results.iter().map(|r| Source::new(r, language)).collect();
    let anywhere = marks::renumber(text, passages.len()).cited;
    let mut checked = Checked { kept: String::with_capacity(text.len()), unsupported: Vec::new(), substance: false };
    for piece in sentences::pieces(text) {
        let (sentence, numbers) = marks::stripped(piece);
        let own: Vec<usize> = numbers.iter().filter_map(|n| n.checked_sub(1)).filter(|n| *n < passages.len()).collect();
        // A sentence without a mark of its own rests on what the reply cites, if it cites anything.
        let places = if own.is_empty() { &anywhere } else { &own };
        let mut sources: Vec<&Source> = places.iter().map(|place| &passages[*place]).chain(&results).collect();
        if places.is_empty() {
            sources.extend(&passages);
        }
        if support::is_supported(&sentence, &sources, language) {
            checked.kept.push_str(piece);
            checked.substance |= support::needs_support(&sentence, language);
        } else {
            checked.unsupported.push(sentences::shortened(&sentence));
            // The line goes on without it.
            if piece.ends_with('\n') {
                checked.kept.push('\n');
            }
        }
    }
    checked
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ids::DocumentId,
        knowledge::Scores,
        testkit::injections::{INJECTIONS, MARKER},
    };

    fn passage(n: u128, text: &str) -> Passage {
        Passage {
            document: DocumentId::new(uuid::Uuid::from_u128(n)),
            version: "v1".into(),
            name: format!("doc{n}.pdf"),
            headings: Vec::new(),
            page: Some(u32::try_from(n).expect("small")),
            offset: 0,
            text: text.into(),
            scores: Scores { cosine: None, bm25: 1.0, shown: 0.5 },
        }
    }

    fn grounded(text: &str, passages: &[Passage], policy: Unsupported) -> Reply {
        ground(1, text, &Evidence { passages, results: &["{\"order\":4711}"] }, policy, Language::En, Usage::default())
    }

    // req: C-ACT-3
    #[test]
    fn marks_are_renumbered_in_order_of_the_text_and_unknown_ones_dropped() {
        let ps = [passage(1, "Alpha."), passage(2, "Beta. We open at nine."), passage(3, "Gamma.")];
        let text = "We open at nine [2]. Gamma [3, 2] and nothing [9]. See [x] and [1](http://a).";
        let r = grounded(text, &ps, Unsupported::Off);
        assert_eq!(r.text, "We open at nine [1]. Gamma [2][1] and nothing. See [x] and [1](http://a).");
        let cited: Vec<_> = r.citations.iter().map(|c| (c.number, c.name.as_str(), c.page)).collect();
        assert_eq!(cited, [(1, "doc2.pdf", Some(2)), (2, "doc3.pdf", Some(3))]);
        assert_eq!(r.citations[0].quote, "We open at nine.");
        assert!(!r.abstained);
        assert_eq!(r.checks, Checks { dropped_citations: 1, ..Checks::default() });
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
        let evidence = Evidence { passages: &[], results: &[] };
        let r = ground(1, " NO_ANSWER. ", &evidence, Unsupported::Withhold, Language::Fr, Usage::default());
        assert!(r.abstained && r.citations.is_empty());
        assert!(r.text.starts_with("Je suis désolé"));
    }

    const RETURNS: &str = "Returns are free within 30 days. The parcel label lies in the box.";
    const MIXED: &str = "Hello! You can return it free of charge within 30 days [1]. [7] We also repair old shoes for 25 \
                         euros [1]. Your order is 4711.";

    // req: C-ACT-3
    #[test]
    fn unsupported_sentences_are_named_or_left_out_as_the_agent_wishes() {
        let ps = [passage(1, RETURNS), passage(2, "Shoes cost 25 euros.")];
        let unsupported = vec!["We also repair old shoes for 25 euros .".to_owned()];
        let flagged = grounded(MIXED, &ps, Unsupported::Flag);
        assert_eq!(flagged.checks, Checks { dropped_citations: 1, unsupported: unsupported.clone(), withheld: false });
        assert!(flagged.text.contains("repair"), "only named: {}", flagged.text);
        let withheld = grounded(MIXED, &ps, Unsupported::Withhold);
        assert_eq!(withheld.checks, Checks { dropped_citations: 1, unsupported, withheld: true });
        assert_eq!(withheld.text, "Hello! You can return it free of charge within 30 days [1]. Your order is 4711.");
        assert_eq!(withheld.citations.len(), 1);
        assert_eq!(grounded(MIXED, &ps, Unsupported::Off).checks.unsupported, Vec::<String>::new());
    }

    // req: C-ACT-3
    #[test]
    fn a_reply_of_which_nothing_is_left_abstains() {
        let r = grounded("Hello! We sell blue submarines for 99 euros.", &[passage(1, RETURNS)], Unsupported::Withhold);
        assert!(r.abstained && r.checks.withheld, "{r:?}");
        assert_eq!(r.text, phrase(Phrase::DontKnow, Language::En));
        let small_talk = grounded("You're welcome!", &[], Unsupported::Withhold);
        assert!(!small_talk.abstained && small_talk.checks == Checks::default(), "{small_talk:?}");
    }

    // req: C-ACT-3
    #[test]
    fn a_model_that_obeys_an_injection_is_not_heard() {
        let breakfast = [passage(1, "Breakfast is served from 7 to 10:30.")];
        for injection in INJECTIONS {
            let obeyed = format!("Breakfast is served from 7 to 10:30 [1].\n{} [42]", injection.text);
            let r = grounded(&obeyed, &breakfast, Unsupported::Withhold);
            assert!(!r.text.contains(MARKER) && !r.text.contains(ABSTAIN), "{}: {}", injection.name, r.text);
            assert!(r.text.starts_with("Breakfast is served from 7 to 10:30 [1]."), "{}: {}", injection.name, r.text);
            assert!(r.checks.dropped_citations >= 1 && r.citations.len() == 1, "{}", injection.name);
        }
    }
}
