//! What has happened in a conversation: the one closed set.

use super::state::{Mode, Relay};
use crate::{
    agent::Refusal,
    approval::{CallPlace, Ruling, Taken, Undoing, Why},
    ids::{AgentId, KnowledgeBaseId, Seq, StepNo, TurnNo, UserId},
    journey::Travel,
    knowledge::Passage,
    language::Language,
    message::{Heard, InboxItem, Outcome},
    model::{Completion, Usage},
    outbound::Reply,
    rich::Rich,
    template::TemplateCall,
    time::Timestamp,
    tool::{ToolCall, ToolResult},
};

/// Words of a person of the team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Markdown.
    pub text: String,
    /// What it is beside its words, which then say the same.
    pub rich: Option<Rich>,
    /// None where a program speaks for the team.
    pub author: Option<UserId>,
    /// They are the words of this template.
    pub template: Option<TemplateCall>,
    /// It was planned beforehand: nobody takes the conversation with it, and whoever has it keeps it.
    pub planned: bool,
    /// When the person outside last wrote: the judge of messaging windows.
    pub last_inbound_at: Timestamp,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Items were taken in and wait.
    Admitted {
        items: Vec<InboxItem>,
        at: Timestamp,
    },
    /// Somebody begins to listen to the recordings that came with these messages.
    ListeningBegan {
        messages: Vec<Seq>,
    },
    /// What came of one of them, and what it cost.
    Heard {
        message: Seq,
        heard: Heard,
        usage: Usage,
    },
    LanguageSettled {
        language: Language,
    },
    /// The agent's next words begin with the word that it is a machine. Comes with what says them.
    Disclosed {
        at: Timestamp,
    },
    /// Waiting items end without a turn.
    Dismissed {
        seqs: Vec<Seq>,
        outcome: Outcome,
    },
    /// Our own sentence goes out for these waiting items, without a model.
    Noticed {
        seqs: Vec<Seq>,
        reply: Reply,
    },
    /// All waiting items become a turn.
    TurnOpened {
        turn: TurnNo,
        at: Timestamp,
    },
    /// All waiting items join the running turn.
    TurnJoined {
        turn: TurnNo,
    },
    /// The running turn was given up for a new one; its items wait again, in front.
    TurnAbandoned {
        turn: TurnNo,
        at: Timestamp,
    },
    /// After a crash the passages are gone: they are looked up again before the next completion.
    RetrievalRestarted {
        turn: TurnNo,
    },
    PermitGranted {
        turn: TurnNo,
    },
    PermitRefused {
        turn: TurnNo,
        why: Refusal,
    },
    /// Who should answer is being found out.
    RoutingBegun {
        turn: TurnNo,
    },
    /// The agent answers itself; what finding that out cost.
    RoutedToItself {
        turn: TurnNo,
        usage: Usage,
    },
    PassagesFound {
        turn: TurnNo,
        passages: Vec<Passage>,
        rewriting: Usage,
    },
    /// Journalled before it is acted on; its tool calls are thereby intended.
    StepCompleted {
        turn: TurnNo,
        step: StepNo,
        completion: Completion,
    },
    ToolSettled {
        turn: TurnNo,
        step: StepNo,
        index: u32,
        result: ToolResult,
    },
    /// The turn goes on with another agent, which keeps the conversation; none is the channel's own.
    HandedOff {
        turn: TurnNo,
        to: Option<AgentId>,
        relay: Relay,
    },
    /// Another agent has the conversation, by whatever but a hand-off; none is the channel's own.
    AgentChosen {
        agent: Option<AgentId>,
    },
    /// Somebody moved on a journey, and what is to be told of it. Comes with the result of the call that moved them.
    Travelled {
        travel: Travel,
        say: Vec<String>,
    },
    /// A call is held: a person of the team is asked. Comes with the step that intends it.
    ApprovalRequested {
        place: CallPlace,
        call: ToolCall,
        why: Why,
    },
    /// What a call did is to be undone. Comes with the end of the turn that failed.
    UndoOrdered {
        undoing: Undoing,
        /// The failure's code.
        reason: String,
        last_inbound_at: Timestamp,
    },
    /// People decided about held calls.
    Ruled(Vec<Ruling>),
    /// The first of these decisions becomes a turn.
    RulingOpened {
        turn: TurnNo,
        at: Timestamp,
    },
    /// A decision is taken up, once: what comes of it follows.
    RulingTaken {
        place: CallPlace,
        taken: Taken,
    },
    /// The turn ends with words.
    Replied {
        turn: TurnNo,
        step: StepNo,
        completion: Completion,
        reply: Reply,
    },
    /// The turn ends otherwise: `outcome` for all its items, `notice` for the person.
    TurnEnded {
        turn: TurnNo,
        outcome: Outcome,
        notice: Option<Reply>,
    },
    /// Of what was said in a turn that is over, the person heard only this.
    CutShort {
        turn: TurnNo,
        heard: String,
    },
    /// The agent could not answer the turn's question from these bases: somebody should write it down. Comes with the
    /// end of the turn.
    LeftUnanswered {
        turn: TurnNo,
        bases: Vec<KnowledgeBaseId>,
    },
    /// A person of the team said something.
    Wrote(Written),
    /// Who speaks changes, or goes on; the timer is when the agent takes back.
    ModeChanged {
        mode: Mode,
        return_at: Option<Timestamp>,
    },
}

impl Event {
    /// Whether the event must be committed before its effects are run. The others are rebuilt from the inbox.
    #[must_use]
    pub const fn is_durable(&self) -> bool {
        match self {
            Self::Disclosed { .. }
            // Paid for once.
            | Self::Heard { .. }
            | Self::Dismissed { .. }
            | Self::Noticed { .. }
            | Self::StepCompleted { .. }
            | Self::ToolSettled { .. }
            | Self::HandedOff { .. }
            | Self::AgentChosen { .. }
            | Self::Travelled { .. }
            | Self::ApprovalRequested { .. }
            | Self::UndoOrdered { .. }
            | Self::RulingTaken { .. }
            | Self::Replied { .. }
            | Self::TurnEnded { .. }
            | Self::CutShort { .. }
            | Self::LeftUnanswered { .. }
            | Self::Wrote(_)
            | Self::ModeChanged { .. }
            // Makes an open turn's items wait again: the snapshot must not finish it after a crash.
            | Self::TurnAbandoned { .. }
            // Joins an open turn: its answer settles the item.
            | Self::TurnJoined { .. } => true,
            Self::Admitted { .. }
            | Self::ListeningBegan { .. }
            | Self::LanguageSettled { .. }
            | Self::TurnOpened { .. }
            | Self::Ruled(_)
            | Self::RulingOpened { .. }
            | Self::RetrievalRestarted { .. }
            | Self::PermitGranted { .. }
            | Self::PermitRefused { .. }
            | Self::RoutingBegun { .. }
            | Self::RoutedToItself { .. }
            | Self::PassagesFound { .. } => false,
        }
    }
}
