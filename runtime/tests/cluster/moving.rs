//! An installation of one node becomes a cluster.

use crate::{
    common::postgres,
    support::{
        client::Client,
        graph::Graph,
        meta::{self, Text},
        nats::NatsServer,
        server::{Place, Server},
        wait::until,
    },
};
use colloquy_rag::testkit::{Standin, StandinOptions};
use reqwest::{
    Method,
    multipart::{Form, Part},
};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

const PERSON: &str = "4915112345678";
const FORTRESS: &str = "# The fortress\n\nThe gate of the fortress is closed at nine in the evening.\n";
const NOTE: &[u8] = b"The key is under the mat.";
const QUESTION: &str = "When is the gate of the fortress closed?";

/// More than one part of a file, and more than one page of passages.
fn annals() -> String {
    (0..6000).map(|day| format!("On day {day} nothing happened that anybody wrote down.\n\n")).collect()
}

async fn say(api: &Client, message: &str) -> Value {
    api.chat(&json!({ "agent": "Echo", "session": "visitor", "message": message })).await.data()
}

async fn write(api: &Client, channel: &str, graph: &Graph, id: &str, body: &str) {
    let answer = meta::deliver(api, channel, &meta::texts(&[Text::new(PERSON, id, body)])).await.unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    until("the reply is delivered", async || graph.texts_to(PERSON).iter().any(|t| t.contains(body)).then_some(()))
        .await;
}

async fn answers_from_the_document(api: &Client) {
    let answer = api.ask("house", QUESTION).await;
    assert!(answer["answer"].as_str().is_some_and(|t| t.contains("nine in the evening")), "{answer}");
    assert_eq!(answer["citations"][0]["document"], "fortress.md", "{answer}");
}

fn file_that_holds(folder: &Path, content: &str) -> PathBuf {
    let tenants = std::fs::read_dir(folder).unwrap().map(|t| t.unwrap().path());
    let mut files = tenants.flat_map(|t| std::fs::read_dir(t).unwrap()).map(|f| f.unwrap().path());
    files.find(|f| std::fs::read(f).unwrap() == content.as_bytes()).unwrap()
}

/// A visitor sends a file; where the team reads it, once it was kept.
async fn sent_file(api: &Client) -> String {
    let settings = json!({ "public": "true", "files": "true" });
    let shop = json!({ "kind": "webchat", "name": "Shop", "agent": "Echo", "settings": settings });
    let channel = api.post("/api/channels", &shop).await.data()["id"].as_str().unwrap().to_owned();
    let file = Part::bytes(NOTE).file_name("note.txt");
    let form =
        Form::new().text("channel", channel).text("session", "sender").text("message_id", "1").part("file", file);
    api.attempt(api.bare(Method::POST, "/api/chat/files").multipart(form)).await.unwrap().data();
    until("the file is kept", async || {
        let conversation = api.conversation("sender").await?;
        let lines = api.transcript(conversation["id"].as_str()?).await;
        let path = format!("/api/attachments/{}", lines.iter().find_map(|l| l["attachment"].as_str())?);
        (api.get(&path).await.data()["state"] == "kept").then(|| format!("{path}/content"))
    })
    .await
}

async fn content(api: &Client, path: &str) -> Vec<u8> {
    api.request(Method::GET, path).send().await.unwrap().bytes().await.unwrap().to_vec()
}

/// What was said so far, by both sides.
async fn words(api: &Client, conversation: &Value) -> Vec<String> {
    let lines = api.transcript(conversation["id"].as_str().unwrap()).await;
    lines.iter().map(|l| l["text"].as_str().unwrap().to_owned()).collect()
}

// req: S1-DB-1
// req: C-KB-1
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_installation_moves_to_a_cluster_and_goes_on_there() {
    let graph = Graph::start().await;
    let mut old = Server::start().await;
    old.api.learn("house", "fortress.md", FORTRESS).await;
    old.api.learn("archive", "annals.txt", annals()).await;
    old.api.agent("Echo", "scripted", &["house"]).await;
    let channel = meta::connect_whatsapp(&old.api, "Echo", &graph.url).await;
    write(&old.api, &channel, &graph, "wamid.1", "before the move").await;
    say(&old.api, "hello from the visitor").await;
    answers_from_the_document(&old.api).await;
    let note = sent_file(&old.api).await;
    assert_eq!(content(&old.api, &note).await, NOTE);
    let conversation = old.api.conversation(PERSON).await.unwrap();
    let before = words(&old.api, &conversation).await;
    assert_eq!(before.len(), 2);

    let (postgres, nats) = (postgres::Server::start(), NatsServer::start().await);
    let folder = tempfile::tempdir().unwrap();
    let qdrant = Standin::start(folder.path(), StandinOptions::default()).unwrap();
    let database = postgres.database();
    let key = std::fs::read_to_string(old.place.data_dir().join("secret.key")).unwrap();
    let config = |key: &str| {
        let (postgres, nats, qdrant) = (postgres.url(&database), nats.url(), qdrant.url());
        format!(
            "database_url = \"{postgres}\"\nnats_url = \"{nats}\"\nqdrant_url = \"{qdrant}\"\nsecret_key = \"{}\"\n",
            key.trim()
        )
    };
    let file = old.place.file("cluster.toml", config(&key));
    let move_it = ["migrate-to", "--config", "cluster.toml"];

    let used = old.place.run(&move_it).await;
    assert_eq!((used.code, used.stdout.as_str()), (Some(1), ""), "{used:?}");
    assert!(used.stderr.contains("in use by `colloquy serve`") && used.stderr.contains("stop it first"), "{used:?}");
    old.stop().await;
    old.place.file("other.toml", config(&"ab".repeat(32)));
    let keyless = old.place.run(&["migrate-to", "--config", "other.toml"]).await;
    assert!(keyless.code == Some(2) && keyless.stderr.contains("secret.key"), "{keyless:?}");
    let nowhere = old.place.run(&["migrate-to"]).await;
    assert!(nowhere.code == Some(2) && nowhere.stderr.contains("--config"), "{nowhere:?}");

    let mut killed = old.place.command(&move_it).spawn().unwrap();
    until("the move has begun", async || {
        let begun = "SELECT to_regclass('public.meta') IS NOT NULL";
        let noted = "SELECT COUNT(*) FROM meta WHERE name = 'transfer'";
        (postgres.sql(&database, begun) == "t" && postgres.sql(&database, noted) == "1").then_some(())
    })
    .await;
    // Wherever it is.
    killed.kill().await.unwrap();

    // Not everything can be read: what can is moved, and no node starts on the rest.
    let lost = file_that_holds(&old.place.data_dir().join("files"), FORTRESS);
    let hidden = old.place.path().join("hidden");
    std::fs::rename(&lost, &hidden).unwrap();
    let half = old.place.run(&move_it).await;
    assert_eq!(half.code, Some(1), "{half:?}");
    let shown: Vec<&str> = half.stdout.lines().filter(|l| l.contains("DIFFERENT")).collect();
    assert!(shown.len() == 1 && shown[0].starts_with("files "), "{half:?}");
    assert!(half.stderr.contains("fortress.md cannot be read here"), "{half:?}");
    let place = Place::default().with("COLLOQUY_CONFIG", file.to_str().unwrap());
    let early = place.run(&["serve", "--port", "0"]).await;
    assert!(early.code == Some(1) && early.stderr.contains("let `colloquy migrate-to` finish"), "{early:?}");
    std::fs::rename(&hidden, &lost).unwrap();

    let moved = old.place.run(&move_it).await;
    assert_eq!(moved.code, Some(0), "{moved:?}");
    assert!(!moved.stdout.contains("DIFFERENT") && moved.stdout.contains("Everything was moved, and"), "{moved:?}");
    eprintln!("{}", moved.stdout);
    let again = old.place.run(&move_it).await;
    assert!(again.code == Some(0) && again.stdout.contains("still the same"), "{again:?}");
    postgres.sql(&database, "UPDATE messages SET text = 'forged' WHERE position = 1");
    let forged = old.place.run(&move_it).await;
    assert_eq!(forged.code, Some(1), "{forged:?}");
    let shown: Vec<&str> = forged.stdout.lines().filter(|l| l.contains("DIFFERENT")).collect();
    assert!(shown.len() == 1 && shown[0].starts_with("messages "), "{forged:?}");
    postgres.sql(&database, &format!("UPDATE messages SET text = '{}' WHERE position = 1", before[0]));

    let new = Server::start_on(place).await;
    // The keys of the old installation's clients open the cluster as well.
    let api = new.api.with_key(&old.api.key);
    answers_from_the_document(&api).await;
    assert_eq!(content(&api, &note).await, NOTE);
    write(&api, &channel, &graph, "wamid.2", "after the move").await;
    let same = api.conversation(PERSON).await.unwrap();
    assert_eq!(same["id"], conversation["id"]);
    let after = words(&api, &same).await;
    assert_eq!((&after[..2], after.len()), (&before[..], 4), "{after:?}");
    assert!(after[2].contains("after the move"), "{after:?}");
    // What the old installation took already is not answered once more.
    let replies = graph.texts_to(PERSON).len();
    let text = Text::new(PERSON, "wamid.1", "before the move");
    meta::deliver(&api, &channel, &meta::texts(&[text])).await.unwrap();
    say(&api, "and hello again").await;
    new.idle(std::time::Duration::from_secs(30)).await;
    assert_eq!(graph.texts_to(PERSON).len(), replies);
    assert_eq!(graph.complaints(), Vec::<String>::new());
    // The document itself came, too: it is read again from there.
    let documents = api.list("/api/documents", "documents").await;
    let document = documents.into_iter().find(|d| d["name"] == "annals.txt").unwrap();
    let path = format!("/api/documents/{}/process", document["id"].as_str().unwrap());
    api.post(&path, &json!({})).await.data();
    let read_again = api.finished(&document).await;
    assert_eq!(read_again["status"], "ready", "{read_again}");
}
