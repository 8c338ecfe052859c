//! How many tokens a model makes of the words of a language.
//!
//! The estimate in `measure` is right for English in a model with an English vocabulary. That vocabulary cuts words of other
//! languages into more pieces, so fewer of them fit. Measured on manuals and encyclopaedia articles with the tokenizer of
//! all-MiniLM-L6-v2 (estimated through real tokens, median and the lowest twentieth): English 1.00 and 0.91, French 0.73 and
//! 0.67, Spanish 0.67 and 0.61, German 0.63 and 0.58.

use whatlang::Lang;

/// What a model's tokens were made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Vocabulary {
    /// English texts alone, as of all-MiniLM-L6-v2.
    #[default]
    English,
    /// Texts in many languages, none of which it cuts much finer than English.
    Multilingual,
}

/// Shorter texts do not tell their language, in bytes.
const LEAST: usize = 200;
/// More than this does not tell it better, in characters.
const SAMPLE: usize = 2_000;

impl Vocabulary {
    /// Estimated tokens that stand for 100 real ones in this text; nothing for a text that does not tell its language. For
    /// scripts that are not Latin it is 100: a model that does not know them has no use for their tokens, however many.
    pub fn percent(self, text: &str) -> Option<usize> {
        if self == Self::Multilingual {
            return Some(100);
        }
        if text.len() < LEAST {
            return None;
        }
        let sample: String = text.chars().take(SAMPLE).collect();
        let found = whatlang::detect(&sample).filter(whatlang::Info::is_reliable)?;
        Some(match found.lang() {
            Lang::Eng => 100,
            Lang::Fra | Lang::Spa | Lang::Por | Lang::Ita | Lang::Cat => 67,
            _ if found.script() == whatlang::Script::Latin => 60,
            _ => 100,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fewer_french_words_fit_a_model_for_english() {
        let english = "The front desk is open day and night, and breakfast is served from seven to ten in the room beside the garden. \
            Whoever leaves earlier finds a bag with bread, fruit and a bottle of water at the front desk.";
        let french = "La réception est ouverte jour et nuit, et le petit déjeuner est servi de sept à dix heures dans la salle près du \
            jardin. Ceux qui partent plus tôt trouvent à la réception un sac avec du pain, des fruits et une bouteille d'eau.";
        let percent = |text| Vocabulary::English.percent(text);
        assert_eq!((percent(english), percent(french), percent("Menu")), (Some(100), Some(67), None));
        assert_eq!(Vocabulary::Multilingual.percent(french), Some(100));
    }
}
