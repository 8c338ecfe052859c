//! People: who writes, and how.

use super::{LoadError, ModelSpec, Span, Until};
use crate::record::{Line, lines};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

/// People of one conversation, at most.
const CROWD: u32 = 10_000;

/// One person on one channel, or several who do the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConversationSpec {
    pub channel: String,
    /// The person's address: a phone number, a chat id.
    pub peer: String,
    /// So many people, whose addresses are numbers from the one at the end of `peer` on. Once the scenario is read, each has a conversation of their own.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub people: u32,
    pub user: UserSpec,
}

const fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_one(people: &u32) -> bool {
    *people == 1
}

impl ConversationSpec {
    /// A conversation for each of the people; the field and why, if there cannot be so many.
    pub(super) fn each(self) -> Result<Vec<Self>, (&'static str, String)> {
        if self.people == 1 {
            return Ok(vec![self]);
        }
        if !(1..=CROWD).contains(&self.people) {
            return Err(("people", format!("1 to {CROWD}")));
        }
        let why = || ("peer", "no number, so that it cannot be counted on from it".to_owned());
        let (before, number) = self.peer.split_at(self.peer.trim_end_matches(|c: char| c.is_ascii_digit()).len());
        let first: u64 = number.parse().map_err(|_| why())?;
        let last = first.checked_add(u64::from(self.people)).ok_or_else(why)?;
        Ok((first..last).map(|n| Self { peer: format!("{before}{n}"), people: 1, ..self.clone() }).collect())
    }
}

/// How a person writes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum UserSpec {
    /// At these times.
    Script { messages: Vec<ScriptedMessage> },
    /// One thing after another, each when the last one was answered or patience is over.
    Automaton(Automaton),
    /// What somebody wrote once, at the same distances.
    Replay(Replay),
    /// A model plays the person.
    Model(Played),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScriptedMessage {
    /// Age of the world.
    pub at: Span,
    pub text: String,
}

/// A person who waits for answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Automaton {
    pub says: Vec<String>,
    /// When they begin.
    #[serde(default)]
    pub starts: Span,
    /// How long they wait for an answer before they go on.
    #[serde(default = "patience")]
    pub patience: Span,
    /// Characters a second.
    #[serde(default = "typing")]
    pub typing: u32,
    /// How likely they are to go on at once, without waiting: 0 to 1.
    #[serde(default)]
    pub burst: f64,
    /// They stop as soon as the agent says one of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub until_told: Vec<String>,
    /// They stop as soon as the world is like this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Until>,
}

/// Somebody who wrote before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Replay {
    /// What was written, relative to the scenario's file: a scenario as `sim record` makes it (`.yaml`), or lines of JSON
    /// with `at` (RFC 3339), `text` and `speaker` (`person` if absent), as the transcript of the API has them.
    pub file: String,
    /// When they begin.
    #[serde(default)]
    pub starts: Span,
    /// Whether they wait for an answer, up to their patience, where they had one then. Without it they write at the
    /// recorded distances, whatever they are told.
    #[serde(default)]
    pub waits: bool,
    #[serde(default = "patience")]
    pub patience: Span,
    /// The file's content, once it was read.
    #[serde(skip)]
    pub lines: Arc<Vec<Line>>,
}

/// A person who is played by a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Played {
    /// Who thinks in their place.
    pub model: Box<ModelSpec>,
    /// Who they are and how they write.
    pub persona: String,
    /// What they want.
    pub goal: String,
    /// What they know, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<String, Fact>,
    #[serde(default)]
    pub honesty: Honesty,
    #[serde(default)]
    pub starts: Span,
    /// How long they wait for an answer. After it they ask once more, and leave when that is in vain, too.
    #[serde(default = "patience")]
    pub patience: Span,
    /// Characters a second.
    #[serde(default = "typing")]
    pub typing: u32,
    /// How likely they are to send what they want to say sentence by sentence: 0 to 1.
    #[serde(default)]
    pub burst: f64,
    /// They leave after so many messages.
    #[serde(default = "most")]
    pub max_messages: u32,
    /// What playing them may cost, in millionths of a US dollar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_micros: Option<u64>,
    /// They have what they want when the world is like this. Whether or not it ever is, they may also leave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Until>,
}

/// Something that a person knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fact {
    pub is: String,
    /// A regular expression for everything that looks like it: whatever matches and is not it contradicts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub like: Option<String>,
}

/// How a played person deals with what they know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Default)]
#[serde(rename_all = "snake_case")]
pub enum Honesty {
    /// Never says what contradicts it.
    #[default]
    Honest,
    /// Honest, and tells a fact only after the agent has named it.
    Reserved,
    /// May say anything.
    Liar,
}

const fn patience() -> Span {
    Span(Duration::from_secs(60))
}

const fn typing() -> u32 {
    8
}

const fn most() -> u32 {
    12
}

impl UserSpec {
    /// The field that names a file or a server.
    pub(super) fn leads_outside(&self) -> Option<&'static str> {
        match self {
            Self::Replay(_) => Some("file"),
            Self::Model(played) if matches!(*played.model, ModelSpec::Openai(_)) => Some("model"),
            Self::Script { .. } | Self::Automaton(_) | Self::Model(_) => None,
        }
    }

    /// Reads the files that they name.
    pub(super) fn load(&mut self, folder: &Path, field: &str) -> Result<(), LoadError> {
        match self {
            Self::Script { .. } | Self::Automaton(_) => Ok(()),
            Self::Replay(replay) => {
                let path = folder.join(&replay.file);
                let failed =
                    |why: String| LoadError::Field(format!("{field}.file"), format!("{}: {why}", path.display()));
                replay.lines = Arc::new(lines(&path).map_err(failed)?);
                Ok(())
            }
            Self::Model(played) => played.model.load(folder, &format!("{field}.model")),
        }
    }

    /// What is wrong with them: the field and why.
    pub(super) fn wrong(&self, has_toolset: bool) -> Option<(String, String)> {
        let until = |until: &Option<Until>| {
            until.as_ref()?.wrong(has_toolset).map(|(field, why)| (format!(".until{field}"), why))
        };
        let burst = |burst: f64| (!(0.0..=1.0).contains(&burst)).then(|| (".burst".to_owned(), "0 to 1".to_owned()));
        match self {
            Self::Script { .. } | Self::Replay(_) => None,
            Self::Automaton(person) => burst(person.burst).or_else(|| until(&person.until)),
            Self::Model(person) => {
                let broken = person.facts.iter().find_map(|(name, fact)| {
                    let like = fact.like.as_ref()?;
                    let error = regex::Regex::new(like).err()?;
                    Some((format!(".facts.{name}.like"), error.to_string()))
                });
                let silent = (person.max_messages == 0).then(|| (".max_messages".to_owned(), "at least 1".to_owned()));
                burst(person.burst).or_else(|| until(&person.until)).or(broken).or(silent)
            }
        }
    }
}
