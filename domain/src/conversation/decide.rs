//! What an input means for a conversation, given its state: the heart of the runtime.

use super::{
    effect::{Effect, Timer},
    event::Event,
    evolve::apply,
    hand_off::handed_to,
    input::Input,
    journeys::bound,
    state::{Conversation, Mode, Phase, Stage, Turn},
};
use crate::{
    agent::{AgentProfile, DuringTurn, Gather, NoAnswer, Refusal, Unsupported},
    approval::{CallPlace, Risk},
    disclosure,
    failure::Failure,
    grounding::{Evidence, ground, usable},
    ids::{AgentId, Seq, StepNo, TurnNo},
    language::Language,
    message::{Content, IgnoreRule, InboxItem, MediaKind, Outcome},
    model::{Completion, CompletionResult, Usage},
    outbound::{Checks, Reply},
    phrases::{Phrase, phrase},
    time::Timestamp,
    tool::{BECAME_UNSAFE, ToolCall, ToolResult, ToolStatus},
};
use std::time::Duration;

/// How long, at least, what follows a file is waited for: of an album, each file is a message of its own.
const NEXT_FILE: Duration = Duration::from_secs(1);

/// What a decision may look at besides the state.
#[derive(Debug, Clone, Copy)]
pub struct Ctx<'a> {
    pub now: Timestamp,
    /// Of the agent that has the conversation.
    pub profile: &'a AgentProfile,
    /// The channel's own agent.
    pub own: AgentId,
}

/// Events to commit and apply, then effects to run, both in order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Decision {
    pub events: Vec<Event>,
    pub effects: Vec<Effect>,
}

#[must_use]
pub fn decide(state: &Conversation, input: Input, ctx: &Ctx<'_>) -> Decision {
    let charged = state.turn().and_then(|t| t.relays.last()).map_or(0, |r| r.cost_micros);
    let mut d = Draft { c: state.clone(), ctx, charged, out: Decision::default() };
    match input {
        Input::Activated => d.activated(),
        Input::Arrived(items) => d.arrived(items),
        Input::Heard { message, result } => d.heard(message, result),
        Input::TimerFired(Timer::Gather) => d.gather_fired(),
        Input::TimerFired(Timer::TurnDeadline { turn }) => d.deadline(turn),
        Input::PermitGranted { turn } => d.permit_granted(turn),
        Input::PermitRefused { turn, why } => d.permit_refused(turn, why),
        Input::Routed { turn, routed } => d.routed(turn, &routed),
        Input::Retrieved { turn, rewriting, result } => d.retrieved(turn, rewriting, result),
        Input::Completed { turn, step, result, risks } => d.completed(turn, step, (result, &risks)),
        Input::ToolSettled { turn, step, index, result } => d.tool_settled(turn, step, index, result),
        Input::Interrupted { turn, heard } => d.interrupted(turn, heard),
        Input::Ruled(rulings) => d.ruled(rulings),
        Input::TakenOver { reason } => d.taken_over(reason),
        Input::Wrote(words) => d.wrote(words),
        Input::AgentChosen { agent } => d.agent_chosen(agent),
        Input::Returned => d.returned(),
        Input::Poisoned { cause } => d.poisoned(&cause),
    }
    d.next_ruling();
    d.out
}

/// A decision in the making: events are applied as they are added, so that later lines see their effect.
pub(super) struct Draft<'a> {
    pub(super) c: Conversation,
    pub(super) ctx: &'a Ctx<'a>,
    /// What of the running turn's cost other agents were charged for.
    pub(super) charged: u64,
    out: Decision,
}

impl Draft<'_> {
    pub(super) fn event(&mut self, e: Event) {
        apply(&mut self.c, &e);
        self.out.events.push(e);
    }

    pub(super) fn effect(&mut self, e: Effect) {
        self.out.effects.push(e);
    }

    pub(super) fn turn_at(&self, turn: TurnNo, stage: impl Fn(&Stage) -> bool) -> Option<Turn> {
        self.c.turn().filter(|t| t.no == turn && stage(&t.stage)).cloned()
    }

    fn language(&self) -> Language {
        self.c.speaks(self.ctx.profile)
    }

    pub(super) fn notice(&self, turn: TurnNo, which: Phrase, usage: Usage) -> Reply {
        let text = phrase(which, self.language()).to_owned();
        Reply { turn, text, citations: Vec::new(), abstained: false, checks: Checks::default(), usage }
    }

    /// What the agent is about to say, with what must be said before it.
    pub(super) fn disclosing(&mut self, reply: Reply) -> Reply {
        let Some(disclosure) = disclosure::due(&self.c, self.ctx.profile, self.ctx.now) else { return reply };
        self.event(Event::Disclosed { at: self.ctx.now });
        Reply { text: disclosure::before(disclosure, &reply.text), ..reply }
    }

    // --- arrival and gathering ---

    fn activated(&mut self) {
        if let Some(no) = self.c.turn().map(|t| t.no) {
            self.effect(Effect::AskPermit { turn: no });
        }
    }

    fn arrived(&mut self, items: Vec<InboxItem>) {
        let in_turn: Vec<Seq> = self.c.turn().map(|t| t.items.iter().map(|i| i.seq).collect()).unwrap_or_default();
        let known = |i: &InboxItem| in_turn.contains(&i.seq) || self.c.waiting.iter().any(|w| w.seq == i.seq);
        // An open turn can hold items later than waiting ones were (a merge): numbers alone do not tell.
        let resumed = self.c.turn().is_some_and(|t| t.resumed);
        let new: Vec<InboxItem> = items.into_iter().filter(|i| (i.seq > self.c.seen || resumed) && !known(i)).collect();
        if new.is_empty() {
            return;
        }
        self.event(Event::Admitted { items: new.clone(), at: self.ctx.now });
        self.follow_language(&new);
        self.dismiss_what_needs_no_answer(&new);
        self.follow_control(&new);
        if self.c.waiting.is_empty() {
            return;
        }
        if let Mode::Operator { reason, .. } = &self.c.mode {
            let outcome = Outcome::HandedOver { reason: reason.clone() };
            let seqs = self.c.waiting.iter().map(|i| i.seq).collect();
            // The person who has it reads what was said, too.
            self.listen();
            self.event(Event::Dismissed { seqs, outcome });
            return;
        }
        match self.c.phase.clone() {
            Phase::Idle => {}
            Phase::Gathering(_) => self.gather(),
            Phase::Turn(t) => self.arrived_during(&t),
        }
        self.listen();
    }

    fn follow_language(&mut self, new: &[InboxItem]) {
        let words: Vec<String> = new.iter().filter_map(InboxItem::words).collect();
        self.follow_words(&words.join("\n"));
    }

    pub(super) fn follow_words(&mut self, words: &str) {
        if let Some(language) = Language::detect(words).filter(|l| Some(*l) != self.c.language) {
            self.event(Event::LanguageSettled { language });
        }
    }

    fn dismiss_what_needs_no_answer(&mut self, new: &[InboxItem]) {
        let by_rule = |rule: IgnoreRule| -> Vec<Seq> {
            new.iter().filter(|i| ignore_rule(&i.inbound.content) == Some(rule)).map(|i| i.seq).collect()
        };
        for rule in [IgnoreRule::Echo, IgnoreRule::Signal, IgnoreRule::UnsupportedKind, IgnoreRule::Empty] {
            let seqs = by_rule(rule);
            if seqs.is_empty() {
                continue;
            }
            self.event(Event::Dismissed { seqs, outcome: Outcome::Ignored { rule } });
            if rule == IgnoreRule::Echo {
                self.taken_over("a person answered on the provider's app".to_owned());
            }
        }
    }

    /// Opens the turn, or waits for the burst to end.
    pub(super) fn gather(&mut self) {
        let Phase::Gathering(g) = &self.c.phase else { return };
        if self.is_unheard() {
            return;
        }
        // What somebody speaks is whole when it comes, and they wait in silence.
        let at_once = Gather { quiet: Duration::ZERO, cap: Duration::ZERO };
        let limits = if self.c.key.spoken { at_once } else { self.ctx.profile.gather };
        let least = if self.c.waiting.last().is_some_and(may_be_one_of_several) { NEXT_FILE } else { Duration::ZERO };
        let due = (g.last_at + limits.quiet.max(least)).min(g.first_at + limits.cap.max(least));
        if due <= self.ctx.now {
            self.open_turn();
        } else {
            self.effect(Effect::SetTimer { timer: Timer::Gather, at: due });
        }
    }

    fn gather_fired(&mut self) {
        self.gather();
    }

    fn open_turn(&mut self) {
        // A file without words cannot be read: say so, but only if nothing else was said with it.
        let sees = self.ctx.profile.model.sees_images;
        let understood = |i: &InboxItem| i.words().is_some() || (sees && i.inbound.content.is_image());
        if !self.c.waiting.iter().any(understood) {
            let seqs = self.c.waiting.iter().map(|i| i.seq).collect();
            let unheard = self.c.waiting.iter().any(|i| i.inbound.content.is_recording());
            let which = if unheard { Phrase::CannotListen } else { Phrase::WordsOnly };
            let reply = self.disclosing(self.notice(0, which, Usage::default()));
            self.event(Event::Noticed { seqs, reply });
            self.effect(Effect::WakeChannel);
            return;
        }
        let turn = self.c.next_turn;
        self.event(Event::TurnOpened { turn, at: self.ctx.now });
        self.effect(Effect::AskPermit { turn });
    }

    pub(super) fn arrived_during(&mut self, t: &Turn) {
        match self.during(t) {
            DuringTurn::Queue => {}
            DuringTurn::Reject => {
                let seqs = self.c.waiting.iter().map(|i| i.seq).collect();
                self.event(Event::Dismissed { seqs, outcome: Outcome::Ignored { rule: IgnoreRule::BusyPolicy } });
            }
            // They join, or begin anew, once it is known what they say.
            DuringTurn::Merge | DuringTurn::Interrupt if self.is_unheard() => {}
            // Nothing is lost by stopping before tools run; while they run, their end is the boundary.
            DuringTurn::Merge | DuringTurn::Interrupt if t.stage == Stage::Acting => {}
            DuringTurn::Merge => {
                if matches!(t.stage, Stage::Thinking { .. } | Stage::Retrieving) {
                    self.join(t.no);
                }
            }
            DuringTurn::Interrupt => self.interrupt(t.no),
        }
    }

    /// What happens to messages that come during this turn. One that a ruling opened is not begun anew: its call would be
    /// forgotten. Who speaks again before they are answered has not finished: they get one answer, not two in a row.
    pub(super) fn during(&self, t: &Turn) -> DuringTurn {
        match self.ctx.profile.during_turn {
            DuringTurn::Queue if self.c.key.spoken && t.ruling.is_none() => DuringTurn::Interrupt,
            DuringTurn::Interrupt if t.ruling.is_some() => DuringTurn::Merge,
            policy => policy,
        }
    }

    /// What waits joins the running turn, which looks and thinks again.
    fn join(&mut self, turn: TurnNo) {
        self.effect(Effect::CancelWork { turn });
        self.event(Event::TurnJoined { turn });
        self.effect(Effect::Retrieve { turn });
    }

    /// The person spoke over the agent: a turn that was still being said ends with what they heard of it. One that acts goes
    /// on, and so does one that a person of the team opened: what they did must be told.
    fn interrupted(&mut self, turn: TurnNo, heard: String) {
        if !self.c.key.spoken {
            // Nobody speaks over what is written.
            return;
        }
        if let Some(t) = self.turn_at(turn, |s| matches!(s, Stage::Thinking { .. })) {
            if t.ruling.is_some() || heard.is_empty() {
                return;
            }
            let usage = spent(&t);
            self.effect(Effect::CancelWork { turn });
            let (citations, checks) = (Vec::new(), Checks::default());
            let notice = Some(Reply { turn, text: heard, citations, abstained: false, checks, usage });
            self.event(Event::TurnEnded { turn, outcome: Outcome::Answered { turn }, notice });
            self.turn_over(turn, usage);
        } else if self.c.turn().is_none_or(|t| t.no > turn) && turn < self.c.next_turn {
            self.event(Event::CutShort { turn, heard });
        }
    }

    pub(super) fn interrupt(&mut self, turn: TurnNo) {
        let usage = self.c.turn().map(spent).unwrap_or_default();
        self.effect(Effect::CancelWork { turn });
        self.return_permit(turn, usage);
        self.event(Event::TurnAbandoned { turn, at: self.ctx.now });
        self.gather();
    }

    // --- the turn ---

    fn permit_granted(&mut self, turn: TurnNo) {
        let Some(t) = self.turn_at(turn, |s| *s == Stage::AwaitingPermit) else {
            // Granted to a turn that is over: give it back at once.
            self.effect(Effect::ReturnPermit { turn, cost_micros: 0 });
            return;
        };
        self.event(Event::PermitGranted { turn });
        let deadline = (self.ctx.now).max(t.started_at) + self.ctx.profile.limits.deadline;
        self.effect(Effect::SetTimer { timer: Timer::TurnDeadline { turn }, at: deadline });
        if self.c.mode == Mode::Agent {
            self.effect(Effect::ShowTyping { turn });
        }
        if let Some(ruling) = t.ruling.as_ref().filter(|_| t.steps.is_empty()) {
            self.carry_out(turn, ruling);
            return;
        }
        let pending: Vec<_> = t.unsettled().map(|(index, call)| (index, call.clone())).collect();
        if pending.is_empty() {
            self.go_on(turn);
        }
        let step = t.next_step().saturating_sub(1);
        for (index, call) in pending {
            // What an earlier run may have begun is never begun again if it is unsafe.
            self.run_tool(&t, (step, index), call, false);
        }
    }

    /// The intent is committed.
    fn run_tool(&mut self, t: &Turn, (step, index): (StepNo, u32), call: ToolCall, as_unsafe: bool) {
        let place = CallPlace { turn: t.no, step, index };
        let key = match &t.ruling {
            // The first step of such a turn is the recorded call, whose key it keeps.
            Some(ruling) if step == 0 => ruling.key.clone(),
            _ => place.key(self.c.key.tenant, self.c.key.id),
        };
        self.effect(Effect::RunTool { turn: t.no, step, index, call, key, resumed: t.resumed, as_unsafe });
    }

    /// A turn with its permit and without open calls: look, then think.
    fn go_on(&mut self, turn: TurnNo) {
        if self.c.mode == Mode::Agent {
            self.look_or_route(turn);
        } else {
            self.end_unsaid(turn);
        }
    }

    fn permit_refused(&mut self, turn: TurnNo, why: Refusal) {
        if self.turn_at(turn, |s| *s == Stage::AwaitingPermit).is_none() {
            return;
        }
        if why == Refusal::AgentDisabled && self.c.active.is_some() {
            self.fall_back(turn);
            return;
        }
        self.event(Event::PermitRefused { turn, why });
        let reason = match why {
            Refusal::AgentDisabled => "the agent is switched off",
            Refusal::BudgetSpent => "the agent's budget of the day is spent",
            Refusal::TenantBudgetSpent => "the budget of the month is spent",
            Refusal::PlanExhausted => "the plan's messages of the month are used up",
        };
        self.drop_ruling(Failure::reject("turn.refused", reason));
        self.hand_over(turn, reason.to_owned());
    }

    fn retrieved(&mut self, turn: TurnNo, rewriting: Usage, result: Result<Vec<crate::knowledge::Passage>, Failure>) {
        let Some(t) = self.turn_at(turn, |s| *s == Stage::Retrieving) else { return };
        match result {
            Ok(passages) => {
                let passages = usable(passages, self.ctx.profile.min_cosine);
                self.event(Event::PassagesFound { turn, passages, rewriting });
                self.effect(Effect::CallModel { turn, step: t.next_step() });
            }
            Err(failure) => self.fail(turn, failure),
        }
    }

    fn completed(&mut self, turn: TurnNo, step: StepNo, (result, risks): (CompletionResult, &[Risk])) {
        let Some(t) = self.turn_at(turn, |s| *s == Stage::Thinking { step }) else { return };
        // Written down with the completion that it was for.
        let result = result.map(|c| Completion { usage: sum(c.usage, t.rewriting), ..c });
        let t = Turn { rewriting: Usage::default(), ..t };
        match result {
            Err(failure) => self.fail(turn, failure),
            Ok(c) if !c.calls.is_empty() => self.act(&t, step, (c, risks)),
            Ok(c) if c.text.trim().is_empty() => {
                self.fail(turn, Failure::retry("model.empty", "the model answered with nothing"));
            }
            Ok(c) => self.reply(&t, step, c),
        }
    }

    fn act(&mut self, t: &Turn, step: StepNo, (completion, risks): (Completion, &[Risk])) {
        let turn = t.no;
        if t.own_steps() >= self.ctx.profile.limits.max_steps {
            self.fail(turn, Failure::reject("turn.too_many_steps", "the model keeps calling tools"));
            return;
        }
        let ready = self.ready();
        let completion = bound(completion, ready.as_ref());
        let calls = completion.calls.clone();
        let risks = &self.with_slots(risks, &calls, ready.as_ref());
        self.event(Event::StepCompleted { turn, step, completion });
        // In one commit: what is held has its result with its intent, and so never runs by itself.
        let mut free = Vec::new();
        for (index, call) in (0_u32..).zip(calls.clone()) {
            if let Some(result) = self.on_journey((index, &calls), ready.as_ref(), risks) {
                self.event(Event::ToolSettled { turn, step, index, result });
                continue;
            }
            match self.why(risks, index) {
                Some(why) => self.hold(CallPlace { turn, step, index }, call, why),
                None => free.push((index, call)),
            }
        }
        for (index, call) in free {
            // Restored or not, it begins now.
            let as_unsafe = self.is_free(risks, index);
            self.run_tool(&Turn { resumed: false, ..t.clone() }, (step, index), call, as_unsafe);
        }
        self.acted(turn);
    }

    fn reply(&mut self, t: &Turn, step: StepNo, completion: Completion) {
        let mut usage = spent(t);
        usage += completion.usage;
        let profile = self.ctx.profile;
        // Without knowledge there is nothing to hold a reply against.
        let policy = if profile.knowledge.is_empty() { Unsupported::Off } else { profile.grounding.unsupported };
        let evidence = Evidence { passages: &t.citable(), results: &t.results().collect::<Vec<_>>() };
        let reply = ground(t.no, &completion.text, &evidence, policy, self.language(), usage);
        if reply.abstained && !profile.knowledge.is_empty() {
            self.event(Event::LeftUnanswered { turn: t.no, bases: profile.knowledge.clone() });
        }
        if reply.abstained && profile.grounding.no_answer == NoAnswer::HandOver {
            self.event(Event::StepCompleted { turn: t.no, step, completion });
            let text = phrase(Phrase::DontKnowHandedOver, self.language()).to_owned();
            let reason = "the documents do not answer the question".to_owned();
            self.end_with_person(t.no, reason, Reply { text, ..reply });
            return;
        }
        let reply = self.disclosing(reply);
        self.event(Event::Replied { turn: t.no, step, completion, reply });
        self.effect(Effect::WakeChannel);
        self.turn_over(t.no, usage);
    }

    fn tool_settled(&mut self, turn: TurnNo, step: StepNo, index: u32, result: ToolResult) {
        let Some(t) = self.turn_at(turn, |s| *s == Stage::Acting) else { return };
        let open = t.unsettled().find(|(i, _)| *i == index).filter(|_| t.next_step() == step + 1);
        let Some((_, call)) = open else { return };
        if matches!(&result.status, ToolStatus::Failed { failure } if failure.code == BECAME_UNSAFE) {
            self.hold_late(CallPlace { turn, step, index }, call.clone());
        } else {
            let (call, result) = (call.clone(), self.may_hand_off(&t, result));
            self.event(Event::ToolSettled { turn, step, index, result: result.clone() });
            self.carried_out(&call, &result);
        }
        self.acted(turn);
    }

    /// The other calls of the step go on; the last result moves the turn.
    pub(super) fn acted(&mut self, turn: TurnNo) {
        let Some(t) = self.turn_at(turn, |s| matches!(s, Stage::Thinking { .. })) else { return };
        if self.c.mode != Mode::Agent {
            self.end_unsaid(turn);
            return;
        }
        if let Some(reason) = hand_over_reason(&t) {
            self.hand_over(turn, reason);
            return;
        }
        if let Some(to) = handed_to(&t) {
            self.hand_off(&t, to);
            return;
        }
        match (self.c.waiting.is_empty() || self.is_unheard(), self.during(&t)) {
            (false, DuringTurn::Interrupt) => self.interrupt(turn),
            (false, DuringTurn::Merge) => self.join(turn),
            // After a crash the passages are gone: look again before thinking.
            _ if t.resumed && t.passages.is_empty() => self.look_again(turn),
            _ => self.effect(Effect::CallModel { turn, step: t.next_step() }),
        }
    }

    fn look_again(&mut self, turn: TurnNo) {
        self.event(Event::RetrievalRestarted { turn });
        self.effect(Effect::Retrieve { turn });
    }
}

pub(super) fn spent(t: &Turn) -> Usage {
    let asked = t.steps.iter().flat_map(|s| s.results.iter().flatten()).filter_map(|r| r.asked);
    let spent = t.steps.iter().fold(t.rewriting, |usage, s| sum(usage, s.completion.usage));
    asked.fold(spent, |usage, a| sum(usage, a.usage))
}

fn sum(mut usage: Usage, more: Usage) -> Usage {
    usage += more;
    usage
}

/// A tool asked for a person, or nobody can know whether one did its work.
fn hand_over_reason(t: &Turn) -> Option<String> {
    t.steps.last()?.results.iter().flatten().find_map(|r| match &r.status {
        ToolStatus::Uncertain { failure } => Some(format!("a tool's outcome is unknown ({})", failure.code)),
        ToolStatus::Done | ToolStatus::Failed { .. } => r.hand_over.clone(),
    })
}

fn may_be_one_of_several(item: &InboxItem) -> bool {
    let Content::Media { media, .. } = &item.inbound.content else { return false };
    matches!(media, MediaKind::Image | MediaKind::Video | MediaKind::Document)
}

fn ignore_rule(content: &Content) -> Option<IgnoreRule> {
    match content {
        Content::Echo { .. } => Some(IgnoreRule::Echo),
        Content::Signal { .. } => Some(IgnoreRule::Signal),
        Content::Unsupported { .. } => Some(IgnoreRule::UnsupportedKind),
        Content::Media { .. } => None,
        other => other.words().is_none().then_some(IgnoreRule::Empty),
    }
}
