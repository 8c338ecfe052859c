//! The figures of random traffic are those of a recount of everything that is there, whenever somebody looks, on both
//! databases.

#[macro_use]
mod common;

use colloquy_domain::{
    agent::{Refusal, Spent},
    analytics::{Figures, Times, Waits},
    channel::{DeliveryStatus, StatusUpdate},
    conversation::{Commit, JournalRow, JournalWhat, LedgerRow, Mode, NewDeadLetter, Settled},
    failure::Failure,
    ids::{ConversationId, DeadLetterId, DocumentId, MessageId, OutboxId, Seq},
    message::{IgnoreRule, Outcome},
    model::{Speaker, Usage},
    outbound::Citation,
    plan::Limits,
    ports::{ConversationStore, Ids, IngressLog, Loaded, OutboxStore, Settlement, StoreError},
    testkit::{Account, Fixture, answer, empty_commit, receive, take_in_all},
    time::Timestamp,
    tool::ToolResult,
};
use colloquy_store::{
    Actor, ContactFilter, ConversationFilter, FiguresOf, MessageFilter, NewDocument, NewUser, PageRequest, TenantStore,
};
use common::{Kind, NOW, Opened};
use proptest::prelude::*;
use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    time::Duration,
};
use uuid::Uuid;

/// Two of the pushed channel, one of the pulled one.
const PEERS: usize = 3;

#[derive(Debug, Clone, Copy)]
enum Reply {
    Cited,
    Unknown,
    Plain,
}

#[derive(Debug, Clone)]
enum Step {
    Receive {
        peer: usize,
        message: u8,
    },
    /// All that waits of a peer is answered, after so many tools and failed tools.
    Answer {
        peer: usize,
        reply: Reply,
        done: usize,
        failed: usize,
    },
    /// All that waits of a peer ends otherwise.
    End {
        peer: usize,
        how: u8,
    },
    HandOver {
        peer: usize,
    },
    Replay,
    Claim,
    Settle {
        claimed: usize,
        how: u8,
    },
    Status {
        claimed: usize,
        status: DeliveryStatus,
    },
    Erase {
        peer: usize,
    },
    /// Or opened again.
    Close {
        peer: usize,
        closed: bool,
    },
    AddUp,
    Later {
        minutes: u16,
    },
}

fn step() -> impl Strategy<Value = Step> {
    use DeliveryStatus::{Delivered, Failed, Read, Sent};
    let status = prop_oneof![Just(Sent), Just(Delivered), Just(Read), Just(Failed)];
    let reply = prop_oneof![Just(Reply::Cited), Just(Reply::Unknown), Just(Reply::Plain)];
    prop_oneof![
        6 => (0..PEERS, 0..40_u8).prop_map(|(peer, message)| Step::Receive { peer, message }),
        5 => (0..PEERS, reply, 0..3_usize, 0..2_usize)
            .prop_map(|(peer, reply, done, failed)| Step::Answer { peer, reply, done, failed }),
        2 => (0..PEERS, 0..4_u8).prop_map(|(peer, how)| Step::End { peer, how }),
        1 => (0..PEERS).prop_map(|peer| Step::HandOver { peer }),
        1 => Just(Step::Replay),
        4 => Just(Step::Claim),
        4 => (0..8_usize, 0..4_u8).prop_map(|(claimed, how)| Step::Settle { claimed, how }),
        4 => (0..8_usize, status).prop_map(|(claimed, status)| Step::Status { claimed, status }),
        1 => (0..PEERS).prop_map(|peer| Step::Erase { peer }),
        2 => (0..PEERS, any::<bool>()).prop_map(|(peer, closed)| Step::Close { peer, closed }),
        2 => Just(Step::AddUp),
        2 => (0..900_u16).prop_map(|minutes| Step::Later { minutes }),
    ]
}

type ByDay = BTreeMap<FiguresOf, Figures>;

fn times(times: i64) -> Times {
    Times { times, usage: Usage::default() }
}

/// A store under traffic, and what cannot be found in its rows any more or was never meant to be.
struct Town {
    opened: Opened,
    f: Fixture,
    now: Timestamp,
    claimed: Vec<OutboxId>,
    letters: Vec<DeadLetterId>,
    /// How long the answered messages waited.
    waits: HashMap<(ConversationId, Seq), i64>,
    /// Turns, completions, tools: by the day on which they were.
    worked: ByDay,
    /// What was erased.
    gone: ByDay,
    handed_over: i64,
}

impl Town {
    async fn new(on: Kind) -> Self {
        let opened = common::open(on).await;
        let f = common::fixture(&opened.store).await;
        let (claimed, letters, waits) = (Vec::new(), Vec::new(), HashMap::new());
        let (worked, gone) = (ByDay::new(), ByDay::new());
        Self { opened, f, now: NOW, claimed, letters, waits, worked, gone, handed_over: 0 }
    }

    fn rows(&self) -> TenantStore {
        self.opened.store.tenant(self.f.home.tenant)
    }

    const fn account(&self, peer: usize) -> Account {
        if peer == 2 { self.f.pull } else { self.f.home }
    }

    fn of(&self, peer: usize, at: Timestamp) -> FiguresOf {
        let account = self.account(peer);
        FiguresOf { day: Spent::day_of(at), channel: account.channel, agent: account.agent }
    }

    async fn conversation(&self, peer: usize) -> Option<ConversationId> {
        let all =
            self.rows().conversations(&ConversationFilter::default(), Uuid::nil(), PageRequest::new(1, 100)).await;
        let name = format!("peer-{peer}");
        all.expect("listed").items.into_iter().find(|c| c.peer.address == name).map(|c| c.id)
    }

    async fn load(&self, peer: usize) -> Option<Loaded> {
        let id = self.conversation(peer).await?;
        Some(self.opened.store.load(self.f.home.tenant, id).await.expect("loaded"))
    }

    async fn step(&mut self, step: &Step) {
        match step {
            Step::Receive { peer, message } => {
                let name = format!("{peer}-{message}");
                let entry = self.account(*peer).text(&format!("peer-{peer}"), &name, "hello", self.now);
                self.opened.store.append(vec![entry]).await.expect("append");
                take_in_all(&self.opened.store, &self.opened.store).await;
            }
            Step::Answer { peer, reply, done, failed } => self.answer(*peer, *reply, *done, *failed).await,
            Step::End { peer, how } => self.end(*peer, *how).await,
            Step::HandOver { peer } => self.hand_over(*peer).await,
            Step::Replay => {
                if let Some(letter) = self.letters.pop() {
                    // Its person may be erased.
                    let _ = self.rows().replay_dead_letter(letter).await;
                }
            }
            Step::Claim => {
                let claimed = self.opened.store.claim(self.f.home.tenant, self.f.home.channel, self.now, 100).await;
                self.claimed.extend(claimed.expect("claimed").iter().map(|i| i.id));
                self.claimed.drain(..self.claimed.len().saturating_sub(8));
            }
            Step::Settle { claimed, how } => self.settle(*claimed, *how).await,
            Step::Status { claimed, status } => self.status(*claimed, *status).await,
            Step::Erase { peer } => self.erase(*peer).await,
            Step::Close { peer, closed } => {
                if let Some(id) = self.conversation(*peer).await {
                    self.rows().close_conversation(id, *closed).await.expect("told");
                }
            }
            Step::AddUp => _ = self.opened.store.installation().add_up().await.expect("added up"),
            Step::Later { minutes } => {
                self.now = self.now + Duration::from_secs(u64::from(*minutes) * 60 + 7);
                self.opened.clock.set(self.now);
            }
        }
    }

    async fn commit(&self, commit: Commit) {
        self.opened.store.commit(commit).await.expect("committed");
    }

    async fn answer(&mut self, peer: usize, reply: Reply, done: usize, failed: usize) {
        let Some(loaded) = self.load(peer).await.filter(|l| !l.pending.is_empty()) else { return };
        let mut commit = answer(&loaded, "an answer", &self.f.ids, self.now);
        let line = &mut commit.messages[0];
        match reply {
            Reply::Cited => line.citations.push(citation(DocumentId::new(self.f.ids.uuid()))),
            Reply::Unknown => line.abstained = true,
            Reply::Plain => {}
        }
        let turn = commit.journal[0].turn;
        let fine = || ToolResult::done(r#"{"status":{"status":"failed"}}"#);
        let broken = || ToolResult::failed(Failure::reject("tool", r#"no "status":{"status":"done"}"#));
        let results = (0..done).map(|_| fine()).chain((0..failed).map(|_| broken()));
        for (index, result) in (0..).zip(results) {
            commit.journal.push(JournalRow { turn, step: 0, index, agent: None, what: JournalWhat::Settled(result) });
        }
        let usage = Usage { prompt_tokens: 3, completion_tokens: 2, cost_micros: 1 };
        commit.ledger.push(LedgerRow { turn, step: 1, agent: None, usage });
        let last = loaded.pending.last().expect("it waits");
        self.waits.insert((loaded.key.id, last.seq), self.now.millis() - last.received_at.millis());
        let worked = self.worked.entry(self.of(peer, self.now)).or_default();
        worked.turns += 1;
        worked.completions += 2;
        worked.tools_done += i64::try_from(done).expect("few");
        worked.tools_failed += i64::try_from(failed).expect("few");
        worked.usage += commit.ledger[0].usage;
        worked.usage += usage;
        self.commit(commit).await;
    }

    async fn end(&mut self, peer: usize, how: u8) {
        let Some(loaded) = self.load(peer).await else { return };
        let cause = Failure::reject("test", "no");
        let outcome = match how {
            0 => Outcome::HandedOver { reason: "asked".to_owned() },
            1 => Outcome::Ignored { rule: IgnoreRule::Empty },
            2 => Outcome::Ignored { rule: IgnoreRule::BusyPolicy },
            _ => Outcome::DeadLettered { cause: cause.clone() },
        };
        let mut commit = empty_commit(&loaded, self.now);
        for item in &loaded.pending {
            let provider_message_id = item.inbound.provider_message_id.clone();
            commit.settled.push(Settled { seq: item.seq, provider_message_id, outcome: outcome.clone() });
            if matches!(outcome, Outcome::DeadLettered { .. }) {
                let id = DeadLetterId::new(self.f.ids.uuid());
                commit.dead_letters.push(NewDeadLetter { id, seq: item.seq, cause: cause.clone() });
                self.letters.push(id);
            }
        }
        self.commit(commit).await;
    }

    async fn hand_over(&mut self, peer: usize) {
        let Some(loaded) = self.load(peer).await else { return };
        let mut commit = empty_commit(&loaded, self.now);
        commit.snapshot.mode = match commit.snapshot.mode {
            Mode::Agent => {
                self.handed_over += 1;
                Mode::Operator { since: self.now, reason: "asked".to_owned() }
            }
            Mode::Operator { .. } => Mode::Agent,
        };
        self.commit(commit).await;
    }

    async fn settle(&self, n: usize, how: u8) {
        let Some(id) = self.claimed.get(n).copied() else { return };
        let (tenant, at, failure) = (self.f.home.tenant, self.now, Failure::reject("test", "no"));
        let settlement = match how {
            0 | 1 => Settlement::Sent { tenant, id, provider_message_id: Some(format!("{id}-sent")), at },
            2 => Settlement::Failed { tenant, id, failure, at },
            _ => Settlement::Uncertain { tenant, id, failure, at },
        };
        // Its person may be erased.
        let _ = self.opened.store.settle(vec![settlement]).await;
    }

    async fn status(&self, n: usize, status: DeliveryStatus) {
        let Some(id) = self.claimed.get(n).copied() else { return };
        let update = StatusUpdate {
            provider_message_id: None,
            outbox: Some(id),
            peer: None,
            status,
            at: self.now,
            failure: None,
        };
        let (tenant, channel) = (self.f.home.tenant, self.f.home.channel);
        self.opened.store.advance(tenant, channel, vec![update]).await.expect("advanced");
    }

    async fn erase(&mut self, peer: usize) {
        let Some(id) = self.conversation(peer).await else { return };
        let mut last = self.recount(id).await;
        for figures in last.values_mut() {
            figures.outcomes.erased += figures.waiting();
            figures.statuses.erased += figures.queued();
        }
        add(&mut self.gone, &last);
        let rows = self.rows();
        let contact = rows.conversation(id).await.expect("there").contact;
        assert_eq!(rows.erase_contact(contact).await.expect("erased"), [id]);
    }

    /// One conversation's figures, from its rows.
    async fn recount(&self, id: ConversationId) -> ByDay {
        let rows = self.rows();
        let c = rows.conversation(id).await.expect("there");
        let agent = if c.channel == self.f.pull.channel { self.f.pull.agent } else { self.f.home.agent };
        let of = |at| FiguresOf { day: Spent::day_of(at), channel: c.channel, agent };
        let mut found = ByDay::new();
        found.entry(of(c.created_at)).or_default().begun += 1;
        let lines = rows.messages(id, PageRequest::new(1, 1_000)).await.expect("listed");
        assert_eq!(lines.total, lines.items.len() as u64);
        for line in lines.items {
            let figures = found.entry(of(line.at)).or_default();
            if line.speaker == Speaker::Person {
                figures.received += 1;
                let Some(outcome) = line.outcome else { continue };
                let wait = line.seq.and_then(|seq| self.waits.get(&(id, seq)).copied()).unwrap_or_default();
                let last = Waits::BOUNDS[Waits::BOUNDS.len() - 1];
                let bound = Waits::BOUNDS.into_iter().find(|b| wait <= *b).unwrap_or(last);
                figures.add(&format!("in.{}", outcome.name()), bound, times(1), false);
                continue;
            }
            match (line.abstained, line.citations.is_empty()) {
                (true, _) => figures.unknown += 1,
                (_, false) => figures.cited += 1,
                _ => figures.plain += 1,
            }
            match line.status.unwrap_or(DeliveryStatus::Sent) {
                DeliveryStatus::Queued => {}
                status => figures.add(&format!("out.{}", status.name()), 0, times(1), false),
            }
        }
        found
    }

    /// Everything that the figures must say.
    async fn expected(&self) -> ByDay {
        let mut all = self.worked.clone();
        add(&mut all, &self.gone);
        for peer in 0..PEERS {
            if let Some(id) = self.conversation(peer).await {
                add(&mut all, &self.recount(id).await);
            }
        }
        all
    }

    async fn check(&self) {
        let (rows, days) = (self.rows(), (Spent::day_of(NOW), Spent::day_of(self.now)));
        let figures = rows.figures(days.0, days.1).await.expect("read");
        assert_eq!(figures, self.expected().await);
        // The database itself knows when somebody took over; its clock is not the test's.
        let ever = rows.figures(0, i64::from(u32::MAX)).await.expect("read");
        assert_eq!(ever.values().map(|f| f.handed_over).sum::<i64>(), self.handed_over);
        let mut spent: BTreeMap<i64, Usage> = BTreeMap::new();
        rows.spending(days.0, days.1)
            .await
            .expect("read")
            .iter()
            .for_each(|s| *spent.entry(s.day).or_default() += s.usage);
        let mut counted: BTreeMap<i64, Usage> = BTreeMap::new();
        figures.iter().for_each(|(of, f)| *counted.entry(of.day).or_default() += f.usage);
        counted.retain(|_, usage| *usage != Usage::default());
        assert_eq!(counted, spent, "the ledger says the same");
        let costs = rows.conversation_costs(days.0, days.1, PageRequest::new(1, 1_000)).await.expect("read").items;
        let sum = |usages: &mut dyn Iterator<Item = Usage>| {
            usages.fold(Usage::default(), |mut all, u| {
                all += u;
                all
            })
        };
        assert_eq!(sum(&mut costs.iter().map(|c| c.usage)), sum(&mut spent.values().copied()));
        let abroad = self.opened.store.tenant(self.f.abroad.tenant);
        assert_eq!(abroad.figures(0, i64::from(u32::MAX)).await.expect("read"), ByDay::new(), "another tenant's");
        self.check_lists().await;
        self.check_sizes().await;
    }

    /// Nor does anybody count conversations and contacts.
    async fn check_sizes(&self) {
        let (rows, page) = (self.rows(), PageRequest::new(1, 100));
        let listed = async |closed| {
            let filter = ConversationFilter { closed, ..ConversationFilter::default() };
            let page = rows.conversations(&filter, Uuid::nil(), page).await.expect("listed");
            assert_eq!(page.total, page.items.len() as u64, "{filter:?}");
            for (number, one) in (1..).zip(&page.items) {
                let alone =
                    rows.conversations(&filter, Uuid::nil(), PageRequest::new(number, 1)).await.expect("listed");
                assert_eq!(alone.items.first(), Some(one), "the last pages are read from the other end");
            }
            page.items
        };
        let (all, closed, open) = (listed(None).await, listed(Some(true)).await, listed(Some(false)).await);
        assert!(closed.iter().all(|c| c.closed) && open.iter().all(|c| !c.closed));
        assert_eq!(all.len(), closed.len() + open.len());
        let contacts = rows.contacts(&ContactFilter::default(), page).await.expect("listed");
        assert_eq!(contacts.total, contacts.items.len() as u64);
    }

    /// Nobody counts messages row by row: lists have as many as they say all the same, whichever page is asked for.
    async fn check_lists(&self) {
        use DeliveryStatus::{Delivered, Failed, Queued, Read, Sent, Uncertain};
        let rows = self.rows();
        let listed = async |filter: MessageFilter| {
            let (mut found, mut pages) = (Vec::new(), 1);
            loop {
                let page = rows.all_messages(filter, PageRequest::new(pages, 25)).await.expect("listed");
                if page.items.is_empty() {
                    assert_eq!(page.total, found.len() as u64, "{filter:?}");
                    return found;
                }
                found.extend(page.items.into_iter().map(|m| (m.id, m.speaker != Speaker::Person, m.status)));
                pages += 1;
            }
        };
        let all = listed(MessageFilter::default()).await;
        let statuses = [Queued, Uncertain, Sent, Delivered, Read, Failed].map(Some);
        for outbound in [None, Some(true), Some(false)] {
            for status in statuses.into_iter().chain([None]) {
                let mut found = listed(MessageFilter { conversation: None, outbound, status }).await;
                let fits = |m: &&(MessageId, bool, DeliveryStatus)| {
                    outbound.is_none_or(|out| out == m.1) && status.is_none_or(|status| status == m.2)
                };
                let mut expected: Vec<_> = all.iter().filter(fits).copied().collect();
                found.sort_unstable_by_key(|m| m.0);
                expected.sort_unstable_by_key(|m| m.0);
                assert_eq!(found, expected, "{outbound:?} {status:?}");
            }
        }
    }
}

fn add(to: &mut ByDay, more: &ByDay) {
    for (of, figures) in more {
        *to.entry(*of).or_default() += figures;
    }
}

fn citation(document: DocumentId) -> Citation {
    Citation {
        number: 1,
        document,
        version: String::new(),
        name: "a.pdf".to_owned(),
        page: None,
        offset: 0,
        quote: "so it is".to_owned(),
        score: 0.9,
    }
}

fn the_figures_are_those_of_a_recount(on: Kind, steps: &[Step]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    runtime.block_on(async {
        let mut town = Town::new(on).await;
        for (n, step) in steps.iter().enumerate() {
            town.step(step).await;
            if n % 8 == 0 {
                town.check().await;
            }
        }
        town.check().await;
        while town.opened.store.installation().add_up().await.expect("added up") {}
        town.check().await;
        town.opened.store.close().await;
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    // req: S1-BI-1, S2-DSH-1, S2-TBL-1
    #[test]
    fn on_sqlite_figures_are_those_of_a_recount(steps in prop::collection::vec(step(), 20..90)) {
        the_figures_are_those_of_a_recount(Kind::Sqlite, &steps);
    }
}

proptest! {
    // Each needs a database of its own, which takes a second.
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]
    // req: S1-BI-1, S2-DSH-1, S2-TBL-1
    #[test]
    fn on_postgres_figures_are_those_of_a_recount(steps in prop::collection::vec(step(), 20..90)) {
        // One server for all cases.
        let _server = common::postgres::Server::shared();
        the_figures_are_those_of_a_recount(Kind::Postgres, &steps);
    }
}

/// What adds up at the same time as others write, and as others add up, loses nothing and counts nothing twice.
// req: S1-BI-1
async fn adding_up_under_traffic_is_exact(on: Kind) {
    let opened = common::open(on).await;
    let f = common::fixture(&opened.store).await;
    let writing = async {
        for n in 0..60 {
            let loaded =
                receive(&opened.store, &f.pull, &format!("peer-{n}"), &[(&format!("m{n}"), "hello")], NOW).await;
            opened.store.commit(answer(&loaded, "yes", &f.ids, NOW)).await.expect("committed");
        }
    };
    let adding = async |store: &colloquy_store::Store| {
        for _ in 0..60 {
            store.installation().add_up().await.expect("added up");
            let rows = store.tenant(f.pull.tenant);
            let seen = rows.figures(0, i64::from(u32::MAX)).await.expect("read");
            assert!(seen.values().all(|f| f.waiting() >= 0 && f.queued() == 0 && f.begun == f.received));
        }
    };
    if on == Kind::Postgres {
        let (other, _) = common::open_at(opened.database.clone(), 3).await;
        tokio::join!(writing, adding(&opened.store), adding(&other));
        other.close().await;
    } else {
        tokio::join!(writing, adding(&opened.store));
    }
    let figures = opened.store.tenant(f.pull.tenant).figures(0, i64::from(u32::MAX)).await.expect("read");
    let all: Vec<&Figures> = figures.values().collect();
    assert_eq!(all.len(), 1);
    assert_eq!((all[0].begun, all[0].received, all[0].plain, all[0].turns), (60, 60, 60, 60));
    assert_eq!(all[0].usage.cost_micros, 60 * 7);
}

async fn told(rows: &TenantStore, id: colloquy_domain::ids::WebhookEndpointId) -> Vec<String> {
    let mut kinds: Vec<String> =
        rows.due_deliveries(id, 50).await.expect("read").into_iter().map(|d| d.event.kind).collect();
    kinds.sort();
    kinds
}

// req: S1-ENT-1
async fn a_budget_is_warned_of_once_and_ends_turns_when_it_is_spent(on: Kind) {
    let opened = common::open(on).await;
    let f = common::fixture(&opened.store).await;
    let (rows, abroad) = (opened.store.tenant(f.home.tenant), opened.store.tenant(f.abroad.tenant));
    let secret = colloquy_domain::channel::Secret::new("whsec_c2VjcmV0");
    let kinds = ["budget.warning".to_owned(), "budget.spent".to_owned()];
    let endpoint = rows.create_webhook_endpoint("https://example.com", &kinds, true, secret).await.expect("made").id;
    assert_eq!((rows.budget().await, rows.barred(NOW).await), (Ok(None), Ok(None)));
    // Seven millionths a turn.
    rows.set_budget(Some(30)).await.expect("set");
    let mut barred = Vec::new();
    let mut heard = Vec::new();
    for n in 0..5 {
        barred.push(rows.barred(NOW).await.expect("read"));
        let loaded = receive(&opened.store, &f.home, "peer", &[(&format!("m{n}"), "hello")], NOW).await;
        opened.store.commit(answer(&loaded, "yes", &f.ids, NOW)).await.expect("committed");
        opened.store.installation().add_up().await.expect("added up");
        heard.push(told(&rows, endpoint).await.len());
    }
    assert_eq!(barred, [None; 5], "28 of 30 are spent before the fifth");
    assert_eq!(heard, [0, 0, 0, 1, 2], "four fifths are 24");
    assert_eq!(told(&rows, endpoint).await, ["budget.spent", "budget.warning"]);
    assert_eq!(rows.barred(NOW).await, Ok(Some(Refusal::TenantBudgetSpent)));
    let next_month = NOW + Duration::from_secs(30 * 86_400);
    assert_eq!(rows.barred(next_month).await, Ok(None));
    rows.set_budget(Some(100)).await.expect("set");
    assert_eq!((rows.barred(NOW).await, rows.budget().await), (Ok(None), Ok(Some(100))));
    rows.set_budget(None).await.expect("set");
    assert_eq!(rows.barred(NOW).await, Ok(None));
    assert_eq!((abroad.budget().await, abroad.barred(NOW).await), (Ok(None), Ok(None)));
}

fn upload(f: &Fixture, name: &str, size: u64) -> NewDocument {
    NewDocument { base: f.documents[0].base, name: name.to_owned(), size, sha256: [2; 32], path: PathBuf::from(name) }
}

// req: S1-ENT-1
async fn a_plan_has_room_for_so_much_and_what_is_there_stays(on: Kind) {
    let opened = common::open(on).await;
    let f = common::fixture(&opened.store).await;
    let rows = opened.store.tenant(f.home.tenant);
    assert_eq!(rows.subscription().await, Ok(None));
    // There are two agents, and three documents of ten bytes.
    let limits = Limits {
        messages_per_month: Some(1),
        agents: Some(1),
        documents: Some(4),
        storage_bytes: Some(50),
        seats: Some(1),
    };
    let given = rows.set_subscription("small", limits).await.expect("given");
    assert_eq!((given.plan.as_str(), given.limits), ("small", limits));

    let third = Account::new(f.home.tenant, &f.ids);
    let refused = rows.create_agent(third.profile(), Actor::System).await.map(|_| ());
    assert_eq!(refused, Err(StoreError::BeyondPlan("agents")));
    assert!(rows.update_agent(f.home.profile(), Actor::System).await.is_ok(), "what is there can be changed");
    assert_eq!(rows.held().await.expect("read").agents, 2, "nothing was kept of it");

    let put = async |new| rows.put_document(new).await.map(|_| ());
    assert_eq!(put(upload(&f, "d.pdf", 21)).await, Err(StoreError::BeyondPlan("storageBytes")));
    assert_eq!(put(upload(&f, "d.pdf", 20)).await, Ok(()));
    assert_eq!(put(upload(&f, "e.pdf", 0)).await, Err(StoreError::BeyondPlan("documents")));
    assert_eq!(put(upload(&f, "d.pdf", 19)).await, Ok(()), "new content of what is there");

    let person = |email: &str| NewUser {
        email: email.to_owned(),
        name: "Ann".to_owned(),
        role: colloquy_domain::access::Role::Operator,
        password: None,
    };
    let mut ann = rows.create_user(person("ann@example.com")).await.expect("a seat");
    let full = Err(StoreError::BeyondPlan("seats"));
    assert_eq!(rows.create_user(person("bob@example.com")).await.map(|_| ()), full);
    ann.disabled_at = Some(NOW);
    let mut ann = rows.update_user(&ann).await.expect("disabled");
    rows.create_user(person("bob@example.com")).await.expect("her seat");
    ann.disabled_at = None;
    assert_eq!(rows.update_user(&ann).await.map(|_| ()), full);

    for (n, barred) in [(1, None), (2, Some(Refusal::PlanExhausted))] {
        receive(&opened.store, &f.home, "peer", &[(&format!("m{n}"), "hello")], NOW).await;
        assert_eq!(rows.barred(NOW).await, Ok(barred), "message {n}");
    }
    let abroad = opened.store.tenant(f.abroad.tenant);
    assert_eq!((abroad.subscription().await, abroad.barred(NOW).await), (Ok(None), Ok(None)));
}

on_both! {
    adding_up_under_traffic_is_exact
    a_budget_is_warned_of_once_and_ends_turns_when_it_is_spent
    a_plan_has_room_for_so_much_and_what_is_there_stays
}
