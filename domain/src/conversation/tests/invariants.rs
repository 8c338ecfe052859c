//! Whatever happens in whatever order: one outcome each, no call begun twice, and rest in the end.

use super::world::{World, calls, colleague, kindly, profile, reserved, wishes};
use crate::{
    agent::{AgentProfile, Approvals, DuringTurn, Refusal},
    approval::{Risk, Verdict},
    conversation::{Effect, Input, NewMessage, Routed},
    disclosure::Disclosure,
    failure::Failure,
    message::{Content, MediaKind, Outcome},
    model::{Speaker, Usage},
    routing::Route,
    team::{HandOff, Member},
    tool::ToolResult,
};
use proptest::prelude::*;
use std::time::Duration;

#[derive(Debug, Clone)]
enum Op {
    Say(u8),
    Answer { place: usize, how: u8 },
    Wait(u64),
    Crash,
    Interrupt { back: u32, all: bool },
    TakeOver,
    Return,
    Poison,
    Rule(bool),
    LookAtRulings,
    Undo(usize),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (0_u8..8).prop_map(Op::Say),
        10 => (0_usize..8, 0_u8..10).prop_map(|(place, how)| Op::Answer { place, how }),
        2 => (0_u64..400).prop_map(Op::Wait),
        1 => Just(Op::Crash),
        1 => (0_u32..3, any::<bool>()).prop_map(|(back, all)| Op::Interrupt { back, all }),
        1 => Just(Op::TakeOver),
        1 => Just(Op::Return),
        1 => Just(Op::Poison),
        2 => any::<bool>().prop_map(Op::Rule),
        1 => Just(Op::LookAtRulings),
        2 => any::<usize>().prop_map(Op::Undo),
    ]
}

fn content(which: u8) -> Content {
    match which {
        0 => Content::Signal { signal: "reaction".into() },
        1 => Content::Echo { text: None },
        2 => Content::Media { media: MediaKind::Image, caption: None, reference: None, mime: None, name: None },
        3 => Content::Media { media: MediaKind::Voice, caption: None, reference: None, mime: None, name: None },
        _ => Content::text("what are your prices?"),
    }
}

/// Ten ways to answer: mostly kindly, sometimes not.
fn answer(how: u8, effect: &Effect) -> Option<Input> {
    let trouble = || Failure::retry("test.trouble", "drawn");
    match (how, effect) {
        (0..=2, Effect::Listen { message }) => Some(Input::Heard { message: *message, result: Err(trouble()) }),
        (0, Effect::AskPermit { turn }) => Some(Input::PermitRefused { turn: *turn, why: Refusal::AgentDisabled }),
        (0, Effect::Retrieve { turn }) => {
            Some(Input::Retrieved { turn: *turn, rewriting: Usage::default(), result: Err(trouble()) })
        }
        (0, Effect::CallModel { turn, step }) => {
            Some(Input::Completed { turn: *turn, step: *step, result: Err(trouble()), risks: Vec::new() })
        }
        (1..=4, Effect::CallModel { turn, step }) => {
            let risks = (0..u32::from(how % 3)).map(|index| Risk { index, taints: Vec::new() }).collect();
            Some(Input::Completed { turn: *turn, step: *step, result: Ok(calls(how as usize % 3 + 1)), risks })
        }
        (0, Effect::RunTool { turn, step, index, .. }) => {
            let result = ToolResult::uncertain(trouble());
            Some(Input::ToolSettled { turn: *turn, step: *step, index: *index, result })
        }
        (1, Effect::RunTool { turn, step, index, .. }) => {
            let mut result = ToolResult::done("calling a person");
            result.hand_over = Some("asked for a person".into());
            Some(Input::ToolSettled { turn: *turn, step: *step, index: *index, result })
        }
        (1..=4, Effect::Route { turn }) => {
            let to = [profile().id, colleague(1).id, colleague(2).id, colleague(3).id][how as usize - 1];
            let to = Some(HandOff { to, name: "a colleague".into() });
            Some(Input::Routed { turn: *turn, routed: Routed { to, usage: Usage::default(), alike: None } })
        }
        // To oneself, to a colleague, to somebody who is not there.
        (2..=4, Effect::RunTool { turn, step, index, .. }) => {
            let to = [profile().id, colleague(1).id, colleague(2).id, colleague(3).id];
            let result = wishes(to[(how as usize + *step as usize + *index as usize) % to.len()]);
            Some(Input::ToolSettled { turn: *turn, step: *step, index: *index, result })
        }
        (5 | 6, Effect::RunTool { turn, step, index, .. }) => {
            Some(Input::ToolSettled { turn: *turn, step: *step, index: *index, result: reserved(how == 5) })
        }
        (7, Effect::RunTool { turn, step, index, .. }) => {
            let result = ToolResult::failed(trouble());
            Some(Input::ToolSettled { turn: *turn, step: *step, index: *index, result })
        }
        _ => kindly(effect),
    }
}

fn policy() -> impl Strategy<Value = DuringTurn> {
    prop_oneof![Just(DuringTurn::Queue), Just(DuringTurn::Merge), Just(DuringTurn::Interrupt), Just(DuringTurn::Reject),]
}

fn apply(w: &mut World, op: Op) {
    match op {
        Op::Say(which) => _ = w.arrive(content(which)),
        Op::Answer { place, how } if !w.pending.is_empty() => w.answer(place, &|e| answer(how, e)),
        Op::Answer { .. } => {}
        Op::Wait(ms) => w.now = w.now + Duration::from_millis(ms),
        Op::Crash => w.crash(),
        Op::Interrupt { back, all } => {
            let heard = if all { String::new() } else { "We open…".into() };
            w.feed(Input::Interrupted { turn: w.state.next_turn.saturating_sub(back), heard });
        }
        Op::TakeOver => _ = w.feed(Input::TakenOver { reason: "an operator".into() }),
        Op::Return => _ = w.feed(Input::Returned),
        Op::Rule(true) => _ = w.rule(Verdict::Approved),
        Op::Rule(false) => _ = w.rule(Verdict::Denied { reason: None }),
        Op::LookAtRulings => _ = w.look_at_rulings(),
        Op::Undo(which) => {
            let place =
                (!w.undoable.is_empty()).then(|| *w.undoable.keys().nth(which % w.undoable.len()).expect("one"));
            _ = place.map(|place| w.have_undone(place));
        }
        Op::Poison => _ = w.feed(Input::Poisoned { cause: Failure::fatal("test.poison", "drawn") }),
    }
}

proptest! {
    // `World` itself refuses a loop of hand-offs, a call that runs without a person's word where one is needed, one that is
    // undone without having been done, and one that is undone twice.
    // req: C-ACT-1
    #[test]
    fn every_message_ends_once_and_no_call_is_begun_twice(
        policy in policy(),
        approvals in prop_oneof![Just(Approvals::Never), Just(Approvals::Unsafe)],
        spoken in any::<bool>(),
        routed in any::<bool>(),
        ops in prop::collection::vec(op(), 1..80),
    ) {
        let team: Vec<Member> =
            [profile(), colleague(1), colleague(2)].map(|p| Member { agent: p.id, when: String::new() }).into();
        let with = |p: AgentProfile| AgentProfile { during_turn: policy, approvals, team: team.clone(), ..p };
        let route = |n| Route { to: colleague(n).id, when: String::new(), examples: Vec::new() };
        let routes = if routed { vec![route(1), route(2)] } else { Vec::new() };
        let own = AgentProfile { routes, ..with(profile()) };
        let mut w = if spoken { World::spoken(own) } else { World::new(own) };
        w.others = vec![with(colleague(1)), with(colleague(2))];
        for op in ops {
            apply(&mut w, op);
            // `World` itself refuses a second outcome and a second result of a call.
            let open = w.state.turn().map_or(0, |t| t.items.len()) + w.state.waiting.len();
            prop_assert_eq!(w.outcomes.len() + open, w.inbox.len(), "a message is nowhere or twice");
            for (call, runs) in &w.begun {
                prop_assert!(*runs <= 1, "call {:?} was begun {} times without being marked as resumed", call, runs);
            }
        }
        // Until nobody has anything left to decide; what a crash or a takeover left over is looked at again.
        w.settle();
        while w.rule(Verdict::Approved).is_some() {
            w.settle();
        }
        w.look_at_rulings();
        w.settle();
        for row in &w.approvals {
            prop_assert!(row.taken.is_some() && row.ended, "{:?} was not taken up", row);
            let ran = row.outcome.is_some();
            prop_assert!(!ran || row.verdict == Some(Verdict::Approved) || row.taken == Some(None), "{:?}", row);
        }
        for (call, keys) in &w.keys {
            prop_assert_eq!(keys.len(), 1, "call {:?} has several keys", call);
        }
        prop_assert!(w.state.held.is_empty() && w.state.ruled.is_empty());
        prop_assert_eq!(w.outcomes.len(), w.inbox.len());
        prop_assert!(w.state.is_quiescent());
        let dead = w.outcomes.values().filter(|o| matches!(o, Outcome::DeadLettered { .. })).count();
        prop_assert_eq!(dead, w.dead, "each dead letter has its row");
    }

    #[test]
    fn a_crash_at_any_moment_changes_no_outcome_of_kind_answers(
        texts in prop::collection::vec(0_u64..250, 1..8),
        crashes in prop::collection::vec(any::<bool>(), 64),
    ) {
        let run = |crash: bool| {
            let mut w = World::new(profile());
            for wait in &texts {
                w.say("what are your prices?");
                w.now = w.now + Duration::from_millis(*wait);
            }
            let mut crashes = crashes.iter();
            while let Some(place) = (!w.pending.is_empty()).then_some(0) {
                if crash && crashes.next().copied().unwrap_or(false) {
                    w.crash();
                } else {
                    w.answer(place, &kindly);
                }
            }
            w.settle();
            w.outcomes.len()
        };
        prop_assert_eq!(run(true), run(false));
    }

    // Crashes, repeated work and people of the team in between: the first words of the agent say it, and no others do.
    #[test]
    fn that_a_machine_speaks_is_said_once_and_first(ops in prop::collection::vec(op(), 1..60)) {
        let mut w = World::new(AgentProfile { disclosure: Some(Disclosure::default()), ..profile() });
        for op in ops {
            apply(&mut w, op);
        }
        w.settle();
        let tells = |m: &NewMessage| m.text.contains("You are talking to an AI assistant.");
        let said: Vec<bool> = w.said.iter().filter(|m| m.speaker == Speaker::Agent).map(tells).collect();
        prop_assert!(said.iter().enumerate().all(|(n, tells)| *tells == (n == 0)), "{:?}", w.said);
        prop_assert!(w.said.iter().filter(|m| m.speaker != Speaker::Agent).all(|m| !tells(m)));
    }

    #[test]
    fn replies_come_in_order_of_turns(ops in prop::collection::vec(op(), 1..60)) {
        let mut w = World::new(profile());
        for op in ops {
            apply(&mut w, op);
        }
        w.settle();
        let turns: Vec<_> = w.said.iter().filter_map(|m| m.turn).collect();
        prop_assert!(turns.windows(2).all(|t| t[0] < t[1]), "{:?}", turns);
        let answered: Vec<_> = w.outcomes.values().filter_map(|o| match o {
            Outcome::Answered { turn } | Outcome::Merged { turn } if *turn > 0 => Some(*turn),
            _ => None,
        }).collect();
        prop_assert!(answered.windows(2).all(|t| t[0] <= t[1]), "an earlier message was answered later: {:?}", answered);
    }
}
