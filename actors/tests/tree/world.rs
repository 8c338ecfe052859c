//! A node over a store in memory, with a clock that follows the runtime's paused time.

use colloquy_actors::{Cluster, Node, Ports, Settings};
use colloquy_domain::{
    agent::AgentProfile,
    ids::{ConversationId, TenantId},
    knowledge::{IngestJob, KnowledgeQuery},
    message::Outcome,
    model::{Completion, CompletionRequest, CompletionResult},
    placement::Ownership,
    ports::{Clock, Ids, IngressLog, Notice},
    testkit::{
        Account, FakeDriver, FakeKnowledge, FakeModel, FakePipeline, FakeTools, Heard, Ingested, MeaningInWords,
        MemoryDirectory, MemoryStore, SeqIds,
    },
    time::Timestamp,
};
use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::Instant;

pub type Answer = Pin<Box<dyn Future<Output = CompletionResult> + Send>>;
type ModelFn = Box<dyn Fn(CompletionRequest) -> Answer + Send + Sync>;
type IngestFn = Box<dyn Fn(IngestJob) -> Ingested + Send + Sync>;
type NoticeFn = Box<dyn Fn(&Notice) + Send + Sync>;

pub struct RuntimeClock(Instant);

impl Clock for RuntimeClock {
    fn now(&self) -> Timestamp {
        Timestamp(1_757_000_000_000) + self.0.elapsed()
    }
}

pub struct World {
    pub account: Account,
    pub store: Arc<MemoryStore>,
    pub driver: Arc<FakeDriver>,
    pub tools: Arc<FakeTools>,
    /// What was looked for.
    pub looked: Arc<Mutex<Vec<KnowledgeQuery>>>,
    pub heard: Arc<Heard<NoticeFn>>,
    pub clock: Arc<RuntimeClock>,
    pub model: ModelFn,
    pub ingest: IngestFn,
    pub settings: Settings,
    ids: Arc<SeqIds>,
}

/// Answers each message with its own words.
pub fn echo(request: CompletionRequest) -> Answer {
    let text = format!("re: {}", request.messages.join(" + "));
    Box::pin(async move { Ok(Completion { text, ..Completion::default() }) })
}

impl World {
    pub fn new() -> Self {
        Self::hearing(Box::new(|_| {}))
    }

    pub fn hearing(on: NoticeFn) -> Self {
        let ids = Arc::new(SeqIds::new(7));
        let account = Account::new(TenantId::new(ids.uuid()), ids.as_ref());
        let store = Arc::new(MemoryStore::with_ids(ids.clone()));
        store.register_channel(account.account(), false);
        let world = Self {
            account,
            store,
            driver: Arc::default(),
            tools: Arc::default(),
            looked: Arc::default(),
            heard: Arc::new(Heard { notices: Mutex::default(), on }),
            clock: Arc::new(RuntimeClock(Instant::now())),
            model: Box::new(echo),
            ingest: Box::new(|_| panic!("no document was expected")),
            settings: Settings { idle_after: Duration::from_secs(10), ..Settings::default() },
            ids,
        };
        world.profile(|_| {});
        world
    }

    pub fn profile(&self, change: impl FnOnce(&mut AgentProfile)) {
        let mut profile = self.account.profile();
        profile.gather.quiet = Duration::ZERO;
        change(&mut profile);
        self.store.register_agent(profile);
    }

    pub async fn start(&mut self) -> Node {
        self.start_as(Ownership::everything(), None).await
    }

    /// One of several nodes over the same store and provider.
    pub async fn start_as(&mut self, ownership: Ownership, cluster: Option<Cluster>) -> Node {
        let directory = Arc::new(MemoryDirectory { store: self.store.clone(), driver: self.driver.clone() });
        let model = std::mem::replace(&mut self.model, Box::new(echo));
        let ingest = std::mem::replace(&mut self.ingest, Box::new(|_| panic!("no document was expected")));
        let ports = Ports {
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            log: self.store.clone(),
            inbox: self.store.clone(),
            conversations: self.store.clone(),
            outbox: self.store.clone(),
            documents: self.store.clone(),
            agents: directory.clone(),
            channels: directory,
            pipeline: Arc::new(FakePipeline(ingest)),
            knowledge: {
                let looked = Arc::clone(&self.looked);
                Arc::new(FakeKnowledge(move |query| {
                    looked.lock().expect("not poisoned").push(query);
                    Ok(Vec::new())
                }))
            },
            meaning: Arc::new(MeaningInWords),
            model: Arc::new(FakeModel(model)),
            tools: self.tools.clone(),
            announcer: self.heard.clone(),
            ownership: Arc::new(ownership),
            cluster,
        };
        Node::start(ports, self.settings.clone()).await.expect("the node starts")
    }

    pub async fn say(&self, peer: &str, id: &str, text: &str) {
        self.say_on(&self.account, peer, id, text).await;
    }

    pub async fn say_on(&self, account: &Account, peer: &str, id: &str, text: &str) {
        let entry = account.text(peer, id, text, self.clock.now());
        self.store.append(vec![entry]).await.expect("appended");
    }

    /// An account of another tenant, whose agent answers at once.
    pub fn another_tenant(&self) -> Account {
        let account = Account::new(TenantId::new(self.ids.uuid()), self.ids.as_ref());
        let mut profile = account.profile();
        profile.gather.quiet = Duration::ZERO;
        self.store.register_agent(profile);
        self.store.register_channel(account.account(), false);
        account
    }

    pub fn conversation(&self, peer: &str) -> Option<ConversationId> {
        self.store.conversations().into_iter().find(|k| k.peer.address == peer).map(|k| k.id)
    }

    /// Outcomes of the peer's messages, in order; `None` for one without.
    pub fn outcomes(&self, peer: &str) -> Vec<Option<Outcome>> {
        let Some(id) = self.conversation(peer) else { return Vec::new() };
        self.store.inbox(id).into_iter().map(|(_, outcome)| outcome).collect()
    }

    pub fn sent(&self) -> Vec<(String, String)> {
        self.driver.sent.lock().expect("not poisoned").clone()
    }
}

/// Waits until `done`; time is paused, so that this takes no time but the world's own.
pub async fn until(what: &str, done: impl Fn() -> bool) {
    for _ in 0..200_000 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("never happened: {what}");
}
