//! Turns that begin with who should do them, and specialists that are asked on the way.

use super::world::{World, calls, colleague, kindly, profile};
use crate::{
    agent::{AgentProfile, DuringTurn},
    conversation::{Effect, Input, Routed, Timer},
    ids::AgentId,
    message::Outcome,
    model::{Completion, Usage},
    routing::{ROUTE, Route},
    specialist::Asked,
    team::HandOff,
    tool::ToolResult,
};

/// An agent at the door, whose routes lead to agent 1.
fn world() -> World {
    let routes = vec![Route { to: colleague(1).id, when: String::new(), examples: Vec::new() }];
    let mut w = World::new(AgentProfile { routes, ..profile() });
    w.others = vec![colleague(1), colleague(2)];
    w
}

fn cost(cost_micros: u64) -> Usage {
    Usage { cost_micros, ..Usage::default() }
}

fn until(w: &mut World, is: impl Fn(&Effect) -> bool) {
    while !w.pending.iter().any(&is) {
        let deadline = |e: &Effect| matches!(e, Effect::SetTimer { timer: Timer::TurnDeadline { .. }, .. });
        let place = w.pending.iter().position(|e| !deadline(e)).expect("something is pending");
        w.answer(place, &kindly);
    }
    w.pending.retain(|e| !is(e));
}

/// Somebody writes, and it is found out who should answer; what the turn's end cost whom.
fn comes(w: &mut World, to: Option<AgentId>) -> Vec<u64> {
    w.say("my invoice is wrong");
    until(w, |e| matches!(e, Effect::Route { .. }));
    let turn = w.state.turn().expect("a turn").no;
    let to = to.map(|to| HandOff { to, name: "Billing".into() });
    paid(w.feed(Input::Routed { turn, routed: Routed { to, usage: cost(5), alike: None } }).effects)
}

fn paid(effects: Vec<Effect>) -> Vec<u64> {
    let paid = |e| if let Effect::ReturnPermit { cost_micros, .. } = e { Some(cost_micros) } else { None };
    effects.into_iter().filter_map(paid).collect()
}

#[test]
fn a_turn_begins_with_who_should_answer_and_stays_with_them() {
    let mut w = world();
    assert_eq!(comes(&mut w, Some(colleague(1).id)), [5], "whoever asked pays for that");
    assert_eq!((w.acting().id, w.snapshot.active), (colleague(1).id, Some(colleague(1).id)));
    let steps = &w.state.turn().expect("the same turn").steps;
    assert_eq!((steps.len(), steps[0].completion.calls[0].name.as_str()), (1, ROUTE), "it is written down");
    w.settle();
    assert_eq!((w.said.len(), &w.outcomes[&1], w.charged), (1, &Outcome::Answered { turn: 1 }, cost(5)));
    w.say("and the next one?");
    until(&mut w, |e| matches!(e, Effect::Retrieve { .. }));
    assert_eq!(w.acting().id, colleague(1).id, "who is not at the door looks nobody up");
}

#[test]
fn where_no_route_fits_the_agent_answers_itself() {
    for to in [None, Some(profile().id), Some(colleague(2).id)] {
        let mut w = world();
        assert_eq!(comes(&mut w, to), Vec::<u64>::new());
        assert_eq!((w.acting().id, w.charged), (profile().id, Usage::default()));
        w.settle();
        assert_eq!((&w.outcomes[&1], w.charged), (&Outcome::Answered { turn: 1 }, cost(5)), "its answer costs more");
        comes(&mut w, Some(colleague(1).id));
        assert_eq!(w.acting().id, colleague(1).id, "the next message may be somebody's");
    }
}

#[test]
fn a_crash_before_or_after_changes_nothing() {
    let mut w = world();
    w.say("my invoice is wrong");
    until(&mut w, |e| matches!(e, Effect::Route { .. }));
    w.crash();
    until(&mut w, |e| matches!(e, Effect::Route { .. }));
    let to = Some(HandOff { to: colleague(1).id, name: "Billing".into() });
    w.feed(Input::Routed { turn: 1, routed: Routed { to, usage: cost(5), alike: None } });
    w.crash();
    assert_eq!(w.acting().id, colleague(1).id);
    w.settle();
    assert_eq!((w.said.len(), &w.outcomes[&1], w.charged), (1, &Outcome::Answered { turn: 1 }, cost(5)));
}

#[test]
fn what_comes_meanwhile_is_answered_with_it_where_that_is_the_policy() {
    for (policy, first) in [
        (DuringTurn::Merge, Outcome::Merged { turn: 1 }),
        (DuringTurn::Interrupt, Outcome::Merged { turn: 2 }),
        (DuringTurn::Queue, Outcome::Answered { turn: 1 }),
    ] {
        let mut w = world();
        w.profile.during_turn = policy;
        w.say("hello");
        until(&mut w, |e| matches!(e, Effect::Route { .. }));
        w.say("and quickly");
        w.feed(Input::Routed { turn: 1, routed: Routed::default() });
        w.settle();
        assert_eq!((&w.outcomes[&1], w.outcomes.len()), (&first, 2), "{policy:?}");
    }
}

#[test]
fn what_a_specialist_costs_is_on_the_bill_of_whoever_asked() {
    let mut w = World::new(profile());
    w.say("what does it cost?");
    until(&mut w, |e| matches!(e, Effect::CallModel { .. }));
    let completion = Completion { usage: cost(10), ..calls(1) };
    w.feed(Input::Completed { turn: 1, step: 0, result: Ok(completion), risks: Vec::new() });
    w.pending.retain(|e| !matches!(e, Effect::RunTool { .. }));
    let asked = Some(Asked { agent: colleague(1).id, usage: cost(7) });
    let result = ToolResult { asked, ..ToolResult::done("Prices says: 12 euros") };
    w.feed(Input::ToolSettled { turn: 1, step: 0, index: 0, result });
    assert_eq!(w.charged, cost(17), "at once, whatever happens then");
    until(&mut w, |e| matches!(e, Effect::CallModel { .. }));
    let answer = Completion { text: "12 euros.".into(), usage: cost(3), ..Completion::default() };
    let end = w.feed(Input::Completed { turn: 1, step: 1, result: Ok(answer), risks: Vec::new() });
    assert_eq!((paid(end.effects), w.charged), (vec![20], cost(20)));
}
