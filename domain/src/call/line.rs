//! A call whose words go both ways over one open line, as they are spoken: who calls can speak over the agent.

use super::Direction;

/// The line is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// The provider's id of the call.
    pub external_id: String,
    pub direction: Direction,
    pub from: Option<String>,
    pub to: Option<String>,
    /// Which line of the call it is, as we said when we asked for it; each is opened once.
    pub number: u32,
}

/// What comes on a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineEvent {
    Opened(Opening),
    /// Words of the caller; not `whole` while they still speak.
    Heard {
        words: String,
        whole: bool,
    },
    /// The caller spoke over words that had been read out up to the end of this.
    Interrupted {
        utterance: String,
    },
    /// A key of the telephone.
    Pressed(char),
    /// The provider could not do something.
    Trouble,
    /// Of no consequence here.
    Ignored,
}

/// What is said on a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineWord {
    /// Read out as it comes; the last one ends what is said.
    Say { words: String, last: bool },
    /// What follows is read out in this language.
    Speak { language: String },
    /// The line is to be closed; what follows is told where its end is told.
    Close(Parting),
}

/// Why a line is closed, which says how the call goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parting {
    Farewell,
    GiveUp,
    TooLong,
    /// A person takes over.
    HandOver,
    /// It broke off, whoever's fault that was.
    Broken,
}

impl Parting {
    pub const ALL: [Self; 5] = [Self::Farewell, Self::GiveUp, Self::TooLong, Self::HandOver, Self::Broken];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Farewell => "farewell",
            Self::GiveUp => "gave_up",
            Self::TooLong => "too_long",
            Self::HandOver => "hand_over",
            Self::Broken => "broken",
        }
    }

    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.name() == name)
    }
}

/// What was heard of `said` by somebody who interrupted it when it had been read out up to the end of `utterance`: nothing
/// is an empty text, and `None` means all of it. Providers tell the whole of what they read out, or the end of it.
#[must_use]
pub fn heard(said: &str, utterance: &str) -> Option<String> {
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (said, utterance) = (plain(said), plain(utterance));
    if utterance.is_empty() {
        return Some(String::new());
    }
    // What we did not say so is at most what the provider says that it read.
    let end = said.find(&utterance).map(|at| at + utterance.len());
    let heard = end.map_or(utterance.as_str(), |end| &said[..end]);
    if end == Some(said.len()) {
        return None;
    }
    Some(format!("{}…", heard.trim_end_matches([' ', ',', ';', ':', '.', '…'])))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_was_heard_ends_where_the_caller_began_to_speak() {
        let said = "Nous ouvrons à neuf heures. Le samedi, nous fermons à midi.";
        let of = |utterance: &str| heard(said, utterance);
        assert_eq!(of("Nous ouvrons à neuf").as_deref(), Some("Nous ouvrons à neuf…"));
        assert_eq!(of("Nous ouvrons  à neuf heures. ").as_deref(), Some("Nous ouvrons à neuf heures…"));
        assert_eq!(
            of("Le samedi, nous").as_deref(),
            Some("Nous ouvrons à neuf heures. Le samedi, nous…"),
            "its end only"
        );
        assert_eq!(of("nous fermons à midi."), None, "all of it");
        assert_eq!(of(" ").as_deref(), Some(""), "nothing of it");
        assert_eq!(of("nous avons ouvert").as_deref(), Some("nous avons ouvert…"), "as the provider spells it");
    }

    #[test]
    fn partings_come_back_by_their_names() {
        for parting in Parting::ALL {
            assert_eq!(Parting::named(parting.name()), Some(parting));
        }
        assert_eq!(Parting::named("vanished"), None);
    }

    proptest! {
        #[test]
        fn nothing_is_heard_that_was_not_said(said in "[a-zé ,.]{1,60}", from in 0_usize..40, length in 0_usize..40) {
            let utterance: String = said.chars().skip(from).take(length).collect();
            let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            if let Some(heard) = heard(&said, &utterance) {
                prop_assert!(plain(&said).starts_with(heard.trim_end_matches('…')), "{heard:?} of {said:?}");
            }
        }
    }
}
