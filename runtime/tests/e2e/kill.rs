//! SIGKILL at random instants while messages arrive: nothing accepted is lost, nothing is answered twice.
//!
//! `COLLOQUY_TEST_KILLS` is how often (12 unless set), `COLLOQUY_TEST_SEED` repeats a run.

use crate::support::{
    client::Client,
    graph::{Fault, Graph},
    meta::{self, Text},
    server::Server,
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// People who write on WhatsApp, and sessions of web chat.
const PEOPLE: u64 = 10;
const SESSIONS: u64 = 4;
/// A sender that was not accepted tries again after this.
const RETRY: Duration = Duration::from_millis(25);
/// What is left after the last kill is done within this.
const SETTLED: Duration = Duration::from_secs(180);

/// What the senders share with the killer.
struct Stage {
    /// Where the server is at the moment; wrong while it is down.
    api: RwLock<Client>,
    channel: String,
    over: AtomicBool,
}

impl Stage {
    fn api(&self) -> Client {
        self.api.read().unwrap().clone()
    }

    fn goes_on(&self) -> bool {
        !self.over.load(Ordering::Relaxed)
    }
}

/// What one sender got accepted.
#[derive(Default)]
struct Written {
    texts: Vec<String>,
    /// Deliveries that were accepted again after having been accepted.
    duplicates: usize,
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|v| v.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// Delivers until it was accepted, as Meta does.
async fn deliver(stage: &Stage, payload: &Value) {
    loop {
        let answer = meta::deliver(&stage.api(), &stage.channel, payload).await;
        if answer.is_ok_and(|a| a.status == StatusCode::OK) {
            return;
        }
        sleep(RETRY).await;
    }
}

/// One person on WhatsApp: bursts, duplicates, and deliveries that overtake each other.
async fn person(stage: Arc<Stage>, number: u64, mut rng: StdRng) -> Written {
    let from = format!("1555{number:04}");
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
        old.append(&mut payloads);
        while rng.random_bool(0.4) {
            deliver(&stage, &old[rng.random_range(0..old.len())]).await;
            written.duplicates += 1;
        }
        sleep(Duration::from_millis(rng.random_range(100..500))).await;
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
            let api = stage.api();
            let answer = api.attempt(api.request(reqwest::Method::POST, "/api/chat").json(&body)).await;
            match answer {
                Ok(a) if a.status == StatusCode::OK => {
                    let data = a.data();
                    assert_eq!((&data["outcome"], &data["reply"]["text"]), (&json!("answered"), &json!(text)));
                    if written.duplicates > n || rng.random_bool(0.8) {
                        break;
                    }
                    written.duplicates += 1;
                }
                _ => sleep(RETRY).await,
            }
        }
        sleep(Duration::from_millis(rng.random_range(20..200))).await;
    }
    written
}

/// Kills and restarts; some kills hit the start itself.
async fn kill_again_and_again(server: &mut Server, stage: &Stage, kills: u64, rng: &mut StdRng) {
    for kill in 1..=kills {
        sleep(Duration::from_millis(rng.random_range(30..900))).await;
        server.kill().await;
        server.spawn();
        if rng.random_bool(0.25) {
            sleep(Duration::from_millis(rng.random_range(0..700))).await;
        } else {
            server.ready().await;
            *stage.api.write().unwrap() = server.api.clone();
        }
        if kill == kills {
            server.ready().await;
            *stage.api.write().unwrap() = server.api.clone();
        }
    }
}

/// What the transcripts say, over all conversations.
#[derive(Debug, Default)]
struct Found {
    conversations: usize,
    /// Every received text, with how often.
    received: BTreeMap<String, usize>,
    outcomes: BTreeMap<String, usize>,
    /// Every reply's text with its status.
    replies: Vec<(String, String)>,
}

/// Reads one transcript and holds it against what must be true of it.
fn examine(conversation: &Value, lines: &[Value], found: &mut Found) {
    let name = conversation["peer"].as_str().unwrap();
    let received: Vec<&Value> = lines.iter().filter(|l| l["speaker"] == "person").collect();
    let numbers: Vec<u64> = received.iter().map(|l| l["seq"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=received.len() as u64).collect::<Vec<_>>(), "{name}: transcript and numbers differ");
    let mut answers: BTreeMap<u64, &str> = BTreeMap::new();
    let mut last_turn = 0;
    for line in received {
        let text = line["text"].as_str().unwrap();
        *found.received.entry(text.to_owned()).or_default() += 1;
        let outcome = line["outcome"]["outcome"].as_str().unwrap_or_else(|| panic!("{name}: no outcome: {line}"));
        *found.outcomes.entry(outcome.to_owned()).or_default() += 1;
        if matches!(outcome, "answered" | "merged") {
            let turn = line["outcome"]["turn"].as_u64().unwrap();
            assert!(turn >= last_turn, "{name}: answered out of order: {line}");
            last_turn = turn;
            if outcome == "answered" {
                assert_eq!(answers.insert(turn, text), None, "{name}: turn {turn} answers twice");
            }
        }
    }
    let mut answered = BTreeSet::new();
    for line in lines.iter().filter(|l| l["speaker"] == "agent") {
        let turn = line["turn"].as_u64().unwrap();
        assert!(answered.insert(turn), "{name}: turn {turn} was answered twice");
        assert_eq!(answers.get(&turn).copied(), line["text"].as_str(), "{name}: the reply of turn {turn}");
        let status = line["status"].as_str().unwrap_or("read by its client");
        found.replies.push((line["text"].as_str().unwrap().to_owned(), status.to_owned()));
    }
    assert_eq!(answered, answers.keys().copied().collect(), "{name}: answered messages without a reply");
}

/// All transcripts.
async fn read_all(server: &Server) -> Found {
    let conversations = server.api.list("/api/conversations", "conversations").await;
    let mut found = Found { conversations: conversations.len(), ..Found::default() };
    for conversation in &conversations {
        let lines = server.api.transcript(conversation["id"].as_str().unwrap()).await;
        examine(conversation, &lines, &mut found);
    }
    found
}

/// What became of the replies that a provider is to deliver.
#[derive(Debug, Default)]
struct Delivered {
    twice: usize,
    /// Not repeated, because nobody can tell whether the provider took them.
    uncertain: usize,
    /// Of those, what it did take.
    uncertain_taken: usize,
}

/// What was delivered, against what the transcripts say of it.
fn compare(found: &Found, graph: &Graph) -> Delivered {
    let mut delivered: BTreeMap<String, usize> = BTreeMap::new();
    for sent in graph.sent() {
        *delivered.entry(sent.text).or_default() += 1;
    }
    let mut result = Delivered { twice: delivered.values().filter(|n| **n > 1).count(), ..Delivered::default() };
    for (text, status) in &found.replies {
        match (status.as_str(), delivered.get(text)) {
            ("read by its client", None) | ("sent", Some(_)) => {}
            ("uncertain", taken) => {
                result.uncertain += 1;
                result.uncertain_taken += usize::from(taken.is_some());
            }
            (status, delivered) => panic!("{text:?} is {status}, delivered {delivered:?} times"),
        }
    }
    result
}

// req: S2-WHK-4
// req: S3-JOB-1
// req: S3-JOB-3
// req: C-ACT-1
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_instant_nothing_is_lost_and_nothing_answered_twice() {
    let kills = setting("COLLOQUY_TEST_KILLS").unwrap_or(12);
    let seed = setting("COLLOQUY_TEST_SEED").unwrap_or_else(|| rand::rng().random());
    println!("kill loop: COLLOQUY_TEST_SEED={seed} COLLOQUY_TEST_KILLS={kills}");
    let mut rng = StdRng::seed_from_u64(seed);
    let begun = Instant::now();
    let graph = Graph::start().await;
    // A provider that takes its time is more often caught in the middle.
    graph.always(Fault::Slow(Duration::from_millis(15)));
    let mut server = Server::start().await;
    server.api.agent("Echo", "scripted", &[]).await;
    let channel = meta::connect_whatsapp(&server.api, "Echo", &graph.url).await;
    let stage = Stage { api: RwLock::new(server.api.clone()), channel, over: AtomicBool::new(false) };
    let stage = Arc::new(stage);

    let people = (0..PEOPLE).map(|n| tokio::spawn(person(stage.clone(), n, StdRng::seed_from_u64(seed ^ (n + 1)))));
    let visitors =
        (0..SESSIONS).map(|n| tokio::spawn(visitor(stage.clone(), n, StdRng::seed_from_u64(seed ^ (n + 1000)))));
    let senders: Vec<_> = people.chain(visitors).collect();
    kill_again_and_again(&mut server, &stage, kills, &mut rng).await;
    stage.over.store(true, Ordering::Relaxed);
    let written: Vec<Written> = futures::future::join_all(senders).await.into_iter().map(Result::unwrap).collect();
    server.idle(SETTLED).await;

    let found = read_all(&server).await;
    let delivered = compare(&found, &graph);
    let accepted: BTreeSet<&String> = written.iter().flat_map(|w| &w.texts).collect();
    let duplicates: usize = written.iter().map(|w| w.duplicates).sum();
    let lost: Vec<_> = accepted.iter().filter(|t| !found.received.contains_key(**t)).collect();
    let repeated: Vec<_> = found.received.iter().filter(|(_, n)| **n > 1).collect();
    println!(
        "kill loop: kills={kills} messages={} duplicates={duplicates} outcomes={:?} replies={} delivered={} lost={} \
         taken_in_twice={} delivered_twice={} uncertain={} (of these taken by the provider: {}) seconds={:.1}",
        accepted.len(),
        found.outcomes,
        found.replies.len(),
        graph.sent().len(),
        lost.len(),
        repeated.len(),
        delivered.twice,
        delivered.uncertain,
        delivered.uncertain_taken,
        begun.elapsed().as_secs_f64(),
    );
    assert_eq!(found.conversations as u64, PEOPLE + SESSIONS);
    assert!(lost.is_empty(), "lost: {lost:?}");
    assert!(repeated.is_empty(), "taken in twice: {repeated:?}");
    assert_eq!(found.received.len(), accepted.len(), "what nobody wrote was received");
    assert_eq!(delivered.twice, 0, "replies were delivered twice");
    let unanswered = found.outcomes.keys().any(|o| !matches!(o.as_str(), "answered" | "merged"));
    assert!(!unanswered, "{:?}", found.outcomes);
    for number in 0..PEOPLE {
        let texts = graph.texts_to(&format!("1555{number:04}"));
        let replies: Vec<_> = found.replies.iter().map(|(text, _)| text).filter(|t| texts.contains(t)).collect();
        assert_eq!(texts.iter().collect::<Vec<_>>(), replies, "replies overtook each other");
    }
    assert!(graph.complaints().is_empty(), "{:?}", graph.complaints());

    // Meta tells of each message how far it came: that settles what was taken, and only that.
    for sent in graph.sent().chunks(100) {
        deliver(&stage, &meta::statuses("delivered", sent)).await;
    }
    let settled = read_all(&server).await;
    let still = settled.replies.iter().filter(|(_, status)| status == "uncertain").count();
    assert_eq!(still, delivered.uncertain - delivered.uncertain_taken, "statuses settle what was uncertain");
    let reached = settled.replies.iter().filter(|(_, status)| status == "delivered").count();
    assert_eq!(reached, graph.sent().len());
}
