//! People of the team who decide about tool calls, past the conversation's actor, as over the API.

use super::{Core, run::conversation};
use colloquy_domain::{approval::Verdict, testkit::Approval};

/// Somebody decides about everything that the conversation waits for.
pub(super) fn decides(core: &Core, channel: &str, peer: &str, approves: bool) {
    let Some((tenant, id)) = conversation(core, channel, peer) else { return };
    let verdict = || if approves { Verdict::Approved } else { Verdict::Denied { reason: None } };
    for approval in core.store.approvals(id).iter().filter(|a| a.decided.is_none()) {
        let told = if approves { "approved" } else { "denied" };
        core.note("", told, &format!("{channel}/{peer}"), approval.asked.call.name.as_str());
        core.store.decide_approval(id, approval.asked.id, verdict()).expect("not decided yet");
    }
    if let Some(door) = core.doors.all().first() {
        door.handle.look(tenant, id);
    }
}

/// Whether everything that was decided was carried out, or told.
pub(super) fn is_heard(core: &Core) -> bool {
    let unfinished = |id| core.store.approvals(id).iter().any(Approval::is_unfinished);
    !core.store.conversations().iter().any(|k| unfinished(k.id))
}
