//! Calls of tools that wait for a person's word: what is asked, what was decided, what came of it.
//!
//! Which calls are held is decided with the completion that intends them (`conversation::approve`); what makes arguments
//! suspect is in [`crate::taint`].

use crate::{
    agent::Approvals,
    failure::Failure,
    ids::{ApprovalId, ConversationId, DocumentId, StepNo, TenantId, TurnNo},
    time::Timestamp,
    tool::{ToolCall, ToolStatus, Undo},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Added to the index of a call, it names the place of the call that undoes it: each call has one, so that it is undone once.
const UNDOING: u32 = 1 << 31;

/// Where in its conversation a call was intended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CallPlace {
    pub turn: TurnNo,
    pub step: StepNo,
    /// Place of the call in its step.
    pub index: u32,
}

impl CallPlace {
    /// Where the call belongs that undoes the one of this place. It has a key of its own.
    #[must_use]
    pub const fn undoing(self) -> Self {
        Self { index: self.index | UNDOING, ..self }
    }

    /// The place of the call that the one of this place undoes, if it undoes one.
    #[must_use]
    pub const fn undone(self) -> Option<Self> {
        if self.index < UNDOING { None } else { Some(Self { index: self.index - UNDOING, ..self }) }
    }

    /// hash(tenant, conversation, turn, step, index): the idempotency key of every run of the call that was intended here.
    #[must_use]
    pub fn key(self, tenant: TenantId, conversation: ConversationId) -> String {
        let mut hash = Sha256::new();
        hash.update(tenant.uuid().as_bytes());
        hash.update(conversation.uuid().as_bytes());
        hash.update(self.turn.to_be_bytes());
        hash.update(self.step.to_be_bytes());
        hash.update(self.index.to_be_bytes());
        hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
    }
}

/// A call of an unsafe tool in a completion, with what of its arguments the person did not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Risk {
    /// Place of the call in the completion.
    pub index: u32,
    pub taints: Vec<Taint>,
}

/// Part of an argument came from elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Taint {
    /// The argument's name; empty if the arguments are not an object.
    pub argument: String,
    pub origin: Origin,
}

/// Text that the model read and that nobody vouches for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum Origin {
    Document {
        document: DocumentId,
        name: String,
        page: Option<u32>,
    },
    /// A tool of another program.
    Tool {
        name: String,
    },
    /// What the agent said earlier, which can repeat either.
    Reply,
    /// An image that the person sent: nobody but the model can read it.
    Image,
}

/// Why a person is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Why {
    /// The agent's policy when the call was intended.
    pub policy: Approvals,
    pub taints: Vec<Taint>,
}

/// A call that is not carried out before somebody approves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    pub place: CallPlace,
    pub call: ToolCall,
}

/// The row of a held call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewApproval {
    pub id: ApprovalId,
    pub place: CallPlace,
    pub key: String,
    pub call: ToolCall,
    pub why: Why,
}

/// The call that undoes one that was carried out, where it belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undoing {
    /// See [`CallPlace::undoing`].
    pub place: CallPlace,
    pub key: String,
    pub call: ToolCall,
}

impl Undoing {
    /// Of the call at this place.
    #[must_use]
    pub fn of(done: CallPlace, undo: &Undo, (tenant, conversation): (TenantId, ConversationId)) -> Self {
        let (name, arguments) = (undo.tool.clone(), undo.arguments.clone());
        // Models read it beside the ids of their own calls.
        let call = ToolCall { id: format!("undo_{}_{}_{}", done.turn, done.step, done.index), name, arguments };
        let place = done.undoing();
        Self { place, key: place.key(tenant, conversation), call }
    }
}

/// The row of an order to undo a call: an approval that nobody has to give any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUndo {
    pub id: ApprovalId,
    pub undoing: Undoing,
    /// A failure's code, or a person's words.
    pub reason: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Verdict {
    Approved,
    Denied { reason: Option<String> },
}

/// What a person decided about a held call, with the call as it was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruling {
    pub place: CallPlace,
    pub key: String,
    pub call: ToolCall,
    pub verdict: Verdict,
    /// When the person outside last wrote: the judge of messaging windows.
    pub last_inbound_at: Timestamp,
}

/// What becomes of a ruling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// The turn carries it out, or tells of it.
    ByTurn(TurnNo),
    /// It was a denial, and there is no agent to tell of it: a person has the conversation.
    Silently,
    /// An approved call was not begun.
    Failed(Failure),
}

/// What one decision of a conversation writes about approvals, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApprovalChange {
    Asked(NewApproval),
    /// A call is to be undone. Nothing, if that was ordered before.
    Ordered(NewUndo),
    /// At most once for each approval, and only after a person decided: the store refuses anything else.
    Taken {
        place: CallPlace,
        turn: Option<TurnNo>,
    },
    Settled {
        place: CallPlace,
        outcome: Outcome,
    },
    /// Nothing is left to be done or said about it.
    Ended {
        place: CallPlace,
    },
}

/// What came of an approved call; codes are those of failures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Done,
    Failed(String),
    Uncertain(String),
}

impl Outcome {
    #[must_use]
    pub fn of(status: &ToolStatus) -> Self {
        match status {
            ToolStatus::Done => Self::Done,
            ToolStatus::Failed { failure } => Self::Failed(failure.code.clone()),
            ToolStatus::Uncertain { failure } => Self::Uncertain(failure.code.clone()),
        }
    }

    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed(_) => "failed",
            Self::Uncertain(_) => "uncertain",
        }
    }

    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Done => None,
            Self::Failed(code) | Self::Uncertain(code) => Some(code),
        }
    }
}
