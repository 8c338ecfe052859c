//! The file of a saved world. Its shape is its own: a change of it is a new format, whatever becomes of the types within.

use crate::world::Core;
use colloquy_domain::{
    conversation::{Mode, Snapshot},
    failure::Failure,
    ids::{AgentId, ChannelId, TenantId},
    language::Language,
    message::{Content, IgnoreRule, Inbound, InboxItem, Outcome, Peer},
    model::Speaker,
    testkit::{Approvals, Line, Standing},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The format's name.
pub const FORMAT: &str = "colloquy-world/1";

/// A world that came to rest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Saved {
    pub format: String,
    /// When it ended: a world that goes on from it begins then, or later.
    pub ended: String,
    pub conversations: Vec<SavedConversation>,
    pub documents: Vec<SavedDocument>,
    /// The number of the last update of each channel that is polled.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub updates: BTreeMap<String, i64>,
    /// The data of its tool set, `{table: {key: row}}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<Value>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedConversation {
    pub channel: String,
    pub peer: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    version: u64,
    next_turn: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    language: Option<String>,
    /// The agent that has it in the place of the channel's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    agent: Option<String>,
    /// A person has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    operator: Option<Operator>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    returns_at: Option<String>,
    /// When the person last wrote, as the provider knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrote_at: Option<String>,
    messages: Vec<Message>,
    transcript: Vec<Said>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    spent: Vec<Spending>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Operator {
    since: String,
    reason: String,
}

/// A message of the inbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    id: String,
    sent_at: String,
    received_at: String,
    content: Words,
    outcome: End,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Words {
    Text(String),
    Command { name: String, args: String },
    Echo(String),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum End {
    Answered(u32),
    Merged(u32),
    HandedOver(String),
    Ignored(Rule),
    DeadLettered { code: String, detail: String },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Rule {
    Echo,
    Signal,
    UnsupportedKind,
    Empty,
    BusyPolicy,
}

/// A line of the transcript.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    who: Who,
    text: String,
    /// Number in the inbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    abstained: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Who {
    Person,
    Agent,
    Operator,
}

/// What an agent's completions cost in this conversation on one UTC day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Spending {
    agent: String,
    /// Days since 1970.
    day: i64,
    micros: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedDocument {
    pub base: String,
    pub name: String,
    /// What searches find.
    pub text: String,
    /// Whether its last upload was ingested.
    pub ready: bool,
}

pub fn rfc3339(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.millis()).map(|t| t.to_string()).unwrap_or_default()
}

/// # Errors
/// Shows what is no time.
pub fn timestamp(text: &str) -> Result<Timestamp, String> {
    let at: jiff::Timestamp = text.parse().map_err(|_| format!("{text:?} is no RFC 3339 time"))?;
    Ok(Timestamp(at.as_millisecond()))
}

impl SavedConversation {
    /// # Errors
    /// Names what is still under way, or of a kind that nobody in a simulated world sends.
    pub fn of(standing: &Standing, core: &Core, wrote_at: Option<Timestamp>) -> Result<Self, String> {
        // Held calls stay behind: in the world that goes on from here nobody was asked.
        let Standing { key, version, snapshot, inbox, lines, ledger, approvals: _, returns_at } = standing;
        let channel = core.channel(key.channel);
        if snapshot.open.is_some() {
            return Err(format!("{channel}/{}: a turn is under way", key.peer.address));
        }
        let operator = match &snapshot.mode {
            Mode::Agent => None,
            Mode::Operator { since, reason } => Some(Operator { since: rfc3339(*since), reason: reason.clone() }),
        };
        let spent = ledger.iter().map(|(agent, day, micros)| Spending {
            agent: core.agent_called(*agent),
            day: *day,
            micros: *micros,
        });
        Ok(Self {
            channel,
            peer: key.peer.address.clone(),
            name: key.peer.name.clone(),
            version: *version,
            next_turn: snapshot.next_turn,
            language: snapshot.language.map(|l| l.code().to_owned()),
            agent: snapshot.active.map(|a| core.agent_called(a)),
            operator,
            returns_at: returns_at.map(rfc3339),
            wrote_at: wrote_at.map(rfc3339),
            messages: inbox.iter().map(|(item, end)| Message::of(item, end.as_ref())).collect::<Result<_, _>>()?,
            transcript: lines.iter().map(Said::of).collect(),
            spent: spent.collect(),
        })
    }

    /// As it stood, on this channel.
    ///
    /// # Errors
    /// Shows what cannot be read.
    pub fn standing(
        &self,
        (tenant, channel): (TenantId, ChannelId),
        pull: bool,
        agent: impl Fn(&str) -> Option<AgentId>,
    ) -> Result<Standing, String> {
        let mode = match &self.operator {
            None => Mode::Agent,
            Some(o) => Mode::Operator { since: timestamp(&o.since)?, reason: o.reason.clone() },
        };
        let language = self.language.as_deref().and_then(Language::from_tag);
        let active = self.agent.as_deref().and_then(&agent);
        let snapshot = Snapshot { mode, next_turn: self.next_turn, language, active, ..Snapshot::default() };
        let peer = Peer { address: self.peer.clone(), name: self.name.clone() };
        let inbox = (1..).zip(&self.messages).map(|(seq, m)| m.item(seq, &peer)).collect::<Result<_, _>>()?;
        let spent = self.spent.iter().filter_map(|s| Some((agent(&s.agent)?, s.day, s.micros)));
        Ok(Standing {
            key: colloquy_domain::conversation::Key {
                tenant,
                // The store gives it one of its own.
                id: colloquy_domain::ids::ConversationId::new(uuid::Uuid::nil()),
                channel,
                peer,
                pull,
                spoken: false,
            },
            version: self.version,
            snapshot,
            inbox,
            lines: self.transcript.iter().map(Said::line).collect(),
            ledger: spent.collect(),
            approvals: Approvals::default(),
            returns_at: self.returns_at.as_deref().map(timestamp).transpose()?,
        })
    }
}

impl Message {
    fn of(item: &InboxItem, end: Option<&Outcome>) -> Result<Self, String> {
        let InboxItem { seq, received_at, inbound, heard: _ } = item;
        let content = match &inbound.content {
            Content::Text { text } => Words::Text(text.clone()),
            Content::Command { name, args } => Words::Command { name: name.clone(), args: args.clone() },
            Content::Echo { text } => Words::Echo(text.clone().unwrap_or_default()),
            other => {
                return Err(format!("message {seq} of {}: a {} cannot be kept", inbound.peer.address, other.kind()));
            }
        };
        let outcome = match end {
            Some(Outcome::Answered { turn }) => End::Answered(*turn),
            Some(Outcome::Merged { turn }) => End::Merged(*turn),
            Some(Outcome::HandedOver { reason }) => End::HandedOver(reason.clone()),
            Some(Outcome::Ignored { rule }) => End::Ignored(Rule::of(*rule)),
            Some(Outcome::DeadLettered { cause }) => {
                End::DeadLettered { code: cause.code.clone(), detail: cause.detail.clone() }
            }
            None => return Err(format!("message {seq} of {} has no outcome yet", inbound.peer.address)),
        };
        let id = inbound.provider_message_id.clone();
        Ok(Self { id, sent_at: rfc3339(inbound.sent_at), received_at: rfc3339(*received_at), content, outcome })
    }

    fn item(&self, seq: u64, peer: &Peer) -> Result<(InboxItem, Option<Outcome>), String> {
        let content = match self.content.clone() {
            Words::Text(text) => Content::Text { text },
            Words::Command { name, args } => Content::Command { name, args },
            Words::Echo(text) => Content::Echo { text: Some(text) },
        };
        let outcome = match self.outcome.clone() {
            End::Answered(turn) => Outcome::Answered { turn },
            End::Merged(turn) => Outcome::Merged { turn },
            End::HandedOver(reason) => Outcome::HandedOver { reason },
            End::Ignored(rule) => Outcome::Ignored { rule: rule.rule() },
            End::DeadLettered { code, detail } => Outcome::DeadLettered { cause: Failure::reject(code, detail) },
        };
        let inbound = Inbound {
            provider_message_id: self.id.clone(),
            peer: peer.clone(),
            sent_at: timestamp(&self.sent_at)?,
            content,
            reply_to: None,
            raw: None,
        };
        let received_at = timestamp(&self.received_at)?;
        Ok((InboxItem { seq, received_at, inbound, heard: None }, Some(outcome)))
    }
}

impl Rule {
    const fn of(rule: IgnoreRule) -> Self {
        match rule {
            IgnoreRule::Echo => Self::Echo,
            IgnoreRule::Signal => Self::Signal,
            IgnoreRule::UnsupportedKind => Self::UnsupportedKind,
            IgnoreRule::Empty => Self::Empty,
            IgnoreRule::BusyPolicy => Self::BusyPolicy,
        }
    }

    const fn rule(self) -> IgnoreRule {
        match self {
            Self::Echo => IgnoreRule::Echo,
            Self::Signal => IgnoreRule::Signal,
            Self::UnsupportedKind => IgnoreRule::UnsupportedKind,
            Self::Empty => IgnoreRule::Empty,
            Self::BusyPolicy => IgnoreRule::BusyPolicy,
        }
    }
}

impl Said {
    fn of(line: &Line) -> Self {
        let who = match line.speaker {
            Speaker::Person => Who::Person,
            Speaker::Agent => Who::Agent,
            Speaker::Operator => Who::Operator,
        };
        Self { who, text: line.text.clone(), seq: line.seq, abstained: line.abstained }
    }

    fn line(&self) -> Line {
        let speaker = match self.who {
            Who::Person => Speaker::Person,
            Who::Agent => Speaker::Agent,
            Who::Operator => Speaker::Operator,
        };
        let Self { text, seq, abstained, .. } = self.clone();
        Line { speaker, seq, message: None, turn: None, text, heard: None, citations: Vec::new(), abstained }
    }
}
