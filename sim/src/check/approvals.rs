//! Whether a person was asked where one had to be.

use super::Watch;
use crate::world::Core;
use colloquy_domain::{
    agent::{AgentProfile, Approvals},
    approval::Verdict,
    journey::{Journey, is_kept},
    model::Completion,
    taint::risks,
    tool::ToolInvocation,
};

/// The agent that has the conversation of a call.
pub(super) fn has_it(core: &Core, inv: &ToolInvocation) -> Option<AgentProfile> {
    let own = || core.store.key(inv.conversation).and_then(|key| core.account(key.channel)).map(|a| a.agent);
    let agent = core.store.active_agent(inv.conversation).or_else(own)?;
    core.store.agent(inv.tenant, agent)
}

impl Watch {
    /// An unsafe call begins: it needs a person's word if the agent's policy says so of what its model had read, and in any
    /// case if it was asked for.
    pub(super) fn approved(&self, core: &Core, who: &str, inv: &ToolInvocation) {
        let approvals = core.store.approvals(inv.conversation);
        let asked = approvals.iter().find(|a| a.asked.key == inv.key);
        let allowed = asked.is_some_and(|a| {
            let word = a.decided.as_ref().is_some_and(|d| d.verdict == Verdict::Approved);
            word && a.taken.is_some() && a.asked.call.arguments == inv.call.arguments
        });
        if !allowed && (asked.is_some() || self.needed(core, who, inv)) {
            self.broken(core, "tool.unapproved", who, inv.call.name.clone());
        }
    }

    fn needed(&self, core: &Core, who: &str, inv: &ToolInvocation) -> bool {
        let Some(profile) = has_it(core, inv) else { return false };
        // Of a step's call, the slots were judged when they were filled.
        let from_slots = is_kept(&profile.journeys, &inv.call.name);
        let in_slots = || {
            let travels = core.store.travels(inv.conversation);
            let journeys = travels.iter().filter_map(|t| Some((t, Journey::named(&profile.journeys, &t.journey)?)));
            journeys
                .filter(|(t, j)| t.call(j).is_some_and(|(tool, _)| tool == inv.call.name))
                .any(|(t, j)| !t.taints(j).is_empty())
        };
        let tainted = || {
            let read = self.state().read.get(who).cloned();
            let calls = vec![inv.call.clone()];
            let found = |read| risks(&read, &Completion { calls, ..Completion::default() });
            read.map(found).unwrap_or_default().iter().any(|risk| !risk.taints.is_empty())
        };
        match profile.approvals {
            Approvals::Never => false,
            Approvals::Tainted if from_slots => in_slots(),
            Approvals::Tainted => tainted(),
            Approvals::Unsafe => true,
        }
    }
}
