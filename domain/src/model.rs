//! Requests to a model and what comes back, in Colloquy's own terms.

use crate::{
    failure::Failure,
    ids::{ConversationId, Seq, StepNo, TenantId},
    knowledge::Passage,
    language::Language,
    tool::{ToolCall, ToolResult, ToolSpec},
};
use serde::{Deserialize, Serialize};
use std::{ops::AddAssign, time::Duration};

/// Which model answers, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelChoice {
    /// A name in the registry of model providers: `openai`, `extractive`, `scripted`.
    pub provider: String,
    /// The provider's name of the model; empty where it has only one.
    pub model: String,
    pub temperature: Option<f32>,
    /// Tokens that one completion may have.
    pub max_tokens: Option<u32>,
    /// It is given the images that people send. Nobody can ask a model whether it sees, so its owner says so.
    #[serde(default)]
    pub sees_images: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    Person,
    Agent,
    Operator,
}

/// An earlier message of the conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryMessage {
    pub speaker: Speaker,
    pub text: String,
    /// The message's number in the inbox, if an image came with it.
    pub image: Option<Seq>,
}

/// A completion that was journalled, with the results of its tool calls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    pub no: StepNo,
    pub completion: Completion,
    /// One place for each call of the completion; `None` until it is settled.
    pub results: Vec<Option<ToolResult>>,
}

/// Everything a model is given for one completion.
#[derive(Debug, Clone, PartialEq)]
pub struct CompletionRequest {
    pub tenant: TenantId,
    pub conversation: ConversationId,
    pub choice: ModelChoice,
    /// The agent's instructions with the grounding rules; the only text with authority.
    pub instructions: String,
    pub language: Language,
    /// Oldest first; without the messages of this turn.
    pub history: Vec<HistoryMessage>,
    /// What the person wrote in this turn, oldest first.
    pub messages: Vec<String>,
    /// Messages of this turn whose images the model is to see, by their numbers in the inbox, oldest first. The provider
    /// asks for the bytes (see [`crate::ports::SentFiles`]): they are in no state and in no log.
    pub images: Vec<Seq>,
    /// Retrieved for this turn, best first; numbered from 1 in this order in citations.
    pub passages: Vec<Passage>,
    /// Empty when no further tool call is allowed.
    pub tools: Vec<ToolSpec>,
    /// The turn's earlier completions, oldest first.
    pub steps: Vec<Step>,
    /// Time that is left for the answer.
    pub timeout: Duration,
}

/// What a completion cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Usage {
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
    /// Millionths of a US dollar, by the price list of the configuration; 0 when no price is known.
    pub cost_micros: u64,
}

impl AddAssign for Usage {
    fn add_assign(&mut self, o: Self) {
        self.prompt_tokens += o.prompt_tokens;
        self.completion_tokens += o.completion_tokens;
        self.cost_micros += o.cost_micros;
    }
}

/// What a model said: words, tool calls, or both.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct Completion {
    pub text: String,
    pub calls: Vec<ToolCall>,
    pub usage: Usage,
    /// The provider stopped for length: the text may end in the middle.
    pub truncated: bool,
}

pub type CompletionResult = Result<Completion, Failure>;

/// Something that was said, to be written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// A file name whose ending says the format.
    pub name: String,
    /// The media type, if it is known.
    pub mime: Option<String>,
    pub content: Vec<u8>,
    /// What is spoken, if it is known.
    pub language: Option<Language>,
}

/// What was said in a recording.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Transcript {
    pub text: String,
    /// What writing it down cost.
    pub usage: Usage,
}
