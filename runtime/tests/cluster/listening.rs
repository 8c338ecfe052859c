//! Who is connected to one node sees what another node committed, and who is connected there.

use crate::{
    support::{
        client::Client,
        stream::{Stream, Told},
        wait::until,
    },
    town::Town,
};
use reqwest::Method;
use serde_json::{Value, json};

/// Conversations: with so many each node runs some.
const PEOPLE: usize = 8;

async fn register(api: &Client, email: &str) -> Value {
    let body = json!({ "tenantName": "Team", "email": email, "password": "SecurePass123!", "name": "Ann" });
    api.attempt(api.bare(Method::POST, "/api/auth/register").json(&body)).await.unwrap().data()
}

fn texts(told: &[Told]) -> Vec<String> {
    told.iter().filter(|t| t.data["message"]["speaker"] == "person").map(|t| t.text().to_owned()).collect()
}

// req: S1-RT-1
// req: S3-JOB-1
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_hears_what_any_node_commits_and_comes_back_to_any_other() {
    let town = Town::start(2).await;
    let [here, there] = [&town.nodes[0].api, &town.nodes[1].api];
    let mut stream = Stream::open(there, "", None).await;
    let said: Vec<String> = (0..PEOPLE).map(|n| format!("hello {n}")).collect();
    for (n, text) in said.iter().enumerate() {
        let body = json!({ "agent": "Echo", "session": format!("s{n}"), "message": text });
        assert_eq!(here.chat(&body).await.data()["outcome"], "answered");
    }
    let heard = stream.messages(2 * PEOPLE).await;
    assert_eq!(texts(&heard), said, "in the order in which it was said, one after the other");

    // Somewhere in the middle the connection was lost; the other node goes on from there.
    let last = &heard[PEOPLE];
    let mut again = Stream::open(here, "", last.id.as_deref()).await;
    let rest = again.messages(2 * PEOPLE - PEOPLE - 1).await;
    assert_eq!(rest, heard[PEOPLE + 1..]);
}

// req: S1-RT-1
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_are_seen_from_all_nodes_until_they_go() {
    let town = Town::start(2).await;
    let owner = register(&town.nodes[0].api, "ann@team.example").await;
    let token = owner["token"].as_str().unwrap();
    let asked = json!({ "name": "k", "scopes": ["*:read"] });
    let made = town.nodes[0].api.with_key(token).post("/api/api-keys", &asked).await;
    let key = made.data()["key"].as_str().unwrap().to_owned();
    let ann = Stream::open(&town.nodes[0].api.with_key(token), "", None).await;
    let mut watcher = Stream::open(&town.nodes[1].api.with_key(&key), "", None).await;
    let here = watcher.until("presence:updated").await;
    assert_eq!(here.data["online"][0]["userId"], owner["user"]["id"]);
    drop(ann);
    until("she is gone", async || (watcher.until("presence:updated").await.data["online"] == json!([])).then_some(()))
        .await;
}
