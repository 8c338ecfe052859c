//! A conversation with an inbox, a store that keeps what is committed, and effects that wait for answers.

use crate::{
    agent::{AgentProfile, Approvals},
    approval::{
        ApprovalChange, CallPlace, NewApproval, NewUndo, Outcome as CallOutcome, Ruling, Undoing, Verdict, Why,
    },
    conversation::{
        Commit, Conversation, Ctx, Decision, Effect, Event, Input, JournalWhat, Key, NewHeard, NewMessage,
        NewUnanswered, Routed, Settled, Snapshot, decide, project,
    },
    ids::{AgentId, ApprovalId, ChannelId, ConversationId, Seq, TenantId},
    message::{Content, Inbound, InboxItem, Outcome, Peer},
    model::{Completion, ModelChoice, Transcript, Usage},
    ports::Ids,
    team::{HandOff, MOST_HAND_OFFS},
    time::Timestamp,
    tool::{ToolCall, ToolResult, ToolStatus, Undo},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use uuid::Uuid;

#[derive(Default)]
pub struct CountingIds(AtomicU64);

impl Ids for CountingIds {
    fn uuid(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::Relaxed)) + 1)
    }
}

/// A held call, as the store keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub asked: NewApproval,
    pub verdict: Option<Verdict>,
    pub taken: Option<Option<u32>>,
    pub outcome: Option<CallOutcome>,
    pub ended: bool,
}

pub struct World {
    pub now: Timestamp,
    /// The channel's own agent.
    pub profile: AgentProfile,
    /// The others of the tenant.
    pub others: Vec<AgentProfile>,
    pub state: Conversation,
    pub pending: Vec<Effect>,
    // What the store keeps.
    pub snapshot: Snapshot,
    pub version: u64,
    pub inbox: Vec<InboxItem>,
    pub outcomes: BTreeMap<Seq, Outcome>,
    pub said: Vec<NewMessage>,
    pub outbox: usize,
    pub dead: usize,
    pub unanswered: Vec<NewUnanswered>,
    /// What the ledger holds.
    pub charged: Usage,
    /// Recordings that somebody began to listen to since the last crash.
    listened: BTreeSet<Seq>,
    pub results: BTreeSet<(u32, u32, u32)>,
    pub approvals: Vec<Row>,
    /// What undoes the calls that were done, by their places.
    pub undoable: BTreeMap<CallPlace, Undo>,
    /// The keys of undos that were done.
    undone: BTreeSet<String>,
    /// Places of calls that were begun, and the keys of all runs.
    pub keys: BTreeMap<(u32, u32, u32), BTreeSet<String>>,
    /// How often each call was begun: (turn, step, index) → runs that were not marked as resumed.
    pub begun: BTreeMap<(u32, u32, u32), u32>,
    ids: CountingIds,
}

fn key() -> Key {
    Key {
        tenant: TenantId::new(Uuid::from_u128(1)),
        id: ConversationId::new(Uuid::from_u128(2)),
        channel: ChannelId::new(Uuid::from_u128(3)),
        peer: Peer { address: "peer".into(), name: None },
        pull: false,
        spoken: false,
    }
}

pub fn profile() -> AgentProfile {
    let model = ModelChoice {
        provider: "scripted".into(),
        model: String::new(),
        temperature: None,
        max_tokens: None,
        sees_images: false,
    };
    let mut p = AgentProfile::new(key().tenant, AgentId::new(Uuid::from_u128(4)), "Ada", model);
    p.gather.quiet = Duration::from_millis(100);
    p.gather.cap = Duration::from_millis(300);
    p.limits.max_steps = 3;
    p
}

/// Another agent of the tenant.
pub fn colleague(n: u128) -> AgentProfile {
    AgentProfile { id: AgentId::new(Uuid::from_u128(100 + n)), name: format!("Colleague {n}"), ..profile() }
}

/// What the tool says by which a model asks that another agent goes on.
pub fn wishes(to: AgentId) -> ToolResult {
    let hand_off = Some(HandOff { to, name: "a colleague".into() });
    ToolResult { hand_off, ..ToolResult::done("You have it now.") }
}

/// A table was taken; another tool gives it back.
pub fn reserved(automatic: bool) -> ToolResult {
    let undo = Undo { tool: "give_back".into(), arguments: r#"{"table":7}"#.into(), automatic };
    ToolResult { undo: Some(undo), ..ToolResult::done("table 7") }
}

impl World {
    pub fn new(profile: AgentProfile) -> Self {
        Self {
            now: Timestamp(1_000_000),
            profile,
            others: Vec::new(),
            state: Conversation::restore(key(), Snapshot::default()),
            pending: Vec::new(),
            snapshot: Snapshot::default(),
            version: 0,
            inbox: Vec::new(),
            outcomes: BTreeMap::new(),
            said: Vec::new(),
            outbox: 0,
            dead: 0,
            unanswered: Vec::new(),
            charged: Usage::default(),
            listened: BTreeSet::new(),
            results: BTreeSet::new(),
            approvals: Vec::new(),
            undoable: BTreeMap::new(),
            undone: BTreeSet::new(),
            keys: BTreeMap::new(),
            begun: BTreeMap::new(),
            ids: CountingIds::default(),
        }
    }

    /// A call.
    pub fn spoken(profile: AgentProfile) -> Self {
        let mut world = Self::new(profile);
        (world.state.key.pull, world.state.key.spoken) = (true, true);
        world
    }

    /// A message enters the inbox and the conversation looks.
    pub fn arrive(&mut self, content: Content) -> Decision {
        let seq = self.inbox.len() as Seq + 1;
        let inbound = Inbound {
            provider_message_id: format!("m{seq}"),
            peer: key().peer,
            sent_at: self.now,
            content,
            reply_to: None,
            raw: None,
        };
        self.inbox.push(InboxItem { seq, received_at: self.now, inbound, heard: None });
        self.look()
    }

    pub fn say(&mut self, text: &str) -> Decision {
        self.arrive(Content::text(text))
    }

    pub fn look(&mut self) -> Decision {
        let seen = self.state.seen;
        let new = self.unsettled().into_iter().filter(|i| i.seq > seen).collect();
        self.feed(Input::Arrived(new))
    }

    pub fn unsettled(&self) -> Vec<InboxItem> {
        self.inbox.iter().filter(|i| !self.outcomes.contains_key(&i.seq)).cloned().collect()
    }

    pub fn feed(&mut self, input: Input) -> Decision {
        let ctx = Ctx { now: self.now, profile: self.acting(), own: self.profile.id };
        let decision = decide(&self.state, input, &ctx);
        for event in &decision.events {
            self.check_relay(event);
        }
        let (next, commit) = project(self.state.clone(), &decision.events, self.version, self.now, &self.ids);
        if let Some(commit) = commit {
            self.save(commit);
        }
        self.state = next;
        for effect in &decision.effects {
            match effect {
                Effect::CancelWork { .. } => {
                    self.pending.retain(|e| matches!(e, Effect::SetTimer { .. } | Effect::Listen { .. }));
                }
                Effect::ReturnPermit { turn, .. } => {
                    self.pending.retain(|e| !matches!(e, Effect::AskPermit { turn: t } if t == turn));
                }
                Effect::RunTool { turn, step, index, resumed, key, call, .. } => {
                    self.check_approved(call, key);
                    self.keys.entry((*turn, *step, *index)).or_default().insert(key.clone());
                    if !resumed {
                        *self.begun.entry((*turn, *step, *index)).or_default() += 1;
                    }
                    self.pending.push(effect.clone());
                }
                Effect::SetTimer { timer, .. } => {
                    self.pending.retain(|e| !matches!(e, Effect::SetTimer { timer: t, .. } if t == timer));
                    self.pending.push(effect.clone());
                }
                Effect::Listen { message } => {
                    assert!(self.listened.insert(*message), "{message} is listened to twice in one life");
                    self.pending.push(effect.clone());
                }
                Effect::AskPermit { .. }
                | Effect::Route { .. }
                | Effect::Retrieve { .. }
                | Effect::CallModel { .. } => {
                    self.pending.push(effect.clone());
                }
                Effect::ShowTyping { .. } | Effect::WakeChannel | Effect::PassControl => {}
            }
        }
        decision
    }

    /// No agent gets back what it handed off in the same turn, and hand-offs of one turn end.
    fn check_relay(&self, event: &Event) {
        let (Event::HandedOff { to, .. }, Some(turn)) = (event, self.state.turn()) else { return };
        let to = to.unwrap_or(self.profile.id);
        assert!(to != self.acting().id && turn.relays.iter().all(|r| r.by != to), "{to} had it before");
        assert!(turn.relays.len() < MOST_HAND_OFFS, "handed off too often");
    }

    /// The agent that has the conversation; the channel's own stands in for one that is gone.
    pub fn acting(&self) -> &AgentProfile {
        self.others.iter().find(|p| Some(p.id) == self.state.active).unwrap_or(&self.profile)
    }

    fn save(&mut self, commit: Commit) {
        assert_eq!(commit.expected_version, self.version);
        self.version += 1;
        self.snapshot = commit.snapshot;
        for NewHeard { seq, heard } in commit.heard {
            let before = self.inbox[seq as usize - 1].heard.replace(heard);
            assert_eq!(before, None, "message {seq} was heard twice");
        }
        for Settled { seq, outcome, .. } in commit.settled {
            let before = self.outcomes.insert(seq, outcome);
            assert_eq!(before, None, "message {seq} got a second outcome");
        }
        self.dead += commit.dead_letters.len();
        self.outbox += commit.outbox.len();
        self.unanswered.extend(commit.unanswered);
        for row in commit.ledger {
            self.charged += row.usage;
        }
        for row in commit.journal {
            if let JournalWhat::Settled(result) = row.what {
                assert!(self.results.insert((row.turn, row.step, row.index)), "a call got a second result");
                let place = CallPlace { turn: row.turn, step: row.step, index: row.index };
                let key = self.keys.get(&(row.turn, row.step, row.index)).and_then(|keys| keys.first()).cloned();
                if result.status == ToolStatus::Done {
                    self.undoable.extend(result.undo.map(|undo| (place, undo)));
                    let undo = key.filter(|key| self.undone().iter().any(|row| row.asked.key == *key));
                    assert!(undo.is_none_or(|key| self.undone.insert(key)), "undone twice");
                }
            }
        }
        self.said.extend(commit.messages);
        for cut in commit.cuts {
            for line in self.said.iter_mut().filter(|m| m.turn == Some(cut.turn)) {
                line.text.clone_from(&cut.heard);
            }
        }
        for change in commit.approvals {
            self.approval(change);
        }
    }

    fn approval(&mut self, change: ApprovalChange) {
        match change {
            ApprovalChange::Asked(asked) => {
                assert!(self.row(asked.place).is_none(), "asked twice");
                self.approvals.push(Row { asked, verdict: None, taken: None, outcome: None, ended: false });
            }
            ApprovalChange::Ordered(undo) => self.order(undo),
            ApprovalChange::Taken { place, turn } => {
                let row = self.row(place).expect("asked");
                assert!(row.verdict.is_some() && row.taken.is_none(), "taken up without a decision, or twice");
                row.taken = Some(turn);
            }
            ApprovalChange::Settled { place, outcome } => {
                let row = self.row(place).expect("asked");
                assert!(row.taken.is_some() && row.outcome.is_none(), "settled twice");
                row.outcome = Some(outcome);
            }
            ApprovalChange::Ended { place } => {
                let row = self.row(place).expect("asked");
                assert!(row.taken.is_some() && !row.ended, "ended twice");
                row.ended = true;
            }
        }
    }

    /// As the store does it: once, but again if that failed.
    pub fn order(&mut self, undo: NewUndo) {
        let NewUndo { id, undoing: Undoing { place, key, call }, .. } = undo;
        let why = Why { policy: Approvals::Never, taints: Vec::new() };
        let asked = NewApproval { id, place, key, call, why };
        let fresh = Row { asked, verdict: Some(Verdict::Approved), taken: None, outcome: None, ended: false };
        match self.row(place) {
            Some(row) if row.ended && matches!(row.outcome, Some(CallOutcome::Failed(_))) => *row = fresh,
            Some(_) => {}
            None => self.approvals.push(fresh),
        }
    }

    fn row(&mut self, place: CallPlace) -> Option<&mut Row> {
        self.approvals.iter_mut().find(|r| r.asked.place == place)
    }

    /// A call runs: if it was ever held, a person approved exactly this one, and it was taken up.
    fn check_approved(&self, call: &ToolCall, key: &str) {
        if let Some(row) = self.approvals.iter().find(|r| r.asked.key == key) {
            assert_eq!((&row.asked.call, &row.verdict), (call, &Some(Verdict::Approved)), "not what was approved");
            assert!(row.taken.is_some(), "not taken up");
            if let Some(done) = row.asked.place.undone() {
                let undo = self.undoable.get(&done).expect("only what was done is undone");
                assert_eq!((&call.name, &call.arguments), (&undo.tool, &undo.arguments), "not what undoes it");
            }
        }
    }

    /// A person has what was done at this place undone.
    pub fn have_undone(&mut self, done: CallPlace) -> Decision {
        let undoing = Undoing::of(done, &self.undoable[&done], (key().tenant, key().id));
        let id = ApprovalId::new(self.ids.uuid());
        self.order(NewUndo { id, undoing, reason: Some("by mistake".into()) });
        self.look_at_rulings()
    }

    /// The rows of what is undone.
    pub fn undone(&self) -> Vec<&Row> {
        self.approvals.iter().filter(|row| row.asked.place.undone().is_some()).collect()
    }

    /// A person decides about the call that has waited longest; `None` if none waits.
    pub fn rule(&mut self, verdict: Verdict) -> Option<Decision> {
        self.approvals.iter_mut().find(|r| r.verdict.is_none())?.verdict = Some(verdict);
        Some(self.look_at_rulings())
    }

    pub fn look_at_rulings(&mut self) -> Decision {
        let open = self.approvals.iter().filter(|r| r.verdict.is_some() && r.taken.is_none());
        let rulings = open.map(|r| Ruling {
            place: r.asked.place,
            key: r.asked.key.clone(),
            call: r.asked.call.clone(),
            verdict: r.verdict.clone().expect("decided"),
            last_inbound_at: Timestamp(7),
        });
        let rulings = rulings.collect();
        self.feed(Input::Ruled(rulings))
    }

    /// The process dies and a new one activates the conversation.
    pub fn crash(&mut self) {
        self.pending.clear();
        self.listened.clear();
        self.state = Conversation::restore(key(), self.snapshot.clone());
        let pending = self.unsettled();
        self.feed(Input::Activated);
        self.feed(Input::Arrived(pending));
        self.look_at_rulings();
    }

    /// Answers the pending effect at this place.
    pub fn answer(&mut self, place: usize, how: &dyn Fn(&Effect) -> Option<Input>) {
        let effect = self.pending.remove(place % self.pending.len());
        if let Effect::SetTimer { at, .. } = &effect {
            self.now = self.now.max(*at);
        }
        if let Some(input) = how(&effect) {
            self.feed(input);
        }
    }

    /// Answers everything kindly until nothing is pending but deadlines.
    pub fn settle(&mut self) {
        for _ in 0..1_000 {
            let is_work = |e: &Effect| {
                !matches!(e, Effect::SetTimer { timer: crate::conversation::Timer::TurnDeadline { .. }, .. })
            };
            let Some(place) = self.pending.iter().position(is_work) else { return };
            self.answer(place, &kindly);
        }
        panic!("the conversation never comes to rest: {:?}", self.state.phase);
    }
}

/// Everything works, the model answers in words.
pub fn kindly(effect: &Effect) -> Option<Input> {
    Some(match effect {
        Effect::SetTimer { timer, .. } => Input::TimerFired(*timer),
        Effect::Listen { message } => {
            let usage = Usage { cost_micros: 1, ..Usage::default() };
            Input::Heard { message: *message, result: Ok(Transcript { text: format!("said {message}"), usage }) }
        }
        Effect::AskPermit { turn } => Input::PermitGranted { turn: *turn },
        Effect::Route { turn } => Input::Routed { turn: *turn, routed: Routed::default() },
        Effect::Retrieve { turn } => {
            Input::Retrieved { turn: *turn, rewriting: Usage::default(), result: Ok(Vec::new()) }
        }
        Effect::CallModel { turn, step } => {
            let completion = Completion { text: format!("answer {turn}"), ..Completion::default() };
            Input::Completed { turn: *turn, step: *step, result: Ok(completion), risks: Vec::new() }
        }
        Effect::RunTool { turn, step, index, .. } => {
            Input::ToolSettled { turn: *turn, step: *step, index: *index, result: ToolResult::done("done") }
        }
        _ => return None,
    })
}

pub fn calls(n: usize) -> Completion {
    let call = |i| ToolCall { id: format!("c{i}"), name: "search_knowledge".into(), arguments: "{}".into() };
    Completion { calls: (0..n).map(call).collect(), ..Completion::default() }
}
