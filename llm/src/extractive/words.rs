//! Words as they are compared: lower case, stemmed, without accents.

use super::stopwords;
use colloquy_domain::language::Language;
use rust_stemmers::{Algorithm, Stemmer};
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// A word of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// What is compared.
    pub(super) stem: String,
    pub(super) number: bool,
    /// Begins with a capital letter.
    pub(super) capital: bool,
}

/// Cuts texts into words, in the manner of one language.
pub(super) struct Words {
    stemmer: Stemmer,
}

impl Words {
    pub(super) fn of(language: Language) -> Self {
        let algorithm = match language {
            Language::En => Algorithm::English,
            Language::Fr => Algorithm::French,
        };
        Self { stemmer: Stemmer::create(algorithm) }
    }

    /// All words that carry meaning, in order.
    pub(super) fn content(&self, text: &str) -> Vec<Word> {
        raw(text).filter(|w| !is_empty_word(w)).map(|w| self.word(w)).collect()
    }

    fn word(&self, raw: &str) -> Word {
        let lower = raw.to_lowercase();
        let number = raw.chars().any(|c| c.is_ascii_digit());
        let stem = if number { lower } else { fold(&self.stemmer.stem(&lower)) };
        Word { stem, number, capital: raw.chars().next().is_some_and(char::is_uppercase) }
    }
}

/// The words as written. Apostrophes and hyphens part words; so do they in the question.
pub(super) fn raw(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty())
}

fn is_empty_word(raw: &str) -> bool {
    // Single letters are left over from elisions ("l'heure", "driver's").
    let short = raw.chars().nth(1).is_none() && !raw.chars().all(|c| c.is_ascii_digit());
    short || stopwords::is_stopword(&fold(&raw.to_lowercase()))
}

/// Without accents and ligatures.
pub(super) fn fold(text: &str) -> String {
    text.nfd().filter(|c| !is_combining_mark(*c)).collect::<String>().replace('œ', "oe").replace('æ', "ae")
}

/// How well a word of a text stands for one of the question: 1 when their stems are equal, less when they only begin
/// alike ("deliveri" and "deliv", "reservation" in both languages).
pub(super) fn likeness(a: &Word, b: &Word) -> f32 {
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
}
