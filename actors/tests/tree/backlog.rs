//! What waits: a tenant's backlog, and everybody when memory is short.

use super::world::{World, echo, until};
use colloquy_actors::Pressure;
use colloquy_domain::{
    message::Outcome,
    placement::Lane,
    ports::{Clock, InboxStore, IngressLog, Notice},
    testkit::Account,
};
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;

// req: C-ACT-1
#[tokio::test(start_paused = true)]
async fn one_tenants_backlog_does_not_delay_anothers_message_behind_it() {
    // More than a lane may keep in memory.
    const CROWD: usize = 20_000;
    const EACH: usize = 4;
    let mut w = World::new();
    w.model = Box::new(|_| Box::pin(std::future::pending()));
    let quiet = w.another_tenant();
    let text = |n| w.account.text(&format!("p{}", n / EACH), &format!("m{n}"), "x", w.clock.now());
    w.store.append((0..CROWD).map(text).collect()).await.expect("appended");
    w.say_on(&quiet, "quiet", "quiet", "hello").await;
    let node = w.start().await;
    until("all are taken in", || node.handle().active_conversations() == CROWD / EACH + 1).await;
    let cursor = w.store.cursor(Lane(0)).await.expect("cursor");
    assert_eq!(w.store.read(Lane(0), cursor, 1).await, Ok(Vec::new()), "the cursor follows");
    node.stop().await;

    // In the order in which they were made.
    let made = w.store.conversations();
    let first = made.iter().position(|key| key.peer.address == "quiet").expect("made") * EACH;
    assert!(first < CROWD / 6, "{first} of the crowd went first: it is read eight times as fast as it is moved");
    for key in made.iter().filter(|key| key.tenant == w.account.tenant) {
        let peer: usize = key.peer.address[1..].parse().expect("a number");
        let inbox = w.store.inbox(key.id).into_iter();
        let ids: Vec<String> = inbox.map(|(item, _)| item.inbound.provider_message_id).collect();
        let all: Vec<String> = (peer * EACH..(peer + 1) * EACH).map(|n| format!("m{n}")).collect();
        assert_eq!(ids, all, "in order, none lost, none twice");
    }
}

/// A world whose turns end when they are let, with a memory limit of 1000 bytes.
fn short(w: &mut World) -> (Arc<Pressure>, Arc<Semaphore>) {
    let pressure = Arc::new(Pressure::new(Some(1_000)));
    w.settings.pressure = Arc::clone(&pressure);
    w.settings.idle_after = Duration::from_secs(3600);
    let turns = Arc::new(Semaphore::new(0));
    let gate = Arc::clone(&turns);
    w.model = Box::new(move |request| {
        let gate = Arc::clone(&gate);
        Box::pin(async move {
            gate.acquire().await.expect("open").forget();
            echo(request).await
        })
    });
    (pressure, turns)
}

fn typing(w: &World) -> usize {
    w.heard.notices.lock().expect("fine").iter().filter(|n| matches!(n, Notice::Typing { .. })).count()
}

async fn a_while(w: &World, nothing: impl Fn(&World) -> bool) {
    for _ in 0..50 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(nothing(w));
    }
}

#[tokio::test(start_paused = true)]
async fn while_memory_is_short_messages_wait_in_the_log_and_idle_conversations_go() {
    let mut w = World::new();
    let (pressure, turns) = short(&mut w);
    turns.add_permits(10);
    let node = w.start().await;
    for n in 0..10 {
        w.say(&format!("idle{n}"), &format!("i{n}"), "hello").await;
    }
    until("answered", || w.sent().len() == 10).await;
    w.say("ann", "a1", "hello").await;
    until("ann's turn runs", || typing(&w) == 11).await;
    assert_eq!(node.handle().active_conversations(), 11);

    pressure.sample(1_001);
    until("the idle ones have gone", || node.handle().active_conversations() == 1).await;
    w.say("bob", "b1", "hello").await;
    w.say("ann", "a2", "and").await;
    a_while(&w, |w| w.conversation("bob").is_none() && w.outcomes("ann").len() == 1).await;
    let cursor = w.store.cursor(Lane(0)).await.expect("cursor");
    assert_eq!(w.store.behind(Lane(0), cursor).await, Ok(2), "both are safe in the log");
    pressure.sample(950);
    a_while(&w, |w| w.conversation("bob").is_none()).await;

    pressure.sample(800);
    turns.add_permits(10);
    until("all are answered", || w.sent().len() == 13).await;
    assert_eq!(w.outcomes("ann").len(), 2);
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn while_memory_is_short_what_waits_for_its_turn_goes_one_by_one() {
    let mut w = World::new();
    let (pressure, turns) = short(&mut w);
    w.settings.max_turns = 2;
    let node = w.start().await;
    for n in 0..6 {
        w.say(&format!("p{n}"), &format!("m{n}"), "hello").await;
    }
    until("two run", || typing(&w) == 2 && node.handle().active_conversations() == 6).await;
    pressure.sample(1_001);
    turns.add_permits(1);
    until("one is answered", || w.sent().len() == 1).await;
    a_while(&w, |w| typing(w) == 2).await;
    turns.add_permits(1);
    until("the other one is, too, and one more runs", || w.sent().len() == 2 && typing(&w) == 3).await;
    a_while(&w, |w| typing(w) == 3).await;
    assert_eq!(node.handle().active_conversations(), 4, "those that are done have gone");
    pressure.sample(0);
    until("two run again", || typing(&w) == 4).await;
    turns.add_permits(10);
    until("all are answered", || w.sent().len() == 6).await;
    node.stop().await;
}

/// A limit below what the program itself needs.
#[tokio::test(start_paused = true)]
async fn a_limit_that_cannot_be_kept_slows_but_stops_nothing() {
    let mut w = World::new();
    let (pressure, turns) = short(&mut w);
    turns.add_permits(1_000);
    pressure.sample(5_000);
    let quiet: Account = w.another_tenant();
    for n in 0..300 {
        w.say(&format!("p{n}"), &format!("m{n}"), "hello").await;
    }
    w.say_on(&quiet, "quiet", "q", "hello").await;
    let node = w.start().await;
    until("all are answered", || w.sent().len() == 301).await;
    let outcome = w.outcomes("quiet");
    assert!(matches!(outcome[..], [Some(Outcome::Answered { .. })]), "{outcome:?}");
    node.stop().await;
}

/// What was taken in and not answered when the process ended.
#[tokio::test(start_paused = true)]
async fn what_was_left_alone_for_want_of_memory_is_taken_up_later() {
    let mut w = World::new();
    let (pressure, turns) = short(&mut w);
    let first = w.start().await;
    for n in 0..600 {
        w.say(&format!("p{n}"), &format!("m{n}"), "hello").await;
    }
    until("all are taken in", || first.handle().active_conversations() == 600).await;
    first.stop().await;

    let (again, gate) = short(&mut w);
    drop((pressure, turns));
    again.sample(2_000);
    let second = w.start().await;
    until("some are back", || second.handle().active_conversations() > 0).await;
    a_while(&w, |_| second.handle().active_conversations() <= 256).await;
    again.sample(0);
    until("all are back", || second.handle().active_conversations() == 600).await;
    gate.add_permits(600);
    until("all are answered", || w.sent().len() == 600).await;
    second.stop().await;
}
