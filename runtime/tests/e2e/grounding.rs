//! Whether replies keep to the documents, who was told what, and what could not be answered.

use crate::support::{
    client::Client,
    documents::{BIKES_TXT, HANDBOOK_MD},
    server::Server,
};
use serde_json::{Value, json};

/// An agent that says what it is told, as if a model had made it up; it knows the bicycles.
async fn parrot(fields: Value) -> Server {
    let server = Server::start().await;
    server.api.learn("house", "bikes.txt", BIKES_TXT).await;
    let mut agent = json!({
        "name": "Parrot", "model": { "provider": "scripted" }, "knowledge": ["house"], "gather_quiet_ms": 0,
    });
    agent.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    server.api.post("/api/agents", &agent).await.data();
    server
}

async fn say(api: &Client, session: &str, message: &str) -> Value {
    api.chat(&json!({ "agent": "Parrot", "session": session, "message": message })).await.data()
}

const MADE_UP: &str = "A city bicycle costs nine euros per day [1]. We also sell blue submarines for 99 euros [7].";

// req: C-ACT-3
#[tokio::test]
async fn what_nothing_supports_is_named_or_withheld_as_the_agent_is_set() {
    let server = parrot(json!({})).await;
    let api = &server.api;
    let flagged = say(api, "a", MADE_UP).await;
    let checks = json!({
        "dropped_citations": 1, "unsupported": ["We also sell blue submarines for 99 euros ."], "withheld": false,
    });
    assert_eq!(flagged["reply"]["checks"], checks, "{flagged}");
    assert!(flagged["reply"]["text"].as_str().unwrap().contains("submarines"), "{flagged}");
    assert_eq!(flagged["reply"]["citations"].as_array().unwrap().len(), 1, "{flagged}");
    let lines = api.transcript(flagged["conversation"].as_str().unwrap()).await;
    assert_eq!(lines[1]["checks"], checks, "the transcript keeps it");

    let agent = api.list("/api/agents", "agents").await.into_iter().find(|a| a["name"] == "Parrot").unwrap();
    assert_eq!((&agent["unsupported"], &agent["no_answer"]), (&json!("flag"), &json!("say")));
    let path = format!("/api/agents/{}", agent["id"].as_str().unwrap());
    assert_eq!(api.patch(&path, &json!({ "unsupported": "perhaps" })).await.status, 400);
    api.patch(&path, &json!({ "unsupported": "withhold" })).await.data();
    let withheld = say(api, "b", MADE_UP).await;
    assert_eq!(withheld["reply"]["text"], "A city bicycle costs nine euros per day [1].", "{withheld}");
    assert_eq!(withheld["reply"]["checks"]["withheld"], true, "{withheld}");
    let nothing_left = say(api, "c", "We sell blue submarines for 99 euros.").await;
    assert_eq!((&nothing_left["outcome"], &nothing_left["reply"]["abstained"]), (&json!("answered"), &json!(true)));
}

// req: C-ACT-3
// req: C-KB-1
#[tokio::test]
async fn what_cannot_be_answered_is_handed_over_and_listed_by_topic() {
    let server = parrot(json!({ "no_answer": "hand_over" })).await;
    let api = &server.api;
    let handed = say(api, "a", "NO_ANSWER").await;
    assert_eq!((&handed["outcome"], &handed["reply"]["abstained"]), (&json!("handed_over"), &json!(true)), "{handed}");
    assert!(handed["reply"]["text"].as_str().unwrap().contains("a person of our team"), "{handed}");

    api.agent("House", "extractive", &["house"]).await;
    let ask = async |session: &str, message: &str| {
        api.chat(&json!({ "agent": "House", "session": session, "message": message })).await.data()
    };
    for (session, question) in [
        ("1", "Do you have a swimming pool?"),
        ("2", "Is the swimming pool heated in winter?"),
        ("3", "Who won the football world cup in 1998?"),
        ("4", "What does a city bicycle cost per day?"),
    ] {
        let answer = ask(session, question).await;
        assert_eq!(answer["reply"]["abstained"], json!(session != "4"), "{answer}");
    }
    let base = api.list("/api/knowledge-bases", "knowledge_bases").await.into_iter().find(|b| b["name"] == "house");
    let path = format!("/api/knowledge-bases/{}/unanswered", base.unwrap()["id"].as_str().unwrap());
    let titles = async |state: &str| -> Vec<(String, u64)> {
        let topics = api.list(&format!("{path}?state={state}"), "topics").await;
        topics.iter().map(|t| (t["title"].as_str().unwrap().into(), t["questions"].as_u64().unwrap())).collect()
    };
    let open = titles("open").await;
    assert_eq!(open[0], ("Do you have a swimming pool?".to_owned(), 2), "{open:?}");
    assert_eq!(open.len(), 3, "{open:?}");
    let topics = api.list(&path, "topics").await;
    let pool = format!("{path}/{}", topics[0]["id"].as_str().unwrap());
    let shown = api.get(&pool).await.data();
    assert_eq!(shown["questions"][0]["text"], "Is the swimming pool heated in winter?", "{shown}");
    assert_eq!(api.patch(&pool, &json!({ "state": "gone" })).await.status, 400);
    api.patch(&pool, &json!({ "state": "dismissed" })).await.data();
    assert_eq!(titles("open").await.len(), 2);
    assert_eq!(titles("dismissed").await, [("Do you have a swimming pool?".to_owned(), 2)]);
    let listed = server.place.run(&["unanswered", "--kb", "house", "--json"]).await;
    assert!(listed.stdout.contains("world cup") && !listed.stdout.contains("pool"), "{listed:?}");
}

// req: C-ACT-3
#[tokio::test]
async fn who_was_told_something_from_a_document_is_known_by_its_version() {
    let server = Server::start().await;
    let api = &server.api;
    let bikes = api.learn("house", "bikes.txt", BIKES_TXT).await;
    api.learn("house", "handbook.md", HANDBOOK_MD).await;
    api.agent("House", "extractive", &["house"]).await;
    let ask = async |session: &str| {
        let body = json!({ "agent": "House", "session": session, "message": "What does a city bicycle cost per day?" });
        api.chat(&body).await.data()
    };
    let before = ask("a").await;
    api.learn("house", "bikes.txt", BIKES_TXT.replace("nine euros", "fourteen euros")).await;
    let after = ask("b").await;
    assert!(after["reply"]["text"].as_str().unwrap().contains("fourteen"), "{after}");

    let path = format!("/api/documents/{}", bikes["id"].as_str().unwrap());
    let versions = api.get(&format!("{path}/versions")).await.data();
    let counted: Vec<_> =
        versions["versions"].as_array().unwrap().iter().map(|v| (&v["version"], &v["answers"])).collect();
    assert_eq!(counted, [(&json!(2), &json!(1)), (&json!(1), &json!(1))], "{versions}");
    let told = api.list(&format!("{path}/answers?version=1"), "answers").await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((&told[0]["conversation"], &told[0]["version"]), (&before["conversation"], &json!(1)));
    assert!(told[0]["quote"].as_str().unwrap().contains("nine euros"), "{told:?}");
    assert_eq!(api.get(&format!("{path}/answers?version=0")).await.status, 400);
    api.delete(&path).await.data();
    assert_eq!(api.list(&format!("{path}/answers"), "answers").await.len(), 2, "it was said nevertheless");
    let unknown = "/api/documents/00000000-0000-7000-8000-000000000000";
    assert_eq!(api.get(&format!("{unknown}/answers")).await.status, 404);
    assert_eq!(api.get(&format!("{unknown}/versions")).await.status, 404);
    let listed = server.place.run(&["answers", bikes["id"].as_str().unwrap(), "--json"]).await;
    assert!(listed.stdout.contains("fourteen"), "{listed:?}");
}

// req: S1-RAG-1
#[tokio::test]
async fn a_knowledge_base_is_searched_renamed_and_removed() {
    let server = Server::start().await;
    let api = &server.api;
    let bikes = api.learn("house", "bikes.txt", BIKES_TXT).await;
    let base = &api.list("/api/knowledge-bases", "knowledge_bases").await;
    let base = base.iter().find(|b| b["name"] == "house").unwrap();
    let path = format!("/api/knowledge-bases/{}", base["id"].as_str().unwrap());
    let search = json!({ "query": "cost of a city bicycle", "limit": 3 });
    let found = api.post(&format!("{path}/search"), &search).await.data();
    let best = &found["passages"][0];
    assert_eq!(best["document"], "bikes.txt", "{found}");
    assert!(best["scores"]["bm25"].as_f64().unwrap() > 0.0 && best["scores"]["shown"].as_f64().unwrap() > 0.0);
    let text: Vec<char> = best["text"].as_str().unwrap().chars().collect();
    let marked: Vec<String> = best["highlights"]
        .as_array()
        .unwrap()
        .iter()
        .map(|h| text[h[0].as_u64().unwrap() as usize..h[1].as_u64().unwrap() as usize].iter().collect::<String>())
        .collect();
    assert!(marked.iter().any(|m| m.to_lowercase().starts_with("bicycle")), "{marked:?}");
    assert_eq!(api.post(&format!("{path}/search"), &json!({ "query": "", "limit": 3 })).await.fields(), ["query"]);
    assert_eq!(api.post(&format!("{path}/search"), &json!({ "query": "x", "limit": 0 })).await.fields(), ["limit"]);

    let renamed = api.put(&path, &json!({ "name": "home" })).await.data();
    assert_eq!((&renamed["name"], &renamed["documents"]), (&json!("home"), &json!(1)));
    assert_eq!(api.delete(&path).await.status, 409, "it holds a document");
    api.delete(&format!("/api/documents/{}", bikes["id"].as_str().unwrap())).await.data();
    api.delete(&path).await.data();
    assert_eq!(api.get(&path).await.status, 404);
}
