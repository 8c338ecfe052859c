//! kill -9 at any instant: whatever was acknowledged is there afterwards.

#[macro_use]
mod common;

use colloquy_domain::{
    ids::{AgentId, ChannelId, TenantId},
    placement::Lane,
    ports::{ConversationStore, InboxStore, IngressLog},
    testkit::{Account, SeqIds, answer, take_in_all},
};
use colloquy_store::{Database, Store};
use common::{Kind, NOW};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

const DATABASE: &str = "COLLOQUY_TEST_DURABILITY_DATABASE";
const ROUND: &str = "COLLOQUY_TEST_DURABILITY_ROUND";
const KILLS: u16 = 6;

/// The same ids in every process.
fn account() -> Account {
    let ids = SeqIds::new(99);
    use colloquy_domain::ports::Ids as _;
    Account { tenant: TenantId::new(ids.uuid()), agent: AgentId::new(ids.uuid()), channel: ChannelId::new(ids.uuid()) }
}

/// Its tenant gets an id of the store's; the account's own is replaced by it.
async fn registered(store: &Store) -> Account {
    let tenant = store.installation().ensure_default_tenant().await.expect("tenant").id;
    let account = Account { tenant, ..account() };
    if store.tenant(tenant).agent(account.agent).await.is_err() {
        common::register(store, &account, false).await;
    }
    account
}

/// Runs in a process of its own, which is killed while it writes.
#[tokio::test]
#[ignore = "the child of the test below"]
async fn child_writes_until_it_is_killed() {
    let (Ok(place), Ok(round)) = (std::env::var(DATABASE), std::env::var(ROUND)) else { return };
    let round: u16 = round.parse().expect("a number");
    let (store, _) = common::open_at(database(&place), 100 + round).await;
    let account = registered(&store).await;
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let store = store.clone();
            tokio::spawn(async move {
                for n in 0_u64.. {
                    let id = format!("r{round}-w{writer}-{n}");
                    let entry = account.text(&format!("peer-{}", n % 3), &id, "x", NOW);
                    store.append(vec![entry]).await.expect("append");
                    println!("appended {id}");
                }
            })
        })
        .collect();
    let ids = SeqIds::new(200 + round);
    loop {
        for hint in take_in_all(&store, &store).await {
            let loaded = store.load(hint.tenant, hint.conversation).await.expect("load");
            store.commit(answer(&loaded, "y", &ids, NOW)).await.expect("commit");
            println!("committed {} {}", hint.conversation, loaded.version + 1);
            let last = loaded.pending.last().map_or(0, |i| i.seq);
            println!("settled {} {last}", hint.conversation);
        }
        assert!(writers.iter().all(|w| !w.is_finished()));
    }
}

#[derive(Default)]
struct Acknowledged {
    appended: BTreeSet<String>,
    /// Version and last settled number of each conversation.
    committed: BTreeMap<String, (u64, u64)>,
}

impl Acknowledged {
    fn read(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["appended", id] => {
                self.appended.insert(id.to_owned());
            }
            ["committed", id, version] => {
                let seen = self.committed.entry(id.to_owned()).or_default();
                seen.0 = seen.0.max(version.parse().expect("a version"));
            }
            ["settled", id, seq] => {
                let seen = self.committed.entry(id.to_owned()).or_default();
                seen.1 = seen.1.max(seq.parse().expect("a number"));
            }
            _ => {}
        }
    }
}

/// Starts the child, kills it after a number of acknowledgements, and reads what else it had said.
fn run_and_kill(place: &str, round: u16, acknowledged: &mut Acknowledged) {
    let mut child = Command::new(std::env::current_exe().expect("this binary"))
        .args(["--exact", "child_writes_until_it_is_killed", "--ignored", "--nocapture"])
        .env(DATABASE, place)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("starts");
    let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let (mut said, mut commits, mut killed) = (0, 0, false);
    for line in lines.map_while(Result::ok) {
        acknowledged.read(&line);
        commits += usize::from(line.starts_with("committed"));
        said += usize::from(line.starts_with("appended") || line.starts_with("committed"));
        // Appends outnumber commits by as much as the machine likes: both have to be under way.
        if !killed && commits >= 3 && said >= 40 + 30 * usize::from(round) {
            child.kill().expect("killed");
            killed = true;
        }
    }
    let status = child.wait().expect("ended");
    assert!(!status.success() && status.code().is_none(), "it ended by the signal: {status:?}");
}

/// A server's URL, or a file.
fn database(place: &str) -> Database {
    if place.starts_with("postgres:") { common::postgres(place) } else { Database::Sqlite(place.into()) }
}

async fn what_was_acknowledged_survives_kill_9(on: Kind) {
    let opened = common::open(on).await;
    let place = match (&opened.server, &opened.database) {
        (Some(server), _) => server.url(&opened.name),
        (None, Database::Sqlite(path)) => path.display().to_string(),
        (None, Database::Postgres(_)) => panic!("a server"),
    };
    opened.store.close().await;
    let mut acknowledged = Acknowledged::default();
    for round in 0..KILLS {
        run_and_kill(&place, round, &mut acknowledged);
        let (store, _) = common::open_at(database(&place), 300 + round).await;
        let entries = store.read(Lane(0), 0, usize::MAX >> 1).await.expect("read");
        let held: BTreeSet<String> = entries.into_iter().map(|e| e.entry.inbound.provider_message_id).collect();
        let lost: Vec<_> = acknowledged.appended.difference(&held).collect();
        assert!(lost.is_empty(), "round {round}: lost {lost:?}");
        let account = registered(&store).await;
        for (id, (version, settled)) in &acknowledged.committed {
            let loaded = store.load(account.tenant, id.parse().expect("an id")).await.expect("load");
            assert!(loaded.version >= *version, "round {round}: a commit is gone");
            assert!(loaded.pending.iter().all(|i| i.seq > *settled), "round {round}: an outcome is gone");
        }
        store.close().await;
    }
    assert!(acknowledged.appended.len() > 100 && acknowledged.committed.len() == 3);
    every_entry_is_in_one_inbox(&place).await;
}

async fn every_entry_is_in_one_inbox(place: &str) {
    let (store, _) = common::open_at(database(place), 400).await;
    let account = registered(&store).await;
    take_in_all(&store, &store).await;
    assert_eq!(store.read(Lane(0), store.cursor(Lane(0)).await.expect("cursor"), 1).await, Ok(Vec::new()));
    let entries = store.read(Lane(0), 0, usize::MAX >> 1).await.expect("read").len() as u64;
    let listed = store
        .tenant(account.tenant)
        .conversations(
            &colloquy_store::ConversationFilter::default(),
            uuid::Uuid::nil(),
            colloquy_store::PageRequest::default(),
        )
        .await;
    let received: u64 = listed.expect("listed").items.iter().map(|c| c.received).sum();
    assert_eq!(received, entries, "each entry has one number in one inbox");
}

on_both! {
    what_was_acknowledged_survives_kill_9
}

/// The write-ahead log begins anew although nobody ever stops writing.
#[tokio::test]
async fn the_log_of_the_embedded_database_does_not_grow_for_ever() {
    /// Of one entry's text.
    const BYTES: usize = 256 * 1024;
    let opened = common::open(Kind::Sqlite).await;
    let account = registered(&opened.store).await;
    let file = opened.folder.path().join("colloquy.db-wal");
    let (text, mut written, mut largest) = ("x".repeat(BYTES), 0, 0);
    // Three times what the log ever held went through it.
    while written < 3 * largest.max(24 << 20) {
        assert!(written < 900 << 20, "the log holds {largest} bytes of {written}");
        let entry = account.text("peer", &format!("m-{written}"), &text, NOW);
        opened.store.append(vec![entry]).await.expect("append");
        written += BYTES as u64;
        largest = largest.max(std::fs::metadata(&file).expect("the log").len());
    }
    opened.store.close().await;
    assert!(!file.exists(), "the last connection leaves nothing in it");
}
