//! One question without a conversation: the same retrieval, model and grounding as a turn.

use crate::state::Api;
use colloquy_domain::{
    agent::AgentProfile,
    conversation::{
        Conversation, Key, Prompt, Turn, aside, completion_request, retrieval_query, rewrite, rewrite_request,
    },
    failure::Failure,
    grounding::{Evidence, ground, usable},
    ids::{AgentId, ChannelId, ConversationId, DocumentId, TenantId},
    knowledge::Passage,
    language::Language,
    message::Peer,
    model::{HistoryMessage, Speaker},
    outbound::Reply,
    ports::TokenSink,
    team::Teammate,
    tool::{ToolCall, ToolSpec},
};

struct Silent;

impl TokenSink for Silent {
    fn delta(&self, _: &str) {}
}

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    pub text: &'a str,
    /// The person's earlier messages, newest last.
    pub previous: &'a [String],
    /// Of the answer; that of the question if absent.
    pub language: Option<Language>,
    /// Documents that are passed over.
    pub without: &'a [DocumentId],
}

/// An agent that answers as a fresh one would.
pub fn fresh_agent(api: &Api, tenant: TenantId) -> AgentProfile {
    AgentProfile::new(tenant, AgentId::new(api.ids.uuid()), "Colloquy", api.options.default_model.clone())
}

/// What an agent would do with a message.
pub struct Rehearsed {
    pub reply: Reply,
    /// The passages that it was given, best first.
    pub passages: Vec<Passage>,
    /// The calls that it would make before it answers; they are not made.
    pub calls: Vec<ToolCall>,
}

/// Answers from the agent's knowledge, without tools.
///
/// # Errors
/// The retrieval's or the model's.
pub async fn ask(api: &Api, profile: &AgentProfile, question: Question<'_>) -> Result<Reply, Failure> {
    let history: Vec<HistoryMessage> = question
        .previous
        .iter()
        .map(|text| HistoryMessage { speaker: Speaker::Person, text: text.clone(), image: None })
        .collect();
    Ok(rehearse(api, profile, question, history, Means::default()).await?.reply)
}

/// What an agent could do beside answering.
#[derive(Default)]
pub struct Means {
    pub tools: Vec<ToolSpec>,
    pub team: Vec<Teammate>,
    pub specialists: Vec<Teammate>,
}

/// One completion of the agent, with these means to choose from. Nothing is kept, sent or run.
///
/// # Errors
/// The retrieval's or the model's.
pub async fn rehearse(
    api: &Api,
    profile: &AgentProfile,
    question: Question<'_>,
    history: Vec<HistoryMessage>,
    Means { tools, team, specialists }: Means,
) -> Result<Rehearsed, Failure> {
    let now = api.clock.now();
    let key = nobodys(api, profile.tenant);
    let (conversation, mut turn) = aside(key, (question.text, question.language), now);
    if let Some(mut query) = retrieval_query(&conversation, &turn, profile, &history) {
        query.without = question.without.to_vec();
        query.rewritten = rewritten(api, &conversation, &turn, profile, &history).await;
        let found = api.knowledge.search(query).await?;
        turn.passages = usable(found, profile.min_cosine);
    }
    let request = completion_request(&conversation, &turn, profile, Prompt { history, tools, team, specialists, now });
    let answer_in = request.language;
    let completion = api.model.complete(request, &Silent).await?;
    let evidence = Evidence { passages: &turn.passages, results: &[] };
    let policy = profile.grounding.unsupported;
    let reply = ground(1, &completion.text, &evidence, policy, answer_in, completion.usage);
    Ok(Rehearsed { reply, passages: turn.passages, calls: completion.calls })
}

/// The question as the agent's model writes it without need of what was said before; what that costs is nobody's bill.
async fn rewritten(
    api: &Api,
    conversation: &Conversation,
    turn: &Turn,
    profile: &AgentProfile,
    history: &[HistoryMessage],
) -> Option<String> {
    let request = rewrite_request(conversation, turn, profile, history, turn.started_at)?;
    if !api.model.writes(&request.choice) {
        return None;
    }
    rewrite(&*api.model, request).await.ok()?.text
}

fn nobodys(api: &Api, tenant: TenantId) -> Key {
    Key {
        tenant,
        id: ConversationId::new(api.ids.uuid()),
        channel: ChannelId::new(api.ids.uuid()),
        peer: Peer { address: "ask".to_owned(), name: None },
        pull: true,
        spoken: false,
    }
}
