//! Whether a person was asked where one had to be.

use super::Watch;
use crate::world::Core;
use colloquy_domain::{agent::Approvals, approval::Verdict, model::Completion, taint::risks, tool::ToolInvocation};

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
        let own = || core.store.key(inv.conversation).and_then(|key| core.account(key.channel)).map(|a| a.agent);
        let agent = core.store.active_agent(inv.conversation).or_else(own);
        let Some(profile) = agent.and_then(|agent| core.store.agent(inv.tenant, agent)) else { return false };
        let tainted = || {
            let read = self.state().read.get(who).cloned();
            let calls = vec![inv.call.clone()];
            let found = |read| risks(&read, &Completion { calls, ..Completion::default() });
            read.map(found).unwrap_or_default().iter().any(|risk| !risk.taints.is_empty())
        };
        match profile.approvals {
            Approvals::Never => false,
            Approvals::Tainted => tainted(),
            Approvals::Unsafe => true,
        }
    }
}
