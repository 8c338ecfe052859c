//! The databases against the reference model: the same random calls, the same answers.

mod common;

use colloquy_domain::{
    channel::{DeliveryStatus, StatusUpdate},
    failure::Failure,
    ids::{ConversationId, OutboxId},
    ports::{ConversationStore, InboxStore, IngressLog, OutboxStore, Settlement},
    testkit::{Account, Fixture, MemoryStore, answer, say},
};
use colloquy_store::Store;
use common::{Kind, NOW};
use proptest::prelude::*;
use std::{collections::BTreeMap, time::Duration};

const PEERS: usize = 3;

#[derive(Debug, Clone)]
enum Step {
    /// A peer's message, by number: small numbers repeat.
    Receive {
        peer: usize,
        message: u8,
    },
    /// All that waits of a peer is answered, with so many lines.
    Answer {
        peer: usize,
        lines: usize,
    },
    Claim,
    /// What becomes of the n-th claimed reply that ever was.
    Settle {
        claimed: usize,
        how: How,
    },
    Recover,
    Status {
        claimed: usize,
        status: DeliveryStatus,
    },
    Watermark {
        peer: usize,
        status: DeliveryStatus,
    },
    Later,
}

#[derive(Debug, Clone, Copy)]
enum How {
    Progress,
    Sent,
    Again,
    Failed,
    Uncertain,
}

fn status() -> impl Strategy<Value = DeliveryStatus> {
    use DeliveryStatus::{Delivered, Failed, Read, Sent};
    prop_oneof![Just(Sent), Just(Delivered), Just(Read), Just(Failed)]
}

fn step() -> impl Strategy<Value = Step> {
    let rare = prop_oneof![Just(How::Progress), Just(How::Again), Just(How::Failed), Just(How::Uncertain)];
    let how = prop_oneof![2 => rare, 1 => Just(How::Sent)];
    prop_oneof![
        4 => (0..PEERS, 0..12_u8).prop_map(|(peer, message)| Step::Receive { peer, message }),
        4 => (0..PEERS, 1..3_usize).prop_map(|(peer, lines)| Step::Answer { peer, lines }),
        4 => Just(Step::Claim),
        5 => (0..8_usize, how).prop_map(|(claimed, how)| Step::Settle { claimed, how }),
        1 => Just(Step::Recover),
        3 => (0..8_usize, status()).prop_map(|(claimed, status)| Step::Status { claimed, status }),
        1 => (0..PEERS, status()).prop_map(|(peer, status)| Step::Watermark { peer, status }),
        1 => Just(Step::Later),
    ]
}

/// Both stores, and what the test knows of them. Conversations have different ids in each.
struct Pair {
    sql: Store,
    memory: MemoryStore,
    f: Fixture,
    home: Account,
    now: colloquy_domain::time::Timestamp,
    conversations: BTreeMap<usize, (ConversationId, ConversationId)>,
    claimed: Vec<OutboxId>,
}

fn peer(n: usize) -> String {
    format!("peer-{n}")
}

impl Pair {
    async fn new(sql: Store) -> Self {
        let f = common::fixture(&sql).await;
        let memory = MemoryStore::new();
        memory.register_channel(f.home.account(), false);
        let home = f.home;
        Self { sql, memory, home, f, now: NOW, conversations: BTreeMap::new(), claimed: Vec::new() }
    }

    async fn step(&mut self, step: &Step) {
        match step {
            Step::Receive { peer, message } => self.receive(*peer, *message).await,
            Step::Answer { peer, lines } => self.answer(*peer, *lines).await,
            Step::Claim => self.claim().await,
            Step::Settle { claimed, how } => self.settle(*claimed, *how).await,
            Step::Recover => {
                let (t, c, now) = (self.home.tenant, self.home.channel, self.now);
                assert_eq!(self.sql.recover(t, c, now).await, self.memory.recover(t, c, now).await);
            }
            Step::Status { claimed, status } => {
                let Some(id) = self.claimed.get(*claimed) else { return };
                let named = StatusUpdate { provider_message_id: Some(format!("{id}-sent")), ..self.update(*status) };
                let ours = StatusUpdate { outbox: Some(*id), ..self.update(*status) };
                self.advance(vec![named, ours]).await;
            }
            Step::Watermark { peer: n, status } => {
                self.advance(vec![StatusUpdate { peer: Some(peer(*n)), ..self.update(*status) }]).await;
            }
            Step::Later => self.now = self.now + Duration::from_secs(5),
        }
        let due = self.memory.next_due(self.home.tenant, self.home.channel).await;
        assert_eq!(self.sql.next_due(self.home.tenant, self.home.channel).await, due);
    }

    fn update(&self, status: DeliveryStatus) -> StatusUpdate {
        let (provider_message_id, outbox, peer, failure) = (None, None, None, None);
        StatusUpdate { provider_message_id, outbox, peer, status, at: self.now, failure }
    }

    async fn receive(&mut self, n: usize, message: u8) {
        let entry = self.home.text(&peer(n), &format!("{n}-{message}"), &format!("text {message}"), self.now);
        let hints = (
            take_in(&self.sql, entry.clone()).await.map(|h| h.conversation),
            take_in(&self.memory, entry).await.map(|h| h.conversation),
        );
        match hints {
            (Some(a), Some(b)) => {
                assert_eq!(*self.conversations.entry(n).or_insert((a, b)), (a, b));
            }
            (None, None) => {}
            differ => panic!("{differ:?}"),
        }
    }

    async fn answer(&mut self, n: usize, lines: usize) {
        let Some((a, b)) = self.conversations.get(&n).copied() else { return };
        let tenant = self.home.tenant;
        let (sql, mem) = (self.sql.load(tenant, a).await, self.memory.load(tenant, b).await);
        let (sql, mem) = (sql.expect("load"), mem.expect("load"));
        assert_eq!((sql.version, &sql.snapshot, &sql.pending), (mem.version, &mem.snapshot, &mem.pending));
        let mut commit = answer(&sql, "line", &self.f.ids, self.now);
        for _ in 1..lines {
            say(&mut commit, &sql, "line", &self.f.ids);
        }
        let mut twin = commit.clone();
        twin.conversation = b;
        assert_eq!(self.sql.commit(commit).await, self.memory.commit(twin).await);
        let history = self.memory.history(tenant, b, u64::MAX, 5).await;
        assert_eq!(self.sql.history(tenant, a, u64::MAX, 5).await, history);
    }

    async fn claim(&mut self) {
        let (t, c) = (self.home.tenant, self.home.channel);
        let mut sql = self.sql.claim(t, c, self.now, 100).await.expect("claim");
        let mut mem = self.memory.claim(t, c, self.now, 100).await.expect("claim");
        // With room for all there is one right answer, up to the names of the conversations.
        for item in sql.iter_mut().chain(&mut mem) {
            item.conversation = ConversationId::new(item.id.uuid());
        }
        assert_eq!(sql, mem);
        self.claimed.extend(sql.iter().map(|i| i.id));
        let old = self.claimed.len().saturating_sub(8);
        self.claimed.drain(..old);
    }

    async fn settle(&mut self, n: usize, how: How) {
        let Some(id) = self.claimed.get(n).copied() else { return };
        let (tenant, at) = (self.home.tenant, self.now);
        let failure = Failure::retry("test.weather", "later");
        let settlement = match how {
            How::Progress => {
                Settlement::Progress { tenant, id, parts: 1, provider_message_id: Some(format!("{id}-part")) }
            }
            How::Sent => Settlement::Sent { tenant, id, provider_message_id: Some(format!("{id}-sent")), at },
            How::Again => {
                let at = at + Duration::from_secs(5);
                Settlement::Again { tenant, id, parts: 1, at, failure }
            }
            How::Failed => Settlement::Failed { tenant, id, failure, at },
            How::Uncertain => Settlement::Uncertain { tenant, id, failure, at },
        };
        let (sql, mem) = (self.sql.settle(vec![settlement.clone()]).await, self.memory.settle(vec![settlement]).await);
        assert_eq!(sql, mem);
    }

    async fn advance(&self, updates: Vec<StatusUpdate>) {
        let (t, c) = (self.home.tenant, self.home.channel);
        let sql = self.sql.advance(t, c, updates.clone()).await.expect("advance");
        let mem = self.memory.advance(t, c, updates).await.expect("advance");
        let told = |changed: Vec<(ConversationId, _, DeliveryStatus)>| {
            changed.into_iter().map(|(_, message, status)| (message, status)).collect::<Vec<_>>()
        };
        assert_eq!(told(sql), told(mem));
    }
}

async fn take_in<S: IngressLog + InboxStore>(
    store: &S,
    entry: colloquy_domain::ports::NewEntry,
) -> Option<colloquy_domain::ports::InboxHint> {
    store.append(vec![entry]).await.expect("append");
    colloquy_domain::testkit::take_in_all(store, store).await.pop()
}

fn same_answers(on: Kind, steps: &[Step]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    runtime.block_on(async {
        let opened = common::open(on).await;
        let mut pair = Pair::new(opened.store.clone()).await;
        for step in steps {
            pair.step(step).await;
        }
        opened.store.close().await;
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn sqlite_gives_the_same_answers(steps in prop::collection::vec(step(), 1..50)) {
        same_answers(Kind::Sqlite, &steps);
    }
}

proptest! {
    // Each needs a database of its own, which takes a second.
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]
    #[test]
    fn postgres_gives_the_same_answers(steps in prop::collection::vec(step(), 1..50)) {
        // One server for all cases.
        let _server = common::postgres::Server::shared();
        same_answers(Kind::Postgres, &steps);
    }
}
