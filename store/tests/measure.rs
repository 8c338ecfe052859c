//! Figures, printed: `cargo test -p colloquy-store --test measure -- --ignored --nocapture`; of PostgreSQL if
//! `ON_POSTGRES` is set.
#![allow(clippy::print_stdout, reason = "the figures are what it is for")]

mod common;

use colloquy_domain::{
    ports::{ConversationStore, IngressLog, OutboxStore, Settlement},
    testkit::{Account, Fixture, answer, take_in_all},
};
use colloquy_store::Store;
use common::{Kind, NOW};
use futures::{StreamExt, stream};
use tokio::time::Instant;

const CONVERSATIONS: usize = 100_000;
const CLIENTS: usize = 128;
const TURNS: usize = 2_000;

async fn appends(store: &Store, account: &Account, round: &str, count: usize) {
    let writes =
        (0..count).map(|n| store.append(vec![account.text(&format!("p{n}"), &format!("{round}-{n}"), "x", NOW)]));
    stream::iter(writes).buffer_unordered(CLIENTS).for_each(|r| async move { r.expect("append") }).await;
}

async fn turns(store: &Store, f: &Fixture) -> usize {
    let hints = take_in_all(store, store).await;
    let turn = async |hint: colloquy_domain::ports::InboxHint| {
        let loaded = store.load(hint.tenant, hint.conversation).await.expect("load");
        store.commit(answer(&loaded, "y", &f.ids, NOW)).await.expect("commit");
    };
    let count = hints.len();
    stream::iter(hints).map(turn).buffer_unordered(CLIENTS).for_each(|()| async {}).await;
    count
}

async fn deliver(store: &Store, account: &Account) {
    loop {
        let items = store.claim(account.tenant, account.channel, NOW, 256).await.expect("claim");
        if items.is_empty() {
            return;
        }
        let sent = |i: colloquy_domain::ports::OutboxItem| Settlement::Sent {
            tenant: i.tenant,
            id: i.id,
            provider_message_id: Some(i.id.to_string()),
            at: NOW,
        };
        store.settle(items.into_iter().map(sent).collect()).await.expect("settle");
    }
}

async fn round(store: &Store, f: &Fixture, name: &str) {
    let start = Instant::now();
    appends(store, &f.home, name, TURNS).await;
    let appended = start.elapsed();
    let start = Instant::now();
    let count = turns(store, f).await;
    let turned = start.elapsed();
    let start = Instant::now();
    deliver(store, &f.home).await;
    let delivered = start.elapsed();
    println!("{name}: {TURNS} appends {appended:?}, {count} take-ins and turns {turned:?}, deliveries {delivered:?}");
}

fn kind() -> Kind {
    if std::env::var_os("ON_POSTGRES").is_some() { Kind::Postgres } else { Kind::Sqlite }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "prints figures"]
async fn turns_of_two_thousand_conversations() {
    let opened = common::open(kind()).await;
    let f = common::fixture(&opened.store).await;
    for name in ["first", "second", "third"] {
        round(&opened.store, &f, name).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes; prints figures"]
async fn a_hundred_thousand_conversations_slow_nothing() {
    let opened = common::open(kind()).await;
    let store = &opened.store;
    let f = common::fixture(store).await;
    round(store, &f, "warm").await;
    round(store, &f, "empty").await;
    let start = Instant::now();
    for first in (0..CONVERSATIONS).step_by(1000) {
        let text = |n: usize| f.home.text(&format!("once-{n}"), &format!("once-{n}"), "x", NOW);
        store.append((first..first + 1000).map(text).collect()).await.expect("append");
    }
    let from = turns(store, &f).await;
    deliver(store, &f.home).await;
    println!("{from} conversations once active: {:?}", start.elapsed());
    round(store, &f, "full").await;
}
