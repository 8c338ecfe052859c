//! One question to one knowledge base, without a conversation: the same retrieval, model and grounding as a turn.

use crate::{
    rehearse::{Line, rehearse},
    state::Api,
};
use colloquy_domain::{
    agent::AgentProfile,
    failure::Failure,
    ids::{AgentId, KnowledgeBaseId, TenantId},
    language::Language,
    outbound::Reply,
};

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
    let mut profile =
        AgentProfile::new(tenant, AgentId::new(api.ids.uuid()), "Colloquy", api.options.default_model.clone());
    profile.knowledge = vec![base];
    profile.tools = Vec::new();
    let line = Line { message: question, history: Vec::new(), language };
    Ok(rehearse(api, &profile, line, Vec::new()).await?.reply)
}
