//! How a spoken dialogue goes on. Where it is travels in the addresses that the provider calls, so no node keeps it.

/// What a caller may say, or leave unsaid, in one call.
pub const LONGEST_DIALOGUE: u32 = 60;
/// Times that a caller is told to wait for one reply.
pub const PATIENCE: u32 = 6;
/// Silences in a row after which nobody seems to be there.
const SILENCES: u32 = 2;
/// Words of the longest farewell.
const LONGEST_FAREWELL: usize = 8;

/// Where a dialogue is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// Number of what the caller says next; begins at 1.
    pub turn: u32,
    /// Silences in a row before it.
    pub silent: u32,
    /// Times that the caller was told to wait.
    pub waited: u32,
}

impl Place {
    /// The first one.
    #[must_use]
    pub const fn first() -> Self {
        Self { turn: 1, silent: 0, waited: 0 }
    }

    /// After something was said.
    #[must_use]
    pub const fn after(self) -> Self {
        Self { turn: self.turn.saturating_add(1), silent: 0, waited: 0 }
    }

    const fn after_silence(self) -> Self {
        Self { turn: self.turn.saturating_add(1), silent: self.silent.saturating_add(1), waited: 0 }
    }

    /// The same, a little later.
    #[must_use]
    pub const fn later(self) -> Self {
        Self { waited: self.waited.saturating_add(1), ..self }
    }
}

/// What follows from what was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The agent answers.
    Answer,
    /// Nothing was heard: the caller is asked to say it again.
    AskAgain(Place),
    /// The caller said goodbye.
    Farewell,
    /// Nobody seems to be there.
    GiveUp,
    /// It has gone on for too long.
    TooLong,
}

/// Decides how the dialogue goes on.
#[must_use]
pub fn next(at: Place, words: Option<&str>) -> Next {
    let Some(words) = words.map(str::trim).filter(|w| !w.is_empty()) else {
        let after = at.after_silence();
        return if after.silent >= SILENCES { Next::GiveUp } else { Next::AskAgain(after) };
    };
    if is_farewell(words) {
        return Next::Farewell;
    }
    if at.turn >= LONGEST_DIALOGUE { Next::TooLong } else { Next::Answer }
}

const FAREWELLS: [&str; 8] =
    ["au revoir", "aurevoir", "bonne journée", "bonne soirée", "à bientôt", "goodbye", "good bye", "bye"];
/// That is all, and nothing else.
const ENOUGH: [&str; 8] = [
    "c'est tout",
    "ce sera tout",
    "non merci",
    "c'est bon merci",
    "that's all",
    "that is all",
    "that'll be all",
    "no thanks",
];

/// A few words that end a call: a question that mentions a farewell is none.
fn is_farewell(words: &str) -> bool {
    let lower = words.to_lowercase().replace('’', "'");
    if lower.contains('?') {
        return false;
    }
    let plain = lower.chars().map(|c| if c.is_alphanumeric() || c == '\'' { c } else { ' ' }).collect::<String>();
    let plain = plain.split_whitespace().collect::<Vec<_>>();
    if plain.len() > LONGEST_FAREWELL {
        return false;
    }
    let plain = format!(" {} ", plain.join(" "));
    let has = |phrase: &&str| plain.contains(&format!(" {phrase} "));
    let bare = |phrase: &&str| {
        let rest = plain.replacen(&format!(" {phrase} "), " ", 1);
        rest.len() < plain.len() && rest.split_whitespace().all(|w| POLITE.contains(&w))
    };
    FAREWELLS.iter().any(has) || ENOUGH.iter().any(bare)
}

const POLITE: [&str; 16] = [
    "merci", "beaucoup", "bien", "ok", "oui", "non", "d'accord", "pour", "moi", "thanks", "thank", "you", "no", "yes",
    "okay", "it's",
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // req: S4-TEL-3
    #[test]
    fn a_caller_is_done_who_says_so_and_who_says_nothing_twice() {
        let first = Place::first();
        for bye in ["Au revoir", "Merci beaucoup, au revoir !", "OK, bye.", "non merci", "That’s all, thank you."] {
            assert_eq!(next(first, Some(bye)), Next::Farewell, "{bye}");
        }
        for more in [
            "Comment dit-on au revoir en anglais ?",
            "non merci je voudrais plutôt un rendez-vous jeudi",
            "I would like to buy a goodbye present for my colleague who leaves",
            "merci",
            "oui",
            "ce sera tout en bleu",
        ] {
            assert_eq!(next(first, Some(more)), Next::Answer, "{more}");
        }
        let Next::AskAgain(again) = next(first, Some("  ")) else { panic!("one silence is none") };
        assert_eq!((again.turn, again.silent), (2, 1));
        assert_eq!(next(again, None), Next::GiveUp);
        assert_eq!(next(again, Some("pardon, me voici")), Next::Answer);
        assert_eq!(again.after().silent, 0, "silences count in a row");
        assert_eq!(next(Place { turn: LONGEST_DIALOGUE, ..first }, Some("encore")), Next::TooLong);
    }

    proptest! {
        #[test]
        fn whatever_is_heard_the_dialogue_ends(words in prop::collection::vec(prop::option::of(".{0,40}"), 200)) {
            let mut at = Place::first();
            let ended = words.iter().any(|w| match next(at, w.as_deref()) {
                Next::Answer => { at = at.after(); false }
                Next::AskAgain(place) => { at = place; false }
                Next::Farewell | Next::GiveUp | Next::TooLong => true,
            });
            prop_assert!(ended);
        }
    }
}
