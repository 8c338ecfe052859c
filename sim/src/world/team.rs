//! People of the team who decide about tool calls and write, past the conversation's actor, as over the API.

use super::{Core, run::conversation};
use crate::scenario::{self, Author};
use colloquy_domain::{
    approval::{CallPlace, NewUndo, Undoing, Verdict},
    conversation::{Commit, Conversation, Ctx, Input, JournalWhat, Written, decide, project},
    fallback::Offered,
    ids::{ApprovalId, ConversationId, TenantId, UserId},
    message::Content,
    ports::{Clock, ConversationStore, Ids, StoreError},
    template::{Category, Component, Template, TemplateCall, TemplateStatus},
    testkit::{Approval, SeqIds},
    time::Timestamp,
    tool::{ToolResult, ToolStatus},
};

/// How often an act is decided anew because something else happened in the conversation.
const TRIES: usize = 8;

/// What somebody says for the team.
pub(super) struct Words {
    pub text: String,
    pub by: Author,
    pub template: Option<String>,
}

/// What the provider says of a template, to whoever sends it and to us.
pub(super) fn approves(core: &Core, channel: &str, name: &str, word: scenario::Approval) {
    core.network.approves(channel, name, word);
    let Some(account) = core.account_named(channel) else { return };
    let text = core.templates.get(&(channel.to_owned(), name.to_owned())).cloned().unwrap_or_default();
    let template = Template {
        name: name.to_owned(),
        category: Category::Utility,
        language: "en".to_owned(),
        components: vec![Component::Body { text, example: None }],
    };
    let status = match word {
        scenario::Approval::Pending => TemplateStatus::Pending,
        scenario::Approval::Approved => TemplateStatus::Approved,
        scenario::Approval::Rejected => TemplateStatus::Rejected,
        scenario::Approval::Paused => TemplateStatus::Paused,
        scenario::Approval::Disabled => TemplateStatus::Disabled,
    };
    core.store.offer(account.tenant, account.id, Offered { template, status });
}

/// As the API lets the team write, but for the window, which is left to whoever sends.
pub(super) async fn says(core: &Core, (channel, peer): (&str, &str), words: Words) {
    let Some((tenant, id)) = conversation(core, channel, peer) else { return };
    let who = format!("{channel}/{peer}");
    let called = |name: &String| {
        let text = core.templates.get(&(channel.to_owned(), name.clone())).cloned().unwrap_or_default();
        let (language, name) = ("en".to_owned(), name.clone());
        (text, TemplateCall { name, language, header: None, body: Vec::new(), buttons: Vec::new() })
    };
    let (text, template) = match words.template.as_ref().map(called) {
        Some((text, call)) => (text, Some(call)),
        None => (words.text, None),
    };
    core.note("", "says", &who, text.as_str());
    let ids = &core.team_ids;
    let author = matches!(words.by, Author::Person).then(|| UserId::new(ids.uuid()));
    let last_inbound_at = last_heard(core, id);
    let words = Written { text, rich: None, author, template, planned: false, last_inbound_at };
    for _ in 0..TRIES {
        let Some(commit) = decided(core, ids, (tenant, id), words.clone()).await else { return };
        match core.store.commit(commit).await {
            Err(StoreError::Stale) => {}
            _ => break,
        }
    }
    if let (Some(door), Some(account)) = (core.doors.all().first(), core.account_named(channel)) {
        door.handle.renew(tenant, id);
        door.handle.wake_channel(account.id);
    }
}

async fn decided(
    core: &Core,
    ids: &SeqIds,
    (tenant, id): (TenantId, ConversationId),
    words: Written,
) -> Option<Commit> {
    let loaded = core.store.load(tenant, id).await.ok()?;
    let profile = core.store.agent(tenant, loaded.agent)?;
    let state = Conversation::restore(loaded.key, loaded.snapshot);
    let now = core.clock.now();
    let decision = decide(&state, Input::Wrote(words), &Ctx { now, profile: &profile, own: profile.id });
    project(state, &decision.events, loaded.version, now, ids).1
}

/// When the person last wrote, as the store knows it.
fn last_heard(core: &Core, id: ConversationId) -> Timestamp {
    let inbox = core.store.inbox(id);
    let own = inbox.iter().filter(|(item, _)| !matches!(item.inbound.content, Content::Echo { .. }));
    own.map(|(item, _)| item.received_at).max().unwrap_or_default()
}

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

/// Somebody has all undone that was done; what was ordered before is not ordered again unless that failed.
pub(super) fn undoes(core: &Core, channel: &str, peer: &str) {
    let Some((tenant, id)) = conversation(core, channel, peer) else { return };
    for row in core.store.journal(id) {
        let JournalWhat::Settled(ToolResult { status: ToolStatus::Done, undo: Some(undo), .. }) = row.what else {
            continue;
        };
        let done = CallPlace { turn: row.turn, step: row.step, index: row.index };
        let undo = NewUndo {
            id: ApprovalId::new(core.team_ids.uuid()),
            undoing: Undoing::of(done, &undo, (tenant, id)),
            reason: None,
        };
        let tool = undo.undoing.call.name.clone();
        if core.store.order_undo(id, undo).is_ok() {
            core.note("", "undo", &format!("{channel}/{peer}"), tool);
        }
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
