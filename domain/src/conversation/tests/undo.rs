//! What was done is undone: when its turn fails, or when a person says so.

use super::world::{World, calls, kindly, profile, reserved};
use crate::{
    approval::{CallPlace, Outcome as CallOutcome},
    conversation::{Effect, Input, Mode, Timer},
    failure::Failure,
    message::Outcome,
    tool::ToolResult,
};

const DONE: CallPlace = CallPlace { turn: 1, step: 0, index: 0 };

const fn is_deadline(effect: &Effect) -> bool {
    matches!(effect, Effect::SetTimer { timer: Timer::TurnDeadline { .. }, .. })
}

/// Answers everything kindly until this effect waits.
fn until(w: &mut World, is: impl Fn(&Effect) -> bool) {
    while !w.pending.iter().any(&is) {
        let place = w.pending.iter().position(|e| !is_deadline(e)).expect("something is pending");
        w.answer(place, &kindly);
    }
}

/// The model asks for so many calls.
fn acts(w: &mut World, count: usize) {
    w.say("a table for two");
    until(w, |e| matches!(e, Effect::CallModel { .. }));
    let turn = w.state.turn().expect("a turn").no;
    w.pending.retain(|e| !matches!(e, Effect::CallModel { .. }));
    w.feed(Input::Completed { turn, step: 0, result: Ok(calls(count)), risks: Vec::new() });
}

fn settles(w: &mut World, place: CallPlace, result: ToolResult) {
    let CallPlace { turn, step, index } = place;
    let it = |e: &Effect| matches!(e, Effect::RunTool { turn: t, step: s, index: i, .. } if (*t, *s, *i) == (turn, step, index));
    w.pending.retain(|e| !it(e));
    w.feed(Input::ToolSettled { turn, step, index, result });
}

fn model_fails(w: &mut World) {
    until(w, |e| matches!(e, Effect::CallModel { .. }));
    let place = w.pending.iter().position(|e| matches!(e, Effect::CallModel { .. })).expect("it waits");
    w.answer(place, &|e| match e {
        Effect::CallModel { turn, step } => {
            let result = Err(Failure::reject("model.refused", "no"));
            Some(Input::Completed { turn: *turn, step: *step, result, risks: Vec::new() })
        }
        _ => None,
    });
}

/// The calls that run: tool, arguments.
fn runs(w: &World) -> Vec<(&str, &str)> {
    let called = w.pending.iter().filter_map(|e| if let Effect::RunTool { call, .. } = e { Some(call) } else { None });
    called.map(|call| (call.name.as_str(), call.arguments.as_str())).collect()
}

#[test]
fn what_a_turn_did_is_undone_when_it_fails_the_last_first() {
    let mut w = World::new(profile());
    acts(&mut w, 4);
    settles(&mut w, DONE, reserved(true));
    settles(&mut w, CallPlace { index: 1, ..DONE }, reserved(false));
    settles(&mut w, CallPlace { index: 2, ..DONE }, ToolResult::failed(Failure::reject("tool.refused", "no")));
    settles(&mut w, CallPlace { index: 3, ..DONE }, reserved(true));
    model_fails(&mut w);
    assert!(matches!(w.outcomes[&1], Outcome::DeadLettered { .. }));
    let ordered: Vec<_> = w.undone().iter().map(|row| row.asked.place.undone().expect("an undo").index).collect();
    assert_eq!(ordered, [3, 0], "what failed was not done, and the second one waits for a person's word");
    until(&mut w, |e| matches!(e, Effect::RunTool { .. }));
    assert_eq!(runs(&w), [("give_back", r#"{"table":7}"#)], "one after another");
    w.settle();
    assert!(w.undone().iter().all(|row| row.ended && row.outcome == Some(CallOutcome::Done)));
    let turns: Vec<_> = w.said.iter().filter_map(|m| m.turn).collect();
    assert_eq!(turns, [1, 2, 3], "the failure is told, and what was undone");
    assert!(w.state.is_quiescent());
}

#[test]
fn a_turn_that_answers_keeps_what_it_did_until_a_person_says_otherwise() {
    let mut w = World::new(profile());
    acts(&mut w, 1);
    settles(&mut w, DONE, reserved(true));
    w.settle();
    assert_eq!((w.undone().len(), &w.outcomes[&1]), (0, &Outcome::Answered { turn: 1 }));
    w.have_undone(DONE);
    w.have_undone(DONE);
    until(&mut w, |e| matches!(e, Effect::RunTool { .. }));
    assert_eq!(runs(&w), [("give_back", r#"{"table":7}"#)]);
    w.settle();
    w.have_undone(DONE);
    w.settle();
    assert_eq!((w.undone().len(), w.said.len()), (1, 2), "once, and it is told once");
}

#[test]
fn an_undo_that_failed_can_be_ordered_again_and_one_in_doubt_cannot() {
    let failed = ToolResult::failed(Failure::reject("tool.refused", "not now"));
    let doubt = ToolResult::uncertain(Failure::retry("tool.timeout", "no answer"));
    for (first, again) in [(failed, true), (doubt, false)] {
        let mut w = World::new(profile());
        acts(&mut w, 1);
        settles(&mut w, DONE, reserved(false));
        w.settle();
        w.have_undone(DONE);
        until(&mut w, |e| matches!(e, Effect::RunTool { .. }));
        settles(&mut w, CallPlace { turn: 2, ..DONE }, first);
        w.settle();
        assert_eq!(matches!(w.state.mode, Mode::Operator { .. }), !again, "what is in doubt goes to a person");
        w.have_undone(DONE);
        w.settle();
        assert_eq!(w.undone()[0].outcome == Some(CallOutcome::Done), again);
    }
}

#[test]
fn a_crash_at_any_moment_undoes_it_once() {
    for crashes in 0..6 {
        let mut w = World::new(profile());
        acts(&mut w, 1);
        settles(&mut w, DONE, reserved(true));
        model_fails(&mut w);
        for _ in 0..crashes {
            w.crash();
            if let Some(place) = w.pending.iter().position(|e| !is_deadline(e)) {
                w.answer(place, &kindly);
            }
        }
        w.settle();
        assert_eq!(w.undone().len(), 1, "after {crashes} crashes");
        assert!(w.undone()[0].ended && w.state.is_quiescent());
    }
}
