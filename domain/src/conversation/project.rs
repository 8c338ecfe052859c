//! From events to the rows that one transaction writes.

use super::{Event, Snapshot, Written, evolve, state::Conversation};
use crate::{
    approval::{ApprovalChange, CallPlace, NewApproval, NewUndo, Outcome as CallOutcome, Taken, Verdict, Why},
    failure::Failure,
    ids::{
        AgentId, ApprovalId, ChannelId, ConversationId, DeadLetterId, KnowledgeBaseId, MessageId, OutboxId, Seq,
        StepNo, TenantId, TurnNo, UnansweredId, UserId,
    },
    language::Language,
    message::{Heard, InboxItem, Outcome, Peer},
    model::{Completion, Speaker, Usage},
    outbound::{Checks, Citation, Reply},
    ports::Ids,
    rich::Rich,
    template::TemplateCall,
    time::Timestamp,
    tool::{ToolCall, ToolResult},
};

/// Everything that one decision of one conversation writes: all of it or nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Commit {
    pub tenant: TenantId,
    pub conversation: ConversationId,
    pub channel: ChannelId,
    /// The version that was loaded or last committed; another one in the store means another writer.
    pub expected_version: u64,
    pub now: Timestamp,
    pub snapshot: Snapshot,
    pub heard: Vec<NewHeard>,
    pub settled: Vec<Settled>,
    pub messages: Vec<NewMessage>,
    pub cuts: Vec<Cut>,
    pub outbox: Vec<NewOutbox>,
    pub journal: Vec<JournalRow>,
    pub ledger: Vec<LedgerRow>,
    pub dead_letters: Vec<NewDeadLetter>,
    pub unanswered: Vec<NewUnanswered>,
    pub approvals: Vec<ApprovalChange>,
    pub timers: Vec<TimerChange>,
}

/// A recording was listened to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewHeard {
    /// The message that it came with.
    pub seq: Seq,
    pub heard: Heard,
}

/// An inbox item gets its outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    pub seq: Seq,
    pub provider_message_id: String,
    pub outcome: Outcome,
}

/// A line of the transcript, said by our side (inbound lines are written when they enter the inbox).
#[derive(Debug, Clone, PartialEq)]
pub struct NewMessage {
    pub id: MessageId,
    pub speaker: Speaker,
    /// Who of the team wrote it.
    pub author: Option<UserId>,
    pub turn: Option<TurnNo>,
    /// Markdown.
    pub text: String,
    /// What it is beside its words.
    pub rich: Option<Rich>,
    pub citations: Vec<Citation>,
    pub abstained: bool,
    pub checks: Checks,
}

/// Of the agent's line in a turn, only this was heard: it is all that the transcript keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    pub turn: TurnNo,
    pub heard: String,
}

/// A reply to deliver.
#[derive(Debug, Clone, PartialEq)]
pub struct NewOutbox {
    pub id: OutboxId,
    pub message: MessageId,
    pub peer: Peer,
    /// Markdown.
    pub text: String,
    /// What it is beside its words.
    pub rich: Option<Rich>,
    /// A person of the team wrote it.
    pub by_person: bool,
    pub citations: Vec<Citation>,
    /// It goes out as this template where the channel knows templates.
    pub template: Option<TemplateCall>,
    /// When the person last wrote: the judge of messaging windows.
    pub last_inbound_at: Timestamp,
}

/// One thing that was decided in a turn, before it was acted on.
#[derive(Debug, Clone, PartialEq)]
pub struct JournalRow {
    pub turn: TurnNo,
    pub step: StepNo,
    /// Place of the call; 0 for the completion itself.
    pub index: u32,
    /// Whose turn it was then, unless the channel's own agent's.
    pub agent: Option<AgentId>,
    pub what: JournalWhat,
}

#[expect(
    clippy::large_enum_variant,
    reason = "a row is made once and written once: a box would cost more than it saves"
)]
#[derive(Debug, Clone, PartialEq)]
pub enum JournalWhat {
    /// The model's answer, with the tool calls that it intends.
    Completion(Completion),
    /// A call's result. A second one for the same call is refused by the store.
    Settled(ToolResult),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerRow {
    pub turn: TurnNo,
    pub step: StepNo,
    /// Whose completion it was, or who asked for it, unless the channel's own agent's.
    pub agent: Option<AgentId>,
    pub usage: Usage,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDeadLetter {
    pub id: DeadLetterId,
    pub seq: Seq,
    pub cause: Failure,
}

impl LedgerRow {
    /// Turn and step of what listening cost, which is done before it is known which turn answers; step 0 would be counted as
    /// a turn.
    pub const LISTENING: (TurnNo, StepNo) = (0, 1);
}

/// A question that the agent could not answer from one of its knowledge bases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUnanswered {
    pub id: UnansweredId,
    pub base: KnowledgeBaseId,
    pub turn: TurnNo,
    /// What the person wrote in the turn, at most [`NewUnanswered::LONGEST`] characters.
    pub text: String,
    pub language: Option<Language>,
}

impl NewUnanswered {
    pub const LONGEST: usize = 1_000;
}

/// The one durable timer of a conversation: when the agent takes it back from a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimerChange {
    ReturnAt(Timestamp),
    Cleared,
}

/// The rows that `events` mean, applied to the state they were decided on. Returns the new state with the commit;
/// `None` if nothing durable happened.
#[must_use]
pub fn project(
    before: Conversation,
    events: &[Event],
    version: u64,
    now: Timestamp,
    ids: &dyn Ids,
) -> (Conversation, Option<Commit>) {
    let durable = events.iter().any(Event::is_durable);
    let mut commit = Commit {
        tenant: before.key.tenant,
        conversation: before.key.id,
        channel: before.key.channel,
        expected_version: version,
        now,
        snapshot: Snapshot::default(),
        heard: Vec::new(),
        settled: Vec::new(),
        messages: Vec::new(),
        cuts: Vec::new(),
        outbox: Vec::new(),
        journal: Vec::new(),
        ledger: Vec::new(),
        dead_letters: Vec::new(),
        unanswered: Vec::new(),
        approvals: Vec::new(),
        timers: Vec::new(),
    };
    let mut state = before;
    for event in events {
        write(&mut commit, &state, event, ids);
        state = evolve(state, event);
    }
    if !durable {
        return (state, None);
    }
    commit.snapshot = state.snapshot();
    (state, Some(commit))
}

fn write(commit: &mut Commit, state: &Conversation, event: &Event, ids: &dyn Ids) {
    match event {
        Event::Heard { message, heard, usage } => {
            commit.heard.push(NewHeard { seq: *message, heard: heard.clone() });
            if *usage != Usage::default() {
                let (turn, step) = LedgerRow::LISTENING;
                commit.ledger.push(LedgerRow { turn, step, agent: state.active, usage: *usage });
            }
        }
        Event::Dismissed { seqs, outcome } => settle(commit, &named(&state.waiting, seqs), outcome, ids),
        Event::Noticed { seqs, reply } => {
            let items = named(&state.waiting, seqs);
            settle_answered(commit, &items, reply.turn, ids);
            say(commit, state, &items, reply, ids);
        }
        Event::StepCompleted { turn, step, completion } => journal(commit, state, (*turn, *step), completion),
        Event::ToolSettled { turn, step, index, result } => {
            let what = JournalWhat::Settled(result.clone());
            commit.journal.push(JournalRow { turn: *turn, step: *step, index: *index, agent: state.active, what });
            let asked =
                result.asked.map(|a| LedgerRow { turn: *turn, step: *step, agent: state.active, usage: a.usage });
            commit.ledger.extend(asked);
            settle_ruling(commit, state, *step, || CallOutcome::of(&result.status));
        }
        Event::ApprovalRequested { place, call, why } => ask(commit, *place, call, why, ids),
        Event::UndoOrdered { undoing, reason, .. } => {
            let (id, undoing, reason) = (ApprovalId::new(ids.uuid()), undoing.clone(), Some(reason.clone()));
            commit.approvals.push(ApprovalChange::Ordered(NewUndo { id, undoing, reason }));
        }
        Event::RulingTaken { place, taken } => {
            let turn = if let Taken::ByTurn(turn) = taken { Some(*turn) } else { None };
            commit.approvals.push(ApprovalChange::Taken { place: *place, turn });
            if let Taken::Failed(failure) = taken {
                let outcome = CallOutcome::Failed(failure.code.clone());
                commit.approvals.push(ApprovalChange::Settled { place: *place, outcome });
            }
            if turn.is_none() {
                commit.approvals.push(ApprovalChange::Ended { place: *place });
            }
        }
        Event::Replied { turn, step, completion, reply } => {
            let items = turn_items(state);
            journal(commit, state, (*turn, *step), completion);
            settle_answered(commit, &items, *turn, ids);
            say(commit, state, &items, reply, ids);
            end_ruling(commit, state);
        }
        Event::TurnEnded { outcome, notice, .. } => {
            let items = turn_items(state);
            match outcome {
                Outcome::Answered { turn } => settle_answered(commit, &items, *turn, ids),
                outcome => settle(commit, &items, outcome, ids),
            }
            if state.is_acting() {
                settle_ruling(commit, state, 0, || CallOutcome::Uncertain("turn.ended".to_owned()));
            }
            if let Some(reply) = notice {
                say(commit, state, &items, reply, ids);
            }
            end_ruling(commit, state);
        }
        Event::CutShort { turn, heard } => commit.cuts.push(Cut { turn: *turn, heard: heard.clone() }),
        Event::LeftUnanswered { turn, bases } => {
            let said: Vec<String> = turn_items(state).iter().filter_map(|i| i.words()).collect();
            let text: String = said.join("\n").chars().take(NewUnanswered::LONGEST).collect();
            commit.unanswered.extend(bases.iter().map(|base| NewUnanswered {
                id: UnansweredId::new(ids.uuid()),
                base: *base,
                turn: *turn,
                text: text.clone(),
                language: state.language,
            }));
        }
        Event::Wrote(words) => pass_on(commit, state, words, ids),
        Event::ModeChanged { return_at, .. } => {
            commit.timers.push(return_at.map_or(TimerChange::Cleared, TimerChange::ReturnAt));
        }
        Event::Admitted { .. }
        | Event::ListeningBegan { .. }
        | Event::LanguageSettled { .. }
        | Event::Disclosed { .. }
        | Event::TurnOpened { .. }
        | Event::Ruled(_)
        | Event::RulingOpened { .. }
        | Event::TurnJoined { .. }
        | Event::TurnAbandoned { .. }
        | Event::RetrievalRestarted { .. }
        | Event::PermitGranted { .. }
        | Event::PermitRefused { .. }
        | Event::RoutingBegun { .. }
        | Event::RoutedToItself { .. }
        | Event::HandedOff { .. }
        | Event::Travelled { .. }
        | Event::AgentChosen { .. }
        | Event::PassagesFound { .. } => {}
    }
}

fn ask(commit: &mut Commit, place: CallPlace, call: &ToolCall, why: &Why, ids: &dyn Ids) {
    let id = ApprovalId::new(ids.uuid());
    let key = place.key(commit.tenant, commit.conversation);
    commit.approvals.push(ApprovalChange::Asked(NewApproval { id, place, key, call: call.clone(), why: why.clone() }));
}

/// What came of an approved call: the only one of the first step of a turn that its approval opened.
fn settle_ruling(commit: &mut Commit, state: &Conversation, step: StepNo, outcome: impl FnOnce() -> CallOutcome) {
    let ruling = state.turn().filter(|t| step == 0 && t.steps.len() == 1).and_then(|t| t.ruling.as_ref());
    if let Some(ruling) = ruling.filter(|r| r.verdict == Verdict::Approved) {
        commit.approvals.push(ApprovalChange::Settled { place: ruling.place, outcome: outcome() });
    }
}

/// With its turn, if one took it up.
fn end_ruling(commit: &mut Commit, state: &Conversation) {
    let taken = state.turn().filter(|t| !t.steps.is_empty()).and_then(|t| t.ruling.as_ref());
    commit.approvals.extend(taken.map(|ruling| ApprovalChange::Ended { place: ruling.place }));
}

fn turn_items(state: &Conversation) -> Vec<&InboxItem> {
    state.turn().map(|t| t.items.iter().collect()).unwrap_or_default()
}

fn named<'a>(waiting: &'a [InboxItem], seqs: &[Seq]) -> Vec<&'a InboxItem> {
    waiting.iter().filter(|i| seqs.contains(&i.seq)).collect()
}

/// The last message is the one answered; the earlier ones of the burst were read with it.
fn settle_answered(commit: &mut Commit, items: &[&InboxItem], turn: TurnNo, ids: &dyn Ids) {
    if let Some((last, merged)) = items.split_last() {
        settle(commit, merged, &Outcome::Merged { turn }, ids);
        settle(commit, &[last], &Outcome::Answered { turn }, ids);
    }
}

fn settle(commit: &mut Commit, items: &[&InboxItem], outcome: &Outcome, ids: &dyn Ids) {
    for item in items {
        commit.settled.push(Settled {
            seq: item.seq,
            provider_message_id: item.inbound.provider_message_id.clone(),
            outcome: outcome.clone(),
        });
        if let Outcome::DeadLettered { cause } = outcome {
            let id = DeadLetterId::new(ids.uuid());
            commit.dead_letters.push(NewDeadLetter { id, seq: item.seq, cause: cause.clone() });
        }
    }
}

fn say(commit: &mut Commit, state: &Conversation, items: &[&InboxItem], reply: &Reply, ids: &dyn Ids) {
    let message = MessageId::new(ids.uuid());
    commit.messages.push(NewMessage {
        id: message,
        speaker: Speaker::Agent,
        author: None,
        turn: (reply.turn > 0).then_some(reply.turn),
        text: reply.text.clone(),
        rich: None,
        citations: reply.citations.clone(),
        abstained: reply.abstained,
        checks: reply.checks.clone(),
    });
    if state.key.pull {
        return;
    }
    commit.outbox.push(NewOutbox {
        id: OutboxId::new(ids.uuid()),
        message,
        peer: state.key.peer.clone(),
        text: reply.text.clone(),
        rich: None,
        by_person: false,
        citations: reply.citations.clone(),
        template: None,
        last_inbound_at: last_heard(commit, state, items),
    });
}

/// When the person last wrote: where nothing is answered, as the ruling says.
fn last_heard(commit: &Commit, state: &Conversation, items: &[&InboxItem]) -> Timestamp {
    let ruled = || state.turn().and_then(|t| t.ruling.as_ref()).map(|r| r.last_inbound_at);
    items.iter().map(|i| i.received_at).max().or_else(ruled).unwrap_or(commit.now)
}

/// What a person of the team wrote goes the way of the agent's replies, and so behind those that wait.
fn pass_on(commit: &mut Commit, state: &Conversation, words: &Written, ids: &dyn Ids) {
    let message = MessageId::new(ids.uuid());
    commit.messages.push(NewMessage {
        id: message,
        speaker: Speaker::Operator,
        author: words.author,
        turn: None,
        text: words.text.clone(),
        rich: words.rich.clone(),
        citations: Vec::new(),
        abstained: false,
        checks: Checks::default(),
    });
    if !state.key.pull {
        commit.outbox.push(NewOutbox {
            id: OutboxId::new(ids.uuid()),
            message,
            peer: state.key.peer.clone(),
            text: words.text.clone(),
            rich: words.rich.clone(),
            by_person: words.author.is_some(),
            citations: Vec::new(),
            template: words.template.clone(),
            last_inbound_at: words.last_inbound_at,
        });
    }
}

fn journal(commit: &mut Commit, state: &Conversation, (turn, step): (TurnNo, StepNo), completion: &Completion) {
    let what = JournalWhat::Completion(completion.clone());
    commit.journal.push(JournalRow { turn, step, index: 0, agent: state.active, what });
    commit.ledger.push(LedgerRow { turn, step, agent: state.active, usage: completion.usage });
}
