//! Writes that wait are committed together, and one that is refused spoils no other.

mod common;

use colloquy_domain::{
    conversation::{JournalRow, JournalWhat},
    ports::{ConversationStore, InboxStore, IngressLog, Loaded, StoreError},
    testkit::{answer, empty_commit, receive, take_in_all},
    tool::ToolResult,
};
use common::NOW;
use futures::future::join_all;

#[tokio::test]
async fn refused_writes_spoil_no_others() {
    let opened = common::open().await;
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
    assert_eq!(take_in_all(store).await.len(), 1);
    let id = store.tenant(f.home.tenant).conversation_with(f.home.channel, "other").await.expect("found");
    let pending = store.pending(f.home.tenant, id.expect("conversation"), 0).await.expect("pending");
    assert_eq!(pending.len(), 20);
}

#[tokio::test]
async fn two_movers_of_the_log_move_each_entry_once() {
    let opened = common::open().await;
    let store = &opened.store;
    let f = common::fixture(store).await;
    let entries = (0..50).map(|n| f.home.text("peer", &format!("m-{n}"), "x", NOW)).collect();
    store.append(entries).await.expect("append");
    let from = store.cursor().await.expect("cursor");
    let batch = store.read(from, 100).await.expect("read");
    let results = join_all((0..4).map(|_| store.take_in(from, batch.clone()))).await;
    assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 1);
    assert!(results.iter().all(|r| r.is_ok() || *r == Err(StoreError::Stale)));
    let hint = results.into_iter().find_map(Result::ok).expect("one succeeded")[0];
    let pending = store.pending(hint.tenant, hint.conversation, 0).await.expect("pending");
    assert_eq!(pending.iter().map(|i| i.seq).collect::<Vec<_>>(), (1..=50).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_append_wakes_who_waits() {
    let opened = common::open().await;
    let store = &opened.store;
    let f = common::fixture(store).await;
    let woken = tokio::spawn({
        let store = store.clone();
        async move { store.wait(0).await }
    });
    store.append(vec![f.home.text("peer", "m", "x", NOW)]).await.expect("append");
    woken.await.expect("comes back");
    assert_eq!(store.read(0, 10).await.expect("read").len(), 1);
}
