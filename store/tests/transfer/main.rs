//! An installation moves from a file to a server.

#[path = "../common/mod.rs"]
mod common;
mod rows;

use colloquy_domain::{
    channel::Secret,
    conversation::{NewDeadLetter, TimerChange},
    failure::Failure,
    ids::DeadLetterId,
    message::Outcome,
    ports::{ConversationStore, Ids, IngressLog, OutboxStore, Settlement},
    testkit::{Account, Fixture, answer, receive, said},
};
use colloquy_store::{
    Database, KeyHash, OpenError, PageRequest, PostgresOptions, Store,
    transfer::{Compared, Transfer, TransferError, Vectors},
};
use common::{Kind, NOW, Opened};

/// More than one page of a table.
const TEXTS: usize = 700;

/// An installation with rows in every table; the last text is still in the log.
async fn source() -> (Opened, Fixture) {
    let opened = common::open(Kind::Sqlite).await;
    let store = &opened.store;
    let f = common::fixture(store).await;
    let view = store.tenant(f.home.tenant);
    view.create_api_key("laptop", KeyHash::of("a key"), &["*".to_owned()]).await.expect("key");
    let mut account = Account::new(f.home.tenant, &f.ids).account();
    account.agent = f.home.agent;
    account.secrets.insert("token".into(), Secret::new("very-secret-token"));
    view.create_channel(account, false).await.expect("channel");
    let texts: Vec<(String, String)> = (0..TEXTS).map(|n| (format!("m{n}"), format!("text {n}, naïve\0"))).collect();
    let texts: Vec<(&str, &str)> = texts.iter().map(|(id, text)| (id.as_str(), text.as_str())).collect();
    let loaded = receive(store, &f.home, "peer", &texts, NOW).await;
    let mut commit = answer(&loaded, "yes", &f.ids, NOW);
    commit.timers = vec![TimerChange::ReturnAt(NOW)];
    store.commit(commit).await.expect("commit");
    let (tenant, channel) = (f.home.tenant, f.home.channel);
    let id = store.claim(tenant, channel, NOW, 9).await.expect("claim").remove(0).id;
    let sent = Settlement::Sent { tenant, id, provider_message_id: Some("p1".into()), at: NOW };
    store.settle(vec![sent]).await.expect("settle");
    for n in 0..40 {
        // Several conversations, one of which ends badly.
        let loaded = receive(store, &f.home, &format!("peer {n}"), &[(&format!("o{n}"), "hello")], NOW).await;
        let mut commit = answer(&loaded, "no", &f.ids, NOW);
        if n == 0 {
            let cause = Failure::retry("model.down", "no answer");
            commit.settled[0].outcome = Outcome::DeadLettered { cause: cause.clone() };
            commit.dead_letters = vec![NewDeadLetter { id: DeadLetterId::new(f.ids.uuid()), seq: 1, cause }];
        }
        store.commit(commit).await.expect("commit");
    }
    rows::add(store, &f).await;
    store.append(vec![f.home.text("late", "late", "still in the log", NOW)]).await.expect("append");
    (opened, f)
}

/// The server's side: an empty database.
struct Target {
    server: std::sync::Arc<common::postgres::Server>,
    name: String,
}

impl Target {
    fn new() -> Self {
        let server = common::postgres::Server::shared();
        let name = server.database();
        Self { server, name }
    }

    fn options(&self) -> PostgresOptions {
        PostgresOptions::new(Secret::new(self.server.url(&self.name)))
    }

    async fn to_fill(&self) -> Store {
        Store::open_to_fill(self.options(), common::options(6).0).await.expect("opens")
    }

    async fn open(&self) -> Result<Store, OpenError> {
        Store::open(Database::Postgres(self.options()), common::options(8).0).await
    }

    fn sql(&self, statement: &str) -> String {
        self.server.sql(&self.name, statement)
    }
}

async fn begin(source: &Store, target: &Store) -> Transfer {
    Transfer::begin(source, target).await.expect("begins")
}

async fn copy_all(transfer: &mut Transfer) {
    while transfer.copy_page().await.expect("copied").is_some() {}
}

fn different(compared: &[Compared]) -> Vec<&'static str> {
    compared.iter().filter(|c| !c.is_same()).map(|c| c.table).collect()
}

#[tokio::test]
async fn an_interrupted_transfer_goes_on_and_every_row_arrives() {
    let (opened, f) = source().await;
    let target = Target::new();
    for pages in [0, 1, 5, 4, 4, 3] {
        // Each time somebody pulls the plug.
        let store = target.to_fill().await;
        let mut transfer = begin(&opened.store, &store).await;
        for _ in 0..pages {
            transfer.copy_page().await.expect("copied").expect("there is more");
        }
        assert!(!transfer.is_finished());
        store.close().await;
        let refused = target.open().await.map(|_| ());
        assert!(matches!(refused, Err(OpenError::Filling { .. })), "{refused:?}");
    }
    let store = target.to_fill().await;
    let mut transfer = begin(&opened.store, &store).await;
    copy_all(&mut transfer).await;
    transfer.set_vectors(Vectors::From(None)).await.expect("noted");
    assert_eq!(begin(&opened.store, &store).await.vectors(), Vectors::From(None));
    let compared = transfer.compare().await.expect("compared");
    assert_eq!(different(&compared), [""; 0]);
    let untried = compared.iter().filter(|c| c.source.count == 0).map(|c| c.table);
    assert_eq!(untried.collect::<Vec<_>>(), [""; 0], "rows for every table");
    transfer.finish().await.expect("finished");
    assert!(begin(&opened.store, &store).await.is_finished());
    store.close().await;

    let moved = target.open().await.expect("opens for everybody");
    let view = moved.tenant(f.home.tenant);
    let late = view.conversation_with(f.home.channel, "late").await.expect("asked").expect("out of the log");
    assert_eq!(said(&moved, f.home.tenant, late).await, ["still in the log"]);
    let channels = view.channels(PageRequest::default()).await.expect("channels").items;
    assert!(channels.iter().any(|c| c.account.secret("token") == Some("very-secret-token")));
    // What happens from now on is told from here.
    let endpoint = view.webhook_endpoints(PageRequest::default()).await.expect("endpoints").items.remove(0).id;
    let before = view.due_deliveries(endpoint, 50).await.expect("due").len();
    receive(&moved, &f.home, "telling", &[("t2", "tell them more")], NOW).await;
    assert_eq!(view.due_deliveries(endpoint, 50).await.expect("due").len(), before + 1);
    // The same conversation goes on, behind all numbers that were given before.
    let before: i64 = target.sql("SELECT MAX(position) FROM messages").parse().expect("a number");
    let loaded = receive(&moved, &f.home, "peer", &[("new", "are you there?")], NOW).await;
    assert_eq!((loaded.pending.len(), loaded.pending[0].seq), (1, TEXTS as u64 + 1));
    moved.commit(answer(&loaded, "still here", &f.ids, NOW)).await.expect("commit");
    let lines = said(&moved, f.home.tenant, loaded.key.id).await;
    assert_eq!(lines.len(), TEXTS + 3);
    assert_eq!(lines[TEXTS..], ["yes", "are you there?", "still here"]);
    let after: i64 = target.sql("SELECT MAX(position) FROM messages").parse().expect("a number");
    assert_eq!(after, before + 2);
}

#[tokio::test]
async fn a_row_that_differs_or_is_missing_shows() {
    let (opened, _) = source().await;
    let target = Target::new();
    let store = target.to_fill().await;
    let mut transfer = begin(&opened.store, &store).await;
    copy_all(&mut transfer).await;
    let planted = [
        ("UPDATE messages SET text = text || ' ' WHERE position = 300", "messages"),
        ("UPDATE agents SET enabled = NOT enabled", "agents"),
        ("UPDATE api_keys SET revoked_at = 0", "api_keys"),
        ("UPDATE channels SET secrets = secrets || '\\x00'", "channels"),
        ("DELETE FROM outbox_parts", "outbox_parts"),
        ("DELETE FROM timers", "timers"),
    ];
    let mut found: Vec<&str> = Vec::new();
    for (statement, table) in planted {
        target.sql(statement);
        found.push(table);
        let mut shown = different(&transfer.compare().await.expect("compared"));
        shown.sort_unstable();
        found.sort_unstable();
        assert_eq!(shown, found, "{statement}");
    }
}

#[tokio::test]
async fn only_an_empty_database_or_the_same_transfer_is_gone_on_with() {
    let (opened, _) = source().await;
    let target = Target::new();
    let store = target.to_fill().await;
    let wrong = Transfer::begin(&store, &opened.store).await.map(|_| ());
    assert!(matches!(wrong, Err(TransferError::WrongKind)), "{wrong:?}");
    target.sql(
        "INSERT INTO nodes (id, name, draining, started_at, seen_at) \
         VALUES (gen_random_uuid(), 'node-7', FALSE, now(), now())",
    );
    let running = Transfer::begin(&opened.store, &store).await.map(|_| ());
    assert!(matches!(&running, Err(TransferError::Running(name)) if name == "node-7"), "{running:?}");
    target.sql("UPDATE nodes SET seen_at = now() - interval '1 hour'");
    common::new_tenant(&store, "somebody").await;
    let occupied = Transfer::begin(&opened.store, &store).await.map(|_| ());
    assert!(matches!(occupied, Err(TransferError::Occupied("tenants"))), "{occupied:?}");
    target.sql("DELETE FROM tenants");

    // Two of the same at once: the second one to write is told.
    let mut first = begin(&opened.store, &store).await;
    let mut second = begin(&opened.store, &store).await;
    first.copy_page().await.expect("copied");
    second.copy_page().await.expect_err("somebody else was here");
    let other = common::open(Kind::Sqlite).await;
    common::new_tenant(&other.store, "another").await;
    let refused = Transfer::begin(&other.store, &store).await.map(|_| ());
    assert!(matches!(refused, Err(TransferError::OtherSource)), "{refused:?}");
}
