//! What must be true of every world: watched while it goes on, and looked at when it has come to rest.

mod approvals;
mod consent;
mod end;
mod expect;
mod fallback;
mod hand_offs;
mod journeys;
mod knowledge;
pub mod times;
mod undo;
mod watch;

pub use end::{at_rest, standing};
pub use expect::{counts, texts, unmet};
pub use watch::{ToolRun, Watch, canary};

use std::{fmt, time::Duration};

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which promise: a stable name.
    pub invariant: &'static str,
    /// Age of the world.
    pub at: Duration,
    /// Mostly `channel/peer`.
    pub entity: String,
    pub detail: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { invariant, at, entity, detail } = self;
        write!(f, "{invariant} at {:.3} s: {entity}: {detail}", at.as_secs_f64())
    }
}

/// Every promise with what it says.
pub const INVARIANTS: &[(&str, &str)] = &[
    ("message.lost", "every message that a provider got accepted is in its conversation's inbox"),
    ("message.twice", "no message is taken in twice"),
    ("outcome.missing", "every message gets an outcome"),
    ("recording.heard", "no recording is answered before somebody listened to it or could not"),
    ("turn.order", "earlier messages are not answered by later turns"),
    ("turn.reply", "every turn that answered has one reply"),
    ("reply.twice", "no reply is delivered twice"),
    ("reply.order", "the replies to one person arrive in the order in which they were made"),
    ("reply.stand_in", "until somebody writes again, one template at most goes out in the place of answers to them"),
    ("reply.lost", "a reply that counts as sent was taken by the provider"),
    ("tenant.canary", "nothing of one tenant is seen by another"),
    ("tool.twice", "an unsafe tool is started at most once for each step"),
    ("tool.unapproved", "a call that needed a person's word never ran without it"),
    ("tool.undone", "only what was done is undone, and once"),
    ("hand_off.loop", "no agent gets back what it handed off in the same turn, and hand-offs of a turn end"),
    ("journey.skipped", "a tool that a journey keeps runs only in its step, with all that the steps before it need"),
    ("commit.stale_epoch", "nobody writes in a partition that another node owns"),
    ("provider.window", "no free text leaves outside of the provider's window"),
    ("provider.limits", "no message is longer than the provider allows"),
    ("provider.tag", "only words of people carry the tag for them"),
    ("provider.refused", "what a provider refused for good is not sent to it again"),
    ("consent.heard", "who says whether they want to be written to is understood, and gets no answer to that"),
    ("provider.rate", "no message leaves faster than the provider allows, or sooner than it asked"),
    ("webhook.verified", "what is not signed or too large is refused"),
    ("message.order", "the messages of one person keep the order in which the log got them"),
    ("knowledge.torn", "a search shows a document whole, as it was before or after an upload"),
    ("knowledge.lost", "an uploaded document is found whole in the end, unless its ingestion failed for good"),
    ("knowledge.deleted", "of a deleted document nothing is found in the end"),
    ("citation.given", "a reply cites only passages that it was given"),
    ("budget", "an agent does not begin turns beyond its budget of the day"),
    ("rehydrated", "starting everything anew changes nothing"),
    ("liveness", "once nothing goes wrong any more, everything comes to rest"),
];
