//! A node that is stopped in the middle of a transaction: it keeps nobody from taking over, and what it had begun is
//! refused when it goes on.

mod common;

use colloquy_domain::{
    ids::{ConversationId, TenantId},
    placement::{NodeId, Ownership, Partition},
    ports::{ConversationStore, Ids, PlacementStore, StoreError},
    testkit::{SeqIds, empty_commit, receive},
};
use colloquy_store::{Placed, Store};
use common::{Kind, NOW};
use sqlx::{Connection as _, Executor as _, PgConnection};
use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

const URL: &str = "COLLOQUY_TEST_STOPPED_URL";
const CONVERSATION: &str = "COLLOQUY_TEST_STOPPED_CONVERSATION";
const TENANT: &str = "COLLOQUY_TEST_STOPPED_TENANT";

fn node(space: u16) -> NodeId {
    NodeId(SeqIds::new(space).uuid())
}

async fn open(url: &str, space: u16, ownership: &Arc<Ownership>) -> Store {
    let (mut options, _) = common::options(space);
    options.placement = Some(Placed { node: node(space), ownership: Arc::clone(ownership) });
    Store::open(common::postgres(url), options).await.expect("opens")
}

/// Runs in a process of its own: owns everything under epoch 1, and commits once.
#[tokio::test]
#[ignore = "the child of the test below"]
async fn child_commits_once() {
    let (Ok(url), Ok(id), Ok(tenant)) = (std::env::var(URL), std::env::var(CONVERSATION), std::env::var(TENANT)) else {
        return;
    };
    let ownership = Arc::new(Ownership::nothing());
    Partition::all().for_each(|p| ownership.claimed(p, 1));
    let store = open(&url, 21, &ownership).await;
    let tenant: TenantId = tenant.parse().expect("a tenant");
    let loaded = store.load(tenant, id.parse().expect("an id")).await.expect("load");
    println!("loaded");
    let result = store.commit(empty_commit(&loaded, NOW)).await;
    println!("answer {result:?} fenced {}", store.fenced());
}

/// Killed when the test ends in any way.
struct Stopped(Child);

impl Stopped {
    fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.0.id().to_string()]).status().expect("kill");
        assert!(status.success());
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn child(url: &str, tenant: TenantId, conversation: ConversationId) -> Stopped {
    let child = Command::new(std::env::current_exe().expect("this binary"))
        .args(["--exact", "child_commits_once", "--ignored", "--nocapture"])
        .env(URL, url)
        .env(TENANT, tenant.to_string())
        .env(CONVERSATION, conversation.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("starts");
    Stopped(child)
}

fn line(lines: &mut impl Iterator<Item = std::io::Result<String>>, starts: &str) -> String {
    lines.map_while(Result::ok).find(|line| line.starts_with(starts)).unwrap_or_else(|| panic!("never said: {starts}"))
}

// req: S3-JOB-3
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_that_is_stopped_in_a_transaction_is_replaced_and_refused() {
    let opened = common::open(Kind::Postgres).await;
    let server = opened.server.as_ref().expect("a server");
    let f = common::fixture(&opened.store).await;
    let loaded = receive(&opened.store, &f.home, "peer", &[("m1", "hello")], NOW).await;
    let all = |epoch| Partition::all().map(|p| (p, epoch)).collect::<Vec<_>>();
    opened.store.beat(node(21), "to be stopped", false).await.expect("beat");
    assert_eq!(PlacementStore::claim(&opened.store, node(21), all(0)).await.expect("claim").len(), 256);

    // It comes to stand in the middle of its transaction …
    let mut held = PgConnection::connect(&server.superuser_url(&opened.name)).await.expect("connects");
    let hold = format!("BEGIN; SELECT 1 FROM conversations WHERE id = '{}' FOR UPDATE", loaded.key.id);
    held.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(hold))).await.expect("held");
    let mut stopped = child(&server.url(&opened.name), f.home.tenant, loaded.key.id);
    let mut lines = BufReader::new(stopped.0.stdout.take().expect("its output")).lines();
    line(&mut lines, "loaded");
    let waiting = "SELECT COUNT(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'";
    while server.sql(&opened.name, waiting) != "1" {
        tokio::task::yield_now().await;
    }
    // … is stopped there, and would go on if it were not.
    stopped.signal("-STOP");
    held.execute("COMMIT").await.expect("let go");
    server.silence(&opened.name, node(21).0);

    let ownership = Arc::new(Ownership::nothing());
    let successor = open(&server.url(&opened.name), 22, &ownership).await;
    successor.beat(node(22), "successor", false).await.expect("beat");
    let claimed = PlacementStore::claim(&successor, node(22), all(1));
    let claimed = tokio::time::timeout(Duration::from_secs(5), claimed).await.expect("in time").expect("claim");
    assert_eq!(claimed.len(), 256);
    claimed.iter().for_each(|(p, epoch)| ownership.claimed(*p, *epoch));
    let found = successor.load(f.home.tenant, loaded.key.id).await.expect("load");
    assert_eq!(found.version, 0, "what stood still was rolled back");

    stopped.signal("-CONT");
    assert_eq!(line(&mut lines, "answer"), format!("answer {:?} fenced 1", Err::<(), _>(StoreError::Stale)));
    successor.commit(empty_commit(&found, NOW)).await.expect("commit");
}
