//! One turn without a conversation: the same retrieval, prompt, model and grounding, and nothing is written, sent or run.

use crate::state::Api;
use colloquy_domain::{
    agent::AgentProfile,
    conversation::{Conversation, Key, Prompt, Snapshot, Stage, Turn, completion_request, retrieval_query},
    failure::Failure,
    grounding::{ground, usable},
    ids::{ChannelId, ConversationId},
    knowledge::Passage,
    language::Language,
    message::{Content, Inbound, InboxItem, Peer},
    model::HistoryMessage,
    outbound::Reply,
    ports::TokenSink,
    tool::{ToolCall, ToolSpec},
};

struct Silent;

impl TokenSink for Silent {
    fn delta(&self, _: &str) {}
}

/// What the agent would do.
pub struct Rehearsed {
    pub reply: Reply,
    /// The passages that it was given, best first.
    pub passages: Vec<Passage>,
    /// The calls that it would make before it answers.
    pub calls: Vec<ToolCall>,
}

/// What a person says to the agent, and what was said before.
pub struct Line<'a> {
    pub message: &'a str,
    pub history: Vec<HistoryMessage>,
    /// Detected from the message if absent.
    pub language: Option<Language>,
}

/// One completion of this agent, with these tools to choose from.
///
/// # Errors
/// The retrieval's or the model's.
pub async fn rehearse(
    api: &Api,
    profile: &AgentProfile,
    line: Line<'_>,
    tools: Vec<ToolSpec>,
) -> Result<Rehearsed, Failure> {
    let now = api.clock.now();
    let Line { message, history, language } = line;
    let peer = Peer { address: "rehearsal".to_owned(), name: None };
    let key = Key {
        tenant: profile.tenant,
        id: ConversationId::new(api.ids.uuid()),
        channel: ChannelId::new(api.ids.uuid()),
        peer: peer.clone(),
        pull: true,
    };
    let mut conversation = Conversation::restore(key, Snapshot::default());
    conversation.language = language.or_else(|| Language::detect(message));
    let inbound = Inbound {
        provider_message_id: String::new(),
        peer,
        sent_at: now,
        content: Content::text(message),
        reply_to: None,
        raw: None,
    };
    let mut turn = Turn {
        no: 1,
        items: vec![InboxItem { seq: 1, received_at: now, inbound }],
        passages: Vec::new(),
        steps: Vec::new(),
        stage: Stage::Retrieving,
        started_at: now,
        resumed: false,
    };
    if let Some(query) = retrieval_query(&conversation, &turn, profile, &history) {
        let found = api.knowledge.search(query).await?;
        turn.passages = usable(found, profile.min_cosine);
    }
    let request = completion_request(&conversation, &turn, profile, Prompt { history, tools, now });
    let answer_in = request.language;
    let completion = api.model.complete(request, &Silent).await?;
    let reply = ground(1, &completion.text, &turn.passages, answer_in, completion.usage);
    Ok(Rehearsed { reply, passages: turn.passages, calls: completion.calls })
}
