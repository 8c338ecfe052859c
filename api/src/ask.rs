//! One question to one knowledge base, without a conversation: the same retrieval, model and grounding as a turn.

use crate::state::Api;
use colloquy_domain::{
    agent::AgentProfile,
    conversation::{Conversation, Key, Prompt, Snapshot, Stage, Turn, completion_request, retrieval_query},
    failure::Failure,
    grounding::{ground, usable},
    ids::{AgentId, ChannelId, ConversationId, KnowledgeBaseId, TenantId},
    language::Language,
    message::{Content, Inbound, InboxItem, Peer},
    outbound::Reply,
    ports::TokenSink,
};

struct Silent;

impl TokenSink for Silent {
    fn delta(&self, _: &str) {}
}

/// Answers `question` from the passages of `base`.
///
/// # Errors
/// The retrieval's or the model's.
pub async fn ask(
    api: &Api,
    tenant: TenantId,
    base: KnowledgeBaseId,
    question: &str,
    language: Option<Language>,
) -> Result<Reply, Failure> {
    let now = api.clock.now();
    let mut profile =
        AgentProfile::new(tenant, AgentId::new(api.ids.uuid()), "Colloquy", api.options.default_model.clone());
    profile.knowledge = vec![base];
    profile.tools = Vec::new();
    let peer = Peer { address: "ask".to_owned(), name: None };
    let key = Key {
        tenant,
        id: ConversationId::new(api.ids.uuid()),
        channel: ChannelId::new(api.ids.uuid()),
        peer: peer.clone(),
        pull: true,
    };
    let mut conversation = Conversation::restore(key, Snapshot::default());
    conversation.language = language.or_else(|| Language::detect(question));
    let inbound = Inbound {
        provider_message_id: String::new(),
        peer,
        sent_at: now,
        content: Content::text(question),
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
    if let Some(query) = retrieval_query(&conversation, &turn, &profile, &[]) {
        let found = api.knowledge.search(query).await?;
        turn.passages = usable(found, profile.min_cosine);
    }
    let prompt = Prompt { history: Vec::new(), tools: Vec::new(), now };
    let request = completion_request(&conversation, &turn, &profile, prompt);
    let answer_in = request.language;
    let completion = api.model.complete(request, &Silent).await?;
    Ok(ground(1, &completion.text, &turn.passages, answer_in, completion.usage))
}
