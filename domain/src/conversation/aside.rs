//! A question beside every conversation: the situation in which one agent answers it, and what came of that.

use super::{
    Key,
    snapshot::Snapshot,
    state::{Conversation, Stage, Turn},
};
use crate::{
    agent::{AgentProfile, Unsupported},
    grounding::{Evidence, ground},
    knowledge::Passage,
    language::Language,
    message::{Content, Inbound, InboxItem},
    model::{Completion, Usage},
    specialist::Asked,
    time::Timestamp,
    tool::ToolResult,
};

/// A conversation of one message, about to be looked up.
#[must_use]
pub fn aside(key: Key, (text, language): (&str, Option<Language>), now: Timestamp) -> (Conversation, Turn) {
    let inbound = Inbound {
        provider_message_id: String::new(),
        peer: key.peer.clone(),
        sent_at: now,
        content: Content::text(text),
        reply_to: None,
        raw: None,
    };
    let mut conversation = Conversation::restore(key, Snapshot::default());
    conversation.language = language.or_else(|| Language::detect(text));
    let turn = Turn {
        ruling: None,
        no: 1,
        items: vec![InboxItem { seq: 1, received_at: now, inbound, heard: None }],
        passages: Vec::new(),
        rewriting: Usage::default(),
        steps: Vec::new(),
        relays: Vec::new(),
        stage: Stage::Retrieving,
        started_at: now,
        resumed: false,
    };
    (conversation, turn)
}

/// What a specialist said, as the result of the call that asked it: held against its passages as every reply is. The
/// passages that it cites come along, and its marks number them.
#[must_use]
pub fn answered(
    profile: &AgentProfile,
    completion: &Completion,
    passages: &[Passage],
    language: Language,
) -> ToolResult {
    let policy = if profile.knowledge.is_empty() { Unsupported::Off } else { profile.grounding.unsupported };
    let reply = ground(1, &completion.text, &Evidence { passages, results: &[] }, policy, language, completion.usage);
    let is_cited = |p: &&Passage, n: u32| {
        reply.citations.iter().any(|c| c.number == n && c.document == p.document && c.offset == p.offset)
    };
    let numbers = 1..=u32::try_from(reply.citations.len()).unwrap_or(u32::MAX);
    let cited = numbers.filter_map(|n| passages.iter().find(|p| is_cited(p, n)).cloned()).collect();
    let content = if reply.abstained {
        format!("{} does not know.", profile.name)
    } else {
        format!("{} says: {}", profile.name, reply.text)
    };
    let asked = Some(Asked { agent: profile.id, usage: completion.usage });
    ToolResult { passages: cited, asked, ..ToolResult::done(content) }
}
