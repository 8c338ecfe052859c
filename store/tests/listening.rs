//! Events as those read them who listen: in one order in which nothing is overtaken, once, and only their own.

#[macro_use]
mod common;

use colloquy_domain::{
    channel::Secret,
    ids::EventId,
    ports::ConversationStore,
    testkit::{answer, receive},
};
use colloquy_store::{Happened, Moment, TenantStore};
use common::{Kind, NOW, postgres::Server};
use sqlx::{Connection as _, Executor as _, PgConnection};
use std::time::Duration;
use uuid::Uuid;

const MOST: u32 = 100;

/// The next so many events after a moment. On PostgreSQL they are told when older transactions have ended, also those of
/// other databases of the server.
async fn events(rows: &TenantStore, after: Moment, count: usize) -> Vec<Happened> {
    let read = async {
        loop {
            let events = rows.events_after(after, MOST).await.expect("read");
            if events.len() >= count {
                return events;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), read).await.expect("too few events")
}

fn kinds(events: &[Happened]) -> Vec<&str> {
    events.iter().map(|e| e.event.kind.as_str()).collect()
}

fn end(events: &[Happened]) -> Moment {
    events.last().expect("an event").moment
}

// req: S1-RT-1
// req: S3-JOB-1
async fn what_happened_is_read_in_order_and_from_where_one_was(on: Kind) {
    let opened = common::open(on).await;
    let f = common::fixture(&opened.store).await;
    let rows = opened.store.tenant(f.home.tenant);
    let strangers = opened.store.tenant(f.abroad.tenant);
    let webhooks = ["*".to_owned()];
    let secret = Secret::new("whsec_c2VjcmV0");
    let endpoint = rows.create_webhook_endpoint("https://example.com", &webhooks, true, secret).await.expect("made").id;
    assert_eq!(rows.now_in_events().await, Ok(Moment::default()), "nothing yet");

    let loaded = receive(&opened.store, &f.home, "peer", &[("m1", "hello"), ("m2", "there")], NOW).await;
    receive(&opened.store, &f.abroad, "peer", &[("m1", "hallo")], NOW).await;
    let first = events(&rows, Moment::default(), 3).await;
    assert_eq!(kinds(&first), ["conversation.started", "message.received", "message.received"]);
    let middle = end(&first);
    assert_eq!(rows.now_in_events().await, Ok(middle));
    opened.store.commit(answer(&loaded, "yes", &f.ids, NOW)).await.expect("commit");
    let id = loaded.key.id;
    rows.tag_conversation(id, &["vip".into()]).await.expect("tagged");
    rows.tag_conversation(id, &["vip".into()]).await.expect("the same");
    rows.close_conversation(id, true).await.expect("closed");
    let then = events(&rows, middle, 3).await;
    assert_eq!(kinds(&then), ["message.queued", "conversation.updated", "conversation.updated"]);
    assert!(middle < end(&then));
    assert_eq!(rows.events_after(end(&then), MOST).await, Ok(Vec::new()));
    let page = rows.events_after(Moment::default(), 2).await.expect("read");
    assert_eq!(rows.events_after(end(&page), MOST).await.expect("read").len(), 4, "page by page it is the same");

    let all = events(&rows, Moment::default(), 6).await;
    let texts: Vec<_> = all.iter().filter_map(|e| e.event.text.as_deref()).collect();
    assert_eq!(texts, ["hello", "there", "yes"]);
    assert!(all.last().is_some_and(|e| e.closed && e.event.detail.as_deref() == Some("closed")));
    assert_eq!(rows.moment(all[2].event.id).await, Ok(Some(middle)));
    assert_eq!(strangers.moment(all[2].event.id).await, Ok(None), "another tenant's");
    assert_eq!(rows.moment(EventId::new(Uuid::nil())).await, Ok(None));
    let theirs = events(&strangers, Moment::default(), 2).await;
    assert_eq!(kinds(&theirs), ["conversation.started", "message.received"]);
    let told = rows.due_deliveries(endpoint, MOST).await.expect("read");
    let mut told: Vec<&str> = told.iter().map(|d| d.event.kind.as_str()).collect();
    told.sort_unstable();
    let theirs = ["conversation.closed", "conversation.started", "message.received", "message.received"];
    assert_eq!(told, theirs, "other systems are not told what is for those who are connected");
}

async fn raw(server: &Server, name: &str) -> PgConnection {
    let mut conn = PgConnection::connect(&server.url(name)).await.expect("connects");
    conn.execute("SELECT set_config('colloquy.tenant', '*', false)").await.expect("named");
    conn
}

async fn run(conn: &mut PgConnection, text: String) {
    conn.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(text))).await.expect("done");
}

// req: S1-RT-1
#[tokio::test]
async fn nothing_is_overtaken_by_a_transaction_that_ends_before_an_older_one() {
    let opened = common::open(Kind::Postgres).await;
    let f = common::fixture(&opened.store).await;
    let rows = opened.store.tenant(f.home.tenant);
    let id = receive(&opened.store, &f.home, "peer", &[("m1", "hello")], NOW).await.key.id;
    let at = end(&events(&rows, Moment::default(), 2).await);
    let mut older = raw(opened.server.as_ref().expect("a server"), &opened.name).await;
    let tell = |detail: &str| {
        format!(
            "INSERT INTO events (tenant_id, kind, conversation_id, detail, created_at) \
             VALUES ('{}', 'conversation.updated', '{id}', '{detail}', 1)",
            f.home.tenant
        )
    };
    run(&mut older, format!("BEGIN; {}", tell("older"))).await;
    rows.close_conversation(id, true).await.expect("closed");
    assert_eq!(rows.now_in_events().await, Ok(at));
    assert_eq!(rows.events_after(at, MOST).await, Ok(Vec::new()), "it waits for what may still come before it");
    run(&mut older, format!("{}; COMMIT", tell("older, too"))).await;
    let events = events(&rows, at, 3).await;
    let details: Vec<_> = events.iter().filter_map(|e| e.event.detail.as_deref()).collect();
    assert_eq!(details, ["older", "older, too", "closed"]);
}

// req: S1-RT-1
#[tokio::test]
async fn what_was_restored_from_another_server_comes_before_what_happens_here() {
    let opened = common::open(Kind::Postgres).await;
    let f = common::fixture(&opened.store).await;
    let id = receive(&opened.store, &f.home, "peer", &[("m1", "hello")], NOW).await.key.id;
    let mut conn = raw(opened.server.as_ref().expect("a server"), &opened.name).await;
    // The other server counted further.
    run(&mut conn, "UPDATE events SET tx = tx + 1000000000000".to_owned()).await;
    let last = opened.store.tenant(f.home.tenant).events_after(Moment::default(), MOST).await.expect("read");
    assert!(last.is_empty(), "it looks like the future");
    let (store, _) = common::open_at(opened.database.clone(), 3).await;
    let rows = store.tenant(f.home.tenant);
    rows.close_conversation(id, true).await.expect("closed");
    let all = events(&rows, Moment::default(), 3).await;
    assert_eq!(kinds(&all), ["conversation.started", "message.received", "conversation.updated"]);
    store.close().await;
}

on_both! {
    what_happened_is_read_in_order_and_from_where_one_was
}
