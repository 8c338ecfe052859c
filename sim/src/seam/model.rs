//! The model: what the scenario says, and what can go wrong with it.

use super::Seam;
use crate::{
    fault::{Fault, Kind, Site},
    model::{COST, Thinks},
    planted::Planted,
};
use async_trait::async_trait;
use colloquy_domain::{
    failure::Failure,
    message::Content,
    model::{Completion, CompletionRequest, CompletionResult, Transcript, Usage},
    ports::{FileOf, Model, TokenSink},
    tool::ToolCall,
};
use std::time::Duration;

/// How long a completion takes, in milliseconds.
const TAKES: (u64, u64) = (200, 1_500);
/// …and listening to a recording.
const LISTENING_TAKES: (u64, u64) = (1_000, 4_000);

pub struct SimModel {
    pub seam: Seam,
    pub thinks: Thinks,
}

#[async_trait]
impl Model for SimModel {
    async fn complete(&self, request: CompletionRequest, sink: &dyn TokenSink) -> CompletionResult {
        let seam = &self.seam;
        seam.gate.pass().await;
        let who = seam.called(request.conversation);
        seam.core.watch.asking(&seam.core, &who, &request);
        let fault = seam.fault(Site::Model, &who);
        if let Some(fault) = fault {
            match fault.kind {
                Kind::Fail => return Err(Failure::retry("model.simulated", "the model is away")),
                Kind::Refuse => return Err(Failure::reject("model.simulated", "the model refuses the request")),
                _ => seam.before(fault).await,
            }
        }
        let nth = seam.core.asked(&who);
        let (answer, takes) = self.thinks.complete(&seam.core.deck, (seam.core.seed, nth, TAKES), &who, &request);
        tokio::time::sleep(takes).await;
        seam.gate.pass().await;
        let mut completion = match answer {
            Ok(completion) => completion,
            Err(failure) => {
                seam.note("model.failed", &who, failure.to_string());
                return Err(failure);
            }
        };
        if seam.core.has(Planted::ShareCache) {
            completion = seam.core.remembered(&request.messages, completion);
        }
        if let Some(fault) = fault {
            spoil(&mut completion, fault, &request);
        }
        seam.note("model", &who, told(&completion));
        if completion.usage.cost_micros != COST {
            seam.note("cost", &who, completion.usage.cost_micros.to_string());
        }
        if fault.is_some_and(|f| f.kind == Kind::CrashAfter) {
            return seam.die().await;
        }
        write(seam, &completion.text, sink).await;
        Ok(completion)
    }

    async fn listen(&self, recording: FileOf) -> Result<Transcript, Failure> {
        let seam = &self.seam;
        seam.gate.pass().await;
        let who = seam.called(recording.conversation);
        let fault = seam.fault(Site::Listen, &who);
        if let Some(fault) = fault {
            match fault.kind {
                Kind::Fail => return Err(Failure::retry("listening.simulated", "whoever listens is away")),
                Kind::Refuse => return Err(Failure::reject("listening.simulated", "the recording cannot be read")),
                _ => seam.before(fault).await,
            }
        }
        let takes = seam.core.seed.millis("listening", &who, recording.message, LISTENING_TAKES);
        tokio::time::sleep(Duration::from_millis(takes)).await;
        seam.gate.pass().await;
        let missing = || Failure::reject("recording.missing", "it is not there");
        let text = said(seam, recording).ok_or_else(missing)?;
        seam.note("heard", &who, text.clone());
        if fault.is_some_and(|f| f.kind == Kind::CrashAfter) {
            return seam.die().await;
        }
        Ok(Transcript { text, usage: Usage::default() })
    }
}

/// What a provider calls a recording here are its words.
fn said(seam: &Seam, recording: FileOf) -> Option<String> {
    let inbox = seam.core.store.inbox(recording.conversation);
    let (item, _) = inbox.into_iter().find(|(item, _)| item.seq == recording.message)?;
    match item.inbound.content {
        Content::Media { reference, .. } => reference,
        _ => None,
    }
}

/// At once, or as slowly as the scenario has it.
async fn write(seam: &Seam, text: &str, sink: &dyn TokenSink) {
    let writing = seam.core.writing;
    if writing.is_zero() {
        return sink.delta(text);
    }
    let words: Vec<&str> = text.split_inclusive(' ').collect();
    let each = writing / u32::try_from(words.len()).unwrap_or(u32::MAX).max(1);
    for word in words {
        sink.delta(word);
        tokio::time::sleep(each).await;
        seam.gate.pass().await;
    }
}

fn spoil(completion: &mut Completion, fault: Fault, request: &CompletionRequest) {
    let call = |name: &str, arguments: &str| ToolCall {
        id: format!("spoilt-{}", request.steps.len()),
        name: name.to_owned(),
        arguments: arguments.to_owned(),
    };
    // Without tools nothing can be called: an answer that does is another provider's defect.
    let tool = request.tools.first().map(|t| t.name.clone());
    match (fault.kind, tool) {
        (Kind::Truncated, _) => {
            let half = completion.text.chars().count() / 2;
            completion.text = completion.text.chars().take(half.max(1)).collect();
            completion.truncated = true;
        }
        (Kind::Garbled, Some(tool)) => completion.calls = vec![call(&tool, "{\"a\": oops")],
        (Kind::UnknownTool, Some(_)) => completion.calls = vec![call("no_such_tool", "{}")],
        (Kind::Endless, Some(tool)) => completion.calls = vec![call(&tool, "{}")],
        _ => {}
    }
}

fn told(completion: &Completion) -> String {
    let calls: Vec<String> = completion.calls.iter().map(|c| format!("{}({})", c.name, c.arguments)).collect();
    format!("{:?} {}", completion.text, calls.join(" "))
}
