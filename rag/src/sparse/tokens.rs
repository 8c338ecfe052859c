//! From text to terms.

use super::stopwords::{ENGLISH, FRENCH};
use colloquy_domain::language::Language;
use rust_stemmers::{Algorithm, Stemmer};
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};
use unicode_segmentation::UnicodeSegmentation;

/// Longer tokens are not words (base64, separators drawn with letters).
const LONGEST: usize = 64;

/// How a passage's words are analysed; part of every term.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Script {
    English,
    French,
    /// Any other language: words as they are, no stemming, no stop words.
    Plain,
}

impl Script {
    pub const ALL: [Self; 3] = [Self::English, Self::French, Self::Plain];

    /// As stored.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::French => "fr",
            Self::Plain => "xx",
        }
    }

    #[must_use]
    pub fn from_code(code: &str) -> Self {
        match code {
            "en" => Self::English,
            "fr" => Self::French,
            _ => Self::Plain,
        }
    }

    #[must_use]
    pub const fn of(language: Language) -> Self {
        match language {
            Language::En => Self::English,
            Language::Fr => Self::French,
        }
    }

    #[must_use]
    pub const fn language(self) -> Option<Language> {
        match self {
            Self::English => Some(Language::En),
            Self::French => Some(Language::Fr),
            Self::Plain => None,
        }
    }
}

/// How to analyse `text`; `fallback` when it is too short or too mixed to tell.
#[must_use]
pub fn detect_script(text: &str, fallback: Option<Script>) -> Script {
    let known = whatlang::detect(text).filter(whatlang::Info::is_reliable).map(|info| match info.lang() {
        whatlang::Lang::Eng => Script::English,
        whatlang::Lang::Fra => Script::French,
        _ => Script::Plain,
    });
    known.or(fallback).unwrap_or_else(|| match Language::detect(text) {
        Some(Language::En) => Script::English,
        Some(Language::Fr) => Script::French,
        None => Script::Plain,
    })
}

pub(super) struct Analyzer {
    stemmer: Option<Stemmer>,
    stop: &'static [&'static str],
}

impl Analyzer {
    pub(super) fn new(script: Script) -> Self {
        let (algorithm, stop) = match script {
            Script::English => (Some(Algorithm::English), ENGLISH),
            Script::French => (Some(Algorithm::French), FRENCH),
            Script::Plain => (None, &[][..]),
        };
        Self { stemmer: algorithm.map(Stemmer::create), stop }
    }

    /// The terms in order of the text, with repetitions, without stop words (nor those of `also`).
    pub(super) fn terms(&self, text: &str, also: Option<Language>) -> impl Iterator<Item = String> {
        // Compatibility forms undo what PDF fonts do: ligatures, full-width letters, decomposed accents.
        let normal: String = text.nfkc().map(|c| if c == '’' { '\'' } else { c }).collect::<String>().to_lowercase();
        let also = match also {
            Some(Language::En) => ENGLISH,
            Some(Language::Fr) => FRENCH,
            None => &[],
        };
        normal
            .unicode_words()
            .map(without_elision)
            .filter(|w| w.len() <= LONGEST && self.stop.binary_search(w).is_err() && also.binary_search(w).is_err())
            .map(|w| self.stemmer.as_ref().map_or_else(|| w.to_owned(), |s| s.stem(w).into_owned()))
            // Accents help the stemmer, but people leave them out when they type.
            .map(|stem| stem.nfd().filter(|c| !is_combining_mark(*c)).collect())
            .filter(|term: &String| !term.is_empty())
            .collect::<Vec<String>>()
            .into_iter()
    }
}

/// `l'heure` → `heure`; English contractions stay whole.
fn without_elision(word: &str) -> &str {
    match word.split_once('\'') {
        Some((head, rest))
            if matches!(
                head,
                "l" | "d" | "j" | "qu" | "n" | "c" | "s" | "m" | "t" | "jusqu" | "lorsqu" | "puisqu" | "quoiqu"
            ) && rest.chars().count() > 1 =>
        {
            rest
        }
        _ => word,
    }
}
