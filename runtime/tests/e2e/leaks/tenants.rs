//! Two tenants of one server: the neighbour has rows of every kind, each with a mark of its own; the other has some.

use super::{Found, endpoints::Endpoint, fill::put, plant, uuids};
use crate::support::{
    client::{Answer, Client},
    graph::Graph,
    server::{Place, Server},
    services::Services,
};
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// Words that only the neighbour has.
pub const MARKS: &[&str] = &[
    "zq-tenant-7f31",
    "zq-person-7f31",
    "zq-agent-7f31",
    "zq-instructions-7f31",
    "zq-base-7f31",
    "zq-document-7f31",
    "zq-contact-7f31",
    "zq-note-7f31",
    "zq-words-7f31",
    "zq-tag-7f31",
    "zq-key-7f31",
    "zq-hook-7f31",
    "zq-question-7f31",
    "15557317317",
    "zq-menu-7f31",
    "zq-guest-7f31",
    "zq_template_7f31",
    "zq-call-7f31",
    "zq-site-7f31",
];
pub const PASSWORD: &str = "SecurePass123!";
/// Kinds of values that queries and bodies name, at most.
const REFERENCES: usize = 6;
/// Ids of anything that a path is tried with beside those of the rows that it shows.
const GUESSED: usize = 2;
/// Rows that a path is asked for, of those that it shows.
const SHOWN: usize = 3;
/// Some answers are streams that do not end.
const PATIENCE: Duration = Duration::from_secs(5);

pub struct Tenants {
    pub owner: Client,
    pub platform: Client,
    /// One person of each role, in sessions that the walk may end.
    pub tokens: Vec<(&'static str, String)>,
    pub neighbour: Client,
    /// What planting answered: ids that no list shows.
    planted: String,
    _server: Server,
    _graph: Graph,
    _services: Services,
}

impl Tenants {
    pub async fn plant() -> Self {
        let limits = ["API", "ANONYMOUS", "UPLOAD", "CHAT", "KEY"].map(|l| format!("COLLOQUY_LIMIT_{l}"));
        let place = limits.iter().fold(Place::default(), |place, limit| place.with(limit, "0"));
        let place = place.with("COLLOQUY_PRIVATE_HOSTS", "localhost");
        let (graph, services) = (Graph::start().await, Services::start().await);
        let place = place.with("OPENAI_BASE_URL", &format!("{}/v1", services.url)).with("OPENAI_API_KEY", "sk-model");
        let server = Server::start_on(place.with("OPENAI_MODEL", "stand-in")).await;
        let api = &server.api;
        let (_, owner) = register(api, "House", "Ann", "owner@house.example").await;
        let (_, neighbour) = register(api, MARKS[0], MARKS[1], "owner@zq.example").await;
        some_rows(&owner, "House", "house").await;
        let planted = plant::every_row(&neighbour, &graph, &services).await;
        let words = ["create-admin", "--email", "p@house.example", "--name", "Pia", "--tenant", "house"];
        let ran = server.place.run(&words).await;
        let password = ran.stdout.split("(shown only now): ").nth(1).unwrap_or_else(|| panic!("{ran:?}")).trim();
        let mut tokens = Vec::new();
        for role in ["operator", "admin"] {
            let person =
                json!({ "email": format!("{role}@house.example"), "name": role, "password": PASSWORD, "role": role });
            let made = owner.post("/api/users", &person).await;
            tokens.push((role, made.body["token"].as_str().unwrap_or_else(|| panic!("{made:?}")).to_owned()));
        }
        tokens.push(("owner", login(api, "owner@house.example", PASSWORD).await));
        tokens.push(("platform_admin", login(api, "p@house.example", password).await));
        let platform = api.with_key(&login(api, "p@house.example", password).await);
        Self { owner, platform, tokens, neighbour, planted, _server: server, _graph: graph, _services: services }
    }
}

async fn register(api: &Client, team: &str, name: &str, email: &str) -> (Value, Client) {
    let body = json!({ "tenantName": team, "email": email, "password": PASSWORD, "name": name });
    let made = api.attempt(api.bare(Method::POST, "/api/auth/register").json(&body)).await.unwrap().data();
    let client = api.with_key(made["token"].as_str().unwrap());
    (made, client)
}

async fn login(api: &Client, email: &str, password: &str) -> String {
    let body = json!({ "email": email, "password": password });
    let signed = api.attempt(api.bare(Method::POST, "/api/auth/login").json(&body)).await.unwrap().data();
    signed["token"].as_str().unwrap().to_owned()
}

/// What any tenant has.
async fn some_rows(api: &Client, agent: &str, base: &str) {
    api.post("/api/knowledge-bases", &json!({ "name": base })).await.data();
    api.agent(agent, "scripted", &[base]).await;
    let said = json!({ "agent": agent, "session": "s", "message": "hello" });
    api.chat(&said).await.data();
    api.post("/api/contacts", &json!({ "name": "Bob", "phoneNumber": "+15550001" })).await.data();
}

/// What the neighbour has, and where it is seen.
pub struct Neighbour {
    pub ids: BTreeSet<String>,
    /// Marks that were seen on the way.
    pub marks: BTreeSet<&'static str>,
    rows: Found,
    own: Found,
}

impl Neighbour {
    /// Finds it as its owner would: from lists to rows, until nothing new comes.
    pub async fn explored(tenants: &Tenants, all: &[Endpoint]) -> Self {
        let own = explore(&tenants.owner, all, BTreeSet::new()).await;
        let theirs = explore(&tenants.neighbour, all, uuids(&tenants.planted)).await;
        let ids = theirs.ids.difference(&own.ids).cloned().collect();
        Self { ids, marks: theirs.marks, rows: theirs.rows, own: own.rows }
    }

    /// Endpoints that show a row, and showed none.
    pub fn unread<'a>(&self, all: &'a [Endpoint]) -> Vec<&'a str> {
        let reading = all.iter().filter(|e| e.method == Method::GET).map(|e| e.paths[0].as_str());
        reading.filter(|path| path.contains('{') && !self.rows.contains_key(*path)).collect()
    }

    /// Rows that stand for the parameters of a path: those of the nearest path that shows some, or any.
    pub fn rows_of(&self, path: &str) -> Vec<Vec<String>> {
        let near = nearest(&self.rows, path);
        let guessed = if near.is_empty() { self.ids.len() } else { GUESSED };
        let guessed = self.ids.iter().take(guessed).map(|id| vec![id.clone(); count(path)]);
        near.into_iter().take(SHOWN).chain(guessed).collect()
    }

    pub fn own_of(&self, path: &str) -> Vec<Vec<String>> {
        nearest(&self.own, path).into_iter().take(1).collect()
    }

    /// What bodies and queries name: one row of each kind, and a base by its name.
    pub fn references(&self) -> Vec<String> {
        let kinds = self.rows.iter().filter(|(path, _)| path.ends_with('}') && count(path) == 1);
        let ids: BTreeSet<_> = kinds.map(|(_, rows)| rows[0][0].clone()).collect();
        ids.into_iter().take(REFERENCES).chain([MARKS[4].to_owned()]).collect()
    }

    /// Marks and ids in a text that its reader did not send.
    pub fn seen_in(&self, text: &str, sent: &str) -> Vec<String> {
        let marks = MARKS.iter().filter(|m| text.contains(*m)).map(|m| (*m).to_owned());
        let ids = uuids(text).into_iter().filter(|id| self.ids.contains(id));
        marks.chain(ids).filter(|found| !sent.contains(found)).collect()
    }
}

/// A name that stands for the parameter of a path and that all tenants have: each finds its own under it.
pub fn shared_name(path: &str) -> Option<String> {
    path.contains("/integrations/{provider}").then(|| "stripe".to_owned())
}

/// The parameters of a path.
fn count(path: &str) -> usize {
    path.matches('{').count()
}

/// The rows of the longest path that this one begins with and that has as many parameters.
fn nearest(found: &Found, path: &str) -> Vec<Vec<String>> {
    let usual = path.replacen("/api/v1/", "/api/", 1);
    let under = found.iter().filter(|(p, _)| usual.starts_with(p.as_str()) && count(p) == count(path));
    under.max_by_key(|(p, _)| p.len()).map(|(_, rows)| rows.clone()).unwrap_or_default()
}

/// What somebody finds in their own tenant.
struct Explored {
    ids: BTreeSet<String>,
    marks: BTreeSet<&'static str>,
    rows: Found,
}

async fn explore(api: &Client, all: &[Endpoint], seeds: BTreeSet<String>) -> Explored {
    let (mut ids, mut rows, mut marks, mut tried) = (seeds, Found::new(), BTreeSet::new(), BTreeSet::new());
    let reading = all.iter().filter(|e| e.method == Method::GET && (!e.streams || e.paths[0].contains('{')));
    let reading: Vec<&str> = reading.map(|e| e.paths[0].as_str()).collect();
    loop {
        let known = ids.len();
        for path in &reading {
            for row in candidates(path, &ids, &rows) {
                let filled = put(path, &row);
                if !tried.insert(filled.clone()) {
                    continue;
                }
                let answer = read(api, &filled).await;
                if answer.as_ref().is_none_or(|a| a.status.is_success()) {
                    let text = answer.map(|a| a.text).unwrap_or_default();
                    ids.extend(uuids(&text));
                    marks.extend(MARKS.iter().filter(|m| text.contains(**m)).copied());
                    if shared_name(path).is_none() {
                        rows.entry((*path).to_owned()).or_default().push(row);
                    }
                }
            }
        }
        if ids.len() == known {
            return Explored { ids, marks, rows };
        }
    }
}

/// `None` if the answer does not end: it is a stream.
async fn read(api: &Client, path: &str) -> Option<Answer> {
    api.attempt(api.request(Method::GET, path).timeout(PATIENCE)).await.ok()
}

/// What may stand for the parameters: an id, or what stands for the first ones and an id.
fn candidates(path: &str, ids: &BTreeSet<String>, found: &Found) -> Vec<Vec<String>> {
    if let Some(name) = shared_name(path) {
        return vec![vec![name]];
    }
    match count(path) {
        0 => vec![Vec::new()],
        1 => ids.iter().map(|id| vec![id.clone()]).collect(),
        _ => {
            let before = path.rsplit_once("/{").map(|(before, _)| before).unwrap_or_default();
            let rows = found.get(before).into_iter().flatten();
            // Versions are counted, each agent's by themselves.
            let first = BTreeSet::from(["1".to_owned()]);
            let last = if path.ends_with("/{version}") { &first } else { ids };
            rows.flat_map(|row| last.iter().map(move |id| [row.as_slice(), std::slice::from_ref(id)].concat()))
                .collect()
        }
    }
}

/// Everything that lists show, without what changes by itself.
pub async fn everything(api: &Client, all: &[Endpoint]) -> BTreeMap<String, String> {
    // Exports are noted.
    const BY_ITSELF: &[&str] = &["/export", "/health", "/metrics", "/deliveries", "/sessions", "/openapi", "/docs"];
    let lists = all
        .iter()
        .filter(|e| e.method == Method::GET && !e.streams && count(&e.paths[0]) == 0)
        .map(|e| e.paths[0].as_str());
    let mut shown = BTreeMap::new();
    for path in lists.filter(|p| !BY_ITSELF.iter().any(|b| p.contains(b))) {
        if let Some(mut answer) = read(api, path).await.filter(|a| a.status.is_success()) {
            forget(&mut answer.body);
            shown.insert(path.to_owned(), if answer.body.is_null() { answer.text } else { answer.body.to_string() });
        }
    }
    shown
}

/// When somebody was last seen, and how often an address did not answer, says nothing of what became of them.
fn forget(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for field in ["lastSeenAt", "failures", "rests_until"] {
                fields.remove(field);
            }
            fields.values_mut().for_each(forget);
        }
        Value::Array(items) => items.iter_mut().for_each(forget),
        _ => {}
    }
}
