//! Signals of every kind, with something in every field.

use colloquy_domain::{
    channel::DeliveryStatus,
    conversation::Settled,
    failure::Failure,
    ids::{AgentId, ChannelId, ConversationId, DocumentId, MessageId, TenantId, UserId},
    knowledge::{DocumentStatus, IngestProgress},
    message::{IgnoreRule, Outcome},
    model::Usage,
    outbound::{Checks, Citation, Reply},
    placement::NodeId,
    ports::{Connected, InboxHint, Notice, Signal},
    rate::{Caller, Rate, Subject},
};
use uuid::Uuid;

const TENANT: TenantId = TenantId::new(Uuid::from_u128(11));
const CONVERSATION: ConversationId = ConversationId::new(Uuid::from_u128(12));
const MESSAGE: MessageId = MessageId::new(Uuid::from_u128(13));
const DOCUMENT: DocumentId = DocumentId::new(Uuid::from_u128(14));
const CHANNEL: ChannelId = ChannelId::new(Uuid::from_u128(15));

pub fn hint(n: u128) -> InboxHint {
    InboxHint { tenant: TENANT, conversation: ConversationId::new(Uuid::from_u128(1000 + n)) }
}

pub fn signals() -> Vec<Signal> {
    let mut signals = vec![
        Signal::Look(vec![hint(1), hint(2)]),
        Signal::TakeOver { hint: hint(3), reason: "asked for a person «maintenant»".into() },
        Signal::GiveBack(hint(4)),
        Signal::Interrupt { hint: hint(6), turn: 7, heard: "Nous ouvrons à…".into() },
        Signal::Renew(hint(5)),
        Signal::WakeChannel(CHANNEL),
        Signal::ChannelChanged(CHANNEL),
        Signal::AgentChanged(TENANT, AgentId::new(Uuid::from_u128(16))),
        Signal::WakeIngestion,
        Signal::Released,
        Signal::Counted(vec![
            (Subject { rate: Rate::Api, caller: Caller::Person(Uuid::from_u128(17)) }, 3),
            (Subject { rate: Rate::Upload, caller: Caller::Key(Uuid::from_u128(18)) }, 1),
            (Subject { rate: Rate::Chat, caller: Caller::Address([10, 0, 0, 7].into()) }, 2),
        ]),
    ];
    signals.extend(notices().into_iter().map(Signal::Notice));
    signals
}

fn notices() -> Vec<Notice> {
    let (tenant, conversation, message, turn) = (TENANT, CONVERSATION, MESSAGE, 3);
    let mut notices = vec![
        Notice::Admitted { tenant, conversation, messages: vec!["wamid.1".into(), "wamid.2".into()] },
        Notice::Typing { tenant, conversation },
        Notice::Delta { tenant, conversation, turn, text: "Votre \"commande\"\n".into() },
        Notice::DeltaReset { tenant, conversation, turn },
        Notice::Replied { tenant, conversation, message, reply: reply() },
        Notice::Settled { tenant, conversation, settled: settled() },
    ];
    let statuses = [
        DeliveryStatus::Queued,
        DeliveryStatus::Uncertain,
        DeliveryStatus::Sent,
        DeliveryStatus::Delivered,
        DeliveryStatus::Read,
        DeliveryStatus::Failed,
    ];
    notices.extend(statuses.map(|status| Notice::Delivery { tenant, conversation, message, status }));
    let statuses = [
        DocumentStatus::Pending,
        DocumentStatus::Extracting,
        DocumentStatus::Indexing,
        DocumentStatus::Ready,
        DocumentStatus::Failed,
    ];
    notices.extend(statuses.map(|status| {
        let progress = IngestProgress { status, pages: 1, chunks: 2, indexed: 3 };
        Notice::Document { tenant, document: DOCUMENT, progress }
    }));
    let (user, name) = (UserId::new(Uuid::from_u128(19)), "Zoë".to_owned());
    let person = Connected { user, name: name.clone(), conversations: vec![conversation] };
    notices.push(Notice::Writing { tenant, conversation, user, name, on: true });
    notices.push(Notice::Connected { tenant, node: NodeId(Uuid::from_u128(20)), people: vec![person], ask: true });
    notices
}

fn reply() -> Reply {
    let citation = |number, page| Citation {
        number,
        document: DOCUMENT,
        version: "9f2c".into(),
        name: "returns.pdf".into(),
        page,
        offset: 1234,
        quote: "within 30 days".into(),
        score: 0.731,
    };
    Reply {
        turn: 3,
        text: "Within **30 days** [1][2].".into(),
        citations: vec![citation(1, Some(4)), citation(2, None)],
        abstained: true,
        checks: Checks { dropped_citations: 1, unsupported: vec!["We sell submarines.".into()], withheld: true },
        usage: Usage { prompt_tokens: 900, completion_tokens: 21, cost_micros: 77 },
    }
}

fn settled() -> Vec<Settled> {
    let rules =
        [IgnoreRule::Echo, IgnoreRule::Signal, IgnoreRule::UnsupportedKind, IgnoreRule::Empty, IgnoreRule::BusyPolicy];
    let mut outcomes = vec![
        Outcome::Answered { turn: 3 },
        Outcome::Merged { turn: 3 },
        Outcome::HandedOver { reason: "angry".into() },
        Outcome::DeadLettered { cause: Failure::retry("model.rate_limited", "too fast") },
        Outcome::DeadLettered { cause: Failure::fatal("model.credentials", "no key") },
    ];
    outcomes.extend(rules.map(|rule| Outcome::Ignored { rule }));
    let settled = (1..).zip(outcomes);
    settled.map(|(seq, outcome)| Settled { seq, provider_message_id: format!("wamid.{seq}"), outcome }).collect()
}
