//! Whether an answer is right, and what comes of many. Pure.

use serde::Serialize;

/// Words of an expected answer up to which it must be said word for word; of longer ones the half is enough.
const SHORT: usize = 8;

/// How one question was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Verdict {
    pub answerable: bool,
    /// Something was answered, not that nothing was found.
    pub answered: bool,
    /// What was expected was said; `None` when nothing was written down to expect.
    pub right: Option<bool>,
    pub cited: bool,
    /// One of the citations is of a right passage.
    pub cited_right: bool,
}

/// Counts and shares.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct Figures {
    pub questions: u32,
    pub answerable: Kind,
    pub unanswerable: Kind,
}

/// Questions of one kind; all counts are of these.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct Kind {
    pub questions: u32,
    pub answered: u32,
    pub abstained: u32,
    /// Answered questions for which an answer was expected, and how many of those said it.
    pub judged: u32,
    pub right: u32,
    /// Answers with a citation, and with one of a right passage.
    pub cited: u32,
    pub cited_right: u32,
}

impl Figures {
    pub(super) fn add(&mut self, verdict: Verdict) {
        self.questions += 1;
        let kind = if verdict.answerable { &mut self.answerable } else { &mut self.unanswerable };
        kind.questions += 1;
        if !verdict.answered {
            kind.abstained += 1;
            return;
        }
        let count = |yes: bool| u32::from(yes);
        kind.answered += 1;
        kind.judged += count(verdict.right.is_some());
        kind.right += count(verdict.right == Some(true));
        kind.cited += count(verdict.cited);
        kind.cited_right += count(verdict.cited_right);
    }
}

/// Whether the reply says one of the expected answers; `None` if there are none.
pub(super) fn right(reply: &str, expected: &[String]) -> Option<bool> {
    let said = words(reply);
    let says = |answer: &String| {
        let wanted = words(answer);
        if wanted.len() <= SHORT {
            return !wanted.is_empty() && said.windows(wanted.len()).any(|window| window == wanted);
        }
        let there = wanted.iter().filter(|w| said.contains(w)).count();
        there * 2 >= wanted.len()
    };
    (!expected.is_empty()).then(|| expected.iter().any(says))
}

/// Lower-case, without marks and articles.
fn words(text: &str) -> Vec<String> {
    const ARTICLES: [&str; 10] = ["a", "an", "the", "le", "la", "les", "l", "un", "une", "des"];
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_lowercase);
    words.filter(|w| !ARTICLES.contains(&w.as_str())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_right(reply: &str, expected: &[&str]) -> Option<bool> {
        right(reply, &expected.iter().map(|e| (*e).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_short_answer_is_said_word_for_word_and_of_a_long_one_half() {
        assert_eq!(is_right("It was won by Denver Broncos [1].", &["the Broncos"]), Some(true));
        assert_eq!(is_right("Broncos of Denver", &["Denver Broncos"]), Some(false));
        assert_eq!(is_right("C'est l'Italie.", &["Italie"]), Some(true));
        assert_eq!(is_right("It costs 5 million dollars.", &["12 million", "5 million"]), Some(true));
        let long = "one two three four five six seven eight nine ten";
        assert_eq!(is_right("one two three four five", &[long]), Some(true));
        assert_eq!(is_right("one two three four", &[long]), Some(false));
        assert_eq!(is_right("anything", &[]), None);
        assert_eq!(is_right("anything", &["?"]), Some(false), "an expectation without words is never met");
    }

    #[test]
    fn what_was_not_answered_is_neither_right_nor_cited() {
        let mut figures = Figures::default();
        let verdict = Verdict { answerable: true, answered: true, right: Some(true), cited: true, cited_right: false };
        figures.add(verdict);
        figures.add(Verdict { answered: false, ..verdict });
        figures.add(Verdict { answerable: false, right: None, ..verdict });
        assert_eq!((figures.questions, figures.answerable.questions, figures.unanswerable.questions), (3, 2, 1));
        let Kind { answered, abstained, judged, right, cited, cited_right, .. } = figures.answerable;
        assert_eq!((answered, abstained, judged, right, cited, cited_right), (1, 1, 1, 1, 1, 0));
        assert_eq!((figures.unanswerable.answered, figures.unanswerable.judged), (1, 0));
    }
}
