//! What is watched while the world goes on.

use super::Violation;
use crate::{seam::Seam, world::Core};
use colloquy_domain::{
    conversation::Commit,
    ids::{ChannelId, DocumentId, OutboxId},
    message::Inbound,
    model::CompletionRequest,
    placement::Partition,
    tool::{EffectClass, ToolInvocation},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};

/// A tool that was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolRun {
    /// `channel/peer`.
    pub who: String,
    pub tool: String,
    pub arguments: String,
    pub key: String,
    pub effect: EffectClass,
}

pub struct Watch {
    /// What only the tenant of a channel may see: channel, its tenant's word.
    canaries: BTreeMap<String, String>,
    state: Mutex<State>,
    /// Deliveries that were begun and not accepted yet.
    under_way: AtomicI64,
}

#[derive(Default)]
pub(super) struct State {
    violations: Vec<Violation>,
    accepted: BTreeSet<(ChannelId, String)>,
    deliveries: BTreeMap<String, u64>,
    wrote: BTreeMap<String, Vec<String>>,
    /// How often each person said whether they want to be written to.
    consented: BTreeMap<String, u64>,
    /// Replies that somebody began to send and that are not done. Their status may have gone on already, by a part of them.
    begun: BTreeSet<(ChannelId, OutboxId)>,
    tools: Vec<ToolRun>,
    /// By conversation, what its model was given last.
    pub(super) read: BTreeMap<String, CompletionRequest>,
    off_script: Vec<String>,
    /// The keys of their steps.
    steps: BTreeSet<String>,
    /// By conversation, the passages that it was given: document and offset.
    pub(super) given: BTreeMap<String, BTreeSet<(DocumentId, u64)>>,
    /// By conversation, messages in the order in which the log got them first.
    logged: BTreeMap<String, Vec<String>>,
}

/// The word that only this tenant may see.
#[must_use]
pub fn canary(tenant: &str) -> String {
    format!("canary<{tenant}>")
}

impl Watch {
    /// Channels with their tenants.
    pub fn new<'a>(channels: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let canaries = channels.map(|(channel, tenant)| (channel.to_owned(), canary(tenant))).collect();
        Self { canaries, state: Mutex::default(), under_way: AtomicI64::new(0) }
    }

    /// A promise was broken.
    pub fn broken(&self, core: &Core, invariant: &'static str, entity: &str, detail: impl Into<String>) {
        let detail = detail.into();
        core.note("", "broken", entity, format!("{invariant}: {detail}"));
        let at = core.clock.elapsed();
        self.state().violations.push(Violation { invariant, at, entity: entity.to_owned(), detail });
    }

    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        self.state().violations.clone()
    }

    /// Somebody who is played did what they must not do.
    pub fn off_script(&self, who: &str, why: &str) {
        self.state().off_script.push(format!("{who} {why}"));
    }

    #[must_use]
    pub fn all_off_script(&self) -> Vec<String> {
        self.state().off_script.clone()
    }

    pub fn under_way(&self, change: i64) {
        self.under_way.fetch_add(change, Ordering::Relaxed);
    }

    /// Somebody begins to send these.
    pub fn claimed(&self, channel: ChannelId, replies: impl Iterator<Item = OutboxId>) {
        self.state().begun.extend(replies.map(|id| (channel, id)));
    }

    /// Nothing more of them is sent.
    pub fn settled(&self, replies: &[OutboxId]) {
        self.state().begun.retain(|(_, id)| !replies.contains(id));
    }

    /// Nobody sends anything for this channel any more.
    pub fn recovered(&self, channel: ChannelId) {
        self.state().begun.retain(|(of, _)| *of != channel);
    }

    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.under_way.load(Ordering::Relaxed) == 0 && self.state().begun.is_empty()
    }

    /// A person wrote.
    pub fn wrote(&self, who: &str, _number: u64, text: &str) {
        self.state().wrote.entry(who.to_owned()).or_default().push(text.to_owned());
    }

    /// A person said whether they want to be written to.
    pub fn consented(&self, who: &str) {
        *self.state().consented.entry(who.to_owned()).or_default() += 1;
    }

    /// How often each person did.
    #[must_use]
    pub fn all_consented(&self) -> BTreeMap<String, u64> {
        self.state().consented.clone()
    }

    /// What everybody wrote.
    #[must_use]
    pub fn written(&self) -> BTreeMap<String, Vec<String>> {
        self.state().wrote.clone()
    }

    /// A message was answered with 200.
    pub fn accepted(&self, core: &Core, channel: ChannelId, inbound: &Inbound) {
        core.note("", "accepted", &core.peer(channel, &inbound.peer.address), inbound.provider_message_id.clone());
        let mut state = self.state();
        state.accepted.insert((channel, inbound.provider_message_id.clone()));
        *state.deliveries.entry(core.peer(channel, &inbound.peer.address)).or_default() += 1;
    }

    /// A message was written to the log.
    pub fn logged(&self, who: &str, id: &str) {
        let mut state = self.state();
        let logged = state.logged.entry(who.to_owned()).or_default();
        if !logged.iter().any(|known| known == id) {
            logged.push(id.to_owned());
        }
    }

    /// The ids of a conversation's messages in the order in which the log got them.
    #[must_use]
    pub fn order(&self, who: &str) -> Vec<String> {
        self.state().logged.get(who).cloned().unwrap_or_default()
    }

    /// How many messages of a conversation were answered with 200, repetitions among them.
    #[must_use]
    pub fn deliveries(&self, who: &str) -> u64 {
        self.state().deliveries.get(who).copied().unwrap_or(0)
    }

    /// Messages that were answered with 200.
    #[must_use]
    pub fn all_accepted(&self) -> BTreeSet<(ChannelId, String)> {
        self.state().accepted.clone()
    }

    pub fn tool_started(&self, core: &Core, who: &str, effect: EffectClass, inv: &ToolInvocation) {
        let run = ToolRun {
            who: who.to_owned(),
            tool: inv.call.name.clone(),
            arguments: inv.call.arguments.clone(),
            key: inv.key.clone(),
            effect,
        };
        let again = {
            let mut state = self.state();
            let again = !state.steps.insert(run.key.clone());
            state.tools.push(run);
            again
        };
        self.in_its_step(core, who, inv);
        if effect == EffectClass::Unsafe {
            if again {
                self.broken(core, "tool.twice", who, inv.call.name.clone());
            }
            self.approved(core, who, inv);
        }
    }

    /// Tools that were started, in order.
    #[must_use]
    pub fn tools(&self) -> Vec<ToolRun> {
        self.state().tools.clone()
    }

    /// A completion is asked for.
    pub fn asking(&self, core: &Core, who: &str, request: &CompletionRequest) {
        // Who may call nothing is not judged by what it read.
        if !request.tools.is_empty() {
            self.state().read.insert(who.to_owned(), request.clone());
        }
        let history = request.history.iter().map(|m| m.text.as_str());
        let found = request.steps.iter().flat_map(|s| s.results.iter().flatten()).flat_map(|r| &r.passages);
        let passages = request.passages.iter().chain(found).map(|p| p.text.as_str());
        let messages = request.messages.iter().map(String::as_str);
        let all = std::iter::once(request.instructions.as_str()).chain(history).chain(passages).chain(messages);
        for text in all {
            self.seen(core, who, text);
        }
        self.given(who, &request.passages);
        for result in request.steps.iter().flat_map(|s| s.results.iter().flatten()) {
            self.given(who, &result.passages);
        }
    }

    /// A conversation's decision is about to be written.
    pub fn committing(&self, core: &Core, seam: &Seam, commit: &Commit) {
        let who = core.called(commit.conversation);
        for message in &commit.messages {
            self.seen(core, &who, &message.text);
        }
        self.citing(core, &who, commit);
        if let Some(me) = seam.id {
            let claim = core.placement.claim_of(Partition::from(commit.conversation));
            if claim.owner != Some(me) {
                self.broken(core, "commit.stale_epoch", &who, format!("by {}", seam.name));
            }
        }
    }

    /// `who` is shown this text.
    pub fn seen(&self, core: &Core, who: &str, text: &str) {
        let Some((channel, _)) = who.split_once('/') else { return };
        let own = self.canaries.get(channel);
        let foreign = self.canaries.values().find(|c| Some(*c) != own && text.contains(c.as_str()));
        if let Some(canary) = foreign {
            self.broken(core, "tenant.canary", who, canary.clone());
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
