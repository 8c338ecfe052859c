//! Messages that go out because somebody planned them: at a time, or to many people. Pure: what may be done with them, what
//! a person agreed to, and which way a message would take.

mod pace;
mod personal;
mod planner;

pub use pace::{Lot, lot};
pub use personal::{personal, sample};
pub use planner::{Barred, Charge, Cost, Openness, Plan, Prices, Reason, TemplateFound, Wanted, Way, WayPlan, plan};

use crate::template::{Category, Parameters};
use serde::{Deserialize, Serialize};

/// What is said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Words {
    /// Markdown.
    Text {
        text: String,
    },
    Template {
        name: String,
        language: Option<String>,
        parameters: Parameters,
    },
}

/// What a person agreed to be written to for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// News and offers: nothing of the kind is sent without such a record.
    Marketing,
    /// What belongs to something that the person bought or booked.
    Service,
}

impl Purpose {
    pub const ALL: [Self; 2] = [Self::Marketing, Self::Service];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Marketing => "marketing",
            Self::Service => "service",
        }
    }

    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.name() == name)
    }

    /// What has to be on record before a template of the category is sent.
    #[must_use]
    pub const fn needed_for(category: Category) -> Option<Self> {
        match category {
            Category::Marketing => Some(Self::Marketing),
            Category::Utility | Category::Authentication => None,
        }
    }
}

/// Who gets a broadcast.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Audience {
    /// Those that were named.
    Listed,
    /// Whoever has the tag when it starts.
    Tagged { tag: String },
    /// Whoever is on record as having agreed when it starts.
    Consented,
}

/// How far a planned message came. What the provider says of it later is its delivery's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlannedState {
    Waiting,
    /// Handed to the outbox, once.
    Sent,
    /// It could not be sent when it was due.
    Failed,
    /// Its person may not be written to, or not on this way.
    Skipped,
    Cancelled,
}

impl PlannedState {
    pub const ALL: [Self; 5] = [Self::Waiting, Self::Sent, Self::Failed, Self::Skipped, Self::Cancelled];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
        }
    }

    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.name() == name)
    }
}

/// Where a broadcast is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BroadcastState {
    Draft,
    /// It begins at its time.
    Scheduled,
    Running,
    Paused,
    Done,
    Cancelled,
}

/// What somebody does with a broadcast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BroadcastAct {
    /// From now on it begins at its time, by itself.
    Start,
    Pause,
    Resume,
    Cancel,
}

impl BroadcastState {
    pub const ALL: [Self; 6] = [Self::Draft, Self::Scheduled, Self::Running, Self::Paused, Self::Done, Self::Cancelled];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Scheduled => "scheduled",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
        }
    }

    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.name() == name)
    }

    /// Where the act leads; an act that was done already leads to where it is. `None`: it cannot be done any more, or not
    /// yet. A broadcast that goes on is scheduled again: whether its time has come is looked at anew.
    #[must_use]
    pub const fn after(self, act: BroadcastAct) -> Option<Self> {
        use BroadcastAct::{Cancel, Pause, Resume, Start};
        match (self, act) {
            (Self::Draft, Start) | (Self::Paused, Resume) => Some(Self::Scheduled),
            (Self::Scheduled | Self::Running | Self::Done, Start) => Some(self),
            (Self::Scheduled | Self::Running, Resume) => Some(self),
            (Self::Scheduled | Self::Running | Self::Paused, Pause) => Some(Self::Paused),
            (Self::Done, Cancel) => None,
            (_, Cancel) => Some(Self::Cancelled),
            (Self::Paused | Self::Cancelled, Start) | (Self::Draft | Self::Done | Self::Cancelled, Pause | Resume) => {
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_act_that_is_repeated_changes_nothing_and_what_is_over_stays_over() {
        use BroadcastAct::{Cancel, Pause, Resume, Start};
        for state in BroadcastState::ALL {
            for act in [Start, Pause, Resume, Cancel] {
                if let Some(next) = state.after(act) {
                    assert_eq!(next.after(act), Some(next), "{state:?} {act:?} twice");
                }
            }
            assert_eq!(BroadcastState::named(state.name()), Some(state));
        }
        for act in [Start, Pause, Resume] {
            assert_eq!(BroadcastState::Cancelled.after(act), None);
        }
        assert_eq!(BroadcastState::Done.after(Cancel), None);
        assert_eq!(BroadcastState::Draft.after(Pause), None, "nothing has begun");
    }
}
