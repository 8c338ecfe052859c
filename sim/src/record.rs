//! A live conversation becomes a scenario: the same words at the same distances, with personal data masked.

use crate::scenario::{
    AgentSpec, ChannelKind, ChannelSpec, ConversationSpec, Expectations, FORMAT, Heard, ModelSpec, Provenance, Runs,
    Scenario, ScriptedMessage, Span, UserSpec, WorldSpec, from_yaml,
};
use jiff::Timestamp;
use regex::{Captures, Regex};
use serde::Deserialize;
use std::{fs, path::Path, time::Duration};

/// The lines of a file: a scenario that was recorded, or a transcript as lines of JSON.
///
/// # Errors
/// The file cannot be read, is neither, or nobody writes in it; in words.
pub fn lines(file: &Path) -> Result<Vec<Line>, String> {
    let text = fs::read_to_string(file).map_err(|e| e.to_string())?;
    let is_yaml = file.extension().is_some_and(|e| e == "yaml" || e == "yml");
    let lines = if is_yaml { of_scenario(&text)? } else { of_transcript(&text)? };
    if lines.iter().any(|l| l.who == Who::Person) { Ok(lines) } else { Err("nobody writes in it".to_owned()) }
}

fn of_scenario(text: &str) -> Result<Vec<Line>, String> {
    let scenario = from_yaml(text).map_err(|e| e.to_string())?;
    let [conversation] = scenario.conversations.as_slice() else {
        return Err(format!("it has {} conversations, and can only have one", scenario.conversations.len()));
    };
    let UserSpec::Script { messages } = &conversation.user else {
        return Err("its user is no script".to_owned());
    };
    let answers = if let ModelSpec::Cassette { answers } = &scenario.model { answers.as_slice() } else { &[] };
    let mut lines = Vec::new();
    for message in messages {
        let at = i64::try_from(message.at.0.as_millis()).unwrap_or(i64::MAX);
        lines.push(Line { at, who: Who::Person, text: message.text.clone() });
        // When they were answered is not kept, only that they were.
        let answers = answers.iter().filter(|a| a.heard == message.text);
        lines.extend(answers.map(|a| Line { at, who: Who::Agent, text: a.said.clone() }));
    }
    Ok(lines)
}

/// A line of a transcript, as the API has it; what else stands there is not of interest.
#[derive(Deserialize)]
struct Written {
    /// RFC 3339.
    at: String,
    text: String,
    speaker: Option<String>,
}

fn of_transcript(text: &str) -> Result<Vec<Line>, String> {
    let read = |(n, line): (usize, &str)| -> Result<Option<Line>, String> {
        let wrong = |e: &dyn std::fmt::Display| format!("line {}: {e}", n + 1);
        let written: Written = serde_json::from_str(line).map_err(|e| wrong(&e))?;
        let at = written.at.parse::<Timestamp>().map_err(|e| wrong(&e))?.as_millisecond();
        let who = match written.speaker.as_deref() {
            None | Some("person") => Who::Person,
            Some("agent") => Who::Agent,
            Some(_) => return Ok(None),
        };
        Ok(Some(Line { at, who, text: written.text }))
    };
    let written = text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty());
    let mut lines: Vec<Line> = written.filter_map(|l| read(l).transpose()).collect::<Result<_, _>>()?;
    lines.sort_by_key(|l| l.at);
    Ok(lines)
}

/// Who said a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    Person,
    Agent,
}

/// A line of a transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Milliseconds; only distances matter.
    pub at: i64,
    pub who: Who,
    pub text: String,
}

/// The scenario in which these lines are said again. `names` are the person's, and are masked wherever they stand.
#[must_use]
pub fn scenario(name: &str, channel: ChannelKind, lines: &[Line], names: &[String]) -> Scenario {
    let mask = Mask::new(names);
    let start = lines.first().map_or(0, |l| l.at);
    let age = |at: i64| Span(Duration::from_millis(u64::try_from(at - start).unwrap_or(0) + 1_000));
    let mut messages = Vec::new();
    let mut answers = Vec::new();
    for line in lines {
        let text = mask.text(&line.text);
        match line.who {
            Who::Person => messages.push(ScriptedMessage { at: age(line.at), text }),
            Who::Agent => {
                let heard = messages.last().map(|m: &ScriptedMessage| m.text.clone()).unwrap_or_default();
                answers.push(Heard { heard, said: text });
            }
        }
    }
    let peer = "33600000000".to_owned();
    let channels = vec![ChannelSpec { kind: channel, ..ChannelSpec::default() }];
    let user = UserSpec::Script { messages };
    Scenario {
        format: FORMAT.to_owned(),
        name: name.to_owned(),
        about: String::new(),
        provenance: Some(Provenance {
            source: "a recorded conversation".to_owned(),
            licence: None,
            note: Some("personal data is masked: addresses, numbers, the person's name".to_owned()),
        }),
        runs: Runs::default(),
        world: WorldSpec { agents: vec![AgentSpec::default()], channels, ..WorldSpec::default() },
        model: ModelSpec::Cassette { answers },
        tools: Vec::new(),
        toolset: None,
        conversations: vec![ConversationSpec { channel: ChannelSpec::default().name, peer, people: 1, user }],
        timeline: Vec::new(),
        faults: Vec::new(),
        expect: Expectations::default(),
    }
}

struct Mask {
    mail: Regex,
    digits: Regex,
    names: Option<Regex>,
}

impl Mask {
    fn new(names: &[String]) -> Self {
        let words: Vec<String> = names
            .iter()
            .flat_map(|n| n.split_whitespace())
            .filter(|w| w.chars().count() > 2)
            .map(regex::escape)
            .collect();
        let names = (!words.is_empty()).then(|| Regex::new(&format!(r"(?i)\b({})\b", words.join("|"))));
        Self {
            mail: Regex::new(r"[\p{L}0-9._%+-]+@[\p{L}0-9.-]+\.\p{L}{2,}").expect("a fixed pattern"),
            // Phone numbers, cards, accounts: six digits or more, whatever stands between them.
            digits: Regex::new(r"\b(?:[A-Z]{2}\d{2}[ ]?)?\+?\d(?:[ ./-]?\d){5,}\b").expect("a fixed pattern"),
            names: names.and_then(Result::ok),
        }
    }

    fn text(&self, text: &str) -> String {
        let text = self.mail.replace_all(text, "person@example.com");
        let zeros =
            |c: &Captures<'_>| c[0].chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect::<String>();
        let text = self.digits.replace_all(&text, zeros);
        match &self.names {
            Some(names) => names.replace_all(&text, "Person").into_owned(),
            None => text.into_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Options, Verdict, run, scenario::to_yaml};

    #[test]
    fn what_was_said_is_said_again_without_saying_who() {
        let line = |at, who, text: &str| Line { at, who, text: text.to_owned() };
        let lines = [
            line(5_000, Who::Person, "Hi, Camille Martin here, camille.martin@mail.fr, +33 6 12 34 56 78"),
            line(9_000, Who::Agent, "Hello Camille, how can I help?"),
            line(65_000, Who::Person, "My card 4111 1111 1111 1111 was refused for order 4711"),
            line(70_000, Who::Agent, "Order 4711 is paid."),
        ];
        let made = scenario("recorded", ChannelKind::Whatsapp, &lines, &["Camille Martin".to_owned()]);
        let yaml = to_yaml(&made).expect("yaml");
        for secret in ["Camille", "Martin", "mail.fr", "12 34", "4111"] {
            assert!(!yaml.contains(secret), "{secret}: {yaml}");
        }
        assert!(yaml.contains("order 4711"), "{yaml}");
        let report = run(&made, 1, Options::default());
        assert_eq!(report.verdict, Verdict::Pass, "{:?}", report.violations);
        assert_eq!(report.told[0].replies, ["Hello Person, how can I help?", "Order 4711 is paid."]);
    }

    #[test]
    fn recorded_files_are_read_in_both_forms() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).expect("written");
            lines(&path)
        };
        let line = |at, who, text: &str| Line { at, who, text: text.to_owned() };
        let transcript = "{\"at\": \"2026-03-02T09:00:05Z\", \"speaker\": \"agent\", \"text\": \"Yes?\", \"turn\": 1}\n\n\
            {\"at\": \"2026-03-02T09:00:00Z\", \"text\": \"Hello\"}\n\
            {\"at\": \"2026-03-02T09:01:00Z\", \"speaker\": \"operator\", \"text\": \"I am here\"}\n";
        let start = 1_772_442_000_000;
        let wanted = [line(start, Who::Person, "Hello"), line(start + 5_000, Who::Agent, "Yes?")];
        assert_eq!(file("a.jsonl", transcript).expect("a transcript"), wanted);
        let made = scenario("r", ChannelKind::Webchat, &wanted, &[]);
        let again = file("a.yaml", &to_yaml(&made).expect("yaml")).expect("a scenario");
        assert_eq!(again, [line(1_000, Who::Person, "Hello"), line(1_000, Who::Agent, "Yes?")]);
        assert_eq!(file("b.jsonl", "").expect_err("empty"), "nobody writes in it");
        assert!(file("c.jsonl", "{}").expect_err("no line").starts_with("line 1: "));
    }
}
