//! Words as they are compared: lower case, stemmed, without accents.

mod stopwords;

use crate::language::Language;
use rust_stemmers::{Algorithm, Stemmer};
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// A word of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// What is compared.
    pub stem: String,
    pub number: bool,
    /// Begins with a capital letter.
    pub capital: bool,
}

/// Cuts texts into words, in the manner of one language.
pub struct Words {
    stemmer: Stemmer,
}

impl Words {
    #[must_use]
    pub fn of(language: Language) -> Self {
        let algorithm = match language {
            Language::En => Algorithm::English,
            Language::Fr => Algorithm::French,
        };
        Self { stemmer: Stemmer::create(algorithm) }
    }

    /// All words that carry meaning, in order.
    #[must_use]
    pub fn content(&self, text: &str) -> Vec<Word> {
        raw(text).filter(|w| !is_empty_word(w)).map(|w| self.word(w)).collect()
    }

    /// One word of [`raw`], as it is compared.
    #[must_use]
    pub fn word(&self, raw: &str) -> Word {
        let lower = raw.to_lowercase();
        let number = raw.chars().any(|c| c.is_ascii_digit());
        let stem = if number { lower } else { fold(&self.stemmer.stem(&lower)) };
        Word { stem, number, capital: raw.chars().next().is_some_and(char::is_uppercase) }
    }
}

/// The words as written. Apostrophes and hyphens part words; so do they in the question.
pub fn raw(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty())
}

/// Whether a word of [`raw`] carries no meaning of its own.
#[must_use]
pub fn is_empty_word(raw: &str) -> bool {
    // Single letters are left over from elisions ("l'heure", "driver's").
    let short = raw.chars().nth(1).is_none() && !raw.chars().all(|c| c.is_ascii_digit());
    short || stopwords::is_stopword(&fold(&raw.to_lowercase()))
}

/// Without accents and ligatures.
#[must_use]
pub fn fold(text: &str) -> String {
    text.nfd().filter(|c| !is_combining_mark(*c)).collect::<String>().replace('œ', "oe").replace('æ', "ae")
}

/// How well a word of a text stands for one of the question: 1 when their stems are equal, less when they only begin
/// alike ("deliveri" and "deliv", "reservation" in both languages).
#[must_use]
pub fn likeness(a: &Word, b: &Word) -> f32 {
    if a.stem == b.stem {
        return 1.0;
    }
    if a.number || b.number {
        return 0.0;
    }
    let common = a.stem.chars().zip(b.stem.chars()).take_while(|(x, y)| x == y).count();
    let longest = a.stem.chars().count().max(b.stem.chars().count());
    if common >= 5 && longest - common <= 3 { 0.75 } else { 0.0 }
}

/// Where a text has words of the query, in their forms: from and to, in characters, in order.
#[must_use]
pub fn highlights(text: &str, query: &str, language: Language) -> Vec<(usize, usize)> {
    let asked = Words::of(Language::detect(query).unwrap_or(language)).content(query);
    let words = Words::of(Language::detect(text).unwrap_or(language));
    let (mut found, mut at) = (Vec::new(), 0);
    // One character stands between two pieces, which can be empty.
    for piece in text.split(|c: char| !c.is_alphanumeric()) {
        let to = at + piece.chars().count();
        let word = (!is_empty_word(piece)).then(|| words.word(piece));
        if word.is_some_and(|w| asked.iter().any(|a| likeness(a, &w) > 0.0)) {
            found.push((at, to));
        }
        at = to + 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stems(language: Language, text: &str) -> Vec<String> {
        Words::of(language).content(text).into_iter().map(|w| w.stem).collect()
    }

    #[test]
    fn only_words_with_meaning_stay_stemmed_and_without_accents() {
        assert_eq!(stems(Language::En, "What are the opening hours on Sundays?"), ["open", "hour", "sunday"]);
        assert_eq!(stems(Language::Fr, "Quels sont les délais d'annulation ?"), ["del", "annul"]);
        assert_eq!(stems(Language::En, "Is plan B 12 or 15.50 €?"), ["plan", "12", "15", "50"]);
        assert_eq!(stems(Language::Fr, "Œuvres"), ["oeuvr"]);
    }

    #[test]
    fn words_that_begin_alike_are_alike_but_numbers_are_not() {
        let words = Words::of(Language::En);
        let like = |a: &str, b: &str| likeness(&words.content(a)[0], &words.content(b)[0]);
        assert!(like("delivery", "delivered") > 0.7);
        assert!(like("2023", "20234") < 0.1);
        assert!(like("company", "computer") < 0.1);
    }

    // req: S1-RAG-1
    #[test]
    fn highlights_are_counted_in_characters() {
        let text = "À la réception : l'annulation est gratuite. Annulez 48 h avant.";
        let marked: Vec<String> = highlights(text, "délai pour annuler 48 heures", Language::Fr)
            .into_iter()
            .map(|(from, to)| text.chars().skip(from).take(to - from).collect())
            .collect();
        assert_eq!(marked, ["annulation", "Annulez", "48"]);
        assert_eq!(highlights("The deliveries", "how is it delivered?", Language::En), [(4, 14)]);
    }
}
