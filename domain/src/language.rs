//! The language of a conversation: state that follows what the person writes.

use serde::{Deserialize, Serialize};

/// A language that Colloquy's own sentences exist in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    #[default]
    En,
    Fr,
}

/// Words that only one of the two languages uses; they decide short texts, on which statistics fail.
const FRENCH: &[&str] = &[
    "bonjour", "bonsoir", "salut", "merci", "oui", "non", "je", "tu", "vous", "nous", "le", "la", "les", "des", "du",
    "une", "est", "sont", "quel", "quelle", "quels", "quelles", "comment", "pourquoi", "quand", "combien", "où", "qui",
    "que", "dans", "pour", "avec", "sur", "mon", "ma", "mes", "votre", "vos", "c'est", "s'il", "ça", "et", "aux",
];
const ENGLISH: &[&str] = &[
    "hello", "hi", "hey", "thanks", "thank", "yes", "i", "you", "we", "the", "a", "an", "is", "are", "what", "which",
    "how", "why", "when", "where", "who", "much", "many", "in", "for", "with", "my", "your", "do", "does", "can", "it",
    "and", "of", "to", "please",
];

impl Language {
    /// ISO 639-1 code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Fr => "fr",
        }
    }

    /// Reads `fr`, `fr-CA`, `EN` and the like; `None` for other languages.
    #[must_use]
    pub fn from_tag(tag: &str) -> Option<Self> {
        match tag.split(['-', '_']).next()?.to_ascii_lowercase().as_str() {
            "en" => Some(Self::En),
            "fr" => Some(Self::Fr),
            _ => None,
        }
    }

    /// The language of `text`, or `None` when it is too short or too mixed to tell.
    #[must_use]
    pub fn detect(text: &str) -> Option<Self> {
        let lower = text.to_lowercase();
        let (mut fr, mut en) = (0_u32, 0_u32);
        for word in lower.split(|c: char| !(c.is_alphanumeric() || c == '\'')) {
            // Elisions: "l'heure", "qu'est", "d'ouverture".
            if word.split_once('\'').is_some_and(|(head, rest)| {
                !rest.is_empty()
                    && matches!(head, "l" | "d" | "j" | "qu" | "n" | "c" | "s" | "m" | "t")
                    && !matches!(rest, "s" | "t" | "re" | "ll" | "ve" | "m" | "d")
            }) {
                fr += 1;
            }
            fr += u32::from(FRENCH.contains(&word));
            en += u32::from(ENGLISH.contains(&word));
        }
        match fr.cmp(&en) {
            std::cmp::Ordering::Greater => Some(Self::Fr),
            std::cmp::Ordering::Less => Some(Self::En),
            std::cmp::Ordering::Equal => Self::detect_by_statistics(text),
        }
    }

    fn detect_by_statistics(text: &str) -> Option<Self> {
        let info = whatlang::detect(text)?;
        match (info.lang(), info.is_reliable()) {
            (whatlang::Lang::Fra, true) => Some(Self::Fr),
            (whatlang::Lang::Eng, true) => Some(Self::En),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_questions_are_told_apart() {
        for (text, want) in [
            ("Quels sont vos horaires ?", Some(Language::Fr)),
            ("What are your opening hours?", Some(Language::En)),
            ("bonjour", Some(Language::Fr)),
            ("hi", Some(Language::En)),
            ("l'heure d'ouverture", Some(Language::Fr)),
            ("it's the driver's seat", Some(Language::En)),
            ("12345", None),
        ] {
            assert_eq!(Language::detect(text), want, "{text}");
        }
    }
}
