//! Commands of operators, beside a running server.

use crate::support::{
    client::Client,
    server::{Place, Ran, Server},
};
use reqwest::{Method, StatusCode};
use serde_json::json;
use std::{
    process::Stdio,
    sync::atomic::{AtomicBool, Ordering},
};
use tokio::io::AsyncWriteExt;

async fn sign_in(api: &Client, email: &str, password: &str) -> crate::support::client::Answer {
    let body = json!({ "email": email, "password": password });
    api.attempt(api.bare(Method::POST, "/api/auth/login").json(&body)).await.unwrap()
}

// req: S3-SCR-1
#[tokio::test]
async fn an_administrator_is_made_while_the_server_runs() {
    let server = Server::start().await;
    let make = ["create-admin", "--email", "Ann@Platform.example", "--name", "Ann"];
    let made = server.place.run(&make).await;
    assert_eq!(made.code, Some(0), "{made:?}");
    let password = made.stdout.split("Password (shown only now): ").nth(1).unwrap().trim();
    let signed = sign_in(&server.api, "ann@platform.example", password).await;
    assert_eq!((signed.status, &signed.body["user"]["role"]), (StatusCode::OK, &json!("platform_admin")), "{signed:?}");
    let ann = server.api.with_key(signed.body["token"].as_str().unwrap());
    assert_eq!(ann.get("/api/tenants").await.status, StatusCode::OK);

    let again = server.place.run(&make).await;
    assert_eq!(again.code, Some(1));
    assert!(again.stderr.contains("already taken"), "{again:?}");
    let nobody = server.place.run(&["create-admin", "--email", "nobody", "--name", " "]).await;
    assert_eq!(nobody.code, Some(2));
    assert!(nobody.stderr.contains("email:") && nobody.stderr.contains("name:"), "{nobody:?}");
}

// req: S3-SCR-1
#[tokio::test]
async fn a_password_can_come_from_standard_input() {
    let server = Server::start().await;
    let arguments =
        ["create-admin", "--email", "bob@team.example", "--name", "Bob", "--role", "admin", "--password-stdin"];
    let mut command = server.place.command(&arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"a long enough word\n").await.unwrap();
    let output = child.wait_with_output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(!String::from_utf8_lossy(&output.stdout).contains("Password"), "nothing to show");
    let signed = sign_in(&server.api, "bob@team.example", "a long enough word").await;
    assert_eq!(signed.body["user"]["role"], "admin", "{signed:?}");
}

// req: S1-SCR-1
// req: S3-SCR-1
// req: S2-AUTH-1
#[tokio::test]
async fn the_demonstration_tenant_is_made_once() {
    let server = Server::start().await;
    let seeded = server.place.run(&["seed"]).await;
    assert_eq!(seeded.code, Some(0), "{seeded:?}");
    let word = |marker: &str| seeded.stdout.split(marker).nth(1).unwrap().lines().next().unwrap().to_owned();
    let body = json!({ "email": "owner@demo-hvac.example", "password": word("Password (shown only now): ") });
    let signed = server.api.attempt(server.api.bare(Method::POST, "/auth/login").json(&body)).await.unwrap();
    assert_eq!((signed.status, &signed.body["user"]["role"]), (StatusCode::OK, &json!("owner")), "{signed:?}");
    let owner = server.api.with_key(signed.body["token"].as_str().unwrap());
    assert_eq!(owner.get("/api/auth/me").await.data()["tenant"]["slug"], "demo-hvac");
    assert_eq!(owner.list("/api/users", "users").await.len(), 3);
    let page = server.api.bare(Method::GET, &word("Web chat: "));
    assert_eq!(server.api.attempt(page).await.unwrap().status, StatusCode::OK, "the running server knows it");

    let again = server.place.run(&["seed"]).await;
    assert!(again.stdout.contains("are there already") && !again.stdout.contains("Password"), "{again:?}");
    assert_eq!(owner.list("/api/agents", "agents").await.len(), 1);
}

// req: S1-SCR-1
// req: S3-SCR-1
#[tokio::test]
async fn an_installation_begins_anew_when_that_is_meant_and_nobody_runs_it() {
    let mut server = Server::start().await;
    server.api.agent("Echo", "scripted", &[]).await;
    server.api.upload("handbook", "leave.md", "Everybody has 27 days of leave.").await;
    let in_use = server.place.run(&["reset", "--yes"]).await;
    assert_eq!(in_use.code, Some(1), "{in_use:?}");
    assert!(in_use.stderr.contains("in use"), "{in_use:?}");
    server.stop().await;
    let asked = server.place.run(&["reset"]).await;
    assert_eq!(asked.code, Some(2), "{asked:?}");
    server.restart().await;
    let has_echo = async |server: &Server| {
        let agents = server.api.list("/api/agents", "agents").await;
        agents.iter().any(|agent| agent["name"] == "Echo")
    };
    assert!(has_echo(&server).await, "nothing was done");

    server.stop().await;
    let done = server.place.run(&["reset", "--yes"]).await;
    assert_eq!(done.code, Some(0), "{done:?}");
    server.restart().await;
    assert!(!has_echo(&server).await, "the same key opens an empty installation");
    assert_eq!(server.api.list("/api/documents", "documents").await.len(), 0);
    let files = std::fs::read_dir(server.place.data_dir().join("files")).unwrap();
    assert_eq!(files.count(), 0);
}

async fn restore(from: &Server, into: &Place) -> Ran {
    into.run(&["restore", from.place.path().join("copy").to_str().unwrap()]).await
}

// req: S1-OPS-1
#[tokio::test]
async fn a_backup_that_was_made_under_load_is_the_installation_again_elsewhere() {
    let server = Server::start().await;
    let api = &server.api;
    api.agent("Echo", "scripted", &[]).await;
    let before = api.learn("hotel", "parking.md", "# Parking\n\nParking costs 12 euros a night.").await;
    let hello = |n: usize, text: &str| json!({ "agent": "Echo", "session": format!("s{n}"), "message": text });
    for n in 0..5 {
        assert_eq!(api.chat(&hello(n, "before")).await.data()["outcome"], "answered");
    }
    // Messages and documents come in as long as the copy is made.
    let stop = AtomicBool::new(false);
    let load = async {
        let mut n = 5;
        while !stop.load(Ordering::Relaxed) {
            assert_eq!(api.chat(&hello(n, "during")).await.data()["outcome"], "answered");
            api.upload("hotel", "changing.md", format!("# Version\n\nThis is version {n}.")).await;
            n += 1;
        }
        n
    };
    let copying = async {
        let copied = server.place.run(&["backup", "copy"]).await;
        stop.store(true, Ordering::Relaxed);
        copied
    };
    let (said, copied) = tokio::join!(load, copying);
    assert_eq!(copied.code, Some(0), "{copied:?}");
    assert_eq!(server.place.run(&["backup", "copy"]).await.code, Some(2), "never over another one");

    let place = Place::default();
    let restored = restore(&server, &place).await;
    assert_eq!(restored.code, Some(0), "{restored:?}");
    assert_eq!(restore(&server, &place).await.code, Some(2), "never over another one");
    let other = Server::start_on(place).await;
    let api = &other.api;
    assert_eq!(api.key, server.api.key, "the keys are the same");
    let conversations = api.list("/api/conversations", "conversations").await;
    assert!((5..=said).contains(&conversations.len()), "{}", conversations.len());
    for n in 0..5 {
        let found = api.conversation(&format!("s{n}")).await.expect("from before the copy");
        let lines = api.transcript(found["id"].as_str().unwrap()).await;
        assert_eq!(lines.len(), 2, "{lines:?}");
    }
    assert_eq!(api.finished(&before).await["status"], "ready", "indexed again");
    for document in api.list("/api/documents?kb=hotel", "documents").await {
        assert_eq!(api.finished(&document).await["status"], "ready");
    }
    let answer = api.ask("hotel", "How much does parking cost?").await;
    assert!(answer.to_string().contains("12 euros"), "{answer}");
}

// req: S1-OPS-1
#[tokio::test]
async fn a_damaged_backup_is_refused_before_anything_is_made() {
    let server = Server::start().await;
    let copied = server.place.run(&["backup", "copy"]).await;
    assert_eq!(copied.code, Some(0), "{copied:?}");
    let key = server.place.path().join("copy/api-key");
    std::fs::write(key, "clq_another_key_than_the_one_that_was_copied\n").unwrap();
    let place = Place::default();
    let refused = restore(&server, &place).await;
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("api-key differs"), "{refused:?}");
    assert!(!place.data_dir().exists());
}
