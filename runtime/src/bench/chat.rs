//! Turns: messages appended to the ingress log exactly as the chat endpoint does it, and their outcomes.

use super::{neighbour::Ask, rig::Rig};
use crate::machine::MachineClock;
use colloquy_api::Hub;
use colloquy_domain::{
    ids::{ChannelId, TenantId},
    message::{Content, Inbound, Outcome, Peer},
    placement::Lane,
    ports::{Clock, InboxStore, IngressLog, NewEntry, Notice},
};
use colloquy_store::Store;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};

/// People who each wait for their answer before they write again.
const PEOPLE: u64 = 1024;
/// Conversations of each of them.
const CONVERSATIONS: u64 = 4;
/// People of the open loop; whoever wrote is not asked again while there are others.
pub const OTHERS: u64 = 5000;
/// An answer that takes longer is none.
const PATIENCE: Duration = Duration::from_secs(60);

/// Writes as the chat endpoint does.
#[derive(Clone)]
pub struct Chat {
    store: Store,
    hub: Arc<Hub>,
    tenant: TenantId,
    channel: ChannelId,
    numbers: Arc<AtomicU64>,
}

/// One answered message.
#[derive(Debug, Clone, Copy)]
pub struct Answered {
    /// From the call to the log until it is durable there.
    pub logged: Duration,
    /// From the call to the log until the reply is committed.
    pub replied: Duration,
}

impl Chat {
    pub fn new(rig: &Rig) -> Self {
        Self::of(rig, rig.tenant, rig.webchat)
    }

    /// With another tenant's web chat.
    pub fn of(rig: &Rig, tenant: TenantId, channel: ChannelId) -> Self {
        let app = &rig.app;
        Self { store: app.store().clone(), hub: app.hub(), tenant, channel, numbers: Arc::default() }
    }

    fn entry(&self, peer: &str) -> NewEntry {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let now = MachineClock.now();
        let inbound = Inbound {
            provider_message_id: format!("{peer}:{number}"),
            peer: Peer { address: peer.to_owned(), name: None },
            sent_at: now,
            content: Content::text("Hello, what are your opening hours, please?"),
            reply_to: None,
            raw: None,
        };
        NewEntry { tenant: self.tenant, channel: self.channel, received_at: now, inbound }
    }

    /// Writes one message and waits for its outcome; `None` if it is not an answer.
    pub async fn ask(&self, peer: &str) -> anyhow::Result<Option<Answered>> {
        let entry = self.entry(peer);
        let mine = entry.inbound.provider_message_id.clone();
        let mut listener = self.hub.listen(self.tenant, &mine);
        let start = Instant::now();
        self.store.append(vec![entry]).await?;
        let logged = start.elapsed();
        let settled = async {
            while let Some(notice) = listener.next().await {
                if let Notice::Settled { settled, .. } = notice.as_ref()
                    && let Some(settled) = settled.iter().find(|s| s.provider_message_id == mine)
                {
                    return Some(settled.outcome.clone());
                }
            }
            None
        };
        let outcome = timeout(PATIENCE, settled).await.ok().flatten();
        let replied = start.elapsed();
        Ok(matches!(outcome, Some(Outcome::Answered { .. })).then_some(Answered { logged, replied }))
    }

    /// Writes one message of each peer, in batches, without waiting for outcomes.
    pub async fn write_all(&self, peers: impl Iterator<Item = String>) -> anyhow::Result<()> {
        const TOGETHER: usize = 256;
        let mut entries = Vec::with_capacity(TOGETHER);
        for peer in peers {
            entries.push(self.entry(&peer));
            if entries.len() == TOGETHER {
                self.store.append(std::mem::take(&mut entries)).await?;
            }
        }
        Ok(self.store.append(entries).await?)
    }
}

/// People who write to these tenants in turn.
#[derive(Clone)]
pub struct Writers {
    pub chats: Arc<[Chat]>,
    /// Of each tenant.
    pub people: u64,
}

impl Ask for Writers {
    async fn ask(&self, number: u64) -> Option<Duration> {
        let chats = self.chats.len() as u64;
        let chat = &self.chats[usize::try_from(number % chats).unwrap_or(0)];
        let answered = chat.ask(&format!("w{}", (number / chats) % self.people)).await;
        answered.ok().flatten().map(|a| a.replied)
    }
}

pub struct Turns {
    pub per_second: f64,
    pub unanswered: u64,
}

/// As many turns as there can be: everybody writes again as soon as the answer is there.
///
/// # Errors
/// The store's.
pub async fn closed_loop(rig: &Rig, lasting: Duration) -> anyhow::Result<Turns> {
    let chat = Chat::new(rig);
    // Conversations are made, statements prepared.
    rush(&chat, lasting / 4).await?;
    rush(&chat, lasting).await
}

async fn rush(chat: &Chat, lasting: Duration) -> anyhow::Result<Turns> {
    let start = Instant::now();
    let mut people = JoinSet::new();
    for person in 0..PEOPLE {
        let chat = chat.clone();
        people.spawn(async move {
            let (mut answered, mut unanswered, mut round) = (0_u64, 0_u64, 0);
            while start.elapsed() < lasting {
                round += 1;
                match chat.ask(&format!("p{person}-{}", round % CONVERSATIONS)).await? {
                    Some(_) => answered += 1,
                    None => unanswered += 1,
                }
            }
            anyhow::Ok((answered, unanswered))
        });
    }
    let (mut answered, mut unanswered) = (0, 0);
    while let Some(done) = people.join_next().await {
        let (yes, no) = done??;
        answered += yes;
        unanswered += no;
    }
    Ok(Turns { per_second: answered as f64 / start.elapsed().as_secs_f64(), unanswered })
}

/// Times of an open loop.
#[derive(Default)]
pub struct Times {
    pub added: Vec<Duration>,
    pub commit: Vec<Duration>,
}

/// Messages at a fixed rate, whether or not earlier ones are answered.
///
/// # Errors
/// The store's.
pub async fn open_loop(rig: &Rig, rate: f64, lasting: Duration) -> anyhow::Result<Times> {
    let chat = Chat::new(rig);
    // Everybody is known already: what is measured is the ordinary message.
    chat.write_all((0..OTHERS).map(|n| format!("o{n}"))).await?;
    settle(rig).await?;
    let start = Instant::now();
    let mut asked = JoinSet::new();
    let (mut written, mut times) = (0_u64, Times::default());
    while start.elapsed() < lasting {
        sleep_until(start + Duration::from_secs_f64(written as f64 / rate)).await;
        let (chat, peer) = (chat.clone(), format!("o{}", written % OTHERS));
        asked.spawn(async move { chat.ask(&peer).await });
        written += 1;
        while let Some(done) = asked.try_join_next() {
            times.add(done??);
        }
    }
    while let Some(done) = asked.join_next().await {
        times.add(done??);
    }
    Ok(times)
}

impl Times {
    pub fn add(&mut self, answered: Option<Answered>) {
        if let Some(Answered { logged, replied }) = answered {
            self.added.push(replied);
            self.commit.push(logged);
        }
    }
}

/// Waits until every message has its outcome.
///
/// # Errors
/// The store's.
pub async fn settle(rig: &Rig) -> anyhow::Result<()> {
    loop {
        let store = rig.app.store();
        let moved = store.cursor(Lane(0)).await?;
        if store.behind(Lane(0), moved).await? == 0 && store.installation().backlog().await?.pending_inbox == 0 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
