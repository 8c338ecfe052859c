//! Other agents: one that is asked a question, and the one that should answer in the place of this.

use crate::{
    spans,
    work::{Task, guarded, store_failure},
};
use colloquy_domain::{
    conversation::{
        Input, Prompt, ROUTE_WAIT, Routed, answered, aside, compared, compared_words, completion_request,
        retrieval_query, route_request, routed,
    },
    failure::Failure,
    grounding::usable,
    ids::TurnNo,
    model::CompletionRequest,
    ports::TokenSink,
    routing::{self, OpenRoute, RoutedBy},
    specialist::{alone, behind, question},
    team::Teammate,
    tool::{ToolCall, ToolResult},
};
use tokio::time::timeout;
use tracing::Instrument as _;

/// Nobody is shown it.
struct Unheard;

impl TokenSink for Unheard {
    fn delta(&self, _: &str) {}
}

/// What came of a call that asks a specialist; `None` if it asks none.
pub(crate) async fn ask(task: &Task, call: &ToolCall) -> Option<ToolResult> {
    let specialists = match task.shared.agents.specialists(&task.profile).await {
        Ok(specialists) => specialists,
        Err(e) => return Some(ToolResult::failed(store_failure(e))),
    };
    let specialist = behind(&specialists, &call.name)?;
    let result = match question(&call.arguments) {
        Some(question) => guarded("specialist", answer(task, specialist, &question)).await,
        None => Err(Failure::reject("tool.arguments", "`question` must have 1 to 4000 characters")),
    };
    let result = result.unwrap_or_else(ToolResult::failed);
    spans::settled(&result);
    Some(result)
}

/// The specialist's answer, within its time.
async fn answer(task: &Task, specialist: &Teammate, question: &str) -> Result<ToolResult, Failure> {
    let (shared, key) = (&task.shared, &task.conversation.key);
    let now = shared.ports.clock.now();
    let turn = task.conversation.turn().ok_or_else(|| Failure::reject("turn.over", "the turn is over"))?;
    // A turn without a word to the person helps nobody: part of its time is kept for that.
    let left = task.profile.limits.deadline.saturating_sub(now.since(turn.started_at)) * 3 / 4;
    let profile = shared.agents.profile(key.tenant, specialist.agent).await.map_err(store_failure)?;
    let profile = profile.ok_or_else(|| Failure::reject("specialist.gone", "there is no such agent any more"))?;
    let profile = alone(&profile, left);
    let language = task.conversation.language;
    let (conversation, mut turn) = aside(key.clone(), (question, language), now);
    let work = async {
        if let Some(query) = retrieval_query(&conversation, &turn, &profile, &[]) {
            let found = shared.ports.knowledge.search(query).instrument(spans::retrieval(&task.span)).await?;
            turn.passages = usable(found, profile.min_cosine);
        }
        let (history, tools, team, specialists) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let prompt = Prompt { history, tools, team, specialists, now: shared.ports.clock.now() };
        let request = completion_request(&conversation, &turn, &profile, prompt);
        let (passages, language) = (request.passages.clone(), request.language);
        let completion = complete(task, request, &profile).await?;
        Ok(answered(&profile, &completion, &passages, language))
    };
    let late =
        || Failure::retry("specialist.timeout", format!("no answer within {} s", profile.limits.deadline.as_secs()));
    timeout(profile.limits.deadline, work).await.unwrap_or_else(|_| Err(late()))
}

async fn complete(
    task: &Task,
    request: CompletionRequest,
    profile: &colloquy_domain::agent::AgentProfile,
) -> colloquy_domain::model::CompletionResult {
    let asked = async {
        let result = task.shared.ports.model.complete(request, &Unheard).await;
        spans::completed(&result);
        result
    };
    asked.instrument(spans::chat(&task.span, profile)).await
}

/// Finds out who should answer; whatever goes wrong, the agent itself does.
pub(crate) async fn route(task: Task, turn: TurnNo) {
    let found = guarded("model", chosen(&task)).await.unwrap_or_else(|failure| {
        let key = &task.conversation.key;
        tracing::info!(tenant.id = %key.tenant, conversation.id = %key.id, error = %failure, "the agent at the door answers");
        Routed::default()
    });
    task.send(Input::Routed { turn, routed: found });
}

async fn chosen(task: &Task) -> Result<Routed, Failure> {
    let shared = &task.shared;
    let routes: Vec<OpenRoute> = shared.agents.routes(&task.profile).await.map_err(store_failure)?;
    if task.profile.routing.by == RoutedBy::Meaning {
        return by_meaning(task, &routes).await;
    }
    let history = task.history().await.map_err(store_failure)?;
    let now = shared.ports.clock.now();
    let request = task
        .conversation
        .turn()
        .and_then(|turn| route_request(&task.conversation, turn, &task.profile, (history, &routes), now));
    let Some(request) = request else { return Ok(Routed::default()) };
    let wait = request.timeout;
    let late = |_| Failure::retry("route.timeout", "the model did not say in time who should answer");
    let completion = timeout(wait, complete(task, request, &task.profile)).await.map_err(late)??;
    Ok(routed(&completion, &routes))
}

/// By comparing what the person wrote with what is written of each route.
async fn by_meaning(task: &Task, routes: &[OpenRoute]) -> Result<Routed, Failure> {
    let words = task.conversation.turn().and_then(compared_words);
    let Some(words) = words.filter(|_| !routes.is_empty()) else { return Ok(Routed::default()) };
    let (meaning, texts) = (&task.shared.ports.meaning, routing::texts(routes));
    let language = task.conversation.speaks(&task.profile);
    let late = |_| Failure::retry("route.timeout", "the message could not be compared in time");
    let likeness = timeout(ROUTE_WAIT, meaning.likeness(&words, &texts, language)).await.map_err(late)??;
    Ok(compared(routes, &likeness, task.profile.routing.threshold))
}
