//! A conversation that goes from agent to agent, by examples.

use super::world::{World, calls, colleague, kindly, profile, wishes};
use crate::{
    agent::{AgentProfile, DuringTurn, Refusal},
    conversation::{Effect, Event, Input, Timer},
    ids::AgentId,
    message::Outcome,
    model::{Completion, Usage},
    team::{MOST_HAND_OFFS, Member},
    tool::{ToolResult, ToolStatus},
};

/// The desk (the channel's own), and agents 1 to `n`; everybody may hand to everybody.
fn world(n: u128) -> World {
    let mut w = World::new(AgentProfile { team: everybody(n), ..profile() });
    w.others = (1..=n).map(|k| AgentProfile { team: everybody(n), ..colleague(k) }).collect();
    w
}

fn everybody(n: u128) -> Vec<Member> {
    let all = std::iter::once(profile()).chain((1..=n).map(colleague));
    all.map(|p| Member { agent: p.id, when: String::new() }).collect()
}

fn no(n: u128) -> AgentId {
    colleague(n).id
}

/// Answers what is pending up to the model's next completion; its step.
fn to_model(w: &mut World) -> u32 {
    loop {
        if let Some(Effect::CallModel { step, .. }) = w.pending.iter().find(|e| matches!(e, Effect::CallModel { .. })) {
            return *step;
        }
        let deadline = |e: &Effect| matches!(e, Effect::SetTimer { timer: Timer::TurnDeadline { .. }, .. });
        let place = w.pending.iter().position(|e| !deadline(e)).expect("something is pending");
        w.answer(place, &kindly);
    }
}

/// The model asks that this agent goes on; what it is told.
fn asks_for(w: &mut World, to: AgentId) -> ToolResult {
    let step = to_model(w);
    w.pending.retain(|e| !matches!(e, Effect::CallModel { .. }));
    let turn = w.state.turn().expect("a turn").no;
    let completion = Completion { usage: Usage { cost_micros: 10, ..Usage::default() }, ..calls(1) };
    w.feed(Input::Completed { turn, step, result: Ok(completion), risks: Vec::new() });
    w.pending.retain(|e| !matches!(e, Effect::RunTool { .. }));
    let d = w.feed(Input::ToolSettled { turn, step, index: 0, result: wishes(to) });
    let settled = d.events.into_iter().find_map(|e| match e {
        Event::ToolSettled { result, .. } => Some(result),
        _ => None,
    });
    settled.expect("every call is settled")
}

fn refused(result: &ToolResult) -> Option<&str> {
    match &result.status {
        ToolStatus::Failed { failure } => Some(failure.code.as_str()),
        ToolStatus::Done | ToolStatus::Uncertain { .. } => None,
    }
}

#[test]
fn another_agent_goes_on_with_the_turn_and_keeps_the_conversation() {
    let mut w = world(1);
    w.say("my invoice is wrong");
    assert_eq!(refused(&asks_for(&mut w, no(1))), None);
    assert_eq!((w.acting().id, w.snapshot.active), (no(1), Some(no(1))), "it is written down at once");
    assert!(w.pending.iter().any(|e| matches!(e, Effect::AskPermit { turn: 1 })), "from the other agent's desk");
    to_model(&mut w);
    let turn = w.state.turn().expect("the same turn");
    assert_eq!(
        (turn.no, turn.steps.len(), turn.own_steps()),
        (1, 1, 0),
        "what was done is read, and its own steps begin"
    );
    w.settle();
    assert_eq!((w.said.len(), &w.outcomes[&1]), (1, &Outcome::Answered { turn: 1 }), "one reply");
    w.say("and the next one?");
    assert_eq!(w.acting().id, no(1), "the next turn begins with it");
    w.settle();
    assert_eq!(w.outcomes[&2], Outcome::Answered { turn: 2 });
}

#[test]
fn nobody_gets_it_back_in_the_same_turn_and_hand_offs_end() {
    let mut w = world(5);
    w.say("help");
    assert_eq!(refused(&asks_for(&mut w, profile().id)), Some("hand_off.self"));
    assert_eq!(refused(&asks_for(&mut w, no(9))), Some("hand_off.not_in_team"));
    assert_eq!(refused(&asks_for(&mut w, no(1))), None);
    let back = asks_for(&mut w, profile().id);
    assert_eq!(refused(&back), Some("hand_off.back"));
    assert!(back.content.contains("The conversation stays with you: answer the person."), "{}", back.content);
    assert_eq!(w.acting().id, no(1));
    for next in 2..=3 {
        assert_eq!(refused(&asks_for(&mut w, no(next))), None);
    }
    assert_eq!(w.state.turn().map(|t| t.relays.len()), Some(MOST_HAND_OFFS));
    assert_eq!(refused(&asks_for(&mut w, no(4))), Some("hand_off.too_many"));
    w.settle();
    assert_eq!((w.said.len(), &w.outcomes[&1]), (1, &Outcome::Answered { turn: 1 }));
    w.say("again");
    assert_eq!(refused(&asks_for(&mut w, no(1))), None, "in another turn it may");
}

#[test]
fn each_agent_is_charged_for_its_own_part() {
    let mut w = world(2);
    w.say("help");
    let charged = |w: &mut World, input| {
        let effects = w.feed(input).effects;
        effects
            .into_iter()
            .find_map(|e| if let Effect::ReturnPermit { cost_micros, .. } = e { Some(cost_micros) } else { None })
    };
    asks_for(&mut w, no(1));
    let step = to_model(&mut w);
    let usage = Usage { cost_micros: 7, ..Usage::default() };
    let completion = Completion { text: "Here it is.".into(), usage, ..Completion::default() };
    let done = Input::Completed { turn: 1, step, result: Ok(completion), risks: Vec::new() };
    assert_eq!(charged(&mut w, done), Some(7), "the other 10 are the desk's");
    assert_eq!(w.charged.cost_micros, 17);
}

#[test]
fn a_crash_after_a_hand_off_leaves_the_turn_with_the_other_agent() {
    let mut w = world(1);
    w.say("help");
    asks_for(&mut w, no(1));
    w.crash();
    assert_eq!(w.acting().id, no(1));
    assert_eq!(refused(&asks_for(&mut w, profile().id)), Some("hand_off.back"), "who had it is known, too");
    w.settle();
    assert_eq!((w.said.len(), &w.outcomes[&1]), (1, &Outcome::Answered { turn: 1 }));
}

#[test]
fn an_agent_that_is_switched_off_gives_the_conversation_back() {
    let mut w = world(1);
    w.say("help");
    asks_for(&mut w, no(1));
    w.settle();
    w.say("still there?");
    while w.state.turn().is_none() {
        w.answer(0, &kindly);
    }
    w.pending.retain(|e| !matches!(e, Effect::AskPermit { .. }));
    w.feed(Input::PermitRefused { turn: 2, why: Refusal::AgentDisabled });
    assert_eq!(w.acting().id, profile().id);
    w.settle();
    assert_eq!(w.outcomes[&2], Outcome::Answered { turn: 2 }, "the channel's own agent answers");
    assert_eq!(w.snapshot.active, None);
}

#[test]
fn a_person_of_the_team_says_which_agent_has_it() {
    let mut w = world(1);
    w.say("help");
    w.settle();
    w.feed(Input::AgentChosen { agent: Some(no(1)) });
    assert_eq!(w.snapshot.active, Some(no(1)));
    w.feed(Input::AgentChosen { agent: Some(profile().id) });
    assert_eq!(w.snapshot.active, None, "the channel's own is none, so that the channel's next one follows it");
    let version = w.version;
    w.feed(Input::AgentChosen { agent: None });
    assert_eq!(w.version, version, "nothing changes");
}

#[test]
fn what_came_meanwhile_is_read_by_whoever_has_it_then() {
    for (policy, first) in
        [(DuringTurn::Merge, Outcome::Merged { turn: 1 }), (DuringTurn::Interrupt, Outcome::Merged { turn: 2 })]
    {
        let mut w = world(1);
        w.profile.during_turn = policy;
        w.others[0].during_turn = policy;
        w.say("help");
        let step = to_model(&mut w);
        w.pending.retain(|e| !matches!(e, Effect::CallModel { .. }));
        w.feed(Input::Completed { turn: 1, step, result: Ok(calls(1)), risks: Vec::new() });
        w.pending.retain(|e| !matches!(e, Effect::RunTool { .. }));
        w.say("and quickly");
        w.feed(Input::ToolSettled { turn: 1, step, index: 0, result: wishes(no(1)) });
        w.settle();
        assert_eq!((w.acting().id, &w.outcomes[&1]), (no(1), &first), "{policy:?}");
        assert_eq!(w.said.len(), 1, "{policy:?}");
    }
}

#[test]
fn the_durable_form_of_a_handed_conversation_keeps_its_shape() {
    let mut w = world(1);
    w.say("help");
    asks_for(&mut w, no(1));
    // A change here is a new version of the snapshot: old rows must still load.
    insta::assert_json_snapshot!(w.snapshot);
}
