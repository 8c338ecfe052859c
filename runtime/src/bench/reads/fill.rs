//! Two tenants' conversations, written through the store's ports as the actors write them.

use super::{Work, account, profile, report::Filling};
use crate::{
    machine::{MachineClock, MachineIds},
    out,
};
use colloquy_domain::{
    access::Role,
    call::{CallChange, CallOutcome, CallStatus, CallStep, Direction},
    channel::{ChannelAccount, DeliveryStatus, Secret, StatusUpdate},
    conversation::{
        Commit, JournalRow, JournalWhat, LedgerRow, Mode, NewDeadLetter, NewMessage, NewOutbox, NewUnanswered, Settled,
        Snapshot,
    },
    failure::Failure,
    ids::{
        AgentId, ChannelId, ConversationId, DeadLetterId, KnowledgeBaseId, MessageId, OutboxId, TenantId, UnansweredId,
        UserId,
    },
    knowledge::IngestReport,
    message::{Content, Inbound, Outcome, Peer},
    model::{Completion, Speaker, Usage},
    outbound::{Checks, Citation},
    placement::Lane,
    ports::{
        Clock, ConversationStore, DocumentQueue, Ids, InboxStore, LogEntry, NewEntry, OutboxItem, OutboxStore,
        Settlement, StoreError,
    },
    time::Timestamp,
};
use colloquy_store::{Act, Actor, NewCall, NewDocument, NewUser, Store};
use futures::{StreamExt, TryStreamExt, future::try_join_all, stream};
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
};
use tokio::time::Instant;

/// Conversations that are written together, and how many such batches at once.
const BATCH: usize = 500;
const BATCHES: usize = 3;
/// The first message is so old.
const DAYS: i64 = 60;
const DAY: i64 = 86_400_000;
/// One person wrote so many times as often as the others.
const LONG: usize = 200;
const REPLY: &str = "Our opening hours are from nine in the morning to six in the evening, on Saturdays until four.";
const GIVEN: [&str; 32] = [
    "Camille", "Louis", "Manon", "Hugo", "Chloe", "Nathan", "Emma", "Lucas", "Lea", "Theo", "Ines", "Enzo", "Jade",
    "Paul", "Alice", "Jules", "Louise", "Adam", "Zoe", "Arthur", "Anna", "Noah", "Eva", "Tom", "Rose", "Liam", "Sarah",
    "Ethan", "Nina", "Gabriel", "Lina", "Victor",
];
const FAMILY: [&str; 25] = [
    "Bernard", "Dubois", "Thomas", "Robert", "Richard", "Petit", "Durand", "Leroy", "Moreau", "Simon", "Laurent",
    "Lefebvre", "Michel", "Garcia", "David", "Bertrand", "Roux", "Vincent", "Fournier", "Morel", "Girard", "Andre",
    "Mercier", "Dupont", "Lambert",
];

/// What was written, and the knowledge base of the tenant that is measured.
pub struct Filled {
    pub filling: Filling,
    pub base: KnowledgeBaseId,
}

/// # Errors
/// The store's.
pub async fn fill(store: &Store, work: Work) -> anyhow::Result<Filled> {
    let (begun, offsets) = (Instant::now(), AtomicU64::new(0));
    let other = store.installation().create_tenant("other", "Another team").await?.id;
    let tenant = store.installation().ensure_default_tenant().await?.id;
    let pairs = (work.messages / work.contacts / 2).max(1);
    let mut messages = 0;
    let mut base = None;
    for (tenant, contacts) in [(other, work.contacts.div_ceil(10)), (tenant, work.contacts)] {
        let team = Team::of(store, tenant, contacts, pairs, &offsets).await?;
        messages += team.write().await?;
        team.around().await?;
        base = Some(team.base);
    }
    let filling = Filling { messages, seconds: begun.elapsed().as_secs_f64() };
    out::note("adding the figures up …");
    while store.installation().add_up().await? {}
    Ok(Filled { filling, base: base.unwrap_or_else(|| KnowledgeBaseId::new(MachineIds.uuid())) })
}

/// A tenant's rows on their way.
struct Team<'a> {
    store: &'a Store,
    tenant: TenantId,
    base: KnowledgeBaseId,
    user: UserId,
    /// Every other one reads its replies itself.
    channels: Vec<ChannelId>,
    contacts: usize,
    pairs: usize,
    offsets: &'a AtomicU64,
    now: i64,
}

fn name(n: usize) -> String {
    format!("{} {}", GIVEN[n % GIVEN.len()], FAMILY[n / GIVEN.len() % FAMILY.len()])
}

fn address(n: usize) -> String {
    format!("336{n:08}")
}

impl<'a> Team<'a> {
    async fn of(
        store: &'a Store,
        tenant: TenantId,
        contacts: usize,
        pairs: usize,
        offsets: &'a AtomicU64,
    ) -> anyhow::Result<Self> {
        let rows = store.tenant(tenant);
        let (agent, ids) = (AgentId::new(MachineIds.uuid()), MachineIds);
        let base = rows.ensure_knowledge_base("handbook").await?.id;
        let mut profile = profile(tenant, agent);
        profile.knowledge = vec![base];
        rows.create_agent(profile, Actor::System).await?;
        let mut channels = Vec::new();
        for number in 0..4 {
            let id = ChannelId::new(ids.uuid());
            let (kind, pull) = if number % 2 == 0 { ("webchat", true) } else { ("whatsapp", false) };
            let account = ChannelAccount {
                name: format!("{kind} {number}"),
                external_id: (!pull).then(|| id.to_string()),
                // Nothing is sent, and nothing is received.
                settings: BTreeMap::new(),
                secrets: BTreeMap::new(),
                ..account(tenant, id, kind, agent)
            };
            rows.create_channel(account, pull).await?;
            channels.push(id);
        }
        let email = format!("ann@{tenant}.example");
        let new = NewUser { email, name: "Ann".to_owned(), role: Role::Operator, password: None };
        let user = rows.create_user(new).await?.id;
        let events = ["conversation.handed_over", "conversation.closed"].map(str::to_owned);
        rows.create_webhook_endpoint("https://hooks.example/colloquy", &events, true, Secret::new("whsec_bench"))
            .await?;
        let now = MachineClock.now().millis();
        Ok(Self { store, tenant, base, user, channels, contacts, pairs, offsets, now })
    }

    /// The conversations, many at once: what is written together is committed together.
    async fn write(&self) -> anyhow::Result<usize> {
        let (begun, written) = (Instant::now(), AtomicUsize::new(0));
        let batches = stream::iter((0..self.contacts).step_by(BATCH)).map(|first| {
            let written = &written;
            async move {
                let many = first..self.contacts.min(first + BATCH);
                let messages = many.clone().map(|n| 2 * self.pairs_of(n)).sum::<usize>();
                self.batch(many).await?;
                let before = written.fetch_add(messages, Ordering::Relaxed);
                if (before + messages) / 50_000 > before / 50_000 {
                    let rate = (before + messages) as f64 / begun.elapsed().as_secs_f64();
                    out::note(format_args!("{} messages written, {rate:.0}/s …", before + messages));
                }
                Ok::<_, StoreError>(())
            }
        });
        batches.buffered(BATCHES).try_collect::<()>().await?;
        Ok(written.into_inner())
    }

    fn pairs_of(&self, n: usize) -> usize {
        if n + 1 == self.contacts { self.pairs * LONG } else { self.pairs }
    }

    /// When the person wrote this message.
    fn at(&self, n: usize, number: usize) -> i64 {
        let age = DAYS * DAY * (self.contacts - n) as i64 / self.contacts as i64;
        self.now - age + number as i64 * 60_000 - DAY
    }

    fn channel(&self, n: usize) -> ChannelId {
        self.channels[n % self.channels.len()]
    }

    /// Reads its replies itself.
    const fn pulls(n: usize) -> bool {
        n.is_multiple_of(2)
    }

    async fn batch(&self, many: std::ops::Range<usize>) -> Result<(), StoreError> {
        let entries =
            many.clone().flat_map(|n| (0..self.pairs_of(n)).map(move |number| self.entry(n, number))).collect();
        // Beyond the cursor, which stays: the application has a log of its own.
        self.store.take_in(Lane(0), 0, 0, entries).await?;
        try_join_all(many.clone().map(|n| self.answer(n))).await?;
        for channel in self.channels.iter().skip(1).step_by(2) {
            self.deliver(*channel).await?;
        }
        Ok(())
    }

    fn entry(&self, n: usize, number: usize) -> LogEntry {
        let at = Timestamp(self.at(n, number));
        let inbound = Inbound {
            provider_message_id: format!("wamid.{n:08}.{number}"),
            peer: Peer { address: address(n), name: Some(name(n)) },
            sent_at: at,
            content: Content::text(format!("Hello, what are your opening hours on day {n}, please?")),
            reply_to: None,
            raw: None,
        };
        let entry = NewEntry { tenant: self.tenant, channel: self.channel(n), received_at: at, inbound };
        LogEntry { offset: self.offsets.fetch_add(1, Ordering::Relaxed) + 1, entry }
    }

    async fn answer(&self, n: usize) -> Result<(), StoreError> {
        let rows = self.store.tenant(self.tenant);
        let id =
            rows.conversation_with(self.channel(n), &address(n)).await?.ok_or(StoreError::NotFound("conversation"))?;
        self.store.commit(self.commit(n, id)).await?;
        if n.is_multiple_of(33) {
            rows.tag_conversation(id, &["vip".to_owned()]).await?;
        }
        if n % 50 == 2 {
            rows.assign(id, Some(self.user)).await?;
        }
        if n % 25 == 3 {
            rows.add_note(id, Some(self.user), "Called back, everything is fine.".to_owned()).await?;
        }
        if n % 5 == 1 {
            rows.mark_read(id, self.user.uuid()).await?;
        }
        if n % 40 == 1 {
            rows.close_conversation(id, true).await?;
        }
        if n % 10 == 4 {
            let contact = rows.contact(rows.conversation(id).await?.contact).await?;
            let mut details = contact.details;
            details.name = Some(name(n));
            details.phone = Some(format!("+{}", address(n)));
            details.email = Some(format!("somebody{n}@mail.example"));
            details.tags = if n % 100 == 4 { vec!["vip".to_owned()] } else { Vec::new() };
            rows.update_contact(contact.id, details).await?;
        }
        Ok(())
    }

    fn commit(&self, n: usize, conversation: ConversationId) -> Commit {
        let (ids, pairs) = (MachineIds, self.pairs_of(n));
        let now = Timestamp(self.at(n, pairs - 1) + 2_000);
        let mode = match n % 30 {
            7 => Mode::Operator { since: now, reason: "they asked for a person".to_owned() },
            _ => Mode::Agent,
        };
        let usage = Usage { prompt_tokens: 400, completion_tokens: 30, cost_micros: 120 };
        let (mut messages, mut outbox, mut journal, mut ledger, mut settled) = (vec![], vec![], vec![], vec![], vec![]);
        let mut dead_letters = Vec::new();
        for turn in 1..=u32::try_from(pairs).unwrap_or(u32::MAX) {
            let (id, seq) = (MessageId::new(ids.uuid()), u64::from(turn));
            let abandoned = n % 200 == 9 && turn == 1;
            let outcome = if abandoned {
                let cause = Failure::fatal("MODEL_FAILED", "the model does not answer");
                dead_letters.push(NewDeadLetter { id: DeadLetterId::new(ids.uuid()), seq, cause: cause.clone() });
                Outcome::DeadLettered { cause }
            } else {
                Outcome::Answered { turn }
            };
            settled.push(Settled { seq, provider_message_id: String::new(), outcome });
            let completion = Completion { text: REPLY.to_owned(), usage, ..Completion::default() };
            journal.push(JournalRow {
                turn,
                step: 0,
                index: 0,
                agent: None,
                what: JournalWhat::Completion(completion),
            });
            ledger.push(LedgerRow { turn, step: 0, agent: None, usage });
            messages.push(NewMessage {
                id,
                speaker: Speaker::Agent,
                author: None,
                turn: Some(turn),
                text: REPLY.to_owned(),
                rich: None,
                citations: Vec::<Citation>::new(),
                abstained: n % 100 == 5,
                checks: Checks::default(),
            });
            if !Self::pulls(n) {
                outbox.push(NewOutbox {
                    id: OutboxId::new(ids.uuid()),
                    message: id,
                    peer: Peer { address: address(n), name: Some(name(n)) },
                    text: REPLY.to_owned(),
                    rich: None,
                    by_person: false,
                    citations: Vec::new(),
                    template: None,
                    last_inbound_at: now,
                });
            }
        }
        let unanswered = (n % 100 == 5).then(|| NewUnanswered {
            id: UnansweredId::new(ids.uuid()),
            base: self.base,
            turn: 1,
            text: format!("Do you also have {} in size {}?", FAMILY[n / 100 % FAMILY.len()], n / 100 % 40),
            language: None,
        });
        Commit {
            tenant: self.tenant,
            conversation,
            channel: self.channel(n),
            expected_version: 0,
            now,
            snapshot: Snapshot { mode, next_turn: pairs as u32 + 1, ..Snapshot::default() },
            heard: Vec::new(),
            settled,
            messages,
            outbox,
            journal,
            ledger,
            dead_letters,
            unanswered: unanswered.into_iter().collect(),
            approvals: Vec::new(),
            cuts: Vec::new(),
            timers: Vec::new(),
        }
    }

    /// Everything that is due, as the account's actor would send it.
    async fn deliver(&self, channel: ChannelId) -> Result<(), StoreError> {
        let now = MachineClock.now();
        loop {
            let claimed = self.store.claim(self.tenant, channel, now, BATCH).await?;
            if claimed.is_empty() {
                return Ok(());
            }
            let (failing, taken): (Vec<&OutboxItem>, Vec<&OutboxItem>) =
                claimed.iter().partition(|item| item.message.uuid().as_u128() % 500 == 0);
            let sent = taken.iter().map(|item| {
                let name = Some(format!("wamid.{}", item.id));
                let one = Settlement::Sent { tenant: self.tenant, id: item.id, provider_message_id: name, at: now };
                self.store.settle(vec![one])
            });
            try_join_all(sent).await?;
            let failed = failing.iter().map(|item| {
                let failure = Failure::reject("131026", "the number has no WhatsApp");
                Settlement::Failed { tenant: self.tenant, id: item.id, failure, at: now }
            });
            self.store.settle(failed.collect()).await?;
            let told = taken.iter().filter(|item| item.message.uuid().as_u128() % 3 != 0).map(|item| StatusUpdate {
                provider_message_id: Some(format!("wamid.{}", item.id)),
                outbox: None,
                peer: Some(item.peer.address.clone()),
                status: match item.message.uuid().as_u128() % 3 {
                    1 => DeliveryStatus::Delivered,
                    _ => DeliveryStatus::Read,
                },
                at: now,
                failure: None,
            });
            self.store.advance(self.tenant, channel, told.collect()).await?;
        }
    }

    /// What there is beside conversations: a fiftieth of them each.
    async fn around(&self) -> anyhow::Result<()> {
        let rows = self.store.tenant(self.tenant);
        let count = self.contacts / 50;
        let calls = (0..count).map(|n| {
            let rows = rows.clone();
            async move {
                let new = NewCall {
                    channel: self.channel(n),
                    provider: "twilio",
                    external_id: format!("CA{n:032}"),
                    direction: Direction::Inbound,
                    from: Some(format!("+{}", address(n))),
                    to: None,
                };
                let change = CallChange {
                    status: Some(CallStatus::Completed),
                    outcome: Some(CallOutcome::Answered),
                    said: vec![REPLY.to_owned()],
                    ai_handled: true,
                    seconds: Some(60),
                    ends: true,
                    ..CallChange::new(CallStep::new("end", "ended", ""))
                };
                rows.change_call(new, change).await.map(|_| ())
            }
        });
        let notes = (0..count).map(|n| {
            let (rows, actor) = (rows.clone(), Actor::User(self.user));
            let (action, target) = ("contact.merged".to_owned(), format!("contact {n}"));
            async move { rows.note(Act { actor, action, target, detail: String::new() }).await }
        });
        let documents = (0..count.min(500)).map(|n| {
            let rows = rows.clone();
            let new = NewDocument {
                base: self.base,
                name: format!("chapter-{n}.md"),
                size: 10_000,
                sha256: [7; 32],
                path: PathBuf::from(format!("{}-{n}", self.tenant)),
            };
            async move { rows.put_document(new).await.map(|_| ()) }
        });
        try_join_all(calls).await?;
        try_join_all(notes).await?;
        try_join_all(documents).await?;
        let taken = self.store.take(count.max(1)).await?;
        try_join_all(taken.iter().map(|job| self.store.finish(job.tenant, job.document, Ok(report())))).await?;
        // Nobody is told while reads are measured.
        for mut endpoint in rows.webhook_endpoints(colloquy_store::PageRequest::default()).await?.items {
            endpoint.enabled = false;
            rows.update_webhook_endpoint(&endpoint).await?;
        }
        Ok(())
    }
}

fn report() -> IngestReport {
    IngestReport {
        pages: Vec::new(),
        chunks: 40,
        characters: 40_000,
        language: None,
        generation: "bench".to_owned(),
        embedded: true,
    }
}
