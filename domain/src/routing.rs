//! Routes: which agent answers what somebody comes with. One agent stands at the door and knows the others.

use crate::ids::AgentId;
use serde::{Deserialize, Serialize};

/// The call that a route is written down as, where it leads to another agent.
pub const ROUTE: &str = "route";

/// Where something leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    pub to: AgentId,
    /// What leads there, in a sentence for the model.
    pub when: String,
    /// What people write then.
    pub examples: Vec<String>,
}

/// The same, with the name that its agent has now: it exists and is switched on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenRoute {
    pub to: AgentId,
    pub name: String,
    pub when: String,
    pub examples: Vec<String>,
}
