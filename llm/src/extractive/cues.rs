//! Signs that a sentence holds the kind of answer that a question asks for.

use super::question::{Kind, Question};
use colloquy_domain::words::{fold, raw};

const MONEY: &str = "eur euro euros usd dollar dollars cent cents pound pounds gbp chf free gratuit gratuite gratuits gratuites \
    offert offerte million millions billion milliard milliards";
const TIME: &str = "monday tuesday wednesday thursday friday saturday sunday january february march april june july august \
    september october november december lundi mardi mercredi jeudi vendredi samedi dimanche janvier fevrier mars avril mai \
    juin juillet aout septembre octobre novembre decembre day days week weeks month months year years hour hours minute \
    minutes century jour jours semaine semaines mois an ans annee annees heure heures siecle midnight noon midi minuit \
    immediately today tomorrow demain";
const NUMBERS: &str = "one two three four five six seven eight nine ten eleven twelve dozen hundred thousand million billion half \
    twice deux trois quatre cinq sept huit neuf dix onze douze cent cents mille million millions milliard milliards moitie \
    tiers quart third quarter percent";
const PLACE: &str = "in at near from on a en au aux dans rue street avenue road boulevard place square city ville north south \
    east west nord sud est ouest";

/// Whether `text` holds what the question's kind asks for; `None` where the kind asks for nothing in particular.
pub(super) fn answers_kind(question: &Question, text: &str) -> Option<bool> {
    let digit = || text.chars().any(|c| c.is_ascii_digit());
    let listed = |list: &str| raw(text).any(|w| list.split_ascii_whitespace().any(|l| l == fold(&w.to_lowercase())));
    Some(match question.kind {
        Kind::Other => return None,
        Kind::Money => text.contains(['€', '$', '£', '¥']) || listed(MONEY),
        Kind::Time => digit() || listed(TIME),
        Kind::Count => digit() || listed(NUMBERS) || text.contains('%'),
        Kind::Person => has_new_name(question, text),
        Kind::Place => has_new_name(question, text) && listed(PLACE),
    })
}

/// A capital word, not the first, that the question does not hold itself.
fn has_new_name(question: &Question, text: &str) -> bool {
    raw(text).skip(1).any(|w| {
        let folded = fold(&w.to_lowercase());
        let capital = w.chars().next().is_some_and(char::is_uppercase) && w.chars().count() > 1;
        capital && !question.terms.iter().any(|t| folded.starts_with(&t.word.stem))
    })
}
