//! What of a conversation survives a crash; the rest is rebuilt from its inbox.

use super::state::{Conversation, Mode, Phase, Relay, Stage, Turn};
use crate::{
    approval::{Held, Ruling},
    disclosure::Disclosed,
    ids::{AgentId, TurnNo},
    journey::Travel,
    language::Language,
    message::InboxItem,
    model::{Step, Usage},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// The durable part of a conversation. Stored as JSON with its `v`: a change of shape is a new version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    pub v: u16,
    pub mode: Mode,
    pub next_turn: TurnNo,
    pub language: Option<Language>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disclosed: Option<Disclosed>,
    /// A turn whose first completion is journalled: it is finished, never begun again.
    pub open: Option<OpenTurn>,
    /// Calls that wait for a person's word.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<Held>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub undoable: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<AgentId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub travels: Vec<Travel>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub to_say: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenTurn {
    pub no: TurnNo,
    pub items: Vec<InboxItem>,
    pub steps: Vec<Step>,
    pub started_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ruling: Option<Ruling>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub relays: Vec<Relay>,
}

impl Snapshot {
    pub const VERSION: u16 = 1;
}

impl Default for Snapshot {
    fn default() -> Self {
        Self {
            v: Self::VERSION,
            mode: Mode::Agent,
            next_turn: 1,
            language: None,
            disclosed: None,
            open: None,
            held: Vec::new(),
            undoable: false,
            active: None,
            travels: Vec::new(),
            to_say: Vec::new(),
        }
    }
}

impl Conversation {
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let open = match &self.phase {
            Phase::Turn(t) if !t.steps.is_empty() => Some(OpenTurn {
                no: t.no,
                items: t.items.clone(),
                steps: t.steps.clone(),
                started_at: t.started_at,
                ruling: t.ruling.as_deref().cloned(),
                relays: t.relays.clone(),
            }),
            _ => None,
        };
        Snapshot {
            v: Snapshot::VERSION,
            mode: self.mode.clone(),
            next_turn: self.next_turn,
            language: self.language,
            disclosed: self.disclosed,
            open,
            held: self.held.clone(),
            undoable: self.undoable,
            active: self.active,
            travels: self.travels.clone(),
            to_say: self.to_say.clone(),
        }
    }

    /// The state that a crash left. The pending inbox then comes as [`super::Input::Arrived`]; items of the open turn
    /// are among them and are recognised by their numbers.
    #[must_use]
    pub fn restore(key: super::Key, snapshot: Snapshot) -> Self {
        let phase = snapshot.open.map_or(Phase::Idle, |open| {
            Phase::Turn(Turn {
                no: open.no,
                items: open.items,
                ruling: open.ruling.map(Box::new),
                passages: Vec::new(),
                rewriting: Usage::default(),
                steps: open.steps,
                stage: Stage::AwaitingPermit,
                relays: open.relays,
                started_at: open.started_at,
                resumed: true,
            })
        });
        let seen = match &phase {
            Phase::Turn(t) => t.items.iter().map(|i| i.seq).max().unwrap_or(0),
            Phase::Idle | Phase::Gathering(_) => 0,
        };
        Self {
            key,
            mode: snapshot.mode,
            active: snapshot.active,
            language: snapshot.language,
            disclosed: snapshot.disclosed,
            next_turn: snapshot.next_turn,
            seen,
            waiting: Vec::new(),
            listening: Vec::new(),
            held: snapshot.held,
            undoable: snapshot.undoable,
            ruled: Vec::new(),
            travels: snapshot.travels,
            to_say: snapshot.to_say,
            phase,
        }
    }
}
