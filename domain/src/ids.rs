//! Identifiers. All are UUIDv7, shown as hyphenated lower-case text; a type of its own for each thing, so that one
//! cannot be passed where another is meant.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::Uuid;

/// The text is not a UUID; carries the kind of id that was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a {0} id: expected a UUID")]
pub struct InvalidId(pub &'static str);

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $label:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            #[must_use]
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($label, ":{}"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(s: &str) -> Result<Self, InvalidId> {
                Uuid::parse_str(s).map(Self).map_err(|_| InvalidId($label))
            }
        }
    )*};
}

ids! {
    /// One customer of an installation. In every row, query, vector filter, cache key and log line.
    TenantId = "tenant";
    /// An AI agent (never a person: people are operators).
    AgentId = "agent";
    /// One connected account on a channel: a bot, a phone number, a page, a web chat.
    ChannelId = "channel";
    /// The exchange between one peer and one channel account.
    ConversationId = "conversation";
    /// A person, over all channels.
    ContactId = "contact";
    /// One message in a transcript, in either direction.
    MessageId = "message";
    /// A file that a person sent.
    AttachmentId = "attachment";
    /// One reply on its way to a provider.
    OutboxId = "outbox";
    /// A named set of documents.
    KnowledgeBaseId = "knowledge_base";
    /// One uploaded document.
    DocumentId = "document";
    /// A question that an agent could not answer.
    UnansweredId = "unanswered_question";
    /// Such questions about the same.
    TopicId = "unanswered_topic";
    /// Documents that are proposed for a knowledge base.
    ProposalId = "proposal";
    SimulationId = "simulation";
    /// Work that takes longer than a request.
    JobId = "job";
    /// A telephone call.
    CallId = "call";
    /// Something that happened and that others are told of.
    EventId = "event";
    /// An address that is told of events.
    WebhookEndpointId = "webhook_endpoint";
    /// A server of tools that a tenant connected.
    ToolServerId = "tool_server";
    /// A tool call that a person of the team decides about.
    ApprovalId = "approval";
    /// One event for one such address.
    WebhookDeliveryId = "webhook_delivery";
    /// A message that is approved beforehand.
    TemplateId = "template";
    /// That somebody agreed to be written to.
    ConsentId = "consent";
    /// A message that goes out later.
    PlannedId = "planned_message";
    /// One message to many people.
    BroadcastId = "broadcast";
    /// A table for somebody at a time.
    ReservationId = "reservation";
    /// Something that can be ordered.
    MenuItemId = "menu_item";
    /// What somebody ordered, and its payment.
    OrderId = "order";
    /// What is carried out at other services for one of them.
    FlowId = "flow";
    /// An avatar that says what an agent answers, for a while.
    VideoSessionId = "video_session";
    /// A message (or delivery) that ended with a cause instead of an answer.
    DeadLetterId = "dead_letter";
    /// A person who signs in.
    UserId = "user";
    /// One sign-in of a person, from its first token to its last.
    SessionId = "session";
}

/// Position of a message in its conversation's inbox; starts at 1, has no gaps.
pub type Seq = u64;

/// Number of a turn in its conversation; starts at 1.
pub type TurnNo = u32;

/// Number of a model completion within a turn; starts at 0.
pub type StepNo = u32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_round_trips_and_bad_text_names_the_kind() {
        let id: TenantId = "0197a000-0000-7000-8000-000000000001".parse().expect("valid");
        assert_eq!(id.to_string().parse::<TenantId>(), Ok(id));
        let err = "x".parse::<DocumentId>().expect_err("not a uuid");
        assert_eq!(err.to_string(), "not a document id: expected a UUID");
    }
}
