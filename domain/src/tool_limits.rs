//! How often one agent may call a tool, and how much its calls may move: beside the tool's own limits, which are for all agents
//! together.

use crate::{
    ids::{AgentId, TenantId},
    tool::ToolLimits,
};
use serde::{Deserialize, Serialize};

/// The codes of calls that were not made because a limit would have been passed…
pub const RATE: &str = "tool.rate";
pub const BUDGET: &str = "tool.budget";
pub const MONEY: &str = "tool.money";
/// …or cannot be known to be kept.
pub const NO_AMOUNT: &str = "tool.amount";

/// Whether a failure of this code is a limit's.
#[must_use]
pub fn is_limit(code: &str) -> bool {
    [RATE, BUDGET, MONEY, NO_AMOUNT].contains(&code)
}

/// What one agent may do with a tool; what is none is not limited.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AgentLimits {
    /// Calls within any 60 seconds.
    pub per_minute: Option<u32>,
    /// Calls within any 24 hours.
    pub per_day: Option<u32>,
    pub money: Option<MoneyLimit>,
}

/// How much calls may move within any 24 hours. Refunds, orders, transfers: in which unit is what their amounts are told in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoneyLimit {
    /// In millionths.
    pub per_day_micros: u64,
    pub amount: Amount,
}

/// How much a call moves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Amount {
    /// Each as much, in millionths.
    Each(u64),
    /// A JSON pointer into the call's arguments.
    At(String),
    /// The tool itself knows.
    Own,
}

impl AgentLimits {
    /// Whether calls have to be counted.
    #[must_use]
    pub const fn counts(&self) -> bool {
        self.per_minute.is_some() || self.per_day.is_some() || self.money.is_some()
    }
}

/// The limits of the agent that calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfAgent {
    pub agent: AgentId,
    pub limits: AgentLimits,
}

/// A call that is to be counted, against all that limits it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolUse {
    pub tenant: TenantId,
    pub tool: String,
    /// It is counted once for it.
    pub key: String,
    /// Of all agents together.
    pub limits: ToolLimits,
    pub of_agent: Option<OfAgent>,
    /// How much it moves, in millionths.
    pub amount_micros: u64,
}
