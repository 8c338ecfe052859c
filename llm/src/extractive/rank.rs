//! Which pieces of the passages answer a question, and how well.

use super::{
    cues::answers_kind,
    question::{Question, Term},
    units::{Role, Unit, units},
};
use colloquy_domain::{
    knowledge::Passage,
    language::Language,
    words::{Word, Words, likeness},
};

/// How much a word counts that does not stand in the piece itself, but …
const UNDER: f32 = 0.85;
const TITLE: f32 = 0.6;
const BEFORE: f32 = 0.6;
const AFTER: f32 = 0.3;
const ELSEWHERE: f32 = 0.35;
/// A piece holds a word if it stands for it at least this well: better than "elsewhere in the passage".
const HELD: f32 = 0.5;
/// What a piece in another language than the question's is worth beside one in the same.
const OTHER_LANGUAGE: f32 = 0.85;
/// Score of a piece whose heading asks the very question, and of the first one under it.
const HEADED: f32 = 0.95;
const FIRST: f32 = 0.06;

/// A piece that could be the answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Candidate {
    /// Place of the passage, from 0.
    pub(super) passage: usize,
    /// Place of the piece in its passage.
    pub(super) unit: usize,
    /// Weighted part of the question's words that the piece and what surrounds it hold, 0 to 1.
    pub(super) coverage: f32,
    /// The same by the piece alone.
    pub(super) own: f32,
    /// Whether it holds the kind of thing that is asked for.
    pub(super) cue: Option<bool>,
    /// By which candidates are ordered.
    pub(super) score: f32,
    /// Whether it holds any word that the person wrote now, not only words of the earlier question.
    pub(super) asked: bool,
    /// Names and numbers of the question that its passage does not hold at all.
    pub(super) missing_names: u8,
}

impl Candidate {
    pub(super) fn is_at(&self, other: &Self) -> bool {
        (self.passage, self.unit) == (other.passage, other.unit)
    }
}

/// A passage cut up for one question.
pub(super) struct Indexed<'a> {
    pub(super) passage: &'a Passage,
    pub(super) units: Vec<Unit>,
    words: Vec<Vec<Word>>,
    under: Vec<Vec<Word>>,
    title: Vec<Word>,
    language: Option<Language>,
}

impl<'a> Indexed<'a> {
    pub(super) fn new(passage: &'a Passage, words: &Words) -> Self {
        let units = units(&passage.text);
        let title = format!("{} {}", passage.name, passage.headings.join(" "));
        Self {
            passage,
            words: units.iter().map(|u| words.content(&u.text)).collect(),
            under: units.iter().map(|u| words.content(&u.under())).collect(),
            title: words.content(&title),
            language: Language::detect(&passage.text),
            units,
        }
    }

    /// How well the piece, with its surroundings, stands for a word of the question.
    fn level(&self, unit: usize, word: &Word) -> f32 {
        let near = |place: Option<usize>, factor: f32| {
            let same = |p: &usize| self.units.get(*p).is_some_and(|u| u.paragraph == self.units[unit].paragraph);
            place.filter(same).map_or(0.0, |p| best(&self.words[p], word) * factor)
        };
        let elsewhere = || self.words.iter().map(|words| best(words, word)).fold(0.0, f32::max) * ELSEWHERE;
        [
            best(&self.words[unit], word),
            best(&self.under[unit], word) * UNDER,
            best(&self.title, word) * TITLE,
            near(unit.checked_sub(1), BEFORE),
            near(unit.checked_add(1), AFTER),
            elsewhere(),
        ]
        .into_iter()
        .fold(0.0, f32::max)
    }

    /// Whether it is written in another language than this one, as far as that can be told.
    pub(super) fn is_foreign(&self, language: Language) -> bool {
        self.language.is_some_and(|l| l != language)
    }

    /// Whether the piece holds any word that was asked for now.
    fn asked(&self, unit: usize, question: &Question) -> bool {
        let mut now = question.terms.iter().filter(|t| !t.carried).peekable();
        now.peek().is_none() || now.any(|t| self.level(unit, &t.word) >= HELD)
    }

    fn holds(&self, word: &Word) -> bool {
        best(&self.title, word) > 0.0 || self.words.iter().chain(&self.under).any(|words| best(words, word) > 0.0)
    }
}

fn best(words: &[Word], word: &Word) -> f32 {
    words.iter().map(|w| likeness(w, word)).fold(0.0, f32::max)
}

/// The candidates of all passages, best first.
pub(super) fn rank(question: &Question, passages: &[Indexed<'_>]) -> Vec<Candidate> {
    let weights = weights(question, passages);
    let total: f32 = weights.iter().sum();
    if total <= 0.0 {
        return Vec::new();
    }
    let top_bm25 = passages.iter().map(|p| p.passage.scores.bm25).fold(f32::EPSILON, f32::max);
    let mut candidates = Vec::new();
    for (place, indexed) in passages.iter().enumerate() {
        let missing_names = question.terms.iter().filter(|t| is_named(t) && !indexed.holds(&t.word)).count();
        let missing_names = u8::try_from(missing_names).unwrap_or(u8::MAX);
        let foreign = indexed.is_foreign(question.language);
        let prior = indexed.passage.scores.bm25 / top_bm25;
        for (unit, piece) in indexed.units.iter().enumerate().filter(|(_, u)| u.role != Role::Question) {
            let sum = |level: &dyn Fn(&Word) -> f32| {
                question.terms.iter().zip(&weights).map(|(t, w)| level(&t.word) * w).sum::<f32>() / total
            };
            let coverage = sum(&|word| indexed.level(unit, word));
            let own = sum(&|word| best(&indexed.words[unit], word));
            let cue = answers_kind(question, &piece.text);
            let headed = sum(&|word| best(&indexed.under[unit], word).max(best(&indexed.title, word)));
            let first = unit == 0 || indexed.units[unit - 1].under() != piece.under();
            let headed = if headed > 0.9 { HEADED + if first { FIRST } else { 0.0 } } else { 0.0 };
            let score =
                score(coverage, own, cue, indexed.words[unit].len()).max(headed + cue_score(cue)) + 0.06 * prior;
            let score = if foreign { score * OTHER_LANGUAGE } else { score };
            let asked = indexed.asked(unit, question);
            candidates.push(Candidate { passage: place, unit, coverage, own, cue, score, asked, missing_names });
        }
    }
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
    candidates
}

fn score(coverage: f32, own: f32, cue: Option<bool>, words: usize) -> f32 {
    // A piece of one word says nothing.
    let slight = if words < 2 { -0.10 } else { 0.0 };
    0.65 * coverage + 0.35 * own + cue_score(cue) + slight
}

fn cue_score(cue: Option<bool>) -> f32 {
    match cue {
        Some(true) => 0.10,
        Some(false) => -0.05,
        None => 0.0,
    }
}

fn is_named(term: &Term) -> bool {
    term.weight > 1.0
}

/// The weight of each term: rare words among the pieces tell more.
fn weights(question: &Question, passages: &[Indexed<'_>]) -> Vec<f32> {
    let pieces = passages.iter().map(|p| p.units.len()).sum::<usize>();
    let weight = |term: &Term| {
        let all = passages.iter().flat_map(|p| &p.words);
        let holding = all.filter(|words| best(words, &term.word) > 0.0).count();
        #[allow(clippy::cast_precision_loss)] // A few dozen pieces.
        let rarity = (1.0 + pieces as f32 / (holding.max(1) as f32 + 0.5)).ln();
        term.weight * rarity
    };
    question.terms.iter().map(weight).collect()
}
