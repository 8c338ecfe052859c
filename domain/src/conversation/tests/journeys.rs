//! A model that goes through a journey, and one that would rather not.

use super::world::{World, kindly, profile};
use crate::{
    agent::{AgentProfile, Approvals},
    approval::{Origin, Risk, Taint},
    conversation::{Effect, Event, Input, Timer},
    failure::Failure,
    journey::{BEGIN, FILL, LEAVE, TravelState, tests::table},
    model::Completion,
    tool::{ToolCall, ToolResult, ToolStatus},
};
use proptest::prelude::*;

fn world() -> World {
    let mut agent = AgentProfile { journeys: vec![table()], ..profile() };
    agent.limits.max_steps = 40;
    World::new(agent)
}

fn call(name: &str, arguments: &str) -> ToolCall {
    ToolCall { id: "c".into(), name: name.into(), arguments: arguments.into() }
}

fn to_model(w: &mut World) -> (u32, u32) {
    loop {
        if let Some(Effect::CallModel { turn, step }) =
            w.pending.iter().find(|e| matches!(e, Effect::CallModel { .. })).cloned()
        {
            w.pending.retain(|e| !matches!(e, Effect::CallModel { .. }));
            return (turn, step);
        }
        let deadline = |e: &Effect| matches!(e, Effect::SetTimer { timer: Timer::TurnDeadline { .. }, .. });
        let place = w.pending.iter().position(|e| !deadline(e)).expect("something is pending");
        w.answer(place, &kindly);
    }
}

/// The model makes these calls in one completion; what is settled at once: code of the failure, or nothing.
fn makes(w: &mut World, calls: &[ToolCall], risks: Vec<Risk>) -> Vec<Option<String>> {
    let (turn, step) = to_model(w);
    let completion = Completion { calls: calls.to_vec(), ..Completion::default() };
    let decision = w.feed(Input::Completed { turn, step, result: Ok(completion), risks });
    let settled = decision.events.into_iter().filter_map(|e| match e {
        Event::ToolSettled { result, .. } => Some(match result.status {
            ToolStatus::Failed { failure } | ToolStatus::Uncertain { failure } => Some(failure.code),
            ToolStatus::Done => None,
        }),
        _ => None,
    });
    settled.collect()
}

fn one(w: &mut World, name: &str, arguments: &str) -> Option<String> {
    makes(w, &[call(name, arguments)], Vec::new()).pop().expect("it is settled at once")
}

/// The calls that run, with their arguments.
fn runs(w: &World) -> Vec<String> {
    let run = |e: &Effect| match e {
        Effect::RunTool { call, .. } => Some(format!("{} {}", call.name, call.arguments)),
        _ => None,
    };
    w.pending.iter().filter_map(run).collect()
}

const FILL_ALL: &str = r#"{"people": 4, "wishes": "a window"}"#;

#[test]
fn the_tool_runs_when_all_is_known_and_with_what_the_slots_hold() {
    let mut w = world();
    w.say("a table for four by the window");
    assert_eq!(one(&mut w, "book", r#"{"people": 4}"#).as_deref(), Some("journey.not_begun"));
    assert_eq!(one(&mut w, BEGIN, r#"{"journey": "flat"}"#).as_deref(), Some("journey.unknown"));
    assert_eq!(one(&mut w, BEGIN, r#"{"journey": "table"}"#), None);
    assert_eq!(one(&mut w, BEGIN, r#"{"journey": "table"}"#).as_deref(), Some("journey.under_way"));
    assert_eq!(one(&mut w, "book", "{}").as_deref(), Some("journey.not_yet"));
    assert_eq!(one(&mut w, FILL, "oops").as_deref(), Some("journey.arguments"));
    assert_eq!(one(&mut w, FILL, r#"{"people": "many"}"#).as_deref(), Some("journey.refused"));
    let both = makes(&mut w, &[call(FILL, FILL_ALL), call("book", "{}")], Vec::new());
    assert_eq!(both, [None, Some("journey.not_yet".to_owned())], "what is offered is what was there before");
    assert_eq!(runs(&w), Vec::<String>::new());
    let twice = [call("book", r#"{"people": 400}"#), call("book", "{}"), call(FILL, r#"{"people": 5}"#)];
    let refused = makes(&mut w, &twice, Vec::new());
    assert_eq!(refused, [Some("journey.not_yet".to_owned()), Some("journey.busy".to_owned())]);
    assert_eq!(runs(&w), [r#"book {"people":4,"wishes":"a window"}"#]);
    let (turn, step) = to_model(&mut w);
    assert_eq!(
        (&w.state.travels[0].state, w.state.to_say.as_slice()),
        (&TravelState::Over, ["Thank them".to_owned()].as_slice())
    );
    w.feed(Input::Completed { turn, step, result: Ok(words()), risks: Vec::new() });
    assert_eq!((w.said.len(), w.state.to_say.len()), (1, 0), "it is told once");
    w.settle();
}

fn words() -> Completion {
    Completion { text: "Thank you.".into(), ..Completion::default() }
}

#[test]
fn a_crash_loses_nothing_of_a_journey() {
    let mut w = world();
    w.say("a table");
    one(&mut w, BEGIN, r#"{"journey": "table"}"#);
    one(&mut w, FILL, FILL_ALL);
    w.crash();
    assert!(w.state.travels[0].call(&table()).is_some());
    makes(&mut w, &[call("book", "{}")], Vec::new());
    w.crash();
    assert!(to_model(&mut w).1 > 0, "the call is settled");
    assert_eq!(w.state.travels[0].state, TravelState::Over);
    insta::assert_json_snapshot!(w.snapshot.travels);
}

#[test]
fn who_leaves_finds_again_what_was_there() {
    let mut w = world();
    w.say("a table");
    assert_eq!(one(&mut w, LEAVE, "{}").as_deref(), Some("journey.not_begun"));
    one(&mut w, BEGIN, r#"{"journey": "table"}"#);
    one(&mut w, FILL, r#"{"people": 4}"#);
    assert_eq!(one(&mut w, LEAVE, r#"{"reason": "not now"}"#), None);
    assert_eq!(one(&mut w, FILL, "{}").as_deref(), Some("journey.not_begun"));
    assert_eq!(one(&mut w, BEGIN, r#"{"journey": "table"}"#), None);
    assert_eq!((w.state.travels.len(), w.state.travels[0].slots.len()), (1, 1));
}

#[test]
fn a_call_that_fails_leaves_the_step_where_it_is() {
    let mut w = world();
    w.say("a table");
    one(&mut w, BEGIN, r#"{"journey": "table"}"#);
    one(&mut w, FILL, FILL_ALL);
    makes(&mut w, &[call("book", "{}")], Vec::new());
    let turn = w.state.turn().expect("a turn");
    let (turn, step) = (turn.no, turn.next_step() - 1);
    w.pending.retain(|e| !matches!(e, Effect::RunTool { .. }));
    let result = ToolResult::failed(Failure::reject("full", "no table is free"));
    w.feed(Input::ToolSettled { turn, step, index: 0, result });
    assert!(w.state.travels[0].call(&table()).is_some());
    assert_eq!(one(&mut w, FILL, r#"{"people": 3}"#), None, "they take another one");
}

#[test]
fn what_a_document_brought_into_a_slot_makes_the_call_wait_for_a_person() {
    for (policy, held) in [(Approvals::Tainted, 1), (Approvals::Never, 0)] {
        let mut w = world();
        w.profile.approvals = policy;
        w.say("a table");
        one(&mut w, BEGIN, r#"{"journey": "table"}"#);
        let taints = vec![Taint { argument: "wishes".into(), origin: Origin::Reply }];
        let filled = makes(&mut w, &[call(FILL, FILL_ALL)], vec![Risk { index: 0, taints }]);
        assert_eq!(filled, [None], "filling in itself waits for nobody");
        let told = w.state.turn().and_then(|t| t.results().last()).map(str::to_owned).expect("a result");
        assert_eq!(told, "Filled in: people = 4, wishes = as given.");
        makes(&mut w, &[call("book", "{}")], vec![Risk { index: 0, taints: Vec::new() }]);
        assert_eq!((w.approvals.len(), runs(&w).len()), (held, 1 - held));
    }
}

#[test]
fn journeys_of_one_agent_are_nobody_elses() {
    let mut w = world();
    w.say("a table");
    one(&mut w, BEGIN, r#"{"journey": "table"}"#);
    let other = super::world::colleague(1);
    assert!(w.state.travels_of(other.id).is_empty());
    w.profile.journeys.clear();
    assert_eq!(makes(&mut w, &[call("book", "{}"), call(FILL, "{}")], Vec::new()), Vec::<Option<String>>::new());
    assert_eq!(runs(&w).len(), 2, "without journeys they are calls as others are");
}

#[derive(Debug, Clone)]
enum Op {
    Say,
    Call(Vec<(usize, usize)>),
    Answer(usize),
    Crash,
    TakeOver,
    Return,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        2 => Just(Op::Say),
        6 => prop::collection::vec((0_usize..5, 0_usize..6), 1..4).prop_map(Op::Call),
        5 => (0_usize..6).prop_map(Op::Answer),
        1 => Just(Op::Crash),
        1 => Just(Op::TakeOver),
        1 => Just(Op::Return),
    ]
}

fn drawn(which: usize, what: usize) -> ToolCall {
    let fills =
        [FILL_ALL, r#"{"people": 12}"#, r#"{"phone": "0612345678"}"#, "{}", "[", r#"{"people": -1, "wishes": ""}"#];
    match which {
        0 => call(BEGIN, r#"{"journey": "table"}"#),
        1 => call(LEAVE, "{}"),
        2 => call("book", r#"{"people": 400}"#),
        _ => call(FILL, fills[what]),
    }
}

proptest! {
    /// Whatever the model calls, whatever crashes: the booking runs only where the size is known, with a number to call if
    /// it is large, after the wishes were asked for, and once for each time that the journey is gone through.
    #[test]
    fn no_words_of_a_model_lead_past_a_step(ops in prop::collection::vec(op(), 1..60)) {
        let mut w = world();
        for op in ops {
            match op {
                Op::Say => _ = w.say("a table"),
                Op::Call(calls) => {
                    let Some(Effect::CallModel { turn, step }) =
                        w.pending.iter().find(|e| matches!(e, Effect::CallModel { .. })).cloned() else { continue };
                    w.pending.retain(|e| !matches!(e, Effect::CallModel { .. }));
                    let before = w.state.travels.clone();
                    let calls = calls.into_iter().map(|(which, what)| drawn(which, what)).collect();
                    let completion = Completion { calls, ..Completion::default() };
                    let decision = w.feed(Input::Completed { turn, step, result: Ok(completion), risks: Vec::new() });
                    let booked: Vec<&ToolCall> = decision.effects.iter().filter_map(|e| match e {
                        Effect::RunTool { call, .. } => Some(call),
                        _ => None,
                    }).collect();
                    prop_assert!(booked.len() <= 1, "{:?}", booked);
                    for call in booked {
                        prop_assert_eq!(&call.name, "book");
                        let travel = before.iter().find(|t| t.is_under_way()).expect("it is under way");
                        let text = |name: &str| travel.slots.get(name).map(|f| f.value.to_string());
                        let people = text("people").expect("the size is known");
                        prop_assert!(people != "12" || text("phone").is_some(), "{:?}", travel);
                        prop_assert!(travel.passed.contains("wishes") && !travel.done.contains("book"));
                        prop_assert!(call.arguments.contains(&format!("\"people\":{people}")), "{}", call.arguments);
                    }
                }
                Op::Answer(place) if !w.pending.is_empty() => w.answer(place, &kindly),
                Op::Answer(_) => {}
                Op::Crash => w.crash(),
                Op::TakeOver => _ = w.feed(Input::TakenOver { reason: "an operator".into() }),
                Op::Return => _ = w.feed(Input::Returned),
            }
            prop_assert!(w.state.travels.len() <= 1, "one for each journey");
        }
        w.settle();
        prop_assert_eq!(w.outcomes.len(), w.inbox.len());
    }
}
