//! Nodes without any fault: who does what, and knowledge that all of them have.

use crate::{
    support::{traffic::Crowd, wait::until},
    town::{Town, detailed, owned_by},
};
use serde_json::json;
use std::time::Duration;

const CROWD: Crowd = Crowd { people: 24, visitors: 4, times: 3, pause: 900 };

// req: S1-DB-1
// req: S2-WHK-4
// req: S3-JOB-1
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_nodes_share_conversations_and_keep_their_order() {
    let town = Town::start(3).await;
    let senders = town.senders(CROWD);
    town.goes_on(150).await;
    let mut active = Vec::new();
    for node in &town.nodes {
        active.push(detailed(&node.api).await.unwrap()["conversations"]["active"].as_u64().unwrap());
    }
    assert!(active.iter().all(|a| *a > 0), "conversations are spread over the nodes: {active:?}");
    town.check("three nodes, every webhook at least three times", senders, CROWD).await;
    assert_eq!(town.fenced().await, 0, "nobody wrote what was not its own");
}

// req: C-KB-1
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_uploaded_to_one_node_is_known_to_all() {
    let town = Town::start(2).await;
    for n in 0..6 {
        let text = format!("# Room {n}\n\nThe door code of room {n} is {}.\n", 4000 + n);
        // Which node reads it is decided by the document's id: by six documents both have been asked.
        town.nodes[0].api.learn("rooms", &format!("room-{n}.md"), text).await;
    }
    for node in &town.nodes {
        let api = &node.api;
        let found = until("the passage is found", async || {
            let answer = api.ask("rooms", "What is the door code of room 3?").await;
            answer["answer"].as_str().is_some_and(|t| t.contains("4003")).then_some(answer)
        })
        .await;
        assert_eq!(found["citations"][0]["document"], json!("room-3.md"), "{found}");
    }
}

// req: S3-JOB-3
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_web_chat_is_streamed_by_a_node_that_does_not_run_it() {
    let town = Town::start(2).await;
    for n in 0..8 {
        let body = json!({ "agent": "Echo", "session": format!("s{n}"), "message_id": "m", "message": "hello" });
        let api = &town.nodes[n % 2].api;
        let request = api.request(reqwest::Method::POST, "/api/chat").header("accept", "text/event-stream").json(&body);
        let answer = tokio::time::timeout(Duration::from_secs(30), api.attempt(request)).await.unwrap().unwrap();
        assert!(answer.text.contains("hello") && answer.text.contains("answered"), "{}", answer.text);
    }
    assert!(owned_by(&town.nodes[0].api).await > Some(0));
}
