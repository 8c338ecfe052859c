//! A proposed change of the documents: what real questions would be answered with it.

use crate::outbound::Reply;
use std::collections::BTreeSet;

/// What becomes of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The same words from the same documents.
    Same,
    /// The same words, from other documents or pages.
    Sources,
    /// Other words.
    Text,
    /// It was not answered; now it is.
    Answered,
    /// It was answered; now it is not.
    Unanswered,
}

impl Change {
    /// Stable name, as stored and shown.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Sources => "sources",
            Self::Text => "text",
            Self::Answered => "answered",
            Self::Unanswered => "unanswered",
        }
    }

    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Same, Self::Sources, Self::Text, Self::Answered, Self::Unanswered].into_iter().find(|c| c.name() == name)
    }

    /// Between the reply of today and the one that the proposal would make. Spaces do not count, nor do the ids of
    /// documents: a proposed document has another one until it is promoted.
    #[must_use]
    pub fn between(before: &Reply, after: &Reply) -> Self {
        match (before.abstained, after.abstained) {
            (true, true) => return Self::Same,
            (true, false) => return Self::Answered,
            (false, true) => return Self::Unanswered,
            (false, false) => {}
        }
        if !before.text.split_whitespace().eq(after.text.split_whitespace()) {
            return Self::Text;
        }
        let sources = |r: &Reply| -> BTreeSet<(String, Option<u32>)> {
            r.citations.iter().map(|c| (c.name.clone(), c.page)).collect()
        };
        if sources(before) == sources(after) { Self::Same } else { Self::Sources }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ids::DocumentId,
        model::Usage,
        outbound::{Checks, Citation},
    };

    fn reply(text: &str, name: &str, document: u128) -> Reply {
        let citation = Citation {
            number: 1,
            document: DocumentId::new(uuid::Uuid::from_u128(document)),
            version: document.to_string(),
            name: name.into(),
            page: Some(1),
            offset: 0,
            quote: String::new(),
            score: 0.5,
        };
        let (text, citations, checks, usage) = (text.into(), vec![citation], Checks::default(), Usage::default());
        Reply { turn: 1, text, citations, abstained: false, checks, usage }
    }

    // req: C-KB-1
    #[test]
    fn answers_are_compared_by_what_a_reader_sees() {
        let before = reply("It costs 5 [1].", "prices.pdf", 1);
        let nothing = Reply { abstained: true, ..reply("I do not know.", "", 1) };
        for (after, want) in [
            (reply("It  costs 5 [1].\n", "prices.pdf", 2), Change::Same),
            (reply("It costs 5 [1].", "new.pdf", 2), Change::Sources),
            (reply("It costs 6 [1].", "prices.pdf", 2), Change::Text),
            (nothing.clone(), Change::Unanswered),
        ] {
            assert_eq!(Change::between(&before, &after), want);
        }
        assert_eq!(Change::between(&nothing, &before), Change::Answered);
        assert_eq!(Change::between(&nothing, &nothing), Change::Same);
        assert_eq!(Change::named("sources"), Some(Change::Sources));
    }
}
