//! From the pieces of an answer to a completion: pure and incremental.

use super::{
    chunk::{CallDelta, Choice, Chunk, TokenUsage, stream_error},
    printed_call,
};
use colloquy_domain::{failure::Failure, tool::ToolCall};

/// What an answer came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) text: String,
    pub(super) calls: Vec<ToolCall>,
    /// `None` where the server did not count.
    pub(super) usage: Option<TokenUsage>,
    pub(super) truncated: bool,
}

/// Gathers the pieces of one answer.
pub(super) struct Accumulator {
    /// The tools offered: only their names make a printed call.
    tools: Vec<String>,
    /// Number of the step, for the ids of calls that come without one.
    step: usize,
    text: String,
    /// Bytes of `text` that were passed on.
    released: usize,
    calls: Vec<PartialCall>,
    usage: Option<TokenUsage>,
    finish: Option<String>,
    done: bool,
}

#[derive(Default)]
struct PartialCall {
    index: Option<u32>,
    id: String,
    name: String,
    arguments: String,
}

impl Accumulator {
    pub(super) fn new(tools: Vec<String>, step: usize) -> Self {
        Self {
            tools,
            step,
            text: String::new(),
            released: 0,
            calls: Vec::new(),
            usage: None,
            finish: None,
            done: false,
        }
    }

    /// Takes the next piece; gives the words to pass on. Words that may turn out to be a printed tool call are held
    /// back until it is clear.
    ///
    /// # Errors
    /// The failure that an `error` within the answer stands for.
    pub(super) fn push(&mut self, chunk: Chunk) -> Result<String, Failure> {
        if let Some(error) = chunk.error.filter(|e| !e.is_null()) {
            return Err(stream_error(&error));
        }
        self.usage = chunk.usage.or(self.usage);
        // Others than the first choice are never asked for.
        if let Some(choice) = chunk.choices.unwrap_or_default().into_iter().next() {
            self.choice(choice);
        }
        Ok(self.release(false))
    }

    /// The server said that nothing more comes.
    pub(super) fn done(&mut self) {
        self.done = true;
    }

    /// Whether the answer is known to be whole, however the connection ends.
    pub(super) fn is_complete(&self) -> bool {
        self.done || self.finish.is_some()
    }

    /// The answer, and the words that were still held back.
    ///
    /// # Errors
    /// `model.stream_cut` when the end is missing; `model.empty_answer`; `model.refused` when a filter left nothing.
    pub(super) fn finish(mut self) -> Result<(Answer, String), Failure> {
        if !self.is_complete() {
            return Err(Failure::retry("model.stream_cut", "the model's answer broke off"));
        }
        if self.calls.is_empty()
            && let Some(calls) = printed_call::read(&self.text, &self.tools)
        {
            self.text.truncate(self.released);
            self.calls =
                calls.into_iter().map(|(name, arguments)| PartialCall { name, arguments, ..<_>::default() }).collect();
        }
        let rest = self.release(true);
        let truncated = self.finish.as_deref() == Some("length");
        let calls = self.settled_calls(truncated);
        if self.text.trim().is_empty() && calls.is_empty() {
            return Err(if self.finish.as_deref() == Some("content_filter") {
                Failure::reject("model.refused", "the model server's filter left no answer")
            } else {
                Failure::retry("model.empty_answer", "the model answered nothing")
            });
        }
        Ok((Answer { text: self.text, calls, usage: self.usage, truncated }, rest))
    }

    fn choice(&mut self, choice: Choice) {
        if let Some(delta) = choice.delta.or(choice.message) {
            self.text.push_str(&delta.text());
            for call in delta.tool_calls.unwrap_or_default() {
                self.call(call);
            }
        }
        self.finish = choice.finish_reason.filter(|r| !r.is_empty()).or(self.finish.take());
    }

    fn call(&mut self, delta: CallDelta) {
        let id = delta.id.unwrap_or_default();
        let function = delta.function.unwrap_or_default();
        let name = function.name.clone().unwrap_or_default();
        let place = self.place(delta.index, &id, &name).unwrap_or_else(|| {
            self.calls.push(PartialCall { index: delta.index, ..PartialCall::default() });
            self.calls.len() - 1
        });
        let call = &mut self.calls[place];
        if call.id.is_empty() {
            call.id = id;
        }
        if call.name.is_empty() {
            call.name = name;
        }
        call.arguments.push_str(&function.arguments());
    }

    /// The call that a piece continues. Some servers leave the index out, some give every call the index 0.
    fn place(&self, index: Option<u32>, id: &str, name: &str) -> Option<usize> {
        let same = |c: &PartialCall| id.is_empty() || c.id.is_empty() || c.id == id || name.is_empty();
        if index.is_some() {
            return self.calls.iter().rposition(|c| c.index == index && same(c));
        }
        if !id.is_empty()
            && let Some(known) = self.calls.iter().rposition(|c| c.id == id)
        {
            return Some(known);
        }
        // Without index and id, a name begins a new call.
        let last = self.calls.len().checked_sub(1)?;
        (name.is_empty() || self.calls[last].name.is_empty()).then_some(last)
    }

    /// The calls as they are acted on. The last one of an answer that stopped for length may be half written: it is
    /// left out unless its arguments are whole.
    fn settled_calls(&mut self, truncated: bool) -> Vec<ToolCall> {
        let step = self.step;
        let mut calls: Vec<ToolCall> = Vec::new();
        for (place, call) in std::mem::take(&mut self.calls).into_iter().enumerate() {
            let whole = serde_json::from_str::<serde::de::IgnoredAny>(&call.arguments).is_ok();
            if call.name.is_empty() || (truncated && !whole) {
                continue;
            }
            let arguments = if call.arguments.trim().is_empty() { "{}".into() } else { call.arguments };
            let known = call.id.is_empty() || calls.iter().any(|c| c.id == call.id);
            let id = if known { format!("call_{step}_{place}") } else { call.id };
            calls.push(ToolCall { id, name: call.name, arguments });
        }
        calls
    }

    fn release(&mut self, all: bool) -> String {
        if !all && !self.tools.is_empty() && printed_call::may_become(&self.text) {
            return String::new();
        }
        let rest = self.text[self.released..].to_owned();
        self.released = self.text.len();
        rest
    }
}

#[cfg(test)]
mod tests;
