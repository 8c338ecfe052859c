//! How an agent says that it is a machine, as it is written and shown.

use super::{Detail, check};
use colloquy_domain::disclosure::Disclosure;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

/// The agent's first reply in a conversation begins with it. What is absent gets its default.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DisclosureFields {
    /// `false`: nobody is told.
    #[serde(default = "yes")]
    enabled: bool,
    /// In English; a text of ours if it is absent.
    en: Option<String>,
    /// In French; a text of ours if it is absent.
    fr: Option<String>,
    /// Said again after so many days; never if it is absent.
    again_after_days: Option<u32>,
    /// Said again when the agent speaks after a person of the team did.
    #[serde(default)]
    after_person: bool,
}

const fn yes() -> bool {
    true
}

#[derive(Serialize, JsonSchema)]
pub struct DisclosureOut {
    enabled: bool,
    en: Option<String>,
    fr: Option<String>,
    again_after_days: Option<u64>,
    after_person: bool,
}

/// A year; who is not told for longer does not remember.
const MOST_DAYS: u32 = 366;

impl DisclosureFields {
    /// What the profile gets; what is wrong is told.
    pub fn read(self, wrong: &mut Vec<Detail>) -> Option<Disclosure> {
        let longest = format!("must have at most {} characters", Disclosure::LONGEST);
        for (field, text) in [("disclosure.en", &self.en), ("disclosure.fr", &self.fr)] {
            let fits = text.as_ref().is_none_or(|t| t.chars().count() <= Disclosure::LONGEST);
            check(wrong, field, fits, &longest);
        }
        let days = self.again_after_days;
        let fine = days.is_none_or(|d| (1..=MOST_DAYS).contains(&d));
        check(wrong, "disclosure.again_after_days", fine, "must be between 1 and 366");
        let own = |text: Option<String>| text.map(|t| t.trim().to_owned()).filter(|t| !t.is_empty());
        self.enabled.then(|| Disclosure {
            en: own(self.en),
            fr: own(self.fr),
            again_after: days.map(|d| DAY * d),
            after_person: self.after_person,
        })
    }
}

impl From<Option<Disclosure>> for DisclosureOut {
    fn from(d: Option<Disclosure>) -> Self {
        let enabled = d.is_some();
        let Disclosure { en, fr, again_after, after_person } = d.unwrap_or_default();
        let days = again_after.map(|a| a.as_secs() / DAY.as_secs());
        Self { enabled, en, fr, again_after_days: days, after_person }
    }
}
