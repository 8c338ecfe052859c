use super::world::{World, calls, kindly, profile};
use crate::{
    agent::{AgentProfile, DuringTurn, NoAnswer, Refusal},
    conversation::{Effect, Event, Input, Mode, Phase, Timer, Written},
    disclosure::Disclosure,
    failure::Failure,
    grounding::ABSTAIN,
    ids::{KnowledgeBaseId, TurnNo},
    language::Language,
    message::{Content, IgnoreRule, MediaKind, Outcome},
    model::{Completion, Speaker, Usage},
    tool::ToolResult,
};
use std::time::Duration;
use uuid::Uuid;

fn words(text: &str) -> Completion {
    Completion { text: text.into(), ..Completion::default() }
}

fn answered(turn: TurnNo) -> Outcome {
    Outcome::Answered { turn }
}

/// Runs the turn up to the model's first completion.
fn to_model(w: &mut World) {
    while !w.pending.iter().any(|e| matches!(e, Effect::CallModel { .. })) {
        let place =
            w.pending.iter().position(|e| !matches!(e, Effect::SetTimer { timer: Timer::TurnDeadline { .. }, .. }));
        w.answer(place.expect("something is pending"), &kindly);
    }
}

#[test]
fn a_burst_is_one_turn_with_one_answer() {
    let mut w = World::new(profile());
    w.say("Hello,");
    w.now = w.now + Duration::from_millis(50);
    w.say("when do you open?");
    assert!(matches!(w.state.phase, Phase::Gathering(_)));
    assert_eq!(w.version, 0, "gathering is rebuilt from the inbox, not committed");
    w.settle();
    assert_eq!(w.outcomes[&1], Outcome::Merged { turn: 1 });
    assert_eq!(w.outcomes[&2], answered(1));
    assert_eq!((w.said.len(), w.outbox, w.version), (1, 1, 1), "a plain turn costs one commit");
    assert!(w.state.is_quiescent());
}

#[test]
fn the_cap_ends_a_burst_that_never_pauses() {
    let mut w = World::new(profile());
    for _ in 0..4 {
        w.say("and");
        w.now = w.now + Duration::from_millis(99);
    }
    assert!(matches!(w.state.phase, Phase::Gathering(_)), "300 ms are not over");
    w.say("and");
    assert!(w.state.turn().is_some(), "the cap is over: the turn opens at once");
}

#[test]
fn tools_run_after_their_intent_is_committed_and_the_model_speaks_last() {
    let mut w = World::new(profile());
    w.say("book me a table");
    to_model(&mut w);
    let before = w.version;
    let d = w.feed(Input::Completed { turn: 1, step: 0, result: Ok(calls(2)), risks: Vec::new() });
    assert_eq!(w.version, before + 1);
    assert_eq!(d.effects.iter().filter(|e| matches!(e, Effect::RunTool { resumed: false, .. })).count(), 2);
    w.settle();
    assert_eq!(w.outcomes[&1], answered(1));
    assert_eq!(w.results.len(), 2);
}

#[test]
fn a_crash_between_intent_and_result_resumes_the_call_and_no_other() {
    let mut w = World::new(profile());
    w.say("book me a table");
    to_model(&mut w);
    w.feed(Input::Completed { turn: 1, step: 0, result: Ok(calls(2)), risks: Vec::new() });
    w.feed(Input::ToolSettled { turn: 1, step: 0, index: 0, result: ToolResult::done("ok") });
    w.crash();
    let place = w.pending.iter().position(|e| matches!(e, Effect::AskPermit { .. })).expect("asks again");
    w.answer(place, &kindly);
    let resumed: Vec<_> = w
        .pending
        .iter()
        .filter_map(|e| match e {
            Effect::RunTool { index, resumed, .. } => Some((*index, *resumed)),
            _ => None,
        })
        .collect();
    assert_eq!(resumed, [(1, true)]);
    w.settle();
    assert_eq!(w.outcomes[&1], answered(1));
}

#[test]
fn an_uncertain_tool_goes_to_a_person() {
    let mut w = World::new(profile());
    w.say("pay");
    to_model(&mut w);
    w.feed(Input::Completed { turn: 1, step: 0, result: Ok(calls(1)), risks: Vec::new() });
    let result = ToolResult::uncertain(Failure::reject("tool.maybe_started", "unknown"));
    w.feed(Input::ToolSettled { turn: 1, step: 0, index: 0, result });
    assert!(matches!(w.outcomes[&1], Outcome::HandedOver { .. }));
    assert!(matches!(w.state.mode, Mode::Operator { .. }));
    w.say("hello?");
    assert!(matches!(w.outcomes[&2], Outcome::HandedOver { .. }), "the person has what follows, too");
    w.feed(Input::Returned);
    w.say("and now?");
    w.settle();
    assert_eq!(w.outcomes[&3], answered(2));
}

#[test]
fn messages_during_a_turn_follow_the_policy() {
    for (policy, first, second) in [
        (DuringTurn::Queue, answered(1), answered(2)),
        (DuringTurn::Merge, Outcome::Merged { turn: 1 }, answered(1)),
        (DuringTurn::Interrupt, Outcome::Merged { turn: 2 }, answered(2)),
        (DuringTurn::Reject, answered(1), Outcome::Ignored { rule: IgnoreRule::BusyPolicy }),
    ] {
        let mut w = World::new(crate::agent::AgentProfile { during_turn: policy, ..profile() });
        w.say("one");
        to_model(&mut w);
        w.say("two");
        w.settle();
        assert_eq!((&w.outcomes[&1], &w.outcomes[&2]), (&first, &second), "{policy:?}");
    }
}

#[test]
fn failures_end_in_dead_letters_with_their_cause_and_a_word_to_the_person() {
    let mut w = World::new(profile());
    w.say("bonjour, quels sont vos horaires ?");
    to_model(&mut w);
    let cause = Failure::fatal("model.unauthorized", "no such key");
    w.feed(Input::Completed { turn: 1, step: 0, result: Err(cause.clone()), risks: Vec::new() });
    assert_eq!(w.outcomes[&1], Outcome::DeadLettered { cause });
    assert_eq!(w.dead, 1);
    assert!(w.said[0].text.starts_with("Je suis désolé"), "in the language of the person");
}

#[test]
fn the_deadline_ends_a_turn_and_its_late_answers_change_nothing() {
    let mut w = World::new(profile());
    w.say("hi");
    to_model(&mut w);
    w.feed(Input::TimerFired(Timer::TurnDeadline { turn: 1 }));
    assert!(matches!(&w.outcomes[&1], Outcome::DeadLettered { cause } if cause.code == "turn.deadline"));
    let late = w.feed(Input::Completed { turn: 1, step: 0, result: Ok(words("late")), risks: Vec::new() });
    assert_eq!(late, crate::conversation::Decision::default());
}

#[test]
fn the_model_must_stop_calling_tools() {
    let mut w = World::new(profile());
    w.say("loop");
    for step in 0..3 {
        to_model(&mut w);
        w.pending.retain(|e| !matches!(e, Effect::CallModel { .. }));
        w.feed(Input::Completed { turn: 1, step, result: Ok(calls(1)), risks: Vec::new() });
    }
    to_model(&mut w);
    w.feed(Input::Completed { turn: 1, step: 3, result: Ok(calls(1)), risks: Vec::new() });
    assert!(matches!(&w.outcomes[&1], Outcome::DeadLettered { cause } if cause.code == "turn.too_many_steps"));
}

fn knowing(no_answer: NoAnswer) -> World {
    let mut profile = profile();
    profile.knowledge = vec![KnowledgeBaseId::new(Uuid::from_u128(70)), KnowledgeBaseId::new(Uuid::from_u128(71))];
    profile.grounding.no_answer = no_answer;
    World::new(profile)
}

// req: C-ACT-3
#[test]
fn what_cannot_be_answered_is_said_and_kept_for_each_base() {
    let mut w = knowing(NoAnswer::Say);
    w.say("Do you have a pool?");
    to_model(&mut w);
    w.feed(Input::Completed { turn: 1, step: 0, result: Ok(words(ABSTAIN)), risks: Vec::new() });
    assert_eq!(w.outcomes[&1], answered(1));
    assert!(w.said[0].abstained && w.state.mode == Mode::Agent);
    let kept: Vec<_> = w.unanswered.iter().map(|u| (u.base, u.turn, u.text.as_str(), u.language)).collect();
    let expected = w.profile.knowledge.iter().map(|b| (*b, 1, "Do you have a pool?", Some(Language::En)));
    assert_eq!(kept, expected.collect::<Vec<_>>());
    w.say("And a bar?");
    w.settle();
    assert_eq!(w.unanswered.len(), 2, "an answer leaves nothing open");
}

// req: C-ACT-3
#[test]
fn an_agent_can_hand_over_what_it_cannot_answer() {
    let mut w = knowing(NoAnswer::HandOver);
    w.say("Avez-vous une piscine ?");
    to_model(&mut w);
    let cost = Usage { prompt_tokens: 9, completion_tokens: 1, cost_micros: 5 };
    let completion = Completion { usage: cost, ..words(ABSTAIN) };
    w.feed(Input::Completed { turn: 1, step: 0, result: Ok(completion), risks: Vec::new() });
    assert!(matches!(&w.outcomes[&1], Outcome::HandedOver { reason } if reason.contains("documents")));
    assert!(matches!(w.state.mode, Mode::Operator { .. }));
    assert!(w.said[0].abstained && w.said[0].text.starts_with("Je n'ai rien trouvé"), "{:?}", w.said);
    assert_eq!((w.unanswered.len(), w.charged, w.said.len()), (2, cost, 1), "what it cost is in the ledger");
    assert!(w.snapshot.open.is_none(), "nothing is left to be finished after a crash");
}

#[test]
fn what_is_not_said_to_the_agent_is_ignored_by_a_named_rule() {
    let mut w = World::new(profile());
    w.arrive(Content::Signal { signal: "reaction".into() });
    w.arrive(Content::Unsupported { provider_kind: "poll".into() });
    w.arrive(Content::text("  "));
    for (seq, rule) in [(1, IgnoreRule::Signal), (2, IgnoreRule::UnsupportedKind), (3, IgnoreRule::Empty)] {
        assert_eq!(w.outcomes[&seq], Outcome::Ignored { rule });
    }
    assert!(w.state.is_quiescent() && w.said.is_empty());
}

#[test]
fn a_file_without_words_is_answered_kindly() {
    let mut w = World::new(profile());
    w.arrive(Content::Media { media: MediaKind::Sticker, caption: None, reference: None, mime: None, name: None });
    w.settle();
    assert_eq!(w.outcomes[&1], answered(0));
    assert!(w.said[0].text.contains("only read text"));
}

#[test]
fn a_person_answering_on_the_app_silences_the_agent() {
    let mut w = World::new(profile());
    w.say("hi");
    to_model(&mut w);
    w.arrive(Content::Echo { text: Some("I'm on it".into()) });
    assert!(matches!(w.outcomes[&1], Outcome::HandedOver { .. }));
    assert_eq!(w.outcomes[&2], Outcome::Ignored { rule: IgnoreRule::Echo });
    assert!(w.said.is_empty());
}

// req: S1-CNV-1
#[test]
fn whoever_of_the_team_writes_has_the_conversation_and_the_turn_under_way_says_nothing() {
    let return_after = Some(Duration::from_secs(60));
    let mut w = World::new(crate::agent::AgentProfile { return_after, ..profile() });
    w.say("hi");
    to_model(&mut w);
    let last_inbound_at = w.now;
    let writes = |text: &str| {
        Input::Wrote(Written {
            text: text.into(),
            rich: None,
            author: None,
            template: None,
            planned: false,
            last_inbound_at,
        })
    };
    w.feed(writes("I am Ada, how can I help?"));
    assert!(matches!(w.outcomes[&1], Outcome::HandedOver { .. }) && matches!(w.state.mode, Mode::Operator { .. }));
    let late = w.feed(Input::Completed { turn: 1, step: 0, result: Ok(words("late")), risks: Vec::new() });
    assert_eq!(late, crate::conversation::Decision::default(), "the turn is over");
    let more = w.feed(writes("Are you there?"));
    assert!(matches!(more.events[0], Event::ModeChanged { return_at: Some(_), .. }), "the return is put off");
    let said: Vec<_> = w.said.iter().map(|m| (m.speaker, m.text.as_str())).collect();
    assert_eq!(said, [(Speaker::Operator, "I am Ada, how can I help?"), (Speaker::Operator, "Are you there?")]);
    assert_eq!(w.outbox, 2, "both go out, in order");
}

#[test]
fn what_was_planned_takes_the_conversation_from_nobody() {
    let mut w = World::new(profile());
    w.say("hi");
    to_model(&mut w);
    let last_inbound_at = w.now;
    let text = "Your table is at eight.".to_owned();
    w.feed(Input::Wrote(Written { text, rich: None, author: None, template: None, planned: true, last_inbound_at }));
    assert_eq!((w.state.mode.clone(), w.outbox), (Mode::Agent, 1));
    w.feed(Input::Completed { turn: 1, step: 0, result: Ok(words("hello")), risks: Vec::new() });
    assert!(matches!(w.outcomes[&1], Outcome::Answered { turn: 1 }), "the agent answers as if nothing had been");
    w.feed(Input::TakenOver { reason: "a person".into() });
    let text = "See you at eight.".to_owned();
    let more = Written { text, rich: None, author: None, template: None, planned: true, last_inbound_at };
    let decision = w.feed(Input::Wrote(more));
    assert_eq!(decision.events.len(), 1, "the person has it no longer for it: {:?}", decision.events);
}

#[test]
fn a_refused_permit_hands_over() {
    let mut w = World::new(profile());
    w.say("hi");
    w.feed(Input::TimerFired(Timer::Gather));
    w.now = w.now + Duration::from_secs(1);
    w.feed(Input::TimerFired(Timer::Gather));
    w.feed(Input::PermitRefused { turn: 1, why: Refusal::BudgetSpent });
    assert!(matches!(w.outcomes[&1], Outcome::HandedOver { .. }));
}

#[test]
fn the_durable_form_keeps_its_shape() {
    let mut w = World::new(profile());
    w.say("book");
    to_model(&mut w);
    w.feed(Input::Completed { turn: 1, step: 0, result: Ok(calls(1)), risks: Vec::new() });
    // A change here is a new version of the snapshot: old rows must still load.
    insta::assert_json_snapshot!(w.snapshot);
}

fn signal(signal: &str) -> Content {
    Content::Signal { signal: signal.to_owned() }
}

#[test]
fn the_agent_is_silent_while_another_program_has_the_conversation() {
    let mut w = World::new(profile());
    w.say("hi");
    to_model(&mut w);
    w.arrive(signal(Content::CONTROL_LOST));
    assert!(matches!(w.outcomes[&1], Outcome::HandedOver { .. }), "its turn ends unsaid");
    w.arrive(signal("standby.message"));
    let since = w.now;
    w.say("to whom am I talking?");
    assert!(matches!(w.outcomes[&4], Outcome::HandedOver { .. }), "it may have been on its way before");
    w.arrive(signal(Content::CONTROL_GAINED));
    assert_eq!(w.state.mode, Mode::Agent);
    w.say("and now?");
    w.settle();
    assert_eq!(w.outcomes[&6], answered(2));

    // Nobody tells that the other one is done: what comes to us again does.
    w.arrive(signal("standby.message"));
    assert!(matches!(w.state.mode, Mode::Operator { .. }));
    w.now = since + Duration::from_secs(60);
    w.say("and a day later?");
    w.settle();
    assert_eq!(w.outcomes[&8], answered(3));
}

#[test]
fn what_a_person_of_the_team_took_is_theirs_whoever_has_it_elsewhere() {
    let mut w = World::new(profile());
    w.feed(Input::TakenOver { reason: "a complaint".into() });
    w.arrive(signal(Content::CONTROL_LOST));
    w.now = w.now + Duration::from_secs(60);
    w.say("hello?");
    assert_eq!(w.outcomes[&2], Outcome::HandedOver { reason: "a complaint".into() });
}

#[test]
fn a_conversation_that_goes_to_people_is_given_to_their_program() {
    let mut w = World::new(profile());
    let asked = w.arrive(signal(Content::CONTROL_WANTED));
    assert!(asked.effects.contains(&Effect::PassControl));
    assert!(matches!(w.state.mode, Mode::Operator { .. }));
    let mut w = World::new(profile());
    w.say("pay");
    to_model(&mut w);
    w.feed(Input::Completed { turn: 1, step: 0, result: Ok(calls(1)), risks: Vec::new() });
    let result = ToolResult::uncertain(Failure::reject("tool.maybe_started", "unknown"));
    let handed = w.feed(Input::ToolSettled { turn: 1, step: 0, index: 0, result });
    assert!(handed.effects.contains(&Effect::PassControl), "{:?}", handed.effects);
}

#[test]
fn the_files_of_an_album_are_one_turn_even_where_nothing_is_gathered() {
    let mut w = World::new(profile());
    w.profile.gather.quiet = Duration::ZERO;
    let picture = |caption: Option<&str>| Content::Media {
        media: MediaKind::Image,
        caption: caption.map(str::to_owned),
        reference: None,
        mime: None,
        name: None,
    };
    for caption in [Some("Which of these?"), None, None] {
        w.arrive(picture(caption));
        w.now = w.now + Duration::from_millis(300);
    }
    assert!(matches!(w.state.phase, Phase::Gathering(_)));
    w.settle();
    let merged = Outcome::Merged { turn: 1 };
    assert_eq!([&w.outcomes[&1], &w.outcomes[&2], &w.outcomes[&3]], [&merged, &merged, &answered(1)]);
    w.say("no files any more");
    assert!(matches!(w.state.phase, Phase::Turn(_)), "words are not waited for");
}

#[test]
fn an_image_without_words_is_a_turn_for_a_model_that_sees() {
    let image = |mime: &str| Content::Media {
        media: MediaKind::Image,
        caption: None,
        reference: Some("r".into()),
        mime: Some(mime.into()),
        name: None,
    };
    for (sees, mime, answer) in [
        (true, "image/png", "answer 1"),
        (false, "image/png", "I can only read text for now: could you tell me in words?"),
        (true, "image/tiff", "I can only read text for now: could you tell me in words?"),
    ] {
        let mut agent = profile();
        agent.model.sees_images = sees;
        let mut w = World::new(agent);
        w.arrive(image(mime));
        w.settle();
        assert_eq!(w.said[0].text, answer, "{sees} {mime}");
    }
}

#[test]
fn that_a_machine_speaks_is_said_again_only_as_its_owner_wants() {
    let own = Disclosure {
        en: None,
        fr: Some("Je suis un robot.".into()),
        again_after: Some(Duration::from_secs(3 * 86_400)),
        after_person: true,
    };
    let mut w = World::new(AgentProfile { disclosure: Some(own), ..profile() });
    let hears = |w: &mut World, text: &str| {
        w.say(text);
        w.settle();
        w.said.last().expect("said").text.clone()
    };
    assert_eq!(hears(&mut w, "Quels sont vos horaires ?"), "Je suis un robot.\n\nanswer 1");
    assert_eq!(hears(&mut w, "Et le dimanche ?"), "answer 2");
    w.feed(Input::TakenOver { reason: "an operator".into() });
    w.feed(Input::Returned);
    w.crash();
    assert_eq!(hears(&mut w, "What are your prices?"), "You are talking to an AI assistant.\n\nanswer 3");
    w.now = w.now + Duration::from_secs(2 * 86_400);
    assert_eq!(hears(&mut w, "And on Sunday?"), "answer 4");
    w.now = w.now + Duration::from_secs(86_400);
    assert_eq!(hears(&mut w, "Is the shop open?"), "You are talking to an AI assistant.\n\nanswer 5");
}

#[test]
fn a_notice_says_it_as_a_reply_does_and_a_call_was_told_by_its_greeting() {
    let told = AgentProfile { disclosure: Some(Disclosure::default()), ..profile() };
    let mut w = World::new(told.clone());
    w.arrive(Content::Media { media: MediaKind::Sticker, caption: None, reference: None, mime: None, name: None });
    w.settle();
    assert!(w.said[0].text.starts_with("You are talking to an AI assistant.\n\nI can only read"), "{:?}", w.said);
    let mut call = World::new(told);
    call.state.key.spoken = true;
    call.say("What are your prices?");
    call.settle();
    assert_eq!(call.said[0].text, "answer 1");
}
