//! Recordings: heard once, answered in their order, and said to be unheard where nobody could listen.

use super::world::{World, kindly, profile};
use crate::{
    agent::{AgentProfile, DuringTurn},
    conversation::{Effect, Input, Phase, Stage, Timer},
    failure::Failure,
    language::Language,
    message::{Content, Heard, MediaKind, Outcome},
    model::{Transcript, Usage},
};
use std::time::Duration;

fn voice() -> Content {
    Content::Media { media: MediaKind::Voice, caption: None, reference: Some("r".into()), mime: None, name: None }
}

fn heard(message: u64, text: &str) -> Input {
    Input::Heard { message, result: Ok(Transcript { text: text.into(), usage: Usage::default() }) }
}

fn told(w: &World) -> Vec<String> {
    w.state.turn().map(|t| t.items.iter().filter_map(|i| i.told(false)).collect()).unwrap_or_default()
}

/// One thing that is neither listening nor the end of somebody's patience; whether there was one.
fn one_more(w: &mut World) -> bool {
    let other =
        |e: &Effect| !matches!(e, Effect::Listen { .. } | Effect::SetTimer { timer: Timer::TurnDeadline { .. }, .. });
    let place = w.pending.iter().position(other);
    if let Some(place) = place {
        w.answer(place, &kindly);
    }
    place.is_some()
}

/// Everything but listening.
fn settle_the_rest(w: &mut World) {
    while one_more(w) {}
}

#[test]
fn what_was_said_is_answered_in_its_place_and_paid_for_once() {
    let mut w = World::new(profile());
    w.arrive(voice());
    w.say("And on Sunday?");
    settle_the_rest(&mut w);
    assert!(matches!(w.state.phase, Phase::Gathering(_)) && w.outcomes.is_empty(), "it waits to hear what was said");
    let place = w.pending.iter().position(|e| matches!(e, Effect::Listen { message: 1 })).expect("somebody listens");
    w.now = w.now + Duration::from_secs(5);
    w.answer(place, &kindly);
    assert_eq!(told(&w), ["[voice message] said 1", "And on Sunday?"]);
    assert_eq!(w.charged.cost_micros, 1);
    w.crash();
    assert_eq!(w.inbox[0].heard, Some(Heard::Words { text: "said 1".into() }));
    assert!(!w.pending.iter().any(|e| matches!(e, Effect::Listen { .. })), "not again after a crash");
    w.settle();
    assert_eq!(w.outcomes[&1], Outcome::Merged { turn: 2 });
    // The turn before the crash had done nothing that was kept.
    assert_eq!(w.outcomes[&2], Outcome::Answered { turn: 2 });
    assert_eq!(w.charged.cost_micros, 1, "the completions cost nothing here");
}

#[test]
fn who_could_not_be_heard_is_told_in_their_language() {
    for (language, words) in [(Language::En, "I could not listen"), (Language::Fr, "je n'ai pas pu écouter")] {
        let mut w = World::new(AgentProfile { language: Some(language), ..profile() });
        w.arrive(voice());
        let failure = Failure::fatal("model.not_configured", "nobody listens");
        w.feed(Input::Heard { message: 1, result: Err(failure) });
        w.settle();
        assert!(w.said[0].text.contains(words), "{:?}", w.said);
        assert_eq!(w.outcomes[&1], Outcome::Answered { turn: 0 });
        assert_eq!(w.inbox[0].heard, Some(Heard::Nothing { cause: "model.not_configured".into() }));
    }
    // Beside words it is no more than a mark.
    let mut w = World::new(profile());
    w.arrive(voice());
    w.say("Did you get that?");
    w.feed(heard(1, "  "));
    settle_the_rest(&mut w);
    assert_eq!(w.inbox[0].heard, Some(Heard::Nothing { cause: Heard::SILENCE.into() }));
    assert_eq!(w.said[0].text, "answer 1");
}

#[test]
fn the_language_follows_what_was_said() {
    let mut w = World::new(profile());
    w.arrive(voice());
    w.feed(heard(1, "Bonjour, à quelle heure est-ce que vous ouvrez demain matin ?"));
    assert_eq!(w.state.language, Some(Language::Fr));
}

#[test]
fn during_a_turn_it_joins_only_when_it_is_known_what_it_says() {
    for policy in [DuringTurn::Merge, DuringTurn::Interrupt, DuringTurn::Queue] {
        let mut w = World::new(AgentProfile { during_turn: policy, ..profile() });
        w.say("What are your prices?");
        while !matches!(w.state.turn().map(|t| &t.stage), Some(Stage::Thinking { .. })) {
            assert!(one_more(&mut w), "{policy:?}");
        }
        w.arrive(voice());
        assert_eq!(told(&w), ["What are your prices?"], "{policy:?}: the turn goes on");
        w.feed(heard(2, "in winter"));
        w.settle();
        let together = matches!(w.outcomes[&1], Outcome::Merged { .. });
        assert_eq!(together, policy != DuringTurn::Queue, "{policy:?}");
    }
}

#[test]
fn a_person_who_has_the_conversation_reads_it_too() {
    let mut w = World::new(profile());
    w.feed(Input::TakenOver { reason: "an operator".into() });
    w.arrive(voice());
    assert!(matches!(w.outcomes[&1], Outcome::HandedOver { .. }));
    assert!(!w.state.is_quiescent(), "somebody listens");
    w.settle();
    assert_eq!(w.inbox[0].heard, Some(Heard::Words { text: "said 1".into() }));
    assert!(w.said.is_empty() && w.state.is_quiescent());
}
