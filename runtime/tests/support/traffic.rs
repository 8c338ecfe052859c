//! People who write, as providers deliver it: in bursts, repeated, out of order, again and again until it is accepted.

use super::{
    client::{Answer, Client},
    meta::{self, Text},
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    sync::{
        Arc, RwLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

/// A sender that was not accepted tries again after this.
const RETRY: Duration = Duration::from_millis(25);

/// How long a provider waits for the answer to a delivery.
const PROVIDER: Duration = Duration::from_secs(10);
/// How long a visitor waits for a reply.
const VISITOR: Duration = Duration::from_secs(30);
/// The balancer passes over a server that did not answer for this long.
const PASSED_OVER: Duration = Duration::from_secs(2);

/// What the senders share with whoever breaks things.
pub struct Stage {
    /// Where the servers are at the moment; wrong while one is down.
    servers: RwLock<Vec<Backend>>,
    next: AtomicUsize,
    pub channel: String,
    over: AtomicBool,
    /// Deliveries that were put off with 503.
    pub put_off: AtomicUsize,
    /// Of these, those that did not say until when.
    pub for_ever: AtomicUsize,
}

struct Backend {
    api: Client,
    /// When it last failed to answer.
    silent: Option<Instant>,
}

impl Backend {
    const fn new(api: Client) -> Self {
        Self { api, silent: None }
    }

    fn answers(&self) -> bool {
        self.silent.is_none_or(|since| since.elapsed() > PASSED_OVER)
    }
}

impl Stage {
    pub fn new(servers: Vec<Client>, channel: String) -> Arc<Self> {
        let servers = RwLock::new(servers.into_iter().map(Backend::new).collect());
        let (next, put_off, for_ever) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        Arc::new(Self { servers, next, channel, over: AtomicBool::new(false), put_off, for_ever })
    }

    /// One of the servers, each in turn, as a balancer does it: not one that was silent a moment ago, unless all were.
    fn api(&self) -> (usize, Client) {
        let servers = self.servers.read().unwrap();
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        let in_turn = (0..servers.len()).map(|n| (first + n) % servers.len());
        let server = in_turn.clone().find(|n| servers[*n].answers()).unwrap_or(first % servers.len());
        (server, servers[server].api.clone())
    }

    fn silent(&self, server: usize) {
        self.servers.write().unwrap()[server].silent = Some(Instant::now());
    }

    /// A server came back, perhaps elsewhere.
    pub fn moved(&self, server: usize, to: &Client) {
        self.servers.write().unwrap()[server] = Backend::new(to.clone());
    }

    fn heard(&self, answer: &Answer) {
        if answer.status == StatusCode::SERVICE_UNAVAILABLE {
            self.put_off.fetch_add(1, Ordering::Relaxed);
            self.for_ever.fetch_add(usize::from(!answer.headers.contains_key("retry-after")), Ordering::Relaxed);
        }
    }

    pub fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    fn goes_on(&self) -> bool {
        !self.over.load(Ordering::Relaxed)
    }
}

/// What one sender got accepted.
#[derive(Default)]
pub struct Written {
    pub texts: Vec<String>,
    /// Deliveries that were accepted again after having been accepted.
    pub duplicates: usize,
}

/// What all senders got accepted.
#[derive(Default)]
pub struct Accepted {
    pub texts: BTreeSet<String>,
    pub duplicates: usize,
}

/// How much is written.
#[derive(Debug, Clone, Copy)]
pub struct Crowd {
    /// On WhatsApp.
    pub people: u64,
    /// On the web.
    pub visitors: u64,
    /// How often each delivery of a person comes at least.
    pub times: usize,
    /// The longest that a person is silent, in milliseconds; the shortest is a third of it. WhatsApp lets only so many replies to
    /// one person pass: those who write a long time must write slowly.
    pub pause: u64,
}

/// Everybody who writes, until the stage ends.
pub struct Senders(Vec<JoinHandle<Written>>);

impl Senders {
    pub fn start(stage: &Arc<Stage>, crowd: Crowd, seed: u64) -> Self {
        let rng = |n: u64| StdRng::seed_from_u64(seed ^ n);
        let people = (0..crowd.people).map(|n| tokio::spawn(person(stage.clone(), n, crowd, rng(n + 1))));
        let visitors = (0..crowd.visitors).map(|n| tokio::spawn(visitor(stage.clone(), n, rng(n + 1000))));
        Self(people.chain(visitors).collect())
    }

    /// Waits until all have got accepted what they began; the stage must have ended.
    pub async fn accepted(self) -> Accepted {
        let mut all = Accepted::default();
        for written in futures::future::join_all(self.0).await {
            let written = written.unwrap();
            all.texts.extend(written.texts);
            all.duplicates += written.duplicates;
        }
        all
    }
}

/// The address of a person.
pub fn address(person: u64) -> String {
    format!("1555{person:04}")
}

/// A number from the environment.
pub fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|v| v.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// Delivers until it was accepted, as Meta does.
pub async fn deliver(stage: &Stage, payload: &Value) {
    loop {
        let (server, api) = stage.api();
        match timeout(PROVIDER, meta::deliver(&api, &stage.channel, payload)).await {
            Ok(Ok(answer)) if answer.status == StatusCode::OK => return,
            Ok(Ok(answer)) => stage.heard(&answer),
            Ok(Err(_)) | Err(_) => stage.silent(server),
        }
        sleep(RETRY).await;
    }
}

/// One person on WhatsApp: bursts, duplicates, and deliveries that overtake each other.
async fn person(stage: Arc<Stage>, number: u64, crowd: Crowd, mut rng: StdRng) -> Written {
    let from = address(number);
    let (mut written, mut next, mut old) = (Written::default(), 0, Vec::new());
    while stage.goes_on() {
        let mut payloads = Vec::new();
        for _ in 0..rng.random_range(1..=3) {
            let burst = rng.random_range(1..=2);
            let texts: Vec<Text> = (next..next + burst)
                .map(|n| Text::new(&from, &format!("wamid.{from}.{n}"), &format!("{from} says {n:05}")))
                .collect();
            next += burst;
            written.texts.extend(texts.iter().map(|t| t.body.clone()));
            payloads.push(meta::texts(&texts));
        }
        // The later ones may come first, or all at the same time.
        if rng.random_bool(0.4) {
            payloads.reverse();
        }
        if rng.random_bool(0.3) {
            futures::future::join_all(payloads.iter().map(|p| deliver(&stage, p))).await;
        } else {
            for payload in &payloads {
                deliver(&stage, payload).await;
            }
        }
        for payload in payloads.iter().cycle().take(payloads.len() * (crowd.times - 1)) {
            deliver(&stage, payload).await;
            written.duplicates += 1;
        }
        old.append(&mut payloads);
        while rng.random_bool(0.4) {
            deliver(&stage, &old[rng.random_range(0..old.len())]).await;
            written.duplicates += 1;
        }
        sleep(Duration::from_millis(rng.random_range(crowd.pause / 3..crowd.pause))).await;
    }
    written
}

/// One visitor on the web: sends until there is an answer, then the next.
async fn visitor(stage: Arc<Stage>, number: u64, mut rng: StdRng) -> Written {
    let session = format!("visitor-{number}");
    let mut written = Written::default();
    while stage.goes_on() {
        let n = written.texts.len();
        let text = format!("{session} says {n:05}");
        let body = json!({ "agent": "Echo", "session": session, "message_id": format!("m{n}"), "message": text });
        written.texts.push(text.clone());
        loop {
            let (server, api) = stage.api();
            let answer = api.attempt(api.request(reqwest::Method::POST, "/api/chat").json(&body));
            match timeout(VISITOR, answer).await {
                Ok(Ok(a)) if a.status == StatusCode::OK => {
                    let data = a.data();
                    assert_eq!((&data["outcome"], &data["reply"]["text"]), (&json!("answered"), &json!(text)));
                    if written.duplicates > n || rng.random_bool(0.8) {
                        break;
                    }
                    written.duplicates += 1;
                }
                Ok(Ok(_)) => sleep(RETRY).await,
                Ok(Err(_)) | Err(_) => {
                    stage.silent(server);
                    sleep(RETRY).await;
                }
            }
        }
        sleep(Duration::from_millis(rng.random_range(20..200))).await;
    }
    written
}
