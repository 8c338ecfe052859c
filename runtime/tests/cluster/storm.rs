//! Webhooks that come again after days and years: the log has forgotten them, conversations have long gone on, and still
//! each of them was taken in once. The actors and the stores are the real ones; only the clock is set by hand.

use crate::common::{self, Kind, Opened};
use colloquy_actors::{Node, Ports, Settings};
use colloquy_domain::{
    message::{Content, Outcome},
    model::{Completion, CompletionRequest, CompletionResult},
    placement::{Lane, Ownership},
    ports::{Clock as _, InboxStore as _, IngressLog as _, NewEntry, Notice},
    testkit::{
        Account, FakeDriver, FakeKnowledge, FakeModel, FakePipeline, FakeTools, Heard, MeaningInWords, MemoryDirectory,
        MemoryStore, SeqIds,
    },
};
use std::{
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

const PEOPLE: usize = 6;
/// How often each webhook is repeated each time.
const TIMES: usize = 50;
/// How long after the last time everything comes again, in days.
const LATER: [u64; 5] = [2, 5, 31, 366, 3653];
const DAY: Duration = Duration::from_secs(24 * 3600);

on_both! {
    webhooks_that_come_again_after_days_are_known
}

type Answer = Pin<Box<dyn Future<Output = CompletionResult> + Send>>;

fn echo(request: CompletionRequest) -> Answer {
    let text = request.messages.join("\n");
    Box::pin(async move { Ok(Completion { text, ..Completion::default() }) })
}

struct World {
    opened: Opened,
    account: Account,
    driver: Arc<FakeDriver>,
    node: Node,
    /// Everything that ever came, each once.
    written: Vec<NewEntry>,
}

impl World {
    async fn start(kind: Kind) -> Self {
        let opened = common::open(kind).await;
        let ids = Arc::new(SeqIds::new(9));
        let account = Account::new(common::new_tenant(&opened.store, "here").await, ids.as_ref());
        common::register(&opened.store, &account, false).await;
        // Only to be looked up in: nothing is written there.
        let known = Arc::new(MemoryStore::with_ids(ids.clone()));
        let mut profile = account.profile();
        profile.gather.quiet = Duration::ZERO;
        known.register_agent(profile);
        known.register_channel(account.account(), false);
        let driver = Arc::<FakeDriver>::default();
        let directory = Arc::new(MemoryDirectory { store: known, driver: driver.clone() });
        let store = Arc::new(opened.store.clone());
        let ports = Ports {
            clock: opened.clock.clone(),
            ids,
            log: store.clone(),
            inbox: store.clone(),
            conversations: store.clone(),
            outbox: store.clone(),
            documents: store,
            agents: directory.clone(),
            channels: directory,
            pipeline: Arc::new(FakePipeline(|_| panic!("no document was expected"))),
            knowledge: Arc::new(FakeKnowledge(|_| Ok(Vec::new()))),
            meaning: Arc::new(MeaningInWords),
            model: Arc::new(FakeModel(echo as fn(CompletionRequest) -> Answer)),
            tools: Arc::<FakeTools>::default(),
            announcer: Arc::new(Heard { notices: Mutex::default(), on: |_: &Notice| {} }),
            ownership: Arc::new(Ownership::everything()),
            cluster: None,
        };
        let node = Node::start(ports, Settings::default()).await.unwrap();
        Self { opened, account, driver, node, written: Vec::new() }
    }

    /// Everybody writes once, and everything that ever came comes again, at the same time.
    async fn day(&mut self, day: u64) {
        let (store, now) = (&self.opened.store, self.opened.clock.now());
        for person in 0..PEOPLE {
            let peer = format!("person-{person}");
            self.written.push(self.account.text(&peer, &format!("{peer}.{day}"), &format!("{peer} on day {day}"), now));
        }
        let storm = self.written.iter().map(|entry| async {
            let mut again = entry.clone();
            again.received_at = now;
            for _ in 0..TIMES {
                store.append(vec![again.clone()]).await.unwrap();
            }
        });
        futures::future::join_all(storm).await;
        self.moved().await;
        let wanted = self.written.len();
        crate::support::wait::until("everything is answered", async || (self.sent().len() >= wanted).then_some(()))
            .await;
    }

    fn sent(&self) -> Vec<(String, String)> {
        self.driver.sent.lock().unwrap().clone()
    }

    /// Until nothing of the log waits.
    async fn moved(&self) {
        let store = &self.opened.store;
        crate::support::wait::until("the log is moved", async || {
            let cursor = store.cursor(Lane(0)).await.unwrap();
            (store.behind(Lane(0), cursor).await.unwrap() == 0).then_some(())
        })
        .await;
    }

    /// Until the log has forgotten everything.
    async fn forgotten(&self) {
        let store = &self.opened.store;
        crate::support::wait::until("the log is trimmed", async || {
            store.read(Lane(0), 0, 1).await.unwrap().is_empty().then_some(())
        })
        .await;
    }

    /// Each message was taken in once, in order, and answered once.
    async fn check(&self) {
        let rows = self.opened.store.tenant(self.account.tenant);
        let mut seqs = std::collections::BTreeMap::new();
        for entry in &self.written {
            let id = &entry.inbound.provider_message_id;
            let received =
                rows.received(self.account.channel, id).await.unwrap().unwrap_or_else(|| panic!("{id} is lost"));
            assert!(matches!(received.outcome, Some(Outcome::Answered { .. })), "{id}: {received:?}");
            let last = seqs.entry(received.conversation).or_insert(0);
            *last += 1;
            assert_eq!(received.seq, *last, "{id}: another number than the next");
        }
        assert_eq!(seqs.len(), PEOPLE);
        let mut sent = self.sent();
        let mut wanted: Vec<(String, String)> =
            self.written.iter().map(|e| (e.inbound.peer.address.clone(), texts(e))).collect();
        sent.sort();
        wanted.sort();
        assert_eq!(sent, wanted, "each is answered once");
    }
}

fn texts(entry: &NewEntry) -> String {
    match &entry.inbound.content {
        Content::Text { text } => text.clone(),
        other => panic!("{other:?}"),
    }
}

// req: S2-WHK-4
async fn webhooks_that_come_again_after_days_are_known(kind: Kind) {
    let mut world = World::start(kind).await;
    world.day(0).await;
    world.check().await;
    let mut day = 0;
    for later in LATER {
        day += later;
        world.opened.clock.advance(DAY * u32::try_from(later).unwrap());
        // A conversation's time may be over: whatever waits for that is done.
        world.forgotten().await;
        world.day(day).await;
        world.check().await;
    }
    world.node.stop().await;
}
