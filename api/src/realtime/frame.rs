//! What is sent to those who are connected: its names in both families, and its body.

use crate::time::rfc3339;
use colloquy_domain::{
    ids::{ConversationId, EventId},
    ports::Connected,
};
use colloquy_store::{Happened, Moment};
use serde::Serialize;
use serde_json::{Value, json};

/// Which names of events a client wants to hear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Names {
    #[default]
    Both,
    /// `new_message`
    Snake,
    /// `message:new`
    Kebab,
}

impl Names {
    /// As a client says it.
    pub fn read(text: &str) -> Option<Self> {
        match text {
            "both" => Some(Self::Both),
            "snake" | "snake_case" => Some(Self::Snake),
            "kebab" | "kebab-case" => Some(Self::Kebab),
            _ => None,
        }
    }
}

/// What something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A message, of the agent or of somebody else.
    Message {
        agent: bool,
    },
    Status,
    Conversation,
    /// A tool call waits for a person's word, or has it.
    Approval,
    Typing {
        on: bool,
    },
    People,
    /// Something was missed that is not kept any more, or too much of it.
    Resync,
    /// The connection ends.
    End,
}

impl Kind {
    /// The names under which it is sent.
    pub fn names(self, wanted: Names) -> impl Iterator<Item = &'static str> {
        let (snake, kebab): (&[_], &[_]) = match self {
            Self::Message { agent: true } => (&["new_message", "agent_response"], &["message:new"]),
            Self::Message { agent: false } => (&["new_message"], &["message:new"]),
            Self::Status => (&["message_status"], &["message:status"]),
            Self::Conversation => (&["conversation_update"], &["conversation:updated"]),
            Self::Approval => (&["approval_update"], &["approval:updated"]),
            Self::Typing { on: true } => (&["user_typing"], &["typing:start"]),
            Self::Typing { on: false } => (&["user_typing"], &["typing:stop"]),
            Self::People => (&["presence_update"], &["presence:updated"]),
            Self::Resync => (&["resync"], &["resync"]),
            Self::End => (&["session_end"], &["session:end"]),
        };
        let snake = if wanted == Names::Kebab { &[] } else { snake };
        let kebab = if wanted == Names::Snake || snake == kebab { &[] } else { kebab };
        snake.iter().chain(kebab).copied()
    }
}

/// Something to be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    pub kind: Kind,
    /// The event's, of what happened; who hands it back gets what came after it.
    pub id: Option<EventId>,
    pub conversation: Option<ConversationId>,
    pub body: Value,
}

/// Something that happened, as it is told; nothing if nobody who is connected is told of it.
#[derive(Debug)]
pub struct Told {
    pub moment: Moment,
    pub frame: Option<Frame>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'h> {
    event_id: String,
    #[serde(rename = "type")]
    kind: &'h str,
    timestamp: String,
    conversation_id: String,
    channel_id: Option<String>,
    channel: Option<&'h str>,
    peer: Option<&'h str>,
    #[serde(flatten)]
    about: About<'h>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum About<'h> {
    Message {
        message: Message<'h>,
    },
    #[serde(rename_all = "camelCase")]
    Status {
        message_id: Option<String>,
        speaker: Option<&'h str>,
        status: String,
    },
    Conversation {
        reason: &'h str,
        conversation: Conversation,
    },
    #[serde(rename_all = "camelCase")]
    Approval {
        approval_id: Option<String>,
        status: &'h str,
        overdue: bool,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Message<'h> {
    id: Option<String>,
    conversation_id: String,
    direction: &'static str,
    #[serde(rename = "type")]
    kind: String,
    content: Value,
    status: &'static str,
    speaker: &'h str,
    author: Option<String>,
    created_at: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Conversation {
    id: String,
    mode: &'static str,
    status: &'static str,
    assigned_to: Option<String>,
}

impl From<Happened> for Told {
    fn from(h: Happened) -> Self {
        Self { moment: h.moment, frame: told(&h) }
    }
}

fn told(h: &Happened) -> Option<Frame> {
    let e = &h.event;
    let conversation = e.conversation?;
    let speaker = e.speaker.as_deref();
    let (kind, about) = match (e.kind.as_str(), e.detail.as_deref()) {
        ("message.received" | "message.queued", _) | ("message.sent", None) => {
            let message = message(h, conversation, speaker?);
            (Kind::Message { agent: speaker == Some("agent") }, About::Message { message })
        }
        ("message.sent" | "message.status", Some(status)) => {
            let message_id = e.message.map(|id| id.to_string());
            (Kind::Status, About::Status { message_id, speaker, status: status.to_uppercase() })
        }
        (
            "tool.approval_requested" | "tool.approval_overdue" | "tool.approval_decided" | "tool.undo_ordered",
            Some(status),
        ) => {
            let (approval_id, overdue) = (e.approval.map(|id| id.to_string()), e.kind == "tool.approval_overdue");
            (Kind::Approval, About::Approval { approval_id, status, overdue })
        }
        ("conversation.updated", Some(reason)) => (Kind::Conversation, changed(h, conversation, reason)),
        (kind, _) => {
            let reason = kind.strip_prefix("conversation.")?;
            (Kind::Conversation, changed(h, conversation, reason))
        }
    };
    let body = Body {
        event_id: e.id.to_string(),
        kind: &e.kind,
        timestamp: rfc3339(e.at),
        conversation_id: conversation.to_string(),
        channel_id: e.channel.map(|id| id.to_string()),
        channel: e.channel_kind.as_deref(),
        peer: e.peer.as_deref(),
        about,
    };
    let body = serde_json::to_value(body).ok()?;
    Some(Frame { kind, id: Some(e.id), conversation: Some(conversation), body })
}

/// As it is when it is new.
fn message<'h>(h: &'h Happened, conversation: ConversationId, speaker: &'h str) -> Message<'h> {
    let e = &h.event;
    let (direction, status) = match e.kind.as_str() {
        "message.received" => ("INBOUND", "DELIVERED"),
        "message.queued" => ("OUTBOUND", "QUEUED"),
        _ => ("OUTBOUND", "SENT"),
    };
    Message {
        id: e.message.map(|id| id.to_string()),
        conversation_id: conversation.to_string(),
        direction,
        kind: h.message_kind.as_deref().unwrap_or("text").to_uppercase(),
        content: json!({ "text": e.text }),
        status,
        speaker,
        author: h.author.map(|id| id.to_string()),
        created_at: rfc3339(e.at),
    }
}

fn changed<'h>(h: &Happened, id: ConversationId, reason: &'h str) -> About<'h> {
    let conversation = Conversation {
        id: id.to_string(),
        mode: if h.by_operator { "operator" } else { "agent" },
        status: if h.closed { "CLOSED" } else { "OPEN" },
        assigned_to: h.assigned_to.map(|id| id.to_string()),
    };
    About::Conversation { reason, conversation }
}

/// Who writes.
pub struct Writer<'w> {
    /// Of the team; the agent has none.
    pub user: Option<String>,
    pub name: Option<&'w str>,
}

impl Frame {
    /// Somebody writes, or does not any more. `id` is no event's: what is not kept cannot be asked for again.
    pub fn typing(id: String, conversation: ConversationId, by: &Writer<'_>, on: bool) -> Self {
        let speaker = if by.user.is_some() { "operator" } else { "agent" };
        let body = json!({
            "eventId": id, "conversationId": conversation.to_string(), "userId": by.user, "name": by.name,
            "speaker": speaker, "typing": on, "isTyping": on,
        });
        Self { kind: Kind::Typing { on }, id: None, conversation: Some(conversation), body }
    }

    /// Who is connected.
    pub fn people(id: String, people: &[Connected]) -> Self {
        Self {
            kind: Kind::People,
            id: None,
            conversation: None,
            body: json!({ "eventId": id, "online": online(people) }),
        }
    }

    pub fn resync(conversation: Option<ConversationId>) -> Self {
        let conversation_id = conversation.map(|id| id.to_string());
        let body = json!({ "reason": "MISSED", "conversationId": conversation_id });
        Self { kind: Kind::Resync, id: None, conversation, body }
    }

    pub fn end(reason: &str) -> Self {
        Self { kind: Kind::End, id: None, conversation: None, body: json!({ "reason": reason }) }
    }
}

/// People as clients see them.
pub fn online(people: &[Connected]) -> Value {
    let one = |p: &Connected| {
        let conversations: Vec<String> = p.conversations.iter().map(ToString::to_string).collect();
        json!({ "userId": p.user.to_string(), "name": p.name, "conversations": conversations })
    };
    people.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    // req: S1-WS-5
    // req: S3-WS-1
    #[test]
    fn each_family_has_its_names_and_both_are_sent_unless_one_is_picked() {
        let names = |kind: Kind, wanted| kind.names(wanted).collect::<Vec<_>>();
        let agent = Kind::Message { agent: true };
        assert_eq!(names(agent, Names::Both), ["new_message", "agent_response", "message:new"]);
        assert_eq!(names(agent, Names::Kebab), ["message:new"]);
        assert_eq!(names(Kind::Message { agent: false }, Names::Snake), ["new_message"]);
        assert_eq!(names(Kind::Typing { on: false }, Names::Both), ["user_typing", "typing:stop"]);
        assert_eq!(names(Kind::Conversation, Names::Both), ["conversation_update", "conversation:updated"]);
        assert_eq!(names(Kind::Resync, Names::Both), ["resync"], "once, where both have the same");
        assert_eq!(names(Kind::Resync, Names::Kebab), ["resync"]);
        assert_eq!(Names::read("kebab-case"), Some(Names::Kebab));
        assert_eq!(Names::read("camel"), None);
    }
}
