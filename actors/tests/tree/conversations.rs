use super::world::{World, echo, until};
use colloquy_domain::{
    agent::{AgentProfile, DuringTurn, FollowUps},
    channel::DeliveryStatus,
    failure::Failure,
    ids::KnowledgeBaseId,
    knowledge::KnowledgeQuery,
    message::Outcome,
    model::{Completion, Usage},
    ports::Notice,
    testkit::FAKE_WRITER,
    tool::ToolCall,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use uuid::Uuid;

fn answered(outcome: &Option<Outcome>) -> bool {
    matches!(outcome, Some(Outcome::Answered { .. }))
}

// req: C-ACT-1
#[tokio::test(start_paused = true)]
async fn a_message_is_answered_and_delivered_in_order() {
    let mut w = World::new();
    let node = w.start().await;
    for i in 0..20 {
        w.say("ann", &format!("a{i}"), &format!("{i}")).await;
        w.say("bob", &format!("b{i}"), &format!("{i}")).await;
    }
    until("all answered", || {
        let all = [w.outcomes("ann"), w.outcomes("bob")].concat();
        all.len() == 40 && all.iter().all(Option::is_some)
    })
    .await;
    until("all delivered", || w.store.outbox().iter().all(|s| s.status == DeliveryStatus::Sent)).await;
    for peer in ["ann", "bob"] {
        let said: Vec<String> = w.sent().into_iter().filter(|(p, _)| p == peer).map(|(_, t)| t).collect();
        let numbers: Vec<u32> = said
            .iter()
            .flat_map(|t| t.trim_start_matches("re: ").split(" + "))
            .map(|n| n.parse().expect("a number"))
            .collect();
        assert_eq!(numbers, (0..20).collect::<Vec<_>>(), "{peer}: in order, none lost, none twice");
    }
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_repeated_delivery_changes_nothing() {
    let mut w = World::new();
    let node = w.start().await;
    for _ in 0..3 {
        w.say("ann", "m1", "hello").await;
    }
    until("delivered", || w.sent().len() == 1).await;
    w.say("ann", "m1", "hello").await;
    w.say("ann", "m2", "bye").await;
    until("the second one delivered", || w.sent().len() == 2).await;
    assert_eq!(w.sent(), [("ann".into(), "re: hello".into()), ("ann".into(), "re: bye".into())]);
    node.stop().await;
}

// req: C-ACT-1
#[tokio::test(start_paused = true)]
async fn a_panic_in_one_conversation_disturbs_no_other() {
    // The announcer is called by the conversation itself: a panic there is the actor's own.
    let bad = |n: &Notice| {
        if let Notice::Admitted { messages, .. } = n
            && messages.iter().any(|m| m.starts_with("bad"))
        {
            panic!("this conversation panics");
        }
    };
    let mut w = World::hearing(Box::new(bad));
    let node = w.start().await;
    w.say("mallory", "bad-1", "boom").await;
    for i in 0..10 {
        w.say("ann", &format!("m{i}"), "hello").await;
        until("ann is answered", || w.outcomes("ann").len() == i + 1 && w.outcomes("ann").iter().all(answered)).await;
    }
    assert!(w.outcomes("mallory").iter().all(Option::is_none), "still pending, never lost");
    node.stop().await;
}

// req: C-ACT-1
#[tokio::test(start_paused = true)]
async fn what_keeps_crashing_a_conversation_becomes_a_dead_letter() {
    let crashes = Arc::new(AtomicUsize::new(0));
    let counted = crashes.clone();
    let mut w = World::hearing(Box::new(move |n| {
        if matches!(n, Notice::Replied { .. }) {
            return;
        }
        if matches!(n, Notice::Admitted { .. }) && counted.fetch_add(1, Ordering::SeqCst) < 4 {
            panic!("crash {}", counted.load(Ordering::SeqCst));
        }
    }));
    let node = w.start().await;
    w.say("mallory", "m1", "boom").await;
    until("settled", || w.outcomes("mallory").iter().any(Option::is_some)).await;
    assert!(
        matches!(&w.outcomes("mallory")[0], Some(Outcome::DeadLettered { cause }) if cause.code == "conversation.poisoned")
    );
    assert_eq!(crashes.load(Ordering::SeqCst), 5, "three restarts, then the one that ends it");
    w.say("mallory", "m2", "fine now").await;
    until("answered", || w.outcomes("mallory").get(1).is_some_and(answered)).await;
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_turn_does_not_block_its_mailbox() {
    let mut w = World::new();
    w.model = Box::new(|_| Box::pin(std::future::pending()));
    let node = w.start().await;
    w.say("ann", "m1", "hello").await;
    let thinking = || w.heard.notices.lock().expect("fine").iter().any(|n| matches!(n, Notice::Typing { .. }));
    until("the turn runs", thinking).await;
    let conversation = w.conversation("ann").expect("exists");
    assert!(node.handle().take_over(w.account.tenant, conversation, "operator".into()));
    until("handed over", || matches!(w.outcomes("ann")[0], Some(Outcome::HandedOver { .. }))).await;
    assert!(w.sent().is_empty());
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn idle_conversations_leave_memory_and_come_back() {
    let mut w = World::new();
    let node = w.start().await;
    for i in 0..50 {
        w.say(&format!("peer{i}"), &format!("m{i}"), "hello").await;
    }
    until("all delivered", || w.sent().len() == 50).await;
    assert_eq!(node.handle().active_conversations(), 50);
    until("all gone", || node.handle().active_conversations() == 0).await;
    w.say("peer7", "again", "hello again").await;
    until("answered again", || w.sent().len() == 51).await;
    assert_eq!(node.handle().active_conversations(), 1);
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn more_conversations_than_fit_push_idle_ones_out() {
    let mut w = World::new();
    w.settings.max_active = 10;
    let node = w.start().await;
    for i in 0..40 {
        w.say(&format!("peer{i}"), &format!("m{i}"), "hello").await;
        until("delivered", || w.sent().len() == i + 1).await;
        assert!(node.handle().active_conversations() <= 11);
    }
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_a_stop_interrupted_is_answered_once_by_the_next_node() {
    let mut w = World::new();
    w.model = Box::new(|_| Box::pin(std::future::pending()));
    let first = w.start().await;
    w.say("ann", "m1", "hello").await;
    until("the turn runs", || w.heard.notices.lock().expect("fine").iter().any(|n| matches!(n, Notice::Typing { .. })))
        .await;
    first.stop().await;
    let second = w.start().await;
    until("answered", || w.sent().len() == 1).await;
    assert!(answered(&w.outcomes("ann")[0]));
    second.stop().await;
}

// req: S0-FLOW-1
#[tokio::test(start_paused = true)]
async fn tools_run_with_the_same_key_on_recovery_and_the_model_speaks_last() {
    let mut w = World::new();
    let calls = |r: &colloquy_domain::model::CompletionRequest| {
        let call = ToolCall { id: "c".into(), name: "hand_over".into(), arguments: "{}".into() };
        let first = r.steps.is_empty();
        Completion {
            text: if first { String::new() } else { "booked".into() },
            calls: if first { vec![call] } else { vec![] },
            ..Completion::default()
        }
    };
    // The first node's model never answers the second round.
    w.model = Box::new(move |r| {
        let completion = calls(&r);
        Box::pin(async move { if completion.calls.is_empty() { std::future::pending().await } else { Ok(completion) } })
    });
    let first = w.start().await;
    w.say("ann", "m1", "book it").await;
    until("the tool ran", || w.tools.ran.lock().expect("fine").len() == 1).await;
    let id = w.conversation("ann").expect("exists");
    until("its result is journalled", || w.store.journal(id).len() == 2).await;
    first.stop().await;
    w.model = Box::new(move |r| {
        let completion = calls(&r);
        Box::pin(async move { Ok(completion) })
    });
    let second = w.start().await;
    until("answered", || w.sent().len() == 1).await;
    assert_eq!(w.sent()[0].1, "booked");
    assert_eq!(w.tools.ran.lock().expect("fine").len(), 1, "a settled call is not run again");
    second.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_agents_desk_lets_only_so_many_turns_run() {
    let mut w = World::new();
    w.profile(|p| p.max_concurrent_turns = 3);
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (r, m) = (running.clone(), most.clone());
    w.model = Box::new(move |request| {
        let (r, m) = (r.clone(), m.clone());
        Box::pin(async move {
            m.fetch_max(r.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_secs(1)).await;
            r.fetch_sub(1, Ordering::SeqCst);
            echo(request).await
        })
    });
    let node = w.start().await;
    for i in 0..30 {
        w.say(&format!("peer{i}"), &format!("m{i}"), "hello").await;
    }
    until("all delivered", || w.sent().len() == 30).await;
    assert_eq!(most.load(Ordering::SeqCst), 3);
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_model_that_panics_fails_its_turn_and_nothing_else() {
    let mut w = World::new();
    let fail = Arc::new(AtomicBool::new(true));
    let f = fail.clone();
    w.model = Box::new(move |r| if f.load(Ordering::SeqCst) { panic!("adapter") } else { echo(r) });
    let node = w.start().await;
    w.say("ann", "m1", "hello").await;
    until("settled", || w.outcomes("ann").iter().any(Option::is_some)).await;
    assert!(matches!(&w.outcomes("ann")[0], Some(Outcome::DeadLettered { cause }) if cause.code == "model.panicked"));
    fail.store(false, Ordering::SeqCst);
    w.say("ann", "m2", "hello").await;
    until("answered", || w.outcomes("ann").get(1).is_some_and(answered)).await;
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_burst_is_one_turn_and_what_comes_meanwhile_waits() {
    let mut w = World::new();
    w.profile(|p| {
        p.gather.quiet = Duration::from_millis(800);
        p.during_turn = DuringTurn::Queue;
    });
    w.model = Box::new(|r| {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_secs(3)).await;
            echo(r).await
        })
    });
    let node = w.start().await;
    w.say("ann", "m1", "a").await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    w.say("ann", "m2", "b").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    w.say("ann", "m3", "c").await;
    until("both turns", || w.sent().len() == 2).await;
    let texts: Vec<String> = w.sent().into_iter().map(|(_, t)| t).collect();
    assert_eq!(texts, ["re: a + b", "re: c"]);
    node.stop().await;
}

// req: C-ACT-1
#[tokio::test(start_paused = true)]
async fn one_tenants_crowd_does_not_hold_up_another() {
    let mut w = World::new();
    w.settings.max_turns = 4;
    w.model = Box::new(|request| {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            echo(request).await
        })
    });
    let neighbour = w.another_tenant();
    let node = w.start().await;
    for n in 0..200 {
        w.say(&format!("crowd-{n}"), &format!("c{n}"), "hello").await;
    }
    until("the crowd is at work", || !w.sent().is_empty()).await;
    let before = tokio::time::Instant::now();
    w.say_on(&neighbour, "quiet", "q", "hello").await;
    until("the quiet one is answered", || w.sent().iter().any(|(p, _)| p == "quiet")).await;
    let waited = before.elapsed();
    assert!(waited < Duration::from_secs(3), "its own turn takes one second, it waited {waited:?}");
    assert!(w.sent().len() < 40, "the crowd still waits");
    node.stop().await;
}

/// Of a conversation of two messages, with a model that writes follow-ups so or fails: what was looked for, and what the
/// the two replies cost.
async fn followed_up(
    rewritten: Result<&'static str, Failure>,
    change: fn(&mut AgentProfile),
) -> (Vec<KnowledgeQuery>, u64) {
    let mut w = World::new();
    w.profile(|p| {
        p.knowledge = vec![KnowledgeBaseId::new(Uuid::from_u128(7))];
        p.model.provider = FAKE_WRITER.to_owned();
        change(p);
    });
    w.model = Box::new(move |request| {
        let usage = Usage { prompt_tokens: 1, completion_tokens: 1, cost_micros: 10 };
        let rewriting = request.instructions.starts_with("Write the person's last message again");
        let text = match (rewriting, &rewritten) {
            (true, Ok(text)) => Ok((*text).to_owned()),
            (true, Err(failure)) => Err(failure.clone()),
            (false, _) => Ok("An answer.".to_owned()),
        };
        Box::pin(async move { text.map(|text| Completion { text, usage, ..Completion::default() }) })
    });
    let node = w.start().await;
    for (n, text) in ["What does the kettle cost?", "And in red?"].into_iter().enumerate() {
        w.say("ann", &format!("m{n}"), text).await;
        until("answered", || w.outcomes("ann").len() > n && w.outcomes("ann").iter().all(answered)).await;
    }
    node.stop().await;
    let looked = w.looked.lock().expect("not poisoned").clone();
    let days = w.store.spent_by_day(w.account.tenant, w.account.profile().id);
    (looked, days.values().sum())
}

// req: S1-RAG-1
#[tokio::test(start_paused = true)]
async fn a_follow_up_is_looked_for_as_the_model_writes_it_in_full() {
    let full = "What does the red kettle cost?";
    let (looked, cost) = followed_up(Ok(full), |_| {}).await;
    assert_eq!((looked[0].rewritten.as_deref(), looked[0].text.as_str()), (None, "What does the kettle cost?"));
    assert_eq!((looked[1].rewritten.as_deref(), looked[1].text.as_str()), (Some(full), "And in red?"));
    assert_eq!((looked.len(), cost), (2, 30), "the reply's cost contains what its question cost");
}

#[tokio::test(start_paused = true)]
async fn a_follow_up_that_cannot_be_rewritten_is_looked_for_with_what_was_said_before() {
    let refused = Failure::reject("model.refused", "no");
    for (rewritten, change, costs) in [
        (Err(refused), (|_| {}) as fn(&mut AgentProfile), 20),
        (Ok("Of course.\nIt costs 12 euros."), |_| {}, 30),
        (Ok("never asked"), |p| p.follow_ups = FollowUps::Together, 20),
        (Ok("never asked"), |p| p.model.provider = "extractive".to_owned(), 20),
    ] {
        let (looked, cost) = followed_up(rewritten, change).await;
        assert_eq!(
            (looked[1].rewritten.as_ref(), looked[1].previous.as_slice()),
            (None, &["What does the kettle cost?".to_owned()][..])
        );
        assert_eq!(cost, costs);
    }
}
