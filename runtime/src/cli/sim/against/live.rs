//! What all of a run against a server shares.

use crate::{
    client::{Api, ApiError},
    machine::MachineClock,
};
use colloquy_domain::{ports::Clock, time::Timestamp};
use colloquy_sim::{
    Connected, Delivered, Entry, Payload, Seed,
    against::{Conversation, Line},
    people::Ear,
    scenario::Scenario,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, sleep, sleep_until};

/// The wait before a request is repeated doubles up to the second.
const AGAIN: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(8));
/// How often a request is made before the server counts as not accepting it.
const ATTEMPTS: u32 = 6;

/// How a channel of the scenario is reached.
pub enum Way {
    Webchat { agent: String },
    Provider { id: String, connected: Box<Connected> },
}

pub struct Live {
    pub api: Api,
    pub seed: Seed,
    token: String,
    zero: Instant,
    /// With their names, in the order of the scenario.
    ways: Vec<(String, Way)>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    trace: Vec<Entry>,
    ears: BTreeMap<String, Arc<Ear>>,
    seen: BTreeMap<String, Conversation>,
    /// The server's ids, by `channel/peer`.
    ids: BTreeMap<String, String>,
    /// What waits for the web chat's answer: `channel/peer`, number, text.
    pending: BTreeMap<(String, u64), String>,
    off_script: Vec<String>,
    undone: Vec<String>,
}

impl Live {
    /// Begins now. `token`: letters and digits of this run alone.
    pub fn new(api: Api, seed: Seed, token: String) -> Self {
        Self { api, seed, token, zero: Instant::now(), ways: Vec::new(), state: Mutex::default() }
    }

    pub fn add(&mut self, channel: String, way: Way) {
        self.ways.push((channel, way));
    }

    pub fn token(&self) -> &str {
        &self.token
    }

    pub fn way(&self, channel: &str) -> Option<&Way> {
        self.ways.iter().find(|(name, _)| name == channel).map(|(_, way)| way)
    }

    /// The name of the n-th channel: paths of the provider hold its number.
    pub fn channel(&self, n: &str) -> Option<&str> {
        self.ways.get(n.parse::<usize>().ok()?).map(|(name, _)| name.as_str())
    }

    /// The server's ids of the channels that were made for this run.
    pub fn connected_ids(&self) -> Vec<String> {
        let id = |way: &Way| if let Way::Provider { id, .. } = way { Some(id.clone()) } else { None };
        self.ways.iter().filter_map(|(_, way)| id(way)).collect()
    }

    /// A visitor's session in the web chat: the same person in another run is somebody else.
    pub fn session(&self, peer: &str) -> String {
        let plain: String = peer.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(60).collect();
        format!("sim-{}-{plain}", self.token)
    }

    pub fn age(&self) -> Duration {
        self.zero.elapsed()
    }

    pub async fn until(&self, age: Duration) {
        sleep_until(self.zero + age).await;
    }

    pub fn now() -> Timestamp {
        MachineClock.now()
    }

    pub fn note(&self, what: &'static str, who: &str, detail: &str) {
        let entry =
            Entry { at: self.age(), node: String::new(), what, entity: who.to_owned(), detail: detail.to_owned() };
        self.state().trace.push(entry);
    }

    pub fn ear(&self, who: &str) -> Arc<Ear> {
        Arc::clone(self.state().ears.entry(who.to_owned()).or_default())
    }

    /// The person is told something.
    pub fn tell(&self, what: &'static str, who: &str, text: &str) {
        self.note(what, who, text);
        self.ear(who).hear(text);
    }

    /// A message to the web chat is on its way.
    pub fn sends(&self, who: &str, number: u64, text: &str) {
        self.state().pending.insert((who.to_owned(), number), text.to_owned());
    }

    /// It was answered, or refused.
    pub fn sent(&self, who: &str, number: u64) {
        self.state().pending.remove(&(who.to_owned(), number));
    }

    /// Whether the web chat owes no answer.
    pub fn is_quiet(&self) -> bool {
        self.state().pending.is_empty()
    }

    /// How many messages of the person were accepted.
    pub fn written(&self, who: &str) -> usize {
        self.state().seen.get(who).map_or(0, |c| c.wrote.len())
    }

    pub fn wrote(&self, who: &str, text: &str) {
        self.state().seen.entry(who.to_owned()).or_default().wrote.push(text.to_owned());
    }

    pub fn refused(&self, who: &str, text: &str, how: String) {
        self.state().seen.entry(who.to_owned()).or_default().refused.push((text.to_owned(), how));
    }

    pub fn taken(&self, who: &str, delivered: Delivered) {
        self.tell("send.taken", who, &delivered.text);
        self.state().seen.entry(who.to_owned()).or_default().taken.push(delivered);
    }

    pub fn read(&self, who: &str, lines: Vec<Line>) {
        self.state().seen.entry(who.to_owned()).or_default().lines = lines;
    }

    pub fn is_called(&self, who: &str, id: &str) {
        self.state().ids.insert(who.to_owned(), id.to_owned());
    }

    pub fn id(&self, who: &str) -> Option<String> {
        self.state().ids.get(who).cloned()
    }

    pub fn broke(&self, who: &str, why: &str) {
        self.state().off_script.push(format!("{who} {why}"));
    }

    pub fn not_done(&self, what: String) {
        self.state().undone.push(what);
    }

    pub fn trace(&self) -> Vec<Entry> {
        self.state().trace.clone()
    }

    pub fn off_script(&self) -> Vec<String> {
        self.state().off_script.clone()
    }

    pub fn undone(&self) -> Vec<String> {
        self.state().undone.clone()
    }

    /// In the order of the scenario.
    pub fn conversations(&self, scenario: &Scenario) -> Vec<Conversation> {
        let state = self.state();
        let of = |c: &colloquy_sim::scenario::ConversationSpec| {
            let who = format!("{}/{}", c.channel, c.peer);
            let mut seen = state.seen.get(&who).cloned().unwrap_or_default();
            let owed = state.pending.iter().filter(|((of, _), _)| *of == who);
            seen.refused.extend(owed.map(|(_, text)| (text.clone(), "no answer in time".to_owned())));
            Conversation { who, ..seen }
        };
        scenario.conversations.iter().map(of).collect()
    }

    /// Posts a webhook until it is accepted, as providers do.
    ///
    /// # Errors
    /// It was not, and how.
    pub async fn deliver(&self, id: &str, payload: &Payload) -> Result<(), String> {
        let mut again = Again::default();
        loop {
            let (why, later) = match self.api.webhook(id, &payload.headers, payload.body.clone()).await {
                Ok(status) if status.is_success() => return Ok(()),
                Ok(status) => (format!("HTTP {status}"), status.is_server_error() || status.as_u16() == 429),
                Err(e) => (e.to_string(), true),
            };
            if !later || !again.wait().await {
                return Err(why);
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Repeats a request, more and more slowly.
pub struct Again {
    wait: Duration,
    left: u32,
}

impl Default for Again {
    fn default() -> Self {
        Self { wait: AGAIN.0, left: ATTEMPTS - 1 }
    }
}

impl Again {
    /// Waits; `false` at once if it was tried often enough.
    pub async fn wait(&mut self) -> bool {
        let Some(left) = self.left.checked_sub(1) else { return false };
        sleep(self.wait).await;
        (self.left, self.wait) = (left, (self.wait * 2).min(AGAIN.1));
        true
    }
}

/// Whether the same request may succeed later.
pub fn may_succeed_later(error: &ApiError) -> bool {
    match error {
        ApiError::Refused { status, .. } => status.is_server_error() || status.as_u16() == 429,
        ApiError::Unreachable { .. } => true,
        ApiError::Strange { .. } | ApiError::File { .. } => false,
    }
}
