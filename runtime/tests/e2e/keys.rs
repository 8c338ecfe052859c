//! The keys of an installation change while it runs.

use crate::support::{
    graph::Graph,
    meta::{self, Text},
    server::{Place, Server},
    wait::until,
};
use serde_json::json;

const PERSON: &str = "15550001";

/// What each key seals, as `keys list` says it.
async fn listed(place: &Place) -> Vec<String> {
    let ran = place.run(&["keys", "list"]).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.stdout.lines().map(str::to_owned).collect()
}

async fn rotate(place: &Place) -> String {
    let ran = place.run(&["keys", "rotate"]).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.stdout
}

async fn answers(server: &Server, graph: &Graph, channel: &str, id: &str) {
    let before = graph.texts_to(PERSON).len();
    let payload = meta::texts(&[Text::new(PERSON, id, "Hello?")]);
    // The app's secret verifies this, the token sends the answer.
    assert_eq!(meta::deliver(&server.api, channel, &payload).await.unwrap().status, 200);
    until("an answer", async || (graph.texts_to(PERSON).len() > before).then_some(())).await;
}

// req: S3-UTL-1
#[tokio::test]
async fn all_secrets_are_sealed_with_a_new_key_while_the_server_works() {
    let (graph, mut server) = (Graph::start().await, Server::start().await);
    server.api.agent("Echo", "scripted", &[]).await;
    let channel = meta::connect_whatsapp(&server.api, "Echo", &graph.url).await;
    let hook = json!({ "url": "https://hook.invalid/", "events": ["*"] });
    server.api.post("/api/webhook-endpoints", &hook).await.data();
    let first = listed(&server.place).await;
    assert!(first.len() == 1 && first[0].ends_with(", the newest"), "{first:?}");
    let secrets = first[0].split(' ').nth(2).unwrap().to_owned();

    let told = rotate(&server.place).await;
    assert!(told.starts_with(&format!("{secrets} secrets are sealed")), "{told}");
    let second = listed(&server.place).await;
    assert!(second.len() == 1 && second != first, "nothing is left to the old key: {second:?}");
    answers(&server, &graph, &channel, "wamid.1").await;
    server.api.post("/api/webhook-endpoints", &hook).await.data();
    let third = listed(&server.place).await;
    assert_eq!(third.len(), 1, "the server that runs seals with the new key: {third:?}");

    let file = server.place.data_dir().join("secret.key");
    let keys = std::fs::read_to_string(&file).unwrap();
    assert_eq!(keys.lines().count(), 2, "the old key is kept until somebody takes it away");
    server.stop().await;
    std::fs::write(&file, keys.lines().next().unwrap()).unwrap();
    server.restart().await;
    answers(&server, &graph, &channel, "wamid.2").await;

    // Interrupted after the new key was written and before anything was sealed: the next run goes on, with the same key.
    let keys = format!("{}\n{}\n", "7".repeat(64), std::fs::read_to_string(&file).unwrap());
    std::fs::write(&file, &keys).unwrap();
    assert_eq!(listed(&server.place).await.len(), 2);
    rotate(&server.place).await;
    assert_eq!(std::fs::read_to_string(&file).unwrap(), keys, "no further key");
    assert_eq!(listed(&server.place).await.len(), 1);
    answers(&server, &graph, &channel, "wamid.3").await;
}
