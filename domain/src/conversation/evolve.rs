//! Applies events. Never decides anything: an event that does not fit changes nothing.

use super::{
    event::Event,
    state::{Conversation, Gathering, Mode, Phase, Stage, Turn},
};
use crate::{
    approval::{Held, Ruling, Undoing, Verdict},
    disclosure::Disclosed,
    ids::{Seq, TurnNo},
    message::InboxItem,
    model::{Step, Usage},
    time::Timestamp,
};

#[must_use]
pub fn evolve(mut c: Conversation, event: &Event) -> Conversation {
    apply(&mut c, event);
    c
}

/// [`evolve`] without moving the state.
pub(super) fn apply(c: &mut Conversation, event: &Event) {
    match event {
        Event::Admitted { items, at } => admit(c, items, *at),
        Event::ListeningBegan { messages } => c.listening.extend(messages),
        Event::Heard { message, heard, .. } => {
            c.listening.retain(|m| m != message);
            if let Some(item) = c.waiting.iter_mut().find(|i| i.seq == *message) {
                item.heard = Some(heard.clone());
            }
        }
        Event::LanguageSettled { language } => c.language = Some(*language),
        Event::Disclosed { at } => c.disclosed = Some(Disclosed { at: *at, person_since: false }),
        Event::Dismissed { seqs, .. } | Event::Noticed { seqs, .. } => drop_waiting(c, seqs),
        Event::TurnOpened { turn, at } => {
            let items = std::mem::take(&mut c.waiting);
            open(c, *turn, *at, (items, None));
        }
        Event::RulingOpened { turn, at } => {
            if !c.ruled.is_empty() {
                let ruling = c.ruled.remove(0);
                open(c, *turn, *at, (Vec::new(), Some(ruling)));
            }
        }
        Event::ApprovalRequested { place, call, .. } => c.held.push(Held { place: *place, call: call.clone() }),
        Event::UndoOrdered { undoing, last_inbound_at, .. } => {
            let Undoing { place, key, call } = undoing.clone();
            let (verdict, last_inbound_at) = (Verdict::Approved, *last_inbound_at);
            c.ruled.push(Ruling { place, key, call, verdict, last_inbound_at });
        }
        Event::Ruled(rulings) => c.ruled.extend(rulings.iter().cloned()),
        Event::RulingTaken { place, .. } => {
            c.held.retain(|h| h.place != *place);
            c.ruled.retain(|r| r.place != *place);
        }
        Event::TurnJoined { .. } => {
            let joined = std::mem::take(&mut c.waiting);
            with_turn(c, |t| {
                t.items.extend(joined);
                t.passages.clear();
                t.stage = Stage::Retrieving;
            });
        }
        Event::RetrievalRestarted { .. } => with_turn(c, |t| t.stage = Stage::Retrieving),
        Event::TurnAbandoned { at, .. } => abandon(c, *at),
        Event::PermitGranted { .. } => with_turn(c, |t| {
            t.stage = if t.unsettled().next().is_some() { Stage::Acting } else { Stage::Retrieving };
        }),
        Event::PermitRefused { why, .. } => with_turn(c, |t| t.stage = Stage::Refused(*why)),
        Event::RoutingBegun { .. } => with_turn(c, |t| t.stage = Stage::Routing),
        Event::RoutedToItself { usage, .. } => with_turn(c, |t| {
            t.rewriting += *usage;
            t.stage = Stage::Retrieving;
        }),
        Event::PassagesFound { passages, rewriting, .. } => with_turn(c, |t| {
            t.passages.clone_from(passages);
            t.rewriting += *rewriting;
            t.stage = Stage::Thinking { step: t.next_step() };
        }),
        Event::StepCompleted { step, completion, .. } => with_turn(c, |t| {
            let results = vec![None; completion.calls.len()];
            t.rewriting = Usage::default();
            t.steps.push(Step { no: *step, completion: completion.clone(), results });
            t.stage = Stage::Acting;
        }),
        Event::ToolSettled { index, result, .. } => {
            c.undoable |= result.undo.is_some();
            with_turn(c, |t| {
                if let Some(place) = t.steps.last_mut().and_then(|s| s.results.get_mut(*index as usize)) {
                    *place = Some(result.clone());
                }
                if t.unsettled().next().is_none() {
                    t.stage = Stage::Thinking { step: t.next_step() };
                }
            });
        }
        Event::Replied { .. } => {
            c.to_say.clear();
            end_turn(c);
        }
        Event::TurnEnded { .. } => end_turn(c),
        Event::Travelled { travel, say } => {
            c.travels.retain(|t| (t.agent, &t.journey) != (travel.agent, &travel.journey));
            c.travels.push(travel.clone());
            c.to_say.extend(say.iter().cloned());
        }
        Event::HandedOff { to, relay, .. } => {
            c.active = *to;
            with_turn(c, |t| {
                t.relays.push(*relay);
                // The next agent knows other things.
                t.passages.clear();
                t.stage = Stage::AwaitingPermit;
            });
        }
        Event::AgentChosen { agent } => c.active = *agent,
        Event::CutShort { .. } | Event::LeftUnanswered { .. } | Event::Wrote(_) => {}
        Event::ModeChanged { mode, .. } => {
            if let (Mode::Operator { .. }, Some(told)) = (mode, &mut c.disclosed) {
                told.person_since = true;
            }
            c.mode = mode.clone();
        }
    }
}

/// A turn that answers messages, or carries out a ruling.
fn open(c: &mut Conversation, no: TurnNo, at: Timestamp, (items, ruling): (Vec<InboxItem>, Option<Ruling>)) {
    c.next_turn = no + 1;
    c.phase = Phase::Turn(Turn {
        no,
        items,
        ruling: ruling.map(Box::new),
        passages: Vec::new(),
        rewriting: Usage::default(),
        steps: Vec::new(),
        stage: Stage::AwaitingPermit,
        relays: Vec::new(),
        started_at: at,
        resumed: false,
    });
}

fn admit(c: &mut Conversation, items: &[InboxItem], at: Timestamp) {
    c.seen = items.iter().map(|i| i.seq).max().unwrap_or(0).max(c.seen);
    c.waiting.extend(items.iter().cloned());
    match &mut c.phase {
        Phase::Idle => c.phase = Phase::Gathering(Gathering { first_at: at, last_at: at }),
        Phase::Gathering(g) => g.last_at = at,
        Phase::Turn(_) => {}
    }
}

fn drop_waiting(c: &mut Conversation, seqs: &[Seq]) {
    c.waiting.retain(|i| !seqs.contains(&i.seq));
    if c.waiting.is_empty() && matches!(c.phase, Phase::Gathering(_)) {
        c.phase = Phase::Idle;
    }
}

fn abandon(c: &mut Conversation, at: Timestamp) {
    if let Phase::Turn(t) = std::mem::replace(&mut c.phase, Phase::Gathering(Gathering { first_at: at, last_at: at })) {
        let mut items = t.items;
        items.append(&mut c.waiting);
        c.waiting = items;
    }
}

fn end_turn(c: &mut Conversation) {
    // Messages that came during the turn have waited long enough: their burst began when the first of them came.
    c.phase = match (c.waiting.first(), c.waiting.last()) {
        (Some(first), Some(last)) => {
            Phase::Gathering(Gathering { first_at: first.received_at, last_at: last.received_at })
        }
        _ => Phase::Idle,
    };
}

fn with_turn(c: &mut Conversation, f: impl FnOnce(&mut Turn)) {
    if let Phase::Turn(t) = &mut c.phase {
        f(t);
    }
}
