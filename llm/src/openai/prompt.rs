//! From a request to the messages that a model reads: pure.
//!
//! Only the system message has authority. Passages stand as JSON lines between marks: JSON escapes their line breaks and
//! quotes, and `<` is escaped as well, so that no text can end the block or begin another.

use super::images::Shown;
use crate::citable::{citable, place};
use async_openai::types::chat::{
    ChatCompletionMessageToolCall, ChatCompletionMessageToolCalls, ChatCompletionRequestAssistantMessage,
    ChatCompletionRequestMessage, ChatCompletionRequestSystemMessage, ChatCompletionRequestToolMessage,
    ChatCompletionRequestUserMessage, ChatCompletionTool, ChatCompletionTools, FunctionCall, FunctionObject,
};
use colloquy_domain::{
    ids::Seq,
    knowledge::Passage,
    model::{CompletionRequest, Speaker, Step},
    tool::{ToolCall, ToolResult, ToolSpec},
};
use serde::Serialize;
use serde_json::{Value, json};

type Message = ChatCompletionRequestMessage;

/// The messages: instructions, history, passages with what the person wrote, then each step and its results.
pub(super) fn messages(request: &CompletionRequest, shown: &Shown) -> Vec<Message> {
    let all = citable(request);
    let mut messages = vec![Message::System(ChatCompletionRequestSystemMessage {
        content: request.instructions.as_str().into(),
        name: None,
    })];
    messages.extend(history(request, shown));
    messages.push(user(shown, turn_text(request, &all), &request.images));
    // A passage is shown once: where it was found first.
    let mut found = own(request, &all);
    for step in &request.steps {
        messages.push(assistant(&step.completion.text, &step.completion.calls));
        messages.extend(results(step, &all, &mut found));
    }
    messages
}

/// The tools, as functions.
pub(super) fn tools(specs: &[ToolSpec]) -> Option<Vec<ChatCompletionTools>> {
    let tools: Vec<ChatCompletionTools> = specs
        .iter()
        .map(|spec| {
            let function = FunctionObject {
                name: spec.name.clone(),
                description: Some(spec.description.clone()),
                parameters: serde_json::from_str(&spec.parameters).ok(),
                strict: None,
            };
            ChatCompletionTools::Function(ChatCompletionTool { function })
        })
        .collect();
    (!tools.is_empty()).then_some(tools)
}

/// Earlier messages, those of one side joined: many servers' templates want the sides to take turns.
fn history(request: &CompletionRequest, shown: &Shown) -> Vec<Message> {
    let mut joined: Vec<(bool, String, Vec<Seq>)> = Vec::new();
    for message in &request.history {
        let person = message.speaker == Speaker::Person;
        let text = if person { unforged(&message.text) } else { message.text.clone() };
        match joined.last_mut() {
            Some((side, earlier, images)) if *side == person => {
                earlier.push_str("\n\n");
                earlier.push_str(&text);
                images.extend(message.image);
            }
            _ => joined.push((person, text, message.image.into_iter().collect())),
        }
    }
    // What the person wrote last and was not answered belongs before this turn's words.
    let one = |(person, text, images): (bool, String, Vec<Seq>)| {
        if person { user(shown, text, &images) } else { assistant(&text, &[]) }
    };
    joined.into_iter().map(one).collect()
}

/// Stands where nobody wrote: a person of the team decided about a call. Many servers' templates want a word of the other
/// side before the agent's.
const DECIDED: &str = "(The team has decided about the call that you asked for.)";

fn turn_text(request: &CompletionRequest, all: &[&Passage]) -> String {
    let said = match request.messages.as_slice() {
        [] => DECIDED.to_owned(),
        messages => messages.iter().map(|m| unforged(m)).collect::<Vec<_>>().join("\n\n"),
    };
    if request.passages.is_empty() {
        return said;
    }
    let numbered: Vec<(usize, &Passage)> = (1..).zip(all.iter().copied()).take(own(request, all)).collect();
    format!("{}\n\n{said}", block(&numbered))
}

/// How many of the citable passages are the turn's own.
fn own(request: &CompletionRequest, all: &[&Passage]) -> usize {
    request.passages.iter().filter_map(|p| place(all, p)).max().map_or(0, |last| last + 1)
}

fn results(step: &Step, all: &[&Passage], shown: &mut usize) -> Vec<Message> {
    let calls = step.completion.calls.iter().zip(step.results.iter().chain(std::iter::repeat(&None)));
    calls
        .map(|(call, result)| {
            let content = result.as_ref().map_or_else(|| "no result".to_owned(), |r| result_text(r, all, shown));
            Message::Tool(ChatCompletionRequestToolMessage { content: content.into(), tool_call_id: call.id.clone() })
        })
        .collect()
}

fn result_text(result: &ToolResult, all: &[&Passage], shown: &mut usize) -> String {
    let content = match result.asked {
        Some(_) => unforged(&renumbered(result, all)),
        None => unforged(&result.content),
    };
    if result.passages.is_empty() {
        return content;
    }
    let mut new = Vec::new();
    let mut known = Vec::new();
    for place in result.passages.iter().filter_map(|p| place(all, p)) {
        if place >= *shown {
            *shown = place + 1;
            new.push((place + 1, all[place]));
        } else {
            known.push(format!("[{}]", place + 1));
        }
    }
    let mut text = content;
    if !new.is_empty() {
        text = format!("{text}\n{}", block(&new));
    }
    if !known.is_empty() {
        text = format!("{text}\nalso found: {}, shown above", known.join(" "));
    }
    text
}

/// What another agent said, its marks numbered as this turn cites the same passages.
fn renumbered(result: &ToolResult, all: &[&Passage]) -> String {
    let mut text = String::with_capacity(result.content.len());
    let mut rest = result.content.as_str();
    while let Some((before, after)) = rest.split_once('[') {
        text.push_str(before);
        let mark = after.split_once(']').and_then(|(inside, behind)| {
            let own = inside.parse::<usize>().ok()?.checked_sub(1)?;
            Some((place(all, result.passages.get(own)?)? + 1, behind))
        });
        match mark {
            Some((number, behind)) => {
                text.push_str(&format!("[{number}]"));
                rest = behind;
            }
            None => {
                text.push('[');
                rest = after;
            }
        }
    }
    text.push_str(rest);
    text
}

fn block(passages: &[(usize, &Passage)]) -> String {
    let lines: Vec<String> = passages.iter().map(|(number, p)| passage_line(*number, p)).collect();
    format!("<passages>\n{}\n</passages>", lines.join("\n"))
}

/// A passage as a model sees it; the fields in this order.
#[derive(Serialize)]
struct Line<'a> {
    n: usize,
    document: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<u32>,
    #[serde(skip_serializing_if = "String::is_empty")]
    section: String,
    text: &'a str,
}

fn passage_line(n: usize, p: &Passage) -> String {
    let line = Line { n, document: &p.name, page: p.page, section: p.headings.join(" > "), text: &p.text };
    let json = serde_json::to_string(&line).unwrap_or_default().replace('<', "\\u003c");
    // The marks of a chat template that are no tags: inside a string an escape says the same.
    json.replace("[INST]", "\\u005bINST]").replace("[/INST]", "\\u005b/INST]")
}

/// What a person wrote or a tool answered, unable to look like a block of passages, or like the marks by which chat
/// templates part a system's words from a person's: some servers read those in the middle of a text.
fn unforged(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        out.push_str(before);
        let name = after.trim_start_matches([' ', '/', '\\', '<', '|']).as_bytes();
        let begins = |mark: &str| name.get(..mark.len()).is_some_and(|n| n.eq_ignore_ascii_case(mark.as_bytes()));
        let forged = after.starts_with('|') || FORGED.iter().any(|mark| begins(mark));
        out.push(if forged { '‹' } else { '<' });
        rest = after;
    }
    out.push_str(rest);
    out.replace("[INST]", "[ INST ]").replace("[/INST]", "[ /INST ]")
}

/// What follows `<` in a mark that only we, or a chat template, may write.
const FORGED: &[&str] = &["passages", "start_of_turn", "end_of_turn", "sys>", "system", "im_start", "im_end"];

fn user(shown: &Shown, text: String, images: &[Seq]) -> Message {
    Message::User(ChatCompletionRequestUserMessage { content: shown.content(text, images), name: None })
}

fn assistant(text: &str, calls: &[ToolCall]) -> Message {
    let tool_calls: Vec<ChatCompletionMessageToolCalls> = calls
        .iter()
        .map(|call| {
            let function = FunctionCall { name: call.name.clone(), arguments: arguments(&call.arguments) };
            ChatCompletionMessageToolCalls::Function(ChatCompletionMessageToolCall { id: call.id.clone(), function })
        })
        .collect();
    Message::Assistant(ChatCompletionRequestAssistantMessage {
        content: (!text.is_empty()).then(|| text.into()),
        tool_calls: (!tool_calls.is_empty()).then_some(tool_calls),
        ..ChatCompletionRequestAssistantMessage::default()
    })
}

/// Several servers parse the arguments of earlier calls and fail on what is no JSON object.
fn arguments(written: &str) -> String {
    match serde_json::from_str::<Value>(written) {
        Ok(Value::Object(_)) => written.to_owned(),
        _ => json!({"invalid_json": written}).to_string(),
    }
}

#[cfg(test)]
mod tests;
