use super::{CallSpec, Citations, EndState, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What must be true of a run, beside the invariants, which always must be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Expectations {
    /// Tools that must have been called, and must not have been.
    #[serde(skip_serializing_if = "Calls::is_empty")]
    pub tools: Calls,
    /// What the agent must have said, and must not have said.
    #[serde(skip_serializing_if = "Texts::is_empty")]
    pub texts: Texts,
    /// Messages of each outcome, over all conversations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcomes: Option<std::collections::BTreeMap<String, u64>>,
    /// Replies of each delivery status, over all conversations: `delivered`, `sent`, `uncertain`, `failed`. A failed one is
    /// a dead letter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deliveries: Option<std::collections::BTreeMap<String, u64>>,
    /// Documents that replies must cite, and must not cite. That only passages are cited that were given holds always.
    #[serde(skip_serializing_if = "Citations::is_empty")]
    pub citations: Citations,
    /// Documents that must be among the passages that were found.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub recall: Vec<String>,
    /// How many answers say that the agent does not know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abstain: Option<u64>,
    /// Whether people must be told the same as in a world in which no node dies. For worlds where nothing else goes wrong that
    /// changes an answer.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub as_without_crashes: bool,
    /// The data of the tool set, in the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<EndState>,
    /// How long people wait for answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<Times>,
    /// How reliably all of this comes true, over the trials of the scenario: a single one may then miss it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pass_k: Option<PassK>,
}

impl Expectations {
    /// What is wrong with them: the field and why.
    pub(super) fn wrong(&self, trials: u32) -> Option<(&'static str, String)> {
        let pass_k = self.pass_k?;
        if !(1..=trials).contains(&pass_k.k) {
            return Some(("pass_k.k", format!("1 to {trials}, the trials of runs.trials")));
        }
        (!(0.0..=1.0).contains(&pass_k.at_least)).then(|| ("pass_k.at_least", "0 to 1".to_owned()))
    }
}

/// The longest that it may take from a message until its answer was taken by the provider, or shown in the web chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Times {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slowest: Option<Span>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub median: Option<Span>,
    /// Nineteen of twenty answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p95: Option<Span>,
}

/// The chance that `k` trials in a row all pass, estimated from all trials of the scenario.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PassK {
    pub k: u32,
    /// 0 to 1.
    pub at_least: f64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Calls {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub required: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub forbidden: Vec<String>,
    /// These, one after another; others may come between them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub order: Vec<String>,
    /// These, with these arguments, one after another; between them may be others that change nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<CallSpec>,
}

impl Calls {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Words, whatever their case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Texts {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub must_say: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub never_say: Vec<String>,
}

impl Texts {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
