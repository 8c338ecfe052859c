//! People who write by signed webhooks to several nodes and wait for the replies.

use super::{
    super::{
        graph::request_length,
        neighbour::Ask,
        open::Fared,
        webhooks::{signed, text_message},
    },
    replies::{Replies, words},
};
use colloquy_domain::ids::ChannelId;
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

/// A reply that takes longer is none.
const PATIENCE: Duration = Duration::from_secs(30);
/// One request, at one node.
const ANSWER: Duration = Duration::from_secs(10);
/// Before the nodes are tried once more.
const BREATH: Duration = Duration::from_millis(10);
/// Conversations of each person of a crowd: a provider lets nobody be sent to too often.
const PEERS: u64 = 48;
/// People of an open loop: whoever wrote is not asked again while there are others.
pub const OTHERS: u64 = 4096;

/// A WhatsApp account of the benchmark.
#[derive(Debug, Clone)]
pub struct Account {
    pub channel: ChannelId,
    /// Its phone number's id.
    pub phone: String,
}

/// Sends messages to whichever node takes them.
pub struct Senders {
    /// By the node's number; `None` while it is known to be down.
    nodes: RwLock<Vec<Option<String>>>,
    idle: Mutex<HashMap<String, Vec<TcpStream>>>,
    pub replies: Arc<Replies>,
    numbers: AtomicU64,
    elsewhere: AtomicU64,
}

impl Senders {
    pub fn new(replies: Arc<Replies>) -> Arc<Self> {
        let (nodes, idle) = (RwLock::default(), Mutex::default());
        Arc::new(Self { nodes, idle, replies, numbers: AtomicU64::new(1), elsewhere: AtomicU64::new(0) })
    }

    /// Where the nodes are from now on.
    pub fn aim_at(&self, nodes: Vec<Option<String>>) {
        *self.nodes.write().unwrap_or_else(PoisonError::into_inner) = nodes;
    }

    /// Requests that one node did not take and another one did.
    pub fn elsewhere(&self) -> u64 {
        self.elsewhere.load(Ordering::Relaxed)
    }

    /// Writes one message and waits for its reply: how long that took, or `None` if none came.
    pub async fn ask(&self, account: &Account, peer: u64) -> Option<Duration> {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let body = text_message(&account.phone, peer, number, &words(number));
        let head =
            format!("POST /webhooks/{} HTTP/1.1\r\nhost: node\r\ncontent-type: application/json\r\n", account.channel);
        let (replied, start) = (self.replies.expect(number), Instant::now());
        let sent = timeout(PATIENCE, self.deliver(signed(&head, &body).as_bytes(), number)).await;
        sent.ok()?;
        let at = timeout(PATIENCE, replied).await.ok()?.ok()?;
        Some(at.duration_since(start))
    }

    /// Until a node has taken it.
    async fn deliver(&self, request: &[u8], first: u64) {
        let mut tries = 0_u64;
        loop {
            let nodes = self.nodes.read().unwrap_or_else(PoisonError::into_inner).clone();
            for n in 0..nodes.len() as u64 {
                let place = usize::try_from((first + n) % nodes.len() as u64).unwrap_or(0);
                let Some(node) = &nodes[place] else { continue };
                if timeout(ANSWER, self.exchange(node, request)).await.is_ok_and(|taken| taken.unwrap_or(false)) {
                    if tries > 0 {
                        self.elsewhere.fetch_add(1, Ordering::Relaxed);
                    }
                    return;
                }
                tries += 1;
            }
            sleep(BREATH).await;
        }
    }

    /// Whether the node has answered 200.
    async fn exchange(&self, node: &str, request: &[u8]) -> std::io::Result<bool> {
        let kept = self.idle.lock().unwrap_or_else(PoisonError::into_inner).get_mut(node).and_then(Vec::pop);
        let mut stream = match kept {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(node).await?;
                stream.set_nodelay(true)?;
                stream
            }
        };
        stream.write_all(request).await?;
        let mut answer = Vec::with_capacity(256);
        while request_length(&answer).is_none() {
            if stream.read_buf(&mut answer).await? == 0 {
                return Ok(false);
            }
        }
        let taken = answer.starts_with(b"HTTP/1.1 200");
        // The server closes what it says so of.
        if taken && !answer.windows(17).any(|w| w.eq_ignore_ascii_case(b"connection: close")) {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            idle.entry(node.to_owned()).or_default().push(stream);
        }
        Ok(taken)
    }
}

/// So many people, each of whom writes again as soon as the reply is there.
pub struct Crowd {
    ending: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    people: JoinSet<Fared>,
}

impl Crowd {
    pub fn start(senders: &Arc<Senders>, accounts: &[Account], people: u64) -> Self {
        let (ending, answered) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let mut crowd = JoinSet::new();
        for (person, account) in (0..people).zip(accounts.iter().cycle().cloned()) {
            let (senders, ending, answered) = (Arc::clone(senders), Arc::clone(&ending), Arc::clone(&answered));
            crowd.spawn(async move {
                let (mut fared, mut round) = (Fared::default(), 0);
                while !ending.load(Ordering::Relaxed) {
                    let took = senders.ask(&account, person * PEERS + round % PEERS).await;
                    answered.fetch_add(u64::from(took.is_some()), Ordering::Relaxed);
                    fared.add(took);
                    round += 1;
                }
                fared
            });
        }
        Self { ending, answered, people: crowd }
    }

    /// Messages that have got their reply, so far.
    pub fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// Everybody gets the last reply, and goes.
    pub async fn end(self) -> Fared {
        self.ending.store(true, Ordering::Relaxed);
        let mut all = Fared::default();
        for fared in self.people.join_all().await {
            all.extend(fared);
        }
        all
    }
}

/// Messages to these accounts in turn, of people who are nobody of a crowd.
#[derive(Clone)]
pub struct Writers {
    pub senders: Arc<Senders>,
    pub accounts: Arc<[Account]>,
    /// Of each account.
    pub people: u64,
}

impl Ask for Writers {
    async fn ask(&self, number: u64) -> Option<Duration> {
        let accounts = self.accounts.len() as u64;
        let account = &self.accounts[usize::try_from(number % accounts).unwrap_or(0)];
        self.senders.ask(account, 1_000_000 + (number / accounts) % self.people).await
    }
}
