//! Writes that wait are committed together, and one that is refused spoils no other.

#[macro_use]
mod common;

use colloquy_domain::{
    conversation::{JournalRow, JournalWhat},
    placement::Lane,
    ports::{ConversationStore, InboxStore, IngressLog, Loaded, StoreError},
    testkit::{answer, empty_commit, receive, take_in_all},
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
            let row = JournalRow { turn: 9, step: 0, index: 0, what: JournalWhat::Settled(ToolResult::done("x")) };
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
    let results = join_all((0..4).map(|_| store.take_in(Lane(0), from, batch.clone()))).await;
    assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 1);
    assert!(results.iter().all(|r| r.is_ok() || *r == Err(StoreError::Stale)));
    let hint = results.into_iter().find_map(Result::ok).expect("one succeeded")[0];
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

on_both! {
    a_character_that_text_cannot_hold_stops_nothing
    refused_writes_spoil_no_others
    two_movers_of_the_log_move_each_entry_once
    an_append_wakes_who_waits
}
