//! Telephone calls: what providers tell of them, what they are answered, and what is known of a call in the end. Pure.

mod dialogue;
mod facts;
mod line;
mod lost;
mod sentences;

pub use dialogue::{LONGEST_DIALOGUE, Next, PATIENCE, Place, next};
pub use facts::{CallChange, CallFacts, CallReport, CallStep, CutLine};
pub use line::{LineEvent, LineWord, Opening, Parting, heard};
pub use lost::{Asked, CallStanding, LOST_AFTER, settle};
pub use sentences::{Sentence, greeting, sentence};

use crate::time::Timestamp;
use std::collections::BTreeMap;

/// Who called whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Inbound,
    Outbound,
}

impl Direction {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }

    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Inbound, Self::Outbound].into_iter().find(|d| d.name() == name)
    }
}

/// How far a call is, in Twilio's words. It only moves forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallStatus {
    Queued,
    Ringing,
    InProgress,
    Completed,
    Busy,
    Failed,
    NoAnswer,
    Canceled,
}

impl CallStatus {
    pub const ALL: [Self; 8] = [
        Self::Queued,
        Self::Ringing,
        Self::InProgress,
        Self::Completed,
        Self::Busy,
        Self::Failed,
        Self::NoAnswer,
        Self::Canceled,
    ];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Ringing => "ringing",
            Self::InProgress => "in-progress",
            Self::Completed => "completed",
            Self::Busy => "busy",
            Self::Failed => "failed",
            Self::NoAnswer => "no-answer",
            Self::Canceled => "canceled",
        }
    }

    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "initiated" | "scheduled" => Some(Self::Queued),
            "answered" | "forwarding" => Some(Self::InProgress),
            "ended" => Some(Self::Completed),
            name => Self::ALL.into_iter().find(|s| s.name() == name),
        }
    }

    /// Nobody speaks any more.
    #[must_use]
    pub const fn is_over(self) -> bool {
        self.rank() == 3
    }

    const fn rank(self) -> u8 {
        match self {
            Self::Queued => 0,
            Self::Ringing => 1,
            Self::InProgress => 2,
            Self::Completed | Self::Busy | Self::Failed | Self::NoAnswer | Self::Canceled => 3,
        }
    }
}

/// What came of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CallOutcome {
    /// Something was reserved or ordered.
    Booked,
    /// A person of the team took it.
    Transferred,
    /// The caller was answered.
    Answered,
    /// A person of the team was asked for, and is to call back.
    Callback,
    /// The caller hung up before anything was said.
    Abandoned,
    /// Nobody answered.
    Missed,
    Failed,
    /// Nobody told how it ended.
    Lost,
}

impl CallOutcome {
    pub const ALL: [Self; 8] = [
        Self::Booked,
        Self::Transferred,
        Self::Answered,
        Self::Callback,
        Self::Abandoned,
        Self::Missed,
        Self::Failed,
        Self::Lost,
    ];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Booked => "BOOKED",
            Self::Transferred => "TRANSFERRED",
            Self::Answered => "ANSWERED",
            Self::Callback => "CALLBACK",
            Self::Abandoned => "ABANDONED",
            Self::Missed => "MISSED",
            Self::Failed => "FAILED",
            Self::Lost => "LOST",
        }
    }

    /// In any case.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|o| o.name().eq_ignore_ascii_case(name.trim()))
    }
}

/// A provider's request about a call, as it came: verification happens on exactly these bytes.
#[derive(Debug, Clone, Copy)]
pub struct CallRequest<'a> {
    /// The whole address that the provider called, as it knows it.
    pub url: &'a str,
    /// Lower-case names.
    pub headers: &'a BTreeMap<String, String>,
    /// Of the address.
    pub query: &'a BTreeMap<String, String>,
    pub body: &'a [u8],
    pub now: Timestamp,
}

/// What a request tells of one call.
#[derive(Debug, Clone, PartialEq)]
pub struct CallNews {
    /// The provider's id of the call.
    pub external_id: String,
    pub direction: Direction,
    pub from: Option<String>,
    pub to: Option<String>,
    pub event: CallEvent,
}

#[derive(Debug, Clone, PartialEq)]
pub enum CallEvent {
    /// It rings: what is to be said first?
    Incoming,
    /// The caller spoke, or was silent.
    Heard { at: Place, words: Option<String> },
    /// The caller waits for what the agent says at this place.
    Waiting { at: Place },
    /// The line on which words went both ways is closed, and the caller may still be there.
    LineClosed(Parting),
    /// The person whom the caller was put through to hung up, or did not answer.
    PutThrough { answered: bool },
    /// It came so far; a length in seconds once it is over. `ends`: nothing more is told of it.
    Moved { status: CallStatus, seconds: Option<u64>, ends: bool },
    /// The provider asks who is to speak.
    AssistantWanted,
    /// The provider's own model asks for work.
    Tools(Vec<CallTool>),
    /// All that the provider knows of a call that is over.
    Report(Box<CallReport>),
    /// A line that was said between the caller and the provider's assistant. The same key is the same line.
    Overheard { key: String, line: String },
    /// Of no consequence here.
    Ignored { kind: String },
}

/// A tool call of a provider's model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallTool {
    pub id: String,
    pub name: String,
    /// What is asked, if the arguments hold a question at all.
    pub question: Option<String>,
}

/// What a provider is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallAnswer {
    /// Say these, then listen; what is heard is sent to `then`.
    Listen {
        say: Vec<String>,
        then: String,
    },
    /// Say these, then open a line of words that go both ways; that it closed is told to `then`.
    Open {
        /// Before the line: nobody can interrupt it.
        say: Vec<String>,
        /// The first words on it.
        greeting: String,
        /// Whether the caller may speak over the greeting.
        interruptible: bool,
        /// Where the provider opens it.
        line: String,
        /// The provider's id of the call.
        call: String,
        /// Which line of the call it is; the first one is 1.
        number: u32,
        then: String,
    },
    /// Say this, if anything, wait a moment, then ask `then` again.
    Wait {
        say: Option<String>,
        then: String,
    },
    /// Say this and put the caller through to a number; how that went is told to `then`.
    PutThrough {
        say: String,
        to: String,
        then: String,
    },
    /// Say these and hang up.
    HangUp {
        say: Vec<String>,
    },
    /// This agent is to speak, over this OpenAI-compatible address.
    Assistant {
        first: String,
        agent: String,
        address: String,
    },
    Tools(Vec<CallToolAnswer>),
    /// Nothing was wanted.
    Noted,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallToolAnswer {
    pub id: String,
    /// Of the tool that was called.
    pub name: String,
    pub result: Result<String, String>,
}

/// An answer as the provider reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallDocument {
    pub content_type: &'static str,
    pub body: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_and_those_of_others_are_understood() {
        for status in CallStatus::ALL {
            assert_eq!(CallStatus::named(status.name()), Some(status));
        }
        assert_eq!(CallStatus::named("ended"), Some(CallStatus::Completed));
        assert_eq!(CallStatus::named("dreaming"), None);
        for outcome in CallOutcome::ALL {
            assert_eq!(CallOutcome::named(&outcome.name().to_lowercase()), Some(outcome));
        }
        assert_eq!(Direction::named("outbound"), Some(Direction::Outbound));
    }
}
