//! Looking up what a turn needs: the question, in other words where it leans on earlier ones, and the passages.

use crate::{
    spans,
    work::{RETRY_AFTER, Task, guarded, store_failure},
};
use colloquy_domain::{
    conversation::{Input, Rewritten, retrieval_query, rewrite, rewrite_request},
    failure::{Failure, Verdict},
    ids::TurnNo,
    knowledge::{KnowledgeQuery, Passage},
    model::{HistoryMessage, Usage},
};
use tracing::{Instrument as _, Span};

const TRIES: u32 = 3;

pub async fn retrieve(task: Task, turn: TurnNo) {
    let (result, rewriting) = match retried(|| wanted(&task)).await {
        Ok(Some((query, history))) => found(&task, query, history).await,
        Ok(None) => (Ok(Vec::new()), Usage::default()),
        Err(failure) => (Err(failure), Usage::default()),
    };
    task.send(Input::Retrieved { turn, rewriting, result });
}

/// What to look for, and what was said before; `None` if the turn needs no passages.
async fn wanted(task: &Task) -> Result<Option<(KnowledgeQuery, &[HistoryMessage])>, Failure> {
    let Some(turn) = task.conversation.turn() else { return Ok(None) };
    let history = task.history().await.map_err(store_failure)?;
    Ok(retrieval_query(&task.conversation, turn, &task.profile, history).map(|query| (query, history)))
}

/// The passages, and what asking in other words cost.
async fn found(
    task: &Task,
    query: KnowledgeQuery,
    history: &[HistoryMessage],
) -> (Result<Vec<Passage>, Failure>, Usage) {
    let Rewritten { text, usage } = rewritten(task, history).await.unwrap_or(Rewritten::NOT);
    let query = KnowledgeQuery { rewritten: text, ..query };
    let search = || passages(task, query.clone()).instrument(spans::retrieval(&task.span));
    (retried(search).await, usage)
}

/// The follow-up as the model writes it; `None` where there is none to write, or the model failed.
async fn rewritten(task: &Task, history: &[HistoryMessage]) -> Option<Rewritten> {
    let model = &task.shared.ports.model;
    let (turn, now) = (task.conversation.turn()?, task.shared.ports.clock.now());
    let request = rewrite_request(&task.conversation, turn, &task.profile, history, now)?;
    if !model.writes(&request.choice) {
        return None;
    }
    let written = guarded("model", rewrite(&**model, request).instrument(spans::chat(&task.span, &task.profile))).await;
    let key = &task.conversation.key;
    let failed = |e: &Failure| {
        tracing::info!(tenant.id = %key.tenant, conversation.id = %key.id, error = %e, "a follow-up is looked for as it is");
    };
    written.inspect_err(failed).ok()
}

/// Passing failures and panics are waited out a few times.
async fn retried<T, F: Future<Output = Result<T, Failure>>>(work: impl Fn() -> F) -> Result<T, Failure> {
    let mut tries = 0;
    loop {
        tries += 1;
        match guarded("retrieval", work()).await {
            Err(Failure { verdict: Verdict::Retry { after }, .. }) if tries < TRIES => {
                tokio::time::sleep(after.unwrap_or(RETRY_AFTER)).await;
            }
            done => return done,
        }
    }
}

async fn passages(task: &Task, query: KnowledgeQuery) -> Result<Vec<Passage>, Failure> {
    let found = task.shared.ports.knowledge.search(query).await;
    match &found {
        Ok(passages) => _ = Span::current().record("retrieval.passages", passages.len()),
        Err(failure) => spans::failed(failure),
    }
    found
}
