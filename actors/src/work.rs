//! The slow work of a turn, each piece a task that ends in one message to its conversation.

use crate::{conversation::Msg, draft::Drafts, elsewhere, node::Shared, spans, supervision::Backoff};
use colloquy_domain::{
    agent::AgentProfile,
    approval::Risk,
    conversation::{Conversation, Input, Key, Prompt, completion_request},
    disclosure,
    failure::{Failure, Verdict},
    ids::{StepNo, TurnNo},
    journey::FILL,
    model::{Completion, CompletionRequest, HistoryMessage},
    ports::{Notice, StoreError, TokenSink},
    specialist,
    taint::{is_judged, risks},
    team::HAND_OFF,
    tool::{ToolCall, ToolInvocation, ToolResult},
    tool_limits::OfAgent,
};
use futures::FutureExt;
use ractor::ActorRef;
use std::{
    future::Future,
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::sync::OnceCell;
use tracing::{Instrument as _, Span};

/// Completions begun for one step when the first ends in a passing failure (providers have their own retries before the
/// first byte; this one covers a stream that was cut).
const COMPLETION_TRIES: u32 = 2;
const STORE_BACKOFF: Backoff = Backoff { first: Duration::from_millis(50), max: Duration::from_secs(2) };
pub(crate) const RETRY_AFTER: Duration = Duration::from_millis(250);

/// What a piece of work knows of its conversation.
pub struct Task {
    pub shared: Arc<Shared>,
    pub reply_to: ActorRef<Msg>,
    pub conversation: Conversation,
    pub profile: Arc<AgentProfile>,
    pub history: Arc<OnceCell<Vec<HistoryMessage>>>,
    /// The turn's.
    pub span: Span,
}

impl Task {
    pub(crate) fn send(&self, input: Input) {
        // Gone meanwhile: whatever this was for is found again from durable state.
        let _ = self.reply_to.send_message(Msg::Input(Box::new(input)));
    }

    fn settle(&self, at: CallAt, result: ToolResult) {
        self.send(Input::ToolSettled { turn: at.turn, step: at.step, index: at.index, result });
    }

    /// Waits out troubles of the store, which are not the turn's: its deadline ends the waiting.
    pub(crate) async fn history(&self) -> Result<&[HistoryMessage], StoreError> {
        let key = &self.conversation.key;
        let first = self.conversation.turn().and_then(|t| t.items.first()).map_or(u64::MAX, |i| i.seq);
        let limit = self.profile.limits.history;
        let store = &self.shared.ports.conversations;
        let read = async || {
            let mut tries = 0;
            loop {
                match store.history(key.tenant, key.id, first, limit).await {
                    Err(e) if e.is_retry() => {
                        tries += 1;
                        tokio::time::sleep(STORE_BACKOFF.wait(tries)).await;
                    }
                    done => return done,
                }
            }
        };
        Ok(self.history.get_or_try_init(read).await?)
    }
}

/// A panic in an adapter is a failure of this piece of work, not of its conversation.
pub(crate) async fn guarded<T>(
    what: &'static str,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|_| {
        tracing::error!(adapter = what, "adapter panicked");
        Err(Failure::retry(format!("{what}.panicked"), "an adapter panicked"))
    })
}

pub(crate) fn wait_of(failure: &Failure) -> Option<Duration> {
    match failure.verdict {
        Verdict::Retry { after } => Some(after.unwrap_or(RETRY_AFTER)),
        Verdict::Reject | Verdict::Fatal => None,
    }
}

pub async fn call_model(task: Task, turn: TurnNo, step: StepNo) {
    let mut tries = 0;
    let drafts = Drafts::begin(&task, turn);
    let result = loop {
        tries += 1;
        match guarded("model", complete(&task, turn, &drafts).instrument(spans::chat(&task.span, &task.profile))).await
        {
            Err(f) if tries < COMPLETION_TRIES => match wait_of(&f) {
                Some(wait) => {
                    reset(&task, turn);
                    drafts.reset();
                    tokio::time::sleep(wait).await;
                }
                None => break Err(f),
            },
            done => break done,
        }
    };
    drafts.end().await;
    if result.as_ref().is_ok_and(|(c, _)| !c.calls.is_empty()) {
        reset(&task, turn);
    }
    let (result, risks) = match result {
        Ok((completion, risks)) => (Ok(completion), risks),
        Err(failure) => (Err(failure), Vec::new()),
    };
    task.send(Input::Completed { turn, step, result, risks });
}

/// The completion, and which of its calls could do harm.
async fn complete(task: &Task, turn: TurnNo, drafts: &Drafts) -> Result<(Completion, Vec<Risk>), Failure> {
    let request = request(task).await?;
    // What the model reads is what its calls are judged by.
    let judged = request.tools.iter().any(is_judged).then(|| request.clone());
    let sink = Announce { task, turn, drafts, begun: AtomicBool::new(false) };
    let result = task.shared.ports.model.complete(request, &sink).await;
    spans::completed(&result);
    let completion = result?;
    let mut risks = judged.as_ref().map(|read| risks(read, &completion)).unwrap_or_default();
    // Arguments that do not fit are the model's to mend; nobody is asked about them. What does not fit a slot is not taken.
    risks.retain(|risk| {
        let call = completion.calls.get(risk.index as usize);
        call.is_some_and(|c| c.name == FILL) || fits(task, judged.as_ref(), call)
    });
    Ok((completion, risks))
}

fn fits(task: &Task, read: Option<&CompletionRequest>, call: Option<&ToolCall>) -> bool {
    let (Some(read), Some(call)) = (read, call) else { return false };
    let spec = read.tools.iter().find(|tool| tool.name == call.name);
    spec.is_some_and(|spec| task.shared.ports.tools.fits(spec, call))
}

async fn request(task: &Task) -> Result<CompletionRequest, Failure> {
    let Some(turn) = task.conversation.turn() else {
        return Err(Failure::reject("turn.over", "the turn is over"));
    };
    let history = task.history().await.map_err(store_failure)?.to_vec();
    let tenant = task.conversation.key.tenant;
    let team = task.shared.agents.team(&task.profile).await.map_err(store_failure)?;
    let names = if team.is_empty() { task.profile.tools.clone() } else { task.profile.all_tools() };
    let tools = task.shared.ports.tools.specs(tenant, &names).await?;
    let specialists = task.shared.agents.specialists(&task.profile).await.map_err(store_failure)?;
    let prompt = Prompt { history, tools, team, specialists, now: task.shared.ports.clock.now() };
    Ok(completion_request(&task.conversation, turn, &task.profile, prompt))
}

struct Announce<'a> {
    task: &'a Task,
    turn: TurnNo,
    drafts: &'a Drafts,
    begun: AtomicBool,
}

impl Announce<'_> {
    fn announce(&self, text: String) {
        self.drafts.write(&text);
        let Key { tenant, id: conversation, .. } = self.task.conversation.key;
        let notice = Notice::Delta { tenant, conversation, turn: self.turn, text };
        self.task.shared.ports.announcer.announce(notice);
    }
}

impl TokenSink for Announce<'_> {
    fn delta(&self, text: &str) {
        if self.begun.swap(true, Ordering::Relaxed) {
            return self.announce(text.to_owned());
        }
        // Who reads the answer as it is made reads what the reply will begin with, too; once, if words of an earlier step
        // had begun with it.
        let now = self.task.shared.ports.clock.now();
        let told = self.task.conversation.turn().is_some_and(|t| t.steps.iter().any(|s| !s.completion.text.is_empty()));
        let disclosure = disclosure::due(&self.task.conversation, &self.task.profile, now).filter(|_| !told);
        self.announce(disclosure.map_or_else(|| text.to_owned(), |d| disclosure::before(d, text)));
    }
}

fn reset(task: &Task, turn: TurnNo) {
    let Key { tenant, id: conversation, .. } = task.conversation.key;
    task.shared.ports.announcer.announce(Notice::DeltaReset { tenant, conversation, turn });
}

/// Which call of which step.
#[derive(Debug, Clone, Copy)]
pub struct CallAt {
    pub turn: TurnNo,
    pub step: StepNo,
    pub index: u32,
    pub resumed: bool,
    /// It may run if its tool is unsafe.
    pub as_unsafe: bool,
}

pub async fn run_tool(task: Task, at: CallAt, (call, idempotency): (ToolCall, String)) {
    let (key, span) = (&task.conversation.key, spans::tool(&task.span, &task, at, &call));
    if specialist::may_be(&call.name)
        && let Some(result) = elsewhere::ask(&task, &call).instrument(span.clone()).await
    {
        task.settle(at, result);
        return;
    }
    let team = if call.name == HAND_OFF { task.shared.agents.team(&task.profile).await } else { Ok(Vec::new()) };
    let Ok(team) = team.map_err(|e| task.settle(at, ToolResult::failed(store_failure(e)))) else { return };
    let mut allowed = task.profile.all_tools();
    // Its agent had it when a person was asked, whoever has the conversation by now.
    allowed.extend(task.conversation.turn().filter(|t| t.carries_out()).map(|_| call.name.clone()));
    // A person, or a failed turn, had it undone: that is no use of the agent's.
    let undoes = task.conversation.turn().and_then(|t| t.ruling.as_ref()).is_some_and(|r| r.place.undone().is_some());
    let limits = task.profile.tool_limits.get(&call.name).filter(|_| !(undoes && at.step == 0));
    let limits = limits.map(|limits| OfAgent { agent: task.profile.id, limits: limits.clone() });
    let invocation = ToolInvocation {
        tenant: key.tenant,
        conversation: key.id,
        turn: at.turn,
        step: at.step,
        index: at.index,
        call,
        key: idempotency,
        resumed: at.resumed,
        as_unsafe: at.as_unsafe,
        bases: task.profile.knowledge.clone(),
        allowed,
        limits,
        team,
        language: task.conversation.speaks(&task.profile),
    };
    let run = async {
        let result = task.shared.ports.tools.run(invocation).await;
        spans::settled(&result);
        Ok(result)
    };
    let run = run.instrument(span);
    let result = guarded("tool", run).await.unwrap_or_else(ToolResult::uncertain);
    task.settle(at, result);
}

/// Shows that an answer is being made, for as long as the task lives.
pub async fn show_typing(shared: Arc<Shared>, key: Key, last_message: String) {
    shared.ports.announcer.announce(Notice::Typing { tenant: key.tenant, conversation: key.id });
    if key.pull {
        return;
    }
    let Ok(Some(account)) = shared.ports.channels.account(key.channel).await else { return };
    let Some(driver) = shared.ports.channels.driver(&account.kind) else { return };
    loop {
        if let Err(failure) = driver.typing(&account, &key.peer, &last_message).await {
            tracing::debug!(channel.id = %account.id, error = %failure, "typing not shown");
        }
        match driver.typing_lasts() {
            Some(lasts) => tokio::time::sleep(lasts).await,
            None => return,
        }
    }
}

pub(crate) fn store_failure(e: StoreError) -> Failure {
    if e.is_retry() {
        Failure::retry("store.unavailable", e.to_string())
    } else {
        Failure::fatal("store.broken", e.to_string())
    }
}
