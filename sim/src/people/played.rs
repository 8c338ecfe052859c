//! A person who is played by a model: it is given the conversation from their side, and says what they write next.

use super::{Phone, answered, rules, typing};
use crate::scenario::{Honesty, Played};
use colloquy_domain::{
    ids::{ConversationId, TenantId},
    language::Language,
    model::{CompletionRequest, HistoryMessage, ModelChoice, Speaker},
};
use std::{fmt::Write, time::Duration};

/// What stands in the agent's place before anybody wrote.
const OPENING: &str = "(You open the chat.)";
/// What the person sees when nobody answers.
const SILENCE: &str = "(Nobody has answered yet.)";
/// Time for one answer of the model, on the machine.
const TIMEOUT: Duration = Duration::from_secs(120);

pub async fn live(phone: &dyn Phone, person: &Played) {
    phone.until(person.starts.0).await;
    let mut said = Said::default();
    let (mut heard, mut in_vain) = (0, 0_u32);
    for number in 0..u64::from(person.max_messages) {
        let told = phone.ear().since(heard);
        heard += told.len();
        said.hear(told);
        let turn = match next(phone, person, &mut said, number).await {
            Next::Says(turn) => turn,
            Next::OffScript(why) => return phone.off_script(why),
            // Their model is away: that is told elsewhere, and nothing can be said of the agent.
            Next::Nothing => return,
        };
        let before = phone.ear().count();
        if !turn.text.is_empty() {
            send(phone, person, &mut said, &turn.text, number).await;
        }
        if turn.done {
            return;
        }
        if answered(phone, before, person.patience.0).await {
            in_vain = 0;
        } else {
            in_vain += 1;
        }
        if in_vain == 2 || person.until.as_ref().is_some_and(|u| phone.holds(u)) {
            return;
        }
    }
}

enum Next {
    Says(rules::Turn),
    OffScript(String),
    Nothing,
}

/// The conversation so far, from both sides.
#[derive(Default)]
struct Said {
    lines: Vec<HistoryMessage>,
    wrote: Vec<String>,
    told: Vec<String>,
    /// Messages on their way to the agent; one thought can be several.
    sent: u64,
    cost: u64,
}

impl Said {
    fn hear(&mut self, told: Vec<String>) {
        for text in told {
            self.told.push(text.clone());
            self.lines.push(HistoryMessage { speaker: Speaker::Person, text, image: None });
        }
    }
}

async fn next(phone: &dyn Phone, person: &Played, said: &mut Said, number: u64) -> Next {
    let answer = match phone.think(number, request(person, &said.lines)).await {
        Ok(answer) => answer,
        Err(_) => return Next::Nothing,
    };
    said.cost += answer.usage.cost_micros;
    if person.budget_micros.is_some_and(|most| said.cost > most) {
        return Next::OffScript(format!("costs {} micros, more than their budget", said.cost));
    }
    if answer.truncated || !answer.calls.is_empty() {
        return Next::OffScript("breaks off, or calls tools".to_owned());
    }
    match rules::turn(person, &said.wrote, &said.told, &answer.text) {
        Ok(turn) => Next::Says(turn),
        Err(why) => Next::OffScript(why),
    }
}

/// At once, or sentence by sentence.
async fn send(phone: &dyn Phone, person: &Played, said: &mut Said, text: &str, number: u64) {
    said.wrote.push(text.to_owned());
    said.lines.push(HistoryMessage { speaker: Speaker::Agent, text: text.to_owned(), image: None });
    let parts = if phone.chance("burst", number) < person.burst { sentences(text) } else { vec![text] };
    for part in parts {
        tokio::time::sleep(typing(part, person.typing)).await;
        phone.write(said.sent, part).await;
        said.sent += 1;
    }
}

fn sentences(text: &str) -> Vec<&str> {
    let parts = text.split_inclusive(['.', '!', '?', '\n']).map(str::trim);
    parts.filter(|p| p.chars().any(char::is_alphanumeric)).collect()
}

/// The model speaks in the agent's place of a request: it answers what the real agent said to the person.
fn request(person: &Played, lines: &[HistoryMessage]) -> CompletionRequest {
    let last = lines.iter().rposition(|l| l.speaker == Speaker::Agent).map_or(0, |n| n + 1);
    let (before, fresh) = lines.split_at(last);
    // Many servers want the other side to begin.
    let opening = HistoryMessage { speaker: Speaker::Person, text: OPENING.to_owned(), image: None };
    let history: Vec<HistoryMessage> =
        if before.is_empty() { Vec::new() } else { std::iter::once(opening).chain(before.to_vec()).collect() };
    let mut messages: Vec<String> = fresh.iter().map(|l| l.text.clone()).collect();
    if messages.is_empty() {
        messages.push(if history.is_empty() { OPENING } else { SILENCE }.to_owned());
    }
    CompletionRequest {
        tenant: TenantId::new(uuid::Uuid::nil()),
        conversation: ConversationId::new(uuid::Uuid::nil()),
        // Who plays decides about the model.
        choice: ModelChoice {
            provider: String::new(),
            model: String::new(),
            temperature: None,
            max_tokens: None,
            sees_images: false,
        },
        instructions: instructions(person),
        language: Language::En,
        history,
        messages,
        images: Vec::new(),
        passages: Vec::new(),
        tools: Vec::new(),
        steps: Vec::new(),
        timeout: TIMEOUT,
    }
}

/// What the model is told about its part.
fn instructions(person: &Played) -> String {
    let mut text = format!(
        "You play a person who writes to a company's assistant. The assistant's words come to you as messages; write only \
         what the person types next, without quotes, names or explanations, and in their own language.\n\n\
         Who you are: {}\nWhat you want: {}\n",
        person.persona.trim(),
        person.goal.trim()
    );
    if !person.facts.is_empty() {
        text.push_str("What you know:\n");
        for (name, fact) in &person.facts {
            // Writing to a `String` cannot fail.
            let _ = writeln!(text, "- {name}: {}", fact.is);
        }
    }
    let honesty = match person.honesty {
        Honesty::Honest => "Never say what contradicts what you know, and invent nothing that you do not know.",
        Honesty::Reserved => {
            "Never say what contradicts what you know, invent nothing, and tell each thing only after you were asked for it."
        }
        Honesty::Liar => "You may say what is not true if it brings you what you want.",
    };
    let _ = write!(
        text,
        "{honesty}\nWrite one short message at a time. When you have what you want, or see that you will not get it, write \
         {} and nothing after it.",
        rules::DONE
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bursts_are_sentences() {
        assert_eq!(
            sentences("Hello! I am Zoé.\n\n Order 4711?? Thanks"),
            ["Hello!", "I am Zoé.", "Order 4711?", "Thanks"]
        );
    }
}
