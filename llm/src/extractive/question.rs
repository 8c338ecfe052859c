//! What a question asks for: its words, their weight, and the kind of answer.

use colloquy_domain::{
    language::Language,
    model::{CompletionRequest, Speaker},
    words::{Word, Words, fold, raw},
};

/// Questions of one turn that are answered, each for itself.
const QUESTIONS: usize = 3;
/// Weight of a name or number beside other words.
const NAMED: f32 = 1.3;
/// Weight of the sort of thing asked for ("which *country*"): the answer names one and seldom says the sort.
const SORT: f32 = 0.5;
/// Weight of what is taken over from the earlier question.
const CARRIED: f32 = 0.5;

/// One question.
#[derive(Debug, Clone)]
pub(super) struct Question {
    pub(super) language: Language,
    pub(super) terms: Vec<Term>,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone)]
pub(super) struct Term {
    pub(super) word: Word,
    pub(super) weight: f32,
    /// Taken over from the earlier question: it tells what is meant, not what is asked.
    pub(super) carried: bool,
}

/// What an answer must hold, by the question's first words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Time,
    Money,
    Count,
    Person,
    Place,
    Other,
}

impl Question {
    /// The question without what it took over; `None` if it took over nothing, or is nothing without it.
    pub(super) fn alone(&self) -> Option<Self> {
        let terms: Vec<Term> = self.terms.iter().filter(|t| !t.carried).cloned().collect();
        let changed = terms.len() < self.terms.len() && !terms.is_empty();
        changed.then_some(Self { terms, ..*self })
    }
}

/// The questions of a request; none if it asks nothing.
pub(super) fn questions(request: &CompletionRequest) -> Vec<Question> {
    let said = request.messages.join("\n");
    let language = Language::detect(&said).unwrap_or(request.language);
    let earlier = request.history.iter().rev().find(|m| m.speaker == Speaker::Person).map(|m| m.text.as_str());
    let mut questions: Vec<Question> = request
        .messages
        .iter()
        .flat_map(|m| asked(m))
        .map(|text| question(text, language, earlier))
        .filter(|q| !q.terms.is_empty())
        .collect();
    // The last ones: what a person writes last is what is wanted most.
    questions.drain(..questions.len().saturating_sub(QUESTIONS));
    questions
}

/// The sentences with a question mark; the whole message if it has none.
fn asked(message: &str) -> Vec<&str> {
    if !message.contains('?') {
        return vec![message];
    }
    let sentences = message.split_inclusive(['?', '!', '\n']).flat_map(|s| s.split_inclusive(". "));
    sentences.filter(|s| s.trim_end().ends_with('?')).collect()
}

fn question(text: &str, language: Language, earlier: Option<&str>) -> Question {
    let words = Words::of(language);
    let mut terms: Vec<Term> = Vec::new();
    let (asked, sort) = without_measure(text);
    let sort = sort.and_then(|sort| words.content(sort).pop());
    for (place, word) in words.content(&asked).into_iter().enumerate() {
        // The first word of a sentence is capital anyway.
        let named = word.number || (word.capital && place > 0);
        let sorts = sort.as_ref().is_some_and(|s| s.stem == word.stem);
        push(
            &mut terms,
            word,
            if named {
                NAMED
            } else if sorts {
                SORT
            } else {
                1.0
            },
            false,
        );
    }
    if let Some(earlier) = earlier.filter(|_| leans_on_earlier(text, terms.len())) {
        for word in words.content(earlier) {
            push(&mut terms, word, CARRIED, true);
        }
    }
    Question { language, terms, kind: kind(text) }
}

/// The question without "long" in "how long" and the like, and the word that names the sort of thing asked for.
fn without_measure(text: &str) -> (String, Option<&str>) {
    const MEASURES: &[&str] = &["long", "far", "old", "big", "large", "tall", "often", "soon", "fast", "temps", "age"];
    const ASKING: &[&str] = &["how", "de", "quel"];
    let written: Vec<&str> = raw(text).collect();
    let is = |word: &str, list: &[&str]| list.contains(&fold(&word.to_lowercase()).as_str());
    let measured = |place: usize| place > 0 && is(written[place], MEASURES) && is(written[place - 1], ASKING);
    let kept = (0..written.len()).filter(|p| !measured(*p)).map(|p| written[p]).collect::<Vec<_>>().join(" ");
    let asks = |w: &&str| is(w, &["what", "which", "quel", "quelle", "quels", "quelles"]);
    let sort = written.iter().position(asks).and_then(|p| written.get(p + 1)).copied();
    (kept, sort.filter(|w| w.chars().next().is_some_and(char::is_lowercase)))
}

fn push(terms: &mut Vec<Term>, word: Word, weight: f32, carried: bool) {
    if !terms.iter().any(|t| t.word.stem == word.stem) {
        terms.push(Term { word, weight, carried });
    }
}

fn leans_on_earlier(text: &str, terms: usize) -> bool {
    let lower = fold(&text.to_lowercase());
    let begins = ["and ", "et ", "what about", "how about", "also "].iter().any(|b| lower.trim_start().starts_with(b));
    let pronoun = raw(&lower).any(|w| {
        matches!(
            w,
            "it" | "they"
                | "them"
                | "that"
                | "this"
                | "he"
                | "she"
                | "ca"
                | "cela"
                | "celui"
                | "celle"
                | "ils"
                | "elles"
        )
    });
    terms < 2 || begins || (pronoun && terms < 4)
}

fn kind(text: &str) -> Kind {
    let lower = format!(" {} ", raw(&fold(&text.to_lowercase())).collect::<Vec<_>>().join(" "));
    let has = |list: &[&str]| list.iter().any(|w| lower.contains(&format!(" {w} ")));
    if has(&[
        "how much", "price", "cost", "costs", "fee", "prix", "cout", "coute", "coutent", "tarif", "tarifs", "montant",
    ]) {
        Kind::Money
    } else if has(&[
        "when",
        "what time",
        "what year",
        "what date",
        "which year",
        "how long",
        "quand",
        "quelle heure",
        "quelle annee",
        "quelle date",
        "combien de temps",
        "hours",
        "horaires",
        "delai",
        "delais",
        "en quelle annee",
    ]) {
        Kind::Time
    } else if has(&[
        "how many",
        "combien",
        "percentage",
        "pourcentage",
        "how old",
        "how far",
        "how tall",
        "how large",
        "quel age",
    ]) {
        Kind::Count
    } else if has(&["who", "whom", "whose", "qui"]) {
        Kind::Person
    } else if has(&["where", "ou", "which country", "which city", "quel pays", "quelle ville", "address", "adresse"]) {
        Kind::Place
    } else {
        Kind::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests_support::request;
    use colloquy_domain::model::HistoryMessage;

    fn read(request: &CompletionRequest) -> Vec<(String, Kind)> {
        let stems = |q: &Question| q.terms.iter().map(|t| t.word.stem.clone()).collect::<Vec<_>>().join(" ");
        questions(request).iter().map(|q| (stems(q), q.kind)).collect()
    }

    #[test]
    fn each_question_of_a_message_counts_and_the_rest_does_not() {
        let asked = request("Hello. I bought a lamp yesterday. When will it arrive? How much is the delivery?");
        assert_eq!(read(&asked), [("arriv".into(), Kind::Time), ("deliveri".into(), Kind::Money)]);
    }

    #[test]
    fn a_follow_up_takes_over_the_words_of_the_question_before() {
        let mut asked = request("And on Sunday?");
        asked.history = vec![
            HistoryMessage { speaker: Speaker::Person, text: "What are your opening hours?".into(), image: None },
            HistoryMessage { speaker: Speaker::Agent, text: "Nine to five.".into(), image: None },
        ];
        let question = &questions(&asked)[0];
        let terms: Vec<(&str, f32)> = question.terms.iter().map(|t| (t.word.stem.as_str(), t.weight)).collect();
        assert_eq!(terms, [("sunday", 1.0), ("open", 0.5), ("hour", 0.5)]);
    }

    #[test]
    fn the_kind_follows_the_question_words_of_both_languages() {
        for (text, want) in [
            ("How much does it cost?", Kind::Money),
            ("Combien coûte la livraison ?", Kind::Money),
            ("Quels sont vos horaires ?", Kind::Time),
            ("How many rooms are there?", Kind::Count),
            ("Qui a fondé la société ?", Kind::Person),
            ("Où êtes-vous ?", Kind::Place),
            ("Is there parking?", Kind::Other),
        ] {
            assert_eq!(kind(text), want, "{text}");
        }
    }
}
