use super::{FailureRecord, read, write};
use colloquy_domain::{
    message::{IgnoreRule, Outcome},
    ports::StoreError,
};
use serde::{Deserialize, Serialize};

/// How a message ended. Version 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum OutcomeRecord {
    Answered { turn: u32 },
    Merged { turn: u32 },
    HandedOver { reason: String },
    Ignored { rule: RuleRecord },
    DeadLettered { cause: FailureRecord },
}

/// The rule by which a message is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleRecord {
    Echo,
    Signal,
    UnsupportedKind,
    Empty,
    BusyPolicy,
}

impl OutcomeRecord {
    pub(crate) fn json(outcome: &Outcome) -> Result<String, StoreError> {
        write(&Self::from(outcome))
    }

    pub(crate) fn parse(text: &str) -> Result<Outcome, StoreError> {
        read::<Self>("outcome", text).map(Outcome::from)
    }
}

impl From<&Outcome> for OutcomeRecord {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Answered { turn } => Self::Answered { turn: *turn },
            Outcome::Merged { turn } => Self::Merged { turn: *turn },
            Outcome::HandedOver { reason } => Self::HandedOver { reason: reason.clone() },
            Outcome::Ignored { rule } => Self::Ignored {
                rule: match rule {
                    IgnoreRule::Echo => RuleRecord::Echo,
                    IgnoreRule::Signal => RuleRecord::Signal,
                    IgnoreRule::UnsupportedKind => RuleRecord::UnsupportedKind,
                    IgnoreRule::Empty => RuleRecord::Empty,
                    IgnoreRule::BusyPolicy => RuleRecord::BusyPolicy,
                },
            },
            Outcome::DeadLettered { cause } => Self::DeadLettered { cause: cause.into() },
        }
    }
}

impl From<OutcomeRecord> for Outcome {
    fn from(record: OutcomeRecord) -> Self {
        match record {
            OutcomeRecord::Answered { turn } => Self::Answered { turn },
            OutcomeRecord::Merged { turn } => Self::Merged { turn },
            OutcomeRecord::HandedOver { reason } => Self::HandedOver { reason },
            OutcomeRecord::Ignored { rule } => Self::Ignored {
                rule: match rule {
                    RuleRecord::Echo => IgnoreRule::Echo,
                    RuleRecord::Signal => IgnoreRule::Signal,
                    RuleRecord::UnsupportedKind => IgnoreRule::UnsupportedKind,
                    RuleRecord::Empty => IgnoreRule::Empty,
                    RuleRecord::BusyPolicy => IgnoreRule::BusyPolicy,
                },
            },
            OutcomeRecord::DeadLettered { cause } => Self::DeadLettered { cause: cause.into() },
        }
    }
}
