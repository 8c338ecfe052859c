//! Calls that wait for a person's word, by examples.

use super::world::{World, profile};
use crate::{
    agent::{AgentProfile, Approvals},
    approval::{CallPlace, Origin, Outcome as CallOutcome, Risk, Taint, Verdict, Why},
    conversation::{Effect, Event, Input, Timer},
    failure::Failure,
    message::Outcome,
    model::Completion,
    tool::{BECAME_UNSAFE, ToolCall, ToolResult},
};

const PLACE: CallPlace = CallPlace { turn: 1, step: 0, index: 0 };

fn pay() -> ToolCall {
    ToolCall { id: "c0".into(), name: "bank__pay".into(), arguments: r#"{"to":"FR76"}"#.into() }
}

fn taint() -> Taint {
    Taint { argument: "to".into(), origin: Origin::Tool { name: "shop__orders".into() } }
}

/// The model asks for the payment, and for a look that nobody minds.
fn asks(w: &mut World, taints: Vec<Taint>) {
    w.say("refund me");
    until_model(w);
    let turn = w.state.turn().expect("a turn").no;
    let look = ToolCall { id: "c1".into(), name: "look".into(), arguments: "{}".into() };
    let completion = Completion { calls: vec![pay(), look], ..Completion::default() };
    let risks = vec![Risk { index: 0, taints }];
    w.feed(Input::Completed { turn, step: 0, result: Ok(completion), risks });
}

fn until_model(w: &mut World) {
    while !w.pending.iter().any(|e| matches!(e, Effect::CallModel { .. })) {
        let deadline = |e: &Effect| matches!(e, Effect::SetTimer { timer: Timer::TurnDeadline { .. }, .. });
        let place = w.pending.iter().position(|e| !deadline(e)).expect("something is pending");
        w.answer(place, &super::world::kindly);
    }
}

/// The turn that waits for its permit gets it.
fn permit(w: &mut World) {
    let place = w.pending.iter().position(|e| matches!(e, Effect::AskPermit { .. })).expect("a turn waits");
    w.answer(place, &super::world::kindly);
}

fn world(approvals: Approvals) -> World {
    World::new(AgentProfile { approvals, ..profile() })
}

/// Calls that run: tool, key, whether an earlier run may have begun them.
fn runs(w: &World) -> Vec<(&str, &str, bool)> {
    let run = |e| match e {
        &Effect::RunTool { ref call, ref key, resumed, .. } => Some((call.name.as_str(), key.as_str(), resumed)),
        _ => None,
    };
    w.pending.iter().filter_map(run).collect()
}

#[test]
fn what_is_held_follows_the_agents_policy() {
    let cases = [
        (Approvals::Never, vec![taint()], 0),
        (Approvals::Tainted, vec![], 0),
        (Approvals::Tainted, vec![taint()], 1),
        (Approvals::Unsafe, vec![], 1),
    ];
    for (policy, taints, held) in cases {
        let mut w = world(policy);
        asks(&mut w, taints.clone());
        assert_eq!(w.approvals.len(), held, "{policy:?} {taints:?}");
        assert_eq!(runs(&w).len(), 2 - held);
        if let Some(row) = w.approvals.first() {
            assert_eq!((row.asked.place, &row.asked.call), (PLACE, &pay()));
            assert_eq!(row.asked.why, Why { policy, taints });
        }
        w.settle();
        assert_eq!(w.outcomes[&1], Outcome::Answered { turn: 1 }, "the turn ends as others do");
    }
}

#[test]
fn a_call_whose_tool_became_unsafe_before_it_ran_is_held() {
    let mut w = world(Approvals::Tainted);
    w.say("refund me");
    until_model(&mut w);
    let completion = Completion { calls: vec![pay()], ..Completion::default() };
    w.feed(Input::Completed { turn: 1, step: 0, result: Ok(completion), risks: vec![] });
    let run = |e: &Effect| matches!(e, Effect::RunTool { as_unsafe: false, .. });
    assert!(w.pending.iter().any(run), "it was judged as one that does no harm");
    w.pending.retain(|e| !run(e));
    let refused = ToolResult::failed(Failure::reject(BECAME_UNSAFE, "it is unsafe now"));
    w.feed(Input::ToolSettled { turn: 1, step: 0, index: 0, result: refused });
    assert_eq!(w.approvals.iter().map(|row| row.asked.place).collect::<Vec<_>>(), [PLACE]);
    w.settle();
    assert_eq!(w.outcomes[&1], Outcome::Answered { turn: 1 });
    w.rule(Verdict::Approved);
    permit(&mut w);
    let free = |e: &Effect| matches!(e, Effect::RunTool { as_unsafe: true, .. });
    assert!(w.pending.iter().any(free), "a person let it run, whatever it is");
    w.settle();
    assert_eq!(w.approvals[0].outcome, Some(CallOutcome::Done));
}

#[test]
fn a_call_that_is_asked_for_again_is_one_approval() {
    let mut w = world(Approvals::Unsafe);
    for _ in 0..2 {
        asks(&mut w, vec![]);
        w.settle();
    }
    assert_eq!((w.approvals.len(), w.said.len()), (1, 2), "the customer asked again, and nothing became two");
}

#[test]
fn an_approved_call_runs_as_it_was_recorded_and_is_answered() {
    let mut w = world(Approvals::Unsafe);
    asks(&mut w, vec![]);
    w.settle();
    let key = w.approvals[0].asked.key.clone();
    w.rule(Verdict::Approved);
    assert_eq!(w.look_at_rulings().events, [], "who looks again sees nothing new");
    let before = w.version;
    permit(&mut w);
    assert_eq!(w.version, before + 1, "the intent is committed before the call");
    assert_eq!(runs(&w), [("bank__pay", key.as_str(), false)]);
    w.settle();
    let row = &w.approvals[0];
    assert_eq!((row.taken, &row.outcome, row.ended), (Some(Some(2)), &Some(CallOutcome::Done), true));
    assert_eq!(w.said.last().and_then(|m| m.turn), Some(2));
    assert!(w.state.is_quiescent());
}

#[test]
fn a_denied_call_does_not_run_and_the_model_is_told_why() {
    let mut w = world(Approvals::Unsafe);
    asks(&mut w, vec![]);
    w.settle();
    w.rule(Verdict::Denied { reason: Some("too much".into()) });
    until_model(&mut w);
    assert_eq!(runs(&w), []);
    let told: Vec<&str> = w.state.turn().expect("a turn").results().collect();
    assert!(told[0].contains("The reason: too much."), "{told:?}");
    w.settle();
    assert_eq!((w.said.len(), w.approvals[0].ended, &w.approvals[0].outcome), (2, true, &None));
}

#[test]
fn while_a_person_has_the_conversation_what_was_approved_runs_and_nothing_is_said() {
    let mut w = world(Approvals::Unsafe);
    asks(&mut w, vec![]);
    w.settle();
    w.feed(Input::TakenOver { reason: "an operator".into() });
    let said = w.said.len();
    w.rule(Verdict::Approved);
    w.settle();
    assert_eq!((w.said.len(), &w.approvals[0].outcome), (said, &Some(CallOutcome::Done)));
    assert!(w.approvals[0].ended && w.state.is_quiescent());
}

#[test]
fn who_takes_over_does_not_stop_an_approved_call() {
    let mut w = world(Approvals::Unsafe);
    asks(&mut w, vec![]);
    w.settle();
    w.rule(Verdict::Approved);
    permit(&mut w);
    w.feed(Input::TakenOver { reason: "an operator".into() });
    assert_eq!(runs(&w).len(), 1, "it goes on");
    let said = w.said.len();
    w.settle();
    assert_eq!((w.said.len(), &w.approvals[0].outcome), (said, &Some(CallOutcome::Done)));
}

#[test]
fn a_denial_that_no_agent_can_tell_is_taken_up_silently() {
    let mut w = world(Approvals::Unsafe);
    asks(&mut w, vec![]);
    w.settle();
    w.feed(Input::TakenOver { reason: "an operator".into() });
    w.rule(Verdict::Denied { reason: None });
    assert_eq!((w.approvals[0].taken, w.approvals[0].ended), (Some(None), true));
    assert!(w.state.is_quiescent());
}

#[test]
fn a_crash_before_the_intent_begins_again_and_one_after_it_resumes() {
    let mut w = world(Approvals::Unsafe);
    asks(&mut w, vec![]);
    w.settle();
    w.rule(Verdict::Approved);
    w.crash();
    assert_eq!(runs(&w), [], "nothing runs without a permit");
    permit(&mut w);
    let key = w.approvals[0].asked.key.clone();
    assert_eq!(runs(&w), [("bank__pay", key.as_str(), false)]);
    w.crash();
    permit(&mut w);
    assert_eq!(runs(&w), [("bank__pay", key.as_str(), true)], "it may have begun: the engine decides");
    let failure = Failure::reject("tool.maybe_started", "a person must see");
    let result = ToolResult::uncertain(failure);
    w.pending.retain(|e| !matches!(e, Effect::RunTool { .. }));
    w.feed(Input::ToolSettled { turn: 2, step: 0, index: 0, result });
    w.settle();
    assert_eq!(w.approvals[0].outcome, Some(CallOutcome::Uncertain("tool.maybe_started".into())));
    assert!(matches!(w.state.mode, crate::conversation::Mode::Operator { .. }), "a person must look");
}

#[test]
fn an_agent_that_may_begin_no_turn_runs_nothing_and_a_person_is_told() {
    let mut w = world(Approvals::Unsafe);
    asks(&mut w, vec![]);
    w.settle();
    w.rule(Verdict::Approved);
    w.pending.clear();
    w.feed(Input::PermitRefused { turn: 2, why: crate::agent::Refusal::AgentDisabled });
    assert_eq!(w.approvals[0].outcome, Some(CallOutcome::Failed("turn.refused".into())));
    assert!(w.approvals[0].ended);
}

#[test]
fn messages_that_come_meanwhile_join_or_wait_and_the_call_is_never_forgotten() {
    use crate::agent::DuringTurn;
    for policy in [DuringTurn::Queue, DuringTurn::Merge, DuringTurn::Interrupt, DuringTurn::Reject] {
        let mut w = world(Approvals::Unsafe);
        w.profile.during_turn = policy;
        asks(&mut w, vec![]);
        w.settle();
        w.rule(Verdict::Approved);
        permit(&mut w);
        w.say("any news?");
        w.settle();
        assert_eq!(w.approvals[0].outcome, Some(CallOutcome::Done), "{policy:?}");
        assert_eq!(w.outcomes.len(), 2);
        assert!(w.approvals[0].ended && w.state.is_quiescent());
    }
}

#[test]
fn the_durable_form_of_a_held_and_of_an_approved_call_keeps_its_shape() {
    let mut w = world(Approvals::Tainted);
    asks(&mut w, vec![taint()]);
    w.settle();
    let held = w.snapshot.clone();
    let d = w.rule(Verdict::Approved).expect("one waits");
    assert!(d.events.iter().any(|e| matches!(e, Event::RulingOpened { .. })));
    permit(&mut w);
    // A change here is a new version of the snapshot: old rows must still load.
    insta::assert_json_snapshot!([held, w.snapshot]);
}
