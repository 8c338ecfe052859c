//! On the telephone: what is said is whole when it comes, and who calls can speak over the agent.

use super::world::{World, calls, kindly, profile};
use crate::{
    agent::{AgentProfile, DuringTurn},
    conversation::{Effect, Input, Timer},
    message::Outcome,
    model::Completion,
    tool::ToolResult,
};

fn reply(turn: u32, text: &str) -> Input {
    let completion = Completion { text: text.into(), ..Completion::default() };
    Input::Completed { turn, step: 0, result: Ok(completion), risks: Vec::new() }
}

fn interrupted(turn: u32, heard: &str) -> Input {
    Input::Interrupted { turn, heard: heard.into() }
}

/// Answers what is pending until the model is asked.
fn to_model(w: &mut World) {
    while !w.pending.iter().any(|e| matches!(e, Effect::CallModel { .. })) {
        let place =
            w.pending.iter().position(|e| !matches!(e, Effect::SetTimer { timer: Timer::TurnDeadline { .. }, .. }));
        w.answer(place.expect("something is pending"), &kindly);
    }
}

fn calling() -> World {
    let mut w = World::spoken(profile());
    w.say("quand ouvrez-vous ?");
    to_model(&mut w);
    w
}

#[test]
fn a_caller_is_not_kept_waiting_for_more() {
    let mut w = World::spoken(profile());
    assert!(!profile().gather.quiet.is_zero(), "who writes is");
    w.say("quand ouvrez-vous ?");
    assert!(w.state.turn().is_some());
}

#[test]
fn who_speaks_again_before_they_are_answered_is_answered_once() {
    let mut w = calling();
    w.say("le samedi");
    w.settle();
    assert_eq!((&w.outcomes[&1], &w.outcomes[&2]), (&Outcome::Merged { turn: 2 }, &Outcome::Answered { turn: 2 }));
    assert_eq!(w.said.len(), 1);
    let mut w = World::spoken(AgentProfile { during_turn: DuringTurn::Reject, ..profile() });
    w.say("quand ouvrez-vous ?");
    to_model(&mut w);
    w.say("le samedi");
    assert!(matches!(w.outcomes[&2], Outcome::Ignored { .. }), "what the agent's owner chose stays so");
}

#[test]
fn a_turn_ends_with_what_was_heard_of_it() {
    let mut w = calling();
    let d = w.feed(interrupted(1, "Nous ouvrons…"));
    assert!(d.effects.contains(&Effect::CancelWork { turn: 1 }));
    assert_eq!(w.outcomes[&1], Outcome::Answered { turn: 1 });
    assert_eq!(w.said.iter().map(|m| m.text.as_str()).collect::<Vec<_>>(), ["Nous ouvrons…"]);
    w.feed(reply(1, "Nous ouvrons à neuf heures."));
    assert_eq!(w.said.len(), 1, "what comes late is not said");
    w.say("et le samedi ?");
    w.settle();
    assert_eq!(w.outcomes[&2], Outcome::Answered { turn: 2 });
}

#[test]
fn an_answer_that_is_over_is_cut_to_what_was_heard() {
    let mut w = calling();
    w.feed(reply(1, "Nous ouvrons à neuf heures."));
    let before = w.version;
    w.feed(interrupted(1, "Nous ouvrons…"));
    assert_eq!((w.said[0].text.as_str(), w.version), ("Nous ouvrons…", before + 1));
    w.feed(interrupted(2, "Jamais"));
    assert_eq!(w.version, before + 1, "there was no such turn");
    w.say("et le samedi ?");
    to_model(&mut w);
    w.feed(interrupted(1, "Nous"));
    assert_eq!(w.said[0].text, "Nous", "also while the next one is under way");
    assert!(w.state.turn().is_some());
}

#[test]
fn what_acts_is_not_stopped_and_what_was_not_heard_at_all_is_answered_with_what_follows() {
    let mut w = calling();
    w.feed(interrupted(1, ""));
    assert!(w.outcomes.is_empty() && w.state.turn().is_some());
    w.feed(Input::Completed { turn: 1, step: 0, result: Ok(calls(1)), risks: Vec::new() });
    w.feed(interrupted(1, "Un instant…"));
    assert!(w.outcomes.is_empty(), "a tool is at work");
    w.feed(Input::ToolSettled { turn: 1, step: 0, index: 0, result: ToolResult::done("ok") });
    w.settle();
    assert_eq!(w.outcomes[&1], Outcome::Answered { turn: 1 });
}
