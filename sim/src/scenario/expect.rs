use super::{CallSpec, Citations, EndState};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What must be true of a run, beside the invariants, which always must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Default)]
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
