//! What an agent was, the way back, and what another version of it would have said.

use crate::support::{
    client::Client,
    documents::{BIKES_TXT, HANDBOOK_MD},
    server::Server,
    wait::until,
};
use serde_json::{Value, json};

const PRICE: &str = "What does a city bicycle cost per day?";

async fn say(api: &Client, session: &str, message: &str) -> Value {
    api.chat(&json!({ "agent": "House", "session": session, "message": message })).await.data()["reply"].clone()
}

async fn reviewed(api: &Client, path: &str) -> Value {
    until("the review", async || {
        let now = api.get(path).await.data();
        (now["draft"]["state"] == "ready").then_some(now)
    })
    .await
}

async fn drafted(api: &Client, agent: &str, request: &Value) -> String {
    let made = api.post(&format!("/api/agents/{agent}/drafts"), request).await;
    assert_eq!(made.status, 202, "{made:?}");
    format!("/api/agents/{agent}/drafts/{}", made.data()["draft"]["id"].as_str().unwrap())
}

fn fields(changes: &Value) -> Vec<&str> {
    changes.as_array().unwrap().iter().map(|c| c["field"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_change_can_be_seen_and_taken_back() {
    let server = Server::start().await;
    let api = &server.api;
    api.learn("house", "bikes.txt", BIKES_TXT).await;
    let agent = api.agent("House", "extractive", &["house"]).await;
    let path = format!("/api/agents/{agent}");
    assert_eq!(api.get(&path).await.data()["version"], 1);
    let changed = api.patch(&path, &json!({ "instructions": "Be brief.", "knowledge": [] })).await.data();
    assert_eq!(changed["version"], 2);
    assert_eq!(api.patch(&path, &json!({ "instructions": "Be brief." })).await.data()["version"], 2, "nothing changed");
    assert_eq!(say(api, "1", PRICE).await["abstained"], true);

    let second = api.get(&format!("{path}/versions/2")).await.data();
    assert_eq!((&second["against"], fields(&second["changes"])), (&json!(1), vec!["instructions", "knowledge"]));
    assert_eq!(second["changes"][1]["before"], json!(["house"]), "{second}");
    assert_eq!(second["author"]["kind"], "key");
    assert_eq!(api.get(&format!("{path}/versions/1")).await.data()["changes"], json!([]));
    let against = api.get(&format!("{path}/versions/1?against=2")).await.data();
    assert_eq!(against["changes"][1]["after"], json!(["house"]), "{against}");
    for unknown in ["3", "0", "x"] {
        assert_eq!(api.get(&format!("{path}/versions/{unknown}")).await.status, 404, "{unknown}");
    }

    let back = api.post(&format!("{path}/versions/1/restore"), &json!({})).await.data();
    assert_eq!((&back["version"], &back["knowledge"]), (&json!(3), &json!(["house"])), "{back}");
    assert_eq!(say(api, "2", PRICE).await["abstained"], false, "who answers from now on is the agent as it was");
    let listed = api.list(&format!("{path}/versions"), "versions").await;
    assert_eq!(listed.iter().map(|v| &v["restores"]).collect::<Vec<_>>(), [&json!(1), &Value::Null, &Value::Null]);

    // What a version needs may be gone.
    let bases = api.list("/api/knowledge-bases", "knowledge_bases").await;
    let base = bases.iter().find(|b| b["name"] == "house").unwrap()["id"].as_str().unwrap();
    let documents = api.list("/api/documents", "documents").await;
    api.delete(&format!("/api/documents/{}", documents[0]["id"].as_str().unwrap())).await.data();
    api.patch(&path, &json!({ "knowledge": [] })).await.data();
    let gone = api.delete(&format!("/api/knowledge-bases/{base}")).await;
    assert_eq!(gone.status, 200, "{gone:?}");
    let refused = api.post(&format!("{path}/versions/1/restore"), &json!({})).await;
    assert_eq!(refused.status, 409, "{refused:?}");
    assert_eq!(api.get(&path).await.data()["version"], 4);
}

#[tokio::test]
async fn another_version_is_tried_on_what_was_really_asked() {
    let mut server = Server::start().await;
    let api = server.api.clone();
    api.learn("house", "bikes.txt", BIKES_TXT).await;
    api.learn("house", "handbook.md", HANDBOOK_MD).await;
    let agent = api.agent("House", "extractive", &["house"]).await;
    let path = format!("/api/agents/{agent}");
    say(&api, "1", PRICE).await;
    say(&api, "2", "Who won the football world cup in 1998?").await;

    for wrong in [
        json!({}),
        json!({ "changes": {}, "version": 1 }),
        json!({ "version": 1, "questions": 0 }),
        json!({ "changes": { "passages": 0 } }),
    ] {
        assert_eq!(api.post(&format!("{path}/drafts"), &wrong).await.status, 400, "{wrong}");
    }
    assert_eq!(api.post(&format!("{path}/drafts"), &json!({ "version": 9 })).await.status, 404);

    let ignorant = drafted(&api, &agent, &json!({ "changes": { "knowledge": [] }, "questions": 10 })).await;
    // What is under way goes on after a restart.
    assert!(server.stop().await.success());
    server.restart().await;
    let api = server.api.clone();
    let shown = reviewed(&api, &ignorant).await;
    assert_eq!(
        (&shown["asked"], &shown["changed"], fields(&shown["changes"])),
        (&json!(2), &json!(1), vec!["knowledge"])
    );
    let answers = api.list(&format!("{ignorant}/answers?changed=true"), "answers").await;
    assert_eq!((&answers[0]["question"], &answers[0]["change"]), (&json!(PRICE), &json!("unanswered")), "{answers:?}");
    assert!(answers[0]["before"]["text"].as_str().unwrap().contains("nine euros"), "{answers:?}");
    assert_eq!(say(&api, "3", PRICE).await["abstained"], false, "nobody is answered by a draft");
    assert_eq!(api.delete(&ignorant).await.data()["state"], "dropped");
    assert_eq!(api.post(&format!("{ignorant}/promote"), &json!({})).await.status, 409);

    let (first, second) = (json!({ "changes": { "knowledge": [] } }), json!({ "changes": { "passages": 3 } }));
    let (first, second) = (drafted(&api, &agent, &first).await, drafted(&api, &agent, &second).await);
    reviewed(&api, &first).await;
    reviewed(&api, &second).await;
    let promoted = api.post(&format!("{first}/promote"), &json!({})).await.data();
    assert_eq!((&promoted["version"], &promoted["knowledge"]), (&json!(2), &json!([])), "{promoted}");
    assert_eq!(say(&api, "4", PRICE).await["abstained"], true);
    assert_eq!(api.post(&format!("{second}/promote"), &json!({})).await.status, 409, "it was drafted from another one");

    // What an earlier version would have said to what was asked since.
    let earlier = drafted(&api, &agent, &json!({ "version": 1 })).await;
    let shown = reviewed(&api, &earlier).await;
    assert_eq!((&shown["asked"], &shown["changed"]), (&json!(2), &json!(1)), "{shown}");
    let answers = api.list(&format!("{earlier}/answers?changed=true"), "answers").await;
    assert_eq!(answers[0]["change"], "answered", "{answers:?}");
    assert_eq!(api.list(&format!("{path}/drafts"), "drafts").await.len(), 4);
}
