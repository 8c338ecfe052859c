//! Nodes of a cluster on one PostgreSQL: who does not own a partition (any more) cannot write in it.

mod common;

use colloquy_domain::{
    ids::ConversationId,
    knowledge::{DocumentStatus, IngestReport},
    placement::{Lane, NodeId, Ownership, Partition},
    ports::{
        ConversationStore, DocumentQueue, Ids, InboxStore, IngressLog, Loaded, OutboxStore, PlacementStore, Settlement,
        StoreError,
    },
    testkit::{Fixture, SeqIds, answer, empty_commit, receive, take_in_all},
};
use colloquy_store::{Placed, Store};
use common::{Kind, NOW, Opened};
use sqlx::{Connection as _, Executor as _, PgConnection};
use std::{future::Future, sync::Arc, time::Duration};

/// One node of the cluster.
struct Node {
    store: Store,
    id: NodeId,
    ownership: Arc<Ownership>,
}

impl Node {
    async fn start(opened: &Opened, space: u16) -> Self {
        let (mut options, _) = common::options(space);
        let (id, ownership) = (NodeId(SeqIds::new(space).uuid()), Arc::new(Ownership::nothing()));
        options.placement = Some(Placed { node: id, ownership: Arc::clone(&ownership) });
        let store = Store::open(opened.database.clone(), options).await.expect("opens");
        store.beat(id, "node", false).await.expect("beat");
        Self { store, id, ownership }
    }

    /// Claims what is not another live node's; how much that was.
    async fn claim_all(&self) -> usize {
        let claims = self.store.beat(self.id, "node", false).await.expect("beat").claims;
        let wanted = Partition::all().zip(claims).map(|(p, c)| (p, c.epoch)).collect();
        let claimed = PlacementStore::claim(&self.store, self.id, wanted).await.expect("claim");
        claimed.iter().for_each(|(p, epoch)| self.ownership.claimed(*p, *epoch));
        claimed.len()
    }
}

/// Two nodes; the first owns everything.
async fn cluster(opened: &Opened) -> (Node, Node, Fixture) {
    let f = common::fixture(&opened.store).await;
    let (a, b) = (Node::start(opened, 11).await, Node::start(opened, 12).await);
    assert_eq!(a.claim_all().await, 256);
    assert_eq!(b.claim_all().await, 0, "the owner lives");
    (a, b, f)
}

/// The first node is paused for so long that the second one takes over.
async fn taken_over(opened: &Opened, a: &Node, b: &Node) {
    opened.server.as_ref().expect("a server").silence(&opened.name, a.id);
    assert_eq!(b.claim_all().await, 256);
}

async fn eventually<F: Future<Output = bool>>(what: &str, condition: impl Fn() -> F) {
    let wait = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.unwrap_or_else(|_| panic!("never: {what}"));
}

/// Who waits for a lock of this kind in the test's own database: the server is shared with other tests.
fn waiting(opened: &Opened, kind: &str) -> usize {
    let statement = format!(
        "SELECT COUNT(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid) \
         WHERE NOT l.granted AND l.locktype = '{kind}' AND a.datname = current_database()"
    );
    opened.server.as_ref().expect("a server").sql(&opened.name, &statement).parse().expect("a number")
}

async fn version(store: &Store, loaded: &Loaded) -> u64 {
    store.load(loaded.key.tenant, loaded.key.id).await.expect("load").version
}

// req: S3-JOB-3
#[tokio::test]
async fn the_commit_of_an_owner_that_slept_is_refused() {
    let opened = common::open(Kind::Postgres).await;
    let (a, b, f) = cluster(&opened).await;
    let loaded = receive(&a.store, &f.home, "peer", &[("m1", "hello")], NOW).await;
    a.store.commit(answer(&loaded, "yes", &f.ids, NOW)).await.expect("commit");
    let loaded = receive(&a.store, &f.home, "peer", &[("m2", "open?")], NOW).await;
    assert_eq!(a.store.fenced(), 0);

    taken_over(&opened, &a, &b).await;
    assert_eq!(a.store.commit(answer(&loaded, "old", &f.ids, NOW)).await, Err(StoreError::Stale));
    assert_eq!(a.store.fenced(), 1);
    assert_eq!(version(&b.store, &loaded).await, 1, "the version alone would have let it pass");
    b.store.commit(answer(&loaded, "new", &f.ids, NOW)).await.expect("commit");
    assert_eq!(b.store.fenced(), 0);
    let lines = b.store.history(f.home.tenant, loaded.key.id, u64::MAX, 9).await.expect("history");
    assert!(lines.iter().all(|l| l.text != "old"));
}

#[tokio::test]
async fn a_node_that_claimed_nothing_writes_nothing() {
    let opened = common::open(Kind::Postgres).await;
    let (a, b, f) = cluster(&opened).await;
    let loaded = receive(&a.store, &f.home, "peer", &[("m1", "hello")], NOW).await;
    assert_eq!(b.store.commit(answer(&loaded, "stolen", &f.ids, NOW)).await, Err(StoreError::Stale));
    // What it says of itself changes nothing.
    Partition::all().for_each(|p| b.ownership.claimed(p, 1));
    assert_eq!(b.store.commit(answer(&loaded, "stolen", &f.ids, NOW)).await, Err(StoreError::Stale));
    assert_eq!(b.store.fenced(), 2);
    a.store.commit(answer(&loaded, "own", &f.ids, NOW)).await.expect("commit");
}

/// A transaction of nobody's that holds a conversation's row, so that whoever writes it stands still in the middle.
async fn hold(opened: &Opened, conversation: ConversationId) -> PgConnection {
    let url = opened.server.as_ref().expect("a server").superuser_url(&opened.name);
    let mut conn = PgConnection::connect(&url).await.expect("connects");
    let text = format!("BEGIN; SELECT 1 FROM conversations WHERE id = '{conversation}' FOR UPDATE");
    conn.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(text))).await.expect("held");
    conn
}

#[tokio::test]
async fn a_claim_waits_for_the_batch_that_is_under_way() {
    let opened = common::open(Kind::Postgres).await;
    let (a, b, f) = cluster(&opened).await;
    let loaded = receive(&a.store, &f.home, "peer", &[("m1", "hello")], NOW).await;
    let mut held = hold(&opened, loaded.key.id).await;
    let commit = answer(&loaded, "in time", &f.ids, NOW);
    let committing = tokio::spawn({
        let store = a.store.clone();
        async move { store.commit(commit).await }
    });
    eventually("the commit stands still", async || waiting(&opened, "transactionid") == 1).await;
    opened.server.as_ref().expect("a server").silence(&opened.name, a.id);
    let partition = Partition::from(loaded.key.id);
    let claiming = tokio::spawn({
        let (store, id) = (b.store.clone(), b.id);
        async move { PlacementStore::claim(&store, id, vec![(partition, 1)]).await }
    });
    eventually("the claim waits", async || waiting(&opened, "advisory") == 1).await;
    held.execute("COMMIT").await.expect("let go");
    assert_eq!(committing.await.expect("ends"), Ok(()));
    assert_eq!(claiming.await.expect("ends"), Ok(vec![(partition, 2)]));
    assert_eq!(version(&b.store, &loaded).await, 1, "what was written is what the new owner finds");
    let again = a.store.load(loaded.key.tenant, loaded.key.id).await.expect("load");
    assert_eq!(a.store.commit(empty_commit(&again, NOW)).await, Err(StoreError::Stale));
    assert_eq!(a.store.fenced(), 1);
}

#[tokio::test]
async fn a_batch_that_waits_for_a_claim_is_refused_after_it() {
    let opened = common::open(Kind::Postgres).await;
    let (a, b, f) = cluster(&opened).await;
    let loaded = receive(&a.store, &f.home, "peer", &[("m1", "hello")], NOW).await;
    let other = receive(&a.store, &f.abroad, "peer", &[("m1", "hello")], NOW).await;
    opened.server.as_ref().expect("a server").silence(&opened.name, a.id);
    // The claim has the partition's lock and is about to write.
    let url = opened.server.as_ref().expect("a server").superuser_url(&opened.name);
    let mut claim = PgConnection::connect(&url).await.expect("connects");
    let number = Partition::from(loaded.key.id).0;
    let text = format!("BEGIN; SELECT * FROM partitions WHERE number = {number} FOR UPDATE");
    claim.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(text))).await.expect("held");
    let claiming = tokio::spawn({
        let (store, id) = (b.store.clone(), b.id);
        async move { PlacementStore::claim(&store, id, vec![(Partition(number), 1)]).await }
    });
    eventually("the claim stands still", async || waiting(&opened, "transactionid") == 1).await;
    let (one, two) = (answer(&loaded, "late", &f.ids, NOW), answer(&other, "fine", &f.ids, NOW));
    let committing = tokio::spawn({
        let store = a.store.clone();
        async move { tokio::join!(store.commit(one), store.commit(two)) }
    });
    eventually("the batch waits", async || waiting(&opened, "advisory") == 1).await;
    claim.execute("COMMIT").await.expect("let go");
    assert_eq!(claiming.await.expect("ends"), Ok(vec![(Partition(number), 2)]));
    assert_ne!(Partition::from(other.key.id).0, number, "the fixture's conversations lie apart");
    assert_eq!(committing.await.expect("ends"), (Err(StoreError::Stale), Ok(())), "its neighbour is not concerned");
    assert_eq!(a.store.fenced(), 1);
}

#[tokio::test]
async fn lanes_and_outboxes_are_fenced() {
    let opened = common::open(Kind::Postgres).await;
    let (a, b, f) = cluster(&opened).await;
    let (tenant, channel) = (f.home.tenant, f.home.channel);
    let mut items = Vec::new();
    for n in 0..3 {
        let (peer, id) = (format!("peer-{n}"), format!("m-{n}"));
        let loaded = receive(&a.store, &f.home, &peer, &[(&id, "hello")], NOW).await;
        a.store.commit(answer(&loaded, "yes", &f.ids, NOW)).await.expect("commit");
        items.extend(OutboxStore::claim(&a.store, tenant, channel, NOW, 1).await.expect("claim"));
    }
    let entry = f.home.text("peer-0", "late", "x", NOW);
    a.store.append(vec![entry]).await.expect("the log is nobody's");
    let from = a.store.cursor(Lane(0)).await.expect("cursor");
    let entries = a.store.read(Lane(0), from, 9).await.expect("read");

    taken_over(&opened, &a, &b).await;
    let to = entries.last().expect("an entry").offset;
    for to in [from, to] {
        assert_eq!(a.store.take_in(Lane(0), from, to, entries.clone()).await, Err(StoreError::Stale));
    }
    assert_eq!(a.store.recover(tenant, channel, NOW).await, Err(StoreError::Stale));
    assert_eq!(b.store.recover(tenant, channel, NOW).await, Ok(3), "what was being sent is uncertain");
    assert_eq!(take_in_all(&b.store, &b.store).await.len(), 1);

    // What the old owner had sent is news; what it wants to do next is not.
    let fenced = a.store.fenced();
    let (at, failure) = (NOW, colloquy_domain::failure::Failure::retry("test.weather", "later"));
    let sent = Settlement::Sent { tenant, id: items[0].id, provider_message_id: Some("p-0".into()), at };
    let again = Settlement::Again { tenant, id: items[1].id, parts: 0, at, failure: failure.clone() };
    let part = Settlement::Progress { tenant, id: items[2].id, parts: 1, provider_message_id: Some("p-2".into()) };
    a.store.settle(vec![sent, again, part]).await.expect("settled");
    assert_eq!(a.store.fenced(), fenced + 2, "the rest was not its own to write");
    assert_eq!(b.store.next_due(tenant, channel).await, Ok(None), "nothing is sent again");
    let states = opened.server.as_ref().expect("a server").sql(
        &opened.name,
        "SELECT string_agg(status, ' ' ORDER BY position), (SELECT COUNT(*) FROM outbox_parts) FROM outbox",
    );
    assert_eq!(states, "sent uncertain uncertain|2");
    assert_eq!(OutboxStore::claim(&b.store, tenant, channel, NOW, 9).await, Ok(Vec::new()));
}

#[tokio::test]
async fn documents_are_ingested_by_their_owner() {
    let opened = common::open(Kind::Postgres).await;
    let f = common::fixture(&opened.store).await;
    let (a, b) = (Node::start(&opened, 11).await, Node::start(&opened, 12).await);
    let mine = Partition::from(f.documents[1].document);
    let claimed = PlacementStore::claim(&a.store, a.id, vec![(mine, 0)]).await.expect("claim");
    claimed.iter().for_each(|(p, epoch)| a.ownership.claimed(*p, *epoch));
    let taken = a.store.take(9).await.expect("take");
    let wanted = f.documents.iter().filter(|d| Partition::from(d.document) == mine).cloned().collect::<Vec<_>>();
    assert_eq!(taken, wanted, "only what is its own");

    taken_over_document(&opened, &a, &b).await;
    let document = &f.documents[1];
    let report = IngestReport {
        pages: Vec::new(),
        chunks: 1,
        characters: 9,
        language: None,
        generation: "g1".into(),
        embedded: true,
    };
    a.store.finish(document.tenant, document.document, Ok(report.clone())).await.expect("of no consequence");
    let shown = async |store: &Store| {
        let shown = store.tenant(document.tenant).document(document.document).await.expect("document");
        shown.progress.status
    };
    assert_eq!(shown(&a.store).await, DocumentStatus::Pending);
    assert_eq!(a.store.fenced(), 1);
    assert!(b.store.take(9).await.expect("take").iter().any(|j| j.document == document.document));
    b.store.finish(document.tenant, document.document, Ok(report)).await.expect("finish");
    assert_eq!(shown(&a.store).await, DocumentStatus::Ready);
}

async fn taken_over_document(opened: &Opened, a: &Node, b: &Node) {
    opened.server.as_ref().expect("a server").silence(&opened.name, a.id);
    b.claim_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replies_of_one_node_are_delivered_by_another_and_none_is_stuck() {
    const TURNS: usize = 40;
    const PEERS: usize = 4;
    let opened = common::open(Kind::Postgres).await;
    let f = common::fixture(&opened.store).await;
    let (tenant, channel) = (f.home.tenant, f.home.channel);
    let (a, b) = (Node::start(&opened, 11).await, Node::start(&opened, 12).await);
    let outbox = Partition::from(channel);
    for (node, partitions) in [(&b, vec![outbox]), (&a, Partition::all().filter(|p| *p != outbox).collect())] {
        let wanted = partitions.into_iter().map(|p| (p, 0)).collect();
        let claimed = PlacementStore::claim(&node.store, node.id, wanted).await.expect("claim");
        claimed.iter().for_each(|(p, epoch)| node.ownership.claimed(*p, *epoch));
    }
    // Each conversation goes on while its replies are being sent: the next one joins the queue as the last one leaves.
    let mut talks = Vec::new();
    for peer in 0..PEERS {
        let mut loaded =
            receive(&opened.store, &f.home, &format!("peer-{peer}"), &[(&format!("m-{peer}"), "x")], NOW).await;
        let (taker, mover) = (a.store.clone(), opened.store.clone());
        let (home, ids) = (f.home, SeqIds::new(100 + u16::try_from(peer).expect("small")));
        if Partition::from(loaded.key.id) == outbox {
            continue;
        }
        talks.push(async move {
            for turn in 0..TURNS {
                taker.commit(answer(&loaded, &format!("reply {turn}"), &ids, NOW)).await.expect("commit");
                let entry = home.text(&format!("peer-{peer}"), &format!("m-{peer}-{turn}"), "x", NOW);
                mover.append(vec![entry]).await.expect("append");
                while loaded.pending.is_empty() || loaded.version == turn as u64 {
                    loaded = taker.load(home.tenant, loaded.key.id).await.expect("load");
                    tokio::task::yield_now().await;
                }
            }
        });
    }
    let peers = talks.len();
    let done = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let moving = {
        let (store, done) = (opened.store.clone(), Arc::clone(&done));
        async move {
            while !done.load(std::sync::atomic::Ordering::SeqCst) {
                take_in_all(&store, &store).await;
                tokio::task::yield_now().await;
            }
        }
    };
    let delivering = {
        let (store, done) = (b.store.clone(), Arc::clone(&done));
        async move {
            let mut delivered = Vec::new();
            while delivered.len() < peers * TURNS {
                for item in OutboxStore::claim(&store, tenant, channel, NOW, 9).await.expect("claim") {
                    delivered.push((item.conversation, item.text));
                    let sent = Settlement::Sent { tenant, id: item.id, provider_message_id: None, at: NOW };
                    store.settle(vec![sent]).await.expect("settle");
                }
                tokio::task::yield_now().await;
            }
            done.store(true, std::sync::atomic::Ordering::SeqCst);
            delivered
        }
    };
    let all = async { futures::join!(futures::future::join_all(talks), moving, delivering) };
    let (_, (), delivered) =
        tokio::time::timeout(Duration::from_secs(60), all).await.expect("no reply is stuck behind a finished one");
    for (conversation, _) in &delivered[..peers] {
        let texts: Vec<&str> = delivered.iter().filter(|d| d.0 == *conversation).map(|d| d.1.as_str()).collect();
        let wanted: Vec<String> = (0..TURNS).map(|turn| format!("reply {turn}")).collect();
        assert_eq!(texts, wanted, "in order");
    }
    assert_eq!((a.store.fenced(), b.store.fenced()), (0, 0));
}

#[tokio::test]
async fn nodes_that_start_at_once_migrate_once() {
    let server = common::postgres::Server::shared();
    let database = common::postgres(&server.url(&server.database()));
    let opening = (1..5).map(|space| Store::open(database.clone(), common::options(space).0));
    let opened = futures::future::join_all(opening).await;
    for store in opened {
        store.map(|_| ()).expect("opens");
    }
}

#[tokio::test]
async fn the_log_is_begun_anew_only_while_no_node_lives() {
    let opened = common::open(Kind::Postgres).await;
    let (a, b, f) = cluster(&opened).await;
    let (old, new) = (f.ids.uuid(), f.ids.uuid());
    let installation = opened.store.installation();
    assert_eq!(installation.named_log().await, Ok(None));
    assert_eq!(installation.log_of_cursors(old).await, Ok(old));
    let entries = vec![f.home.text("peer", "m1", "hello", NOW)];
    a.store.append(entries).await.expect("append");
    take_in_all(&a.store, &a.store).await;
    assert!(a.store.cursor(Lane(0)).await.expect("cursor") > 0);

    let names: Vec<_> = installation.nodes().await.expect("nodes").into_iter().map(|s| s.node).collect();
    assert!(names.len() == 2 && names.contains(&a.id) && names.contains(&b.id), "looking makes no session");
    assert_eq!(installation.begin_log(new).await, Ok(false));
    assert_eq!(installation.named_log().await, Ok(Some(old)));
    a.store.leave(a.id).await.expect("leave");
    opened.server.as_ref().expect("a server").silence(&opened.name, b.id);
    assert_eq!(installation.begin_log(new).await, Ok(true));
    assert_eq!((installation.named_log().await, installation.log_of_cursors(old).await), (Ok(Some(new)), Ok(new)));
    assert_eq!(opened.store.cursor(Lane(0)).await, Ok(0));
}

#[tokio::test]
async fn a_server_tells_its_version_and_its_clock() {
    let opened = common::open(Kind::Postgres).await;
    let server = opened.store.installation().database_server().await.expect("told").expect("a server");
    assert!(server.major >= 12 && server.version.starts_with(&server.major.to_string()), "{server:?}");
    assert!(server.now > NOW, "it has its own clock");
    let file = common::open(Kind::Sqlite).await.store.installation();
    assert_eq!((file.database_server().await, file.nodes().await), (Ok(None), Ok(Vec::new())));
    assert!(matches!(file.begin_log(SeqIds::new(3).uuid()).await, Err(StoreError::Broken(_))));
}
