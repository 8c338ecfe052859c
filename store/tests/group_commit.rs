//! Writes that wait are committed together, and one that is refused spoils no other.

#[macro_use]
mod common;

use colloquy_domain::{
    conversation::{JournalRow, JournalWhat},
    placement::Lane,
    ports::{ConversationStore, InboxStore, IngressLog, Loaded, LogEntry, OutboxStore, Settlement, StoreError},
    testkit::{Account, answer, empty_commit, receive, say, take_in_all},
    tool::ToolResult,
};
use common::{Kind, NOW};
use futures::future::join_all;

async fn refused_writes_spoil_no_others(on: Kind) {
    let opened = common::open(on).await;
    let store = &opened.store;
    let f = common::fixture(store).await;
    let mut all: Vec<Loaded> = Vec::new();
    for n in 0..20 {
        let (peer, id) = (format!("peer-{n}"), format!("m-{n}"));
        all.push(receive(store, &f.home, &peer, &[(&id, "x")], NOW).await);
    }
    // Of each conversation one good commit, one that comes too late, and now and then one that breaks a rule.
    let mut commits = Vec::new();
    for (n, loaded) in all.iter().enumerate() {
        let mut good = answer(loaded, "good", &f.ids, NOW);
        if n % 5 == 0 {
            let row = JournalRow {
                turn: 9,
                step: 0,
                index: 0,
                agent: None,
                what: JournalWhat::Settled(ToolResult::done("x")),
            };
            let mut broken = empty_commit(loaded, NOW);
            broken.journal = vec![row.clone(), row];
            commits.push((broken, Err(StoreError::Conflict("result"))));
        }
        good.snapshot.next_turn = 7;
        commits.push((good.clone(), Ok(())));
        commits.push((answer(loaded, "late", &f.ids, NOW), Err(StoreError::Stale)));
    }
    let log = (0..20).map(|n| store.append(vec![f.home.text("other", &format!("o-{n}"), "x", NOW)]));
    let installation = store.installation();
    let tenants = (0..3).map(|_| installation.create_tenant("same", "Same"));
    let (written, logged, made) = futures::join!(
        join_all(commits.iter().map(|(commit, _)| store.commit(commit.clone()))),
        join_all(log),
        join_all(tenants),
    );
    let want: Vec<_> = commits.into_iter().map(|(_, want)| want).collect();
    assert_eq!(written, want);
    assert!(logged.iter().all(Result::is_ok));
    assert_eq!(made.iter().filter(|m| m.is_ok()).count(), 1, "{made:?}");
    for loaded in &all {
        let after = store.load(loaded.key.tenant, loaded.key.id).await.expect("load");
        assert_eq!((after.version, after.snapshot.next_turn, after.pending.len()), (1, 7, 0));
    }
    assert_eq!(take_in_all(store, store).await.len(), 1);
    let id = store.tenant(f.home.tenant).conversation_with(f.home.channel, "other").await.expect("found");
    let pending = store.pending(f.home.tenant, id.expect("conversation"), 0).await.expect("pending");
    assert_eq!(pending.len(), 20);
}

async fn two_movers_of_the_log_move_each_entry_once(on: Kind) {
    let opened = common::open(on).await;
    let store = &opened.store;
    let f = common::fixture(store).await;
    let entries = (0..50).map(|n| f.home.text("peer", &format!("m-{n}"), "x", NOW)).collect();
    store.append(entries).await.expect("append");
    let from = store.cursor(Lane(0)).await.expect("cursor");
    let batch = store.read(Lane(0), from, 100).await.expect("read");
    let to = batch.last().expect("entries").offset;
    let results = join_all((0..4).map(|_| store.take_in(Lane(0), from, to, batch.clone()))).await;
    assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 1);
    assert!(results.iter().all(|r| r.is_ok() || *r == Err(StoreError::Stale)));
    let hint = results.into_iter().find_map(Result::ok).expect("one succeeded").hints[0];
    let pending = store.pending(hint.tenant, hint.conversation, 0).await.expect("pending");
    assert_eq!(pending.iter().map(|i| i.seq).collect::<Vec<_>>(), (1..=50).collect::<Vec<_>>());
}

async fn an_append_wakes_who_waits(on: Kind) {
    let opened = common::open(on).await;
    let store = &opened.store;
    let f = common::fixture(store).await;
    let woken = tokio::spawn({
        let store = store.clone();
        async move { store.wait(Lane(0), 0).await }
    });
    store.append(vec![f.home.text("peer", "m", "x", NOW)]).await.expect("append");
    woken.await.expect("comes back");
    assert_eq!(store.read(Lane(0), 0, 10).await.expect("read").len(), 1);
}

/// PostgreSQL's text has no NUL: whoever sends one must not stop the lane for everybody.
async fn a_character_that_text_cannot_hold_stops_nothing(on: Kind) {
    let opened = common::open(on).await;
    let store = &opened.store;
    let f = common::fixture(store).await;
    let odd = f.home.text("pe\0er", "m\0-1", "te\0xt", NOW);
    store.append(vec![odd.clone(), f.home.text("peer", "m-2", "x", NOW)]).await.expect("append");
    store.append(vec![odd]).await.expect("append");
    assert_eq!(take_in_all(store, store).await.len(), 2);
    let view = store.tenant(f.home.tenant);
    let id = view.conversation_with(f.home.channel, "pe\0er").await.expect("looked up").expect("found");
    let loaded = store.load(f.home.tenant, id).await.expect("load");
    assert_eq!(loaded.pending.len(), 1, "the repeated one was recognised");
    store.commit(answer(&loaded, "an\0swer", &f.ids, NOW)).await.expect("commit");
    let lines = store.history(f.home.tenant, id, u64::MAX, 9).await.expect("history");
    assert_eq!(lines.iter().map(|l| l.text.as_str()).collect::<Vec<_>>(), ["te\u{fffd}xt", "an\u{fffd}swer"]);
}

#[tokio::test]
async fn lanes_that_move_together_are_answered_apart() {
    let opened = common::open(Kind::Postgres).await;
    let store = &opened.store;
    let f = common::fixture(store).await;
    let account = |lane: u8| if lane.is_multiple_of(2) { &f.home } else { &f.abroad };
    let moves = (0..6_u8).map(|lane| {
        let entry = |n: u64| {
            let (peer, id) = (format!("peer-{lane}"), format!("m-{lane}-{n}"));
            LogEntry { offset: n, entry: account(lane).text(&peer, &id, "x", NOW) }
        };
        // The last one's cursor is not where it is thought to be.
        let from = u64::from(lane == 5);
        store.take_in(Lane(lane), from, 3, vec![entry(2), entry(3), entry(2)])
    });
    let hints = join_all(moves).await;
    assert_eq!(hints[5], Err(StoreError::Stale));
    for (lane, hints) in (0..5).zip(hints) {
        let [hint] = hints.expect("taken in").hints[..] else { panic!("one conversation") };
        assert_eq!((hint.tenant, store.cursor(Lane(lane)).await), (account(lane).tenant, Ok(3)));
        let loaded = store.load(hint.tenant, hint.conversation).await.expect("load");
        assert_eq!(loaded.key.peer.address, format!("peer-{lane}"));
        assert_eq!(loaded.pending.iter().map(|i| i.seq).collect::<Vec<_>>(), [1, 2]);
    }
}

async fn accounts_and_replies_that_are_written_together_are_answered_apart(on: Kind) {
    let opened = common::open(on).await;
    let store = &opened.store;
    let f = common::fixture(store).await;
    for n in 0..5 {
        let account = if n % 2 == 0 { &f.home } else { &f.abroad };
        let loaded = receive(store, account, &format!("peer-{n}"), &[(&format!("m-{n}"), "x")], NOW).await;
        let mut commit = answer(&loaded, "first", &f.ids, NOW);
        say(&mut commit, &loaded, "second", &f.ids);
        store.commit(commit).await.expect("commit");
    }
    for text in ["first", "second"] {
        let claim = |a: &Account| store.claim(a.tenant, a.channel, NOW, 9);
        let (home, abroad) = futures::join!(claim(&f.home), claim(&f.abroad));
        let (home, abroad) = (home.expect("claimed"), abroad.expect("claimed"));
        assert_eq!((home.len(), abroad.len()), (3, 2), "the heads of their own conversations");
        assert!(home.iter().all(|i| i.tenant == f.home.tenant && i.text == text));
        let sent = |tenant, id| {
            let name = Some(format!("named-{id}"));
            store.settle(vec![Settlement::Sent { tenant, id, provider_message_id: name, at: NOW }])
        };
        let strange = sent(f.home.tenant, abroad[0].id);
        let known = join_all(home.iter().chain(&abroad).map(|i| sent(i.tenant, i.id)));
        let (strange, known) = futures::join!(strange, known);
        assert_eq!(strange, Err(StoreError::NotFound("outbox item")), "another tenant's");
        assert!(known.iter().all(Result::is_ok), "{known:?}");
    }
    assert_eq!(store.next_due(f.home.tenant, f.home.channel).await, Ok(None));
    assert_eq!(store.next_due(f.abroad.tenant, f.abroad.channel).await, Ok(None));
}

on_both! {
    accounts_and_replies_that_are_written_together_are_answered_apart
    a_character_that_text_cannot_hold_stops_nothing
    refused_writes_spoil_no_others
    two_movers_of_the_log_move_each_entry_once
    an_append_wakes_who_waits
}
