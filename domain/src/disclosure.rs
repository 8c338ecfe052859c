//! That it is a machine who speaks: said before the agent's first words in a conversation, once, if the agent's owner wants
//! it. Pure.

use crate::{
    agent::AgentProfile,
    conversation::Conversation,
    language::Language,
    phrases::{Phrase, phrase},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What an agent says of itself, and when it says so again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Disclosure {
    /// In the words of the agent's owner; `None` for ours.
    pub en: Option<String>,
    pub fr: Option<String>,
    /// Said again when this long has passed since; `None` never.
    pub again_after: Option<Duration>,
    /// Said again when the agent speaks after a person of the team did.
    pub after_person: bool,
}

impl Disclosure {
    /// Characters that it may have: it stands before every first reply, in a text message, too.
    pub const LONGEST: usize = 500;

    #[must_use]
    pub fn text(&self, language: Language) -> &str {
        let own = match language {
            Language::En => &self.en,
            Language::Fr => &self.fr,
        };
        own.as_deref().map(str::trim).filter(|t| !t.is_empty()).unwrap_or(phrase(Phrase::Disclosure, language))
    }
}

/// When a conversation was told; part of what survives a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disclosed {
    pub at: Timestamp,
    /// A person of the team had the conversation since.
    pub person_since: bool,
}

/// What is to be said before the agent's next words; `None` if nothing is. Whoever calls has heard it: the greeting of a
/// call says it (`call::greeting`), so that no reply has to.
#[must_use]
pub fn due<'a>(c: &Conversation, profile: &'a AgentProfile, now: Timestamp) -> Option<&'a str> {
    let disclosure = profile.disclosure.as_ref().filter(|_| !c.key.spoken)?;
    let again = c.disclosed.is_none_or(|told| {
        let long_ago = disclosure.again_after.is_some_and(|after| now.since(told.at) >= after);
        long_ago || (disclosure.after_person && told.person_since)
    });
    again.then(|| disclosure.text(c.speaks(profile)))
}

/// The words with what is said before them.
#[must_use]
pub fn before(disclosure: &str, words: &str) -> String {
    format!("{disclosure}\n\n{words}")
}
