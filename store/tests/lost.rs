//! Connections that are lost, at the worst moments, and a server that is killed: what was answered happened, once.

mod common;

use colloquy_domain::{
    placement::Lane,
    ports::{ConversationStore, InboxStore, IngressLog, StoreError},
    testkit::{Account, SeqIds, answer, receive, take_in_all},
};
use colloquy_store::{PageRequest, Store};
use common::{Kind, NOW, postgres::Server};
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{UnixListener, UnixStream},
    task::JoinHandle,
};

/// What the way to the server does to the next COMMIT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// It is carried out, but its answer never arrives.
    Answer,
    /// The server never hears of it.
    Request,
}

/// A way to the server that breaks when it is told to.
struct Way {
    folder: tempfile::TempDir,
    /// COMMITs that will be cut off.
    cuts: Arc<AtomicU32>,
    task: JoinHandle<()>,
}

impl Way {
    fn open(server: &Server, cut: Cut) -> Self {
        let folder = tempfile::Builder::new().prefix("way-").tempdir_in("/tmp").expect("a folder");
        let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).expect("a socket");
        let (cuts, to) = (Arc::new(AtomicU32::new(0)), server.socket().join(".s.PGSQL.5432"));
        let shared = Arc::clone(&cuts);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, to.clone(), cut, Arc::clone(&shared)));
            }
        });
        Self { folder, cuts, task }
    }

    fn url(&self, server: &Server, database: &str) -> String {
        let (there, here) = (server.socket().display().to_string(), self.folder.path().display().to_string());
        server.url(database).replace(&there, &here)
    }

    fn cut_next(&self) {
        self.cuts.store(1, Ordering::SeqCst);
    }

    fn is_cut(&self) -> bool {
        self.cuts.load(Ordering::SeqCst) == 0
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn cuts_now(cuts: &AtomicU32) -> bool {
    cuts.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok()
}

/// The server answers a COMMIT that succeeded with its name. What the client asks for is known by the statement's text,
/// which it sends when it prepares it, or else by the name that the statement got then.
async fn carry(client: UnixStream, to: PathBuf, cut: Cut, cuts: Arc<AtomicU32>) {
    let server = UnixStream::connect(&to).await.expect("the server");
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
        (client.into_split(), server.into_split());
    let requests = Arc::clone(&cuts);
    let up = async move {
        let (mut buffer, mut commit) = (vec![0; 65536], None);
        while let Ok(size @ 1..) = from_client.read(&mut buffer).await {
            let sent = &buffer[..size];
            commit = commit.or_else(|| prepared(sent));
            let is_commit = contains(sent, b"\0COMMIT\0") || commit.as_ref().is_some_and(|name| contains(sent, name));
            if cut == Cut::Request && is_commit && cuts_now(&requests) {
                return;
            }
            if to_server.write_all(sent).await.is_err() {
                return;
            }
        }
    };
    let down = async move {
        let mut buffer = vec![0; 65536];
        while let Ok(size @ 1..) = from_server.read(&mut buffer).await {
            if cut == Cut::Answer && contains(&buffer[..size], b"COMMIT\0") && cuts_now(&cuts) {
                return;
            }
            if to_client.write_all(&buffer[..size]).await.is_err() {
                return;
            }
        }
    };
    // Whichever ends takes the other with it.
    tokio::select! { () = up => {}, () = down => {} }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|w| w == part)
}

/// The name under which a client prepares COMMIT, as it stands in later messages.
fn prepared(sent: &[u8]) -> Option<Vec<u8>> {
    let at = sent.windows(8).position(|w| w == b"\0COMMIT\0")?;
    let start = sent[..at].iter().rposition(|b| *b == b'P')? + 5;
    let mut name = vec![0];
    name.extend_from_slice(&sent[start..=at]);
    (name.len() > 3).then_some(name)
}

fn count(entries: &[colloquy_domain::ports::LogEntry]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for entry in entries {
        *counts.entry(entry.entry.inbound.provider_message_id.clone()).or_default() += 1;
    }
    counts
}

async fn commits_are_answered_truly(cut: Cut) {
    let opened = common::open(Kind::Postgres).await;
    let server = opened.server.as_ref().expect("a server");
    let f = common::fixture(&opened.store).await;
    let way = Way::open(server, cut);
    let (store, _) = common::open_at(common::postgres(&way.url(server, &opened.name)), 5).await;
    store.append(vec![f.home.text("peer", "before", "x", NOW)]).await.expect("append");
    for round in 0..5 {
        let (peer, id) = (format!("peer-{round}"), format!("m-{round}"));
        let loaded = receive(&opened.store, &f.home, &peer, &[(&id, "hello")], NOW).await;
        let appends = (0..9).map(|n| vec![f.home.text("peer", &format!("a-{round}-{n}"), "x", NOW)]);
        way.cut_next();
        let (logged, committed) = futures::join!(
            futures::future::join_all(appends.map(|e| store.append(e))),
            store.commit(answer(&loaded, "yes", &f.ids, NOW)),
        );
        assert!(logged.iter().all(Result::is_ok), "{logged:?}");
        assert_eq!(committed, Ok(()), "the first try's answer is what the caller hears");
        assert!(way.is_cut(), "or the test is void");
        let after = opened.store.load(f.home.tenant, loaded.key.id).await.expect("load");
        assert_eq!((after.version, after.pending.len()), (1, 0));
        let lines = opened.store.history(f.home.tenant, loaded.key.id, u64::MAX, 9).await.expect("history");
        assert_eq!(lines.len(), 2, "one reply");
    }
    let counts = count(&opened.store.read(Lane(0), 0, 10_000).await.expect("read"));
    assert!(counts.values().all(|n| *n == 1), "nothing is in the log twice: {counts:?}");
    assert_eq!(counts.keys().filter(|k| k.starts_with("a-")).count(), 45);
    store.close().await;
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_not_repeated() {
    commits_are_answered_truly(Cut::Answer).await;
}

#[tokio::test]
async fn a_commit_that_never_arrives_is_repeated() {
    commits_are_answered_truly(Cut::Request).await;
}

/// Appends until told to stop; what was acknowledged.
async fn append_all(store: Store, account: Account, writer: usize, until: Arc<AtomicU32>) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for n in 0.. {
        if until.load(Ordering::SeqCst) > 0 {
            return acknowledged;
        }
        let id = format!("w{writer}-{n}");
        match store.append(vec![account.text(&format!("peer-{}", n % 3), &id, "x", NOW)]).await {
            Ok(()) => acknowledged.push(id),
            Err(StoreError::Unavailable(_)) => {}
            Err(other) => panic!("{other}"),
        }
    }
    acknowledged
}

/// Answers all that comes in until told to stop; how many commits were acknowledged.
async fn answer_all(store: Store, ids: SeqIds, until: Arc<AtomicU32>) -> BTreeMap<String, u64> {
    let mut versions = BTreeMap::new();
    while until.load(Ordering::SeqCst) == 0 {
        let from = match store.cursor(Lane(0)).await {
            Ok(from) => from,
            Err(e) => {
                assert!(e.is_retry(), "{e}");
                continue;
            }
        };
        let Ok(entries) = store.read(Lane(0), from, 100).await else { continue };
        let Some(to) = entries.last().map(|e| e.offset) else { continue };
        let hints = match store.take_in(Lane(0), from, to, entries).await {
            Ok(taken) => taken.hints,
            // The server took longer to come back than a write waits.
            Err(e) if e.is_retry() => continue,
            Err(e) => panic!("it is taken in, or the cursor was not moved: {e}"),
        };
        for hint in hints {
            let Ok(loaded) = store.load(hint.tenant, hint.conversation).await else { continue };
            if loaded.pending.is_empty() {
                continue;
            }
            match store.commit(answer(&loaded, "y", &ids, NOW)).await {
                Ok(()) => _ = versions.insert(hint.conversation.to_string(), loaded.version + 1),
                Err(e) if e.is_retry() => {}
                Err(e) => panic!("nobody else commits: {e}"),
            }
        }
    }
    versions
}

// req: S1-DB-1
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_under_load_loses_and_doubles_nothing() {
    let server = Arc::new(Server::start());
    let name = server.database();
    let (store, _) = common::open_at(common::postgres(&server.url(&name)), 1).await;
    let f = common::fixture(&store).await;
    let until = Arc::new(AtomicU32::new(0));
    let writers: Vec<_> =
        (0..6).map(|n| tokio::spawn(append_all(store.clone(), f.home, n, Arc::clone(&until)))).collect();
    let answering = tokio::spawn(answer_all(store.clone(), SeqIds::new(7), Arc::clone(&until)));
    for _ in 0..4 {
        let before = entries(&store).await;
        while entries(&store).await < before + 60 {
            tokio::task::yield_now().await;
        }
        let server = Arc::clone(&server);
        tokio::task::spawn_blocking(move || server.crash()).await.expect("killed and started");
    }
    let before = entries(&store).await;
    while entries(&store).await < before + 60 {
        tokio::task::yield_now().await;
    }
    until.store(1, Ordering::SeqCst);
    let mut acknowledged = Vec::new();
    for writer in writers {
        acknowledged.extend(writer.await.expect("ends"));
    }
    let versions = answering.await.expect("ends");
    let all = store.read(Lane(0), 0, 1_000_000).await.expect("read");
    let counts = count(&all);
    assert!(counts.values().all(|n| *n == 1), "nothing is doubled");
    let lost: Vec<_> = acknowledged.iter().filter(|id| !counts.contains_key(*id)).collect();
    assert!(lost.is_empty(), "lost {lost:?} of {}", acknowledged.len());
    assert!(!versions.is_empty());
    for (id, version) in versions {
        let loaded = store.load(f.home.tenant, id.parse().expect("an id")).await.expect("load");
        assert!(loaded.version >= version, "a commit is gone");
    }
    take_in_all(&store, &store).await;
    let listed = store
        .tenant(f.home.tenant)
        .conversations(&colloquy_store::ConversationFilter::default(), uuid::Uuid::nil(), PageRequest::default())
        .await
        .expect("listed");
    assert_eq!(listed.items.iter().map(|c| c.received).sum::<u64>(), all.len() as u64, "each in one inbox");
    store.close().await;
}

async fn entries(store: &Store) -> usize {
    store.read(Lane(0), 0, 1_000_000).await.map_or(0, |e| e.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_server_writes_are_refused_and_come_back_by_themselves() {
    let server = Arc::new(Server::start());
    let name = server.database();
    let (store, _) = common::open_at(common::postgres(&server.url(&name)), 1).await;
    let f = common::fixture(&store).await;
    server.stop();
    let refused = store.append(vec![f.home.text("peer", "while away", "x", NOW)]).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    let read = store.cursor(Lane(0)).await;
    assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
    server.boot();
    // The next try may be seconds away.
    while store.append(vec![f.home.text("peer", "back", "x", NOW)]).await.is_err() {
        tokio::task::yield_now().await;
    }
    let counts = count(&store.read(Lane(0), 0, 99).await.expect("read"));
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), [("back".to_owned(), 1)], "what was refused was not written");
}

#[tokio::test]
async fn what_the_server_says_decides_what_is_tried_again() {
    let opened = common::open(Kind::Postgres).await;
    let (store, server) = (&opened.store, opened.server.as_ref().expect("a server"));
    let f = common::fixture(store).await;
    // A sequence counts what is rolled back, too.
    server.sql(
        &opened.name,
        "CREATE SEQUENCE tries; GRANT USAGE ON tries TO colloquy; \
         CREATE FUNCTION weather() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         IF NEW.payload LIKE '%full%' THEN RAISE EXCEPTION 'no space' USING ERRCODE = '53100'; END IF; \
         IF NEW.payload LIKE '%deadlock%' AND nextval('tries') <= 2 THEN \
         RAISE EXCEPTION 'in a ring' USING ERRCODE = '40P01'; END IF; RETURN NEW; END $$; \
         CREATE TRIGGER weather BEFORE INSERT ON ingress_log FOR EACH ROW EXECUTE FUNCTION weather()",
    );
    let append = |id: &str| store.append(vec![f.home.text("peer", id, "x", NOW)]);
    let (full, good, other) = futures::join!(append("full"), append("good"), append("other"));
    assert!(matches!(full, Err(StoreError::Full(_))), "{full:?}");
    assert_eq!((good, other), (Ok(()), Ok(())), "its neighbours are not concerned");
    assert_eq!(append("deadlock").await, Ok(()), "the third time");
    assert_eq!(server.sql(&opened.name, "SELECT last_value FROM tries"), "3");
    let counts = count(&store.read(Lane(0), 0, 99).await.expect("read"));
    let want = ["deadlock", "good", "other"].map(|id| (id.to_owned(), 1));
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), want);
}
