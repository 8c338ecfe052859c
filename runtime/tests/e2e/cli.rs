//! The commands: with a running server and without one, the same results and exit codes.

use crate::support::{
    documents::{BIKES_TXT, HANDBOOK_MD, fixture_path},
    server::{Place, Server},
};
use serde_json::{Value, json};

const QUESTION: &str = "What does a city bicycle cost per day?";

/// What ingest and ask must do, whoever serves them.
async fn ingest_and_ask(place: &Place) {
    let bikes = place.file("bikes.txt", BIKES_TXT);
    let folder = place.path().join("folder");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("handbook.md"), HANDBOOK_MD).unwrap();
    let (bikes, folder) = (bikes.to_str().unwrap(), folder.to_str().unwrap());
    let ran = place.run(&["ingest", bikes, folder, "--kb", "house", "--json"]).await;
    let documents = ran.json()["documents"].clone();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let seen: Vec<_> =
        documents.as_array().unwrap().iter().map(|d| (d["name"].as_str(), d["status"].as_str())).collect();
    assert_eq!(seen, [(Some("bikes.txt"), Some("ready")), (Some("handbook.md"), Some("ready"))]);
    let keys: Vec<_> = documents[0].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["name", "status", "cause", "pages", "chunks", "seconds"]);

    let ran = place.run(&["ask", QUESTION, "--kb", "house", "--json"]).await;
    let answer = ran.json();
    assert_eq!((ran.code, &answer["abstained"]), (Some(0), &json!(false)), "{ran:?}");
    assert_eq!(
        (&answer["citations"][0]["document"], &answer["citations"][0]["page"]),
        (&json!("bikes.txt"), &Value::Null)
    );
    assert!(answer["answer"].as_str().unwrap().contains("nine euros"), "{answer}");

    let broken = place.file("broken.pdf", "%PDF-1.7\nbroken");
    let ran = place.run(&["ingest", broken.to_str().unwrap(), bikes, "--kb", "house", "--json"]).await;
    let documents = ran.json()["documents"].clone();
    assert_eq!(
        (ran.code, &documents[0]["status"], &documents[1]["status"]),
        (Some(1), &json!("failed"), &json!("ready"))
    );
    assert!(documents[0]["cause"].as_str().unwrap().starts_with("extract.damaged: "), "{documents}");

    let letters = place.run(&["dead-letters", "list", "--json"]).await;
    assert_eq!((letters.code, letters.json()), (Some(0), json!([])));
}

// req: C-KB-1
#[tokio::test]
async fn commands_work_without_a_server() {
    let place = Place::default();
    ingest_and_ask(&place).await;
    assert!(!place.data_dir().join("server.json").exists(), "nobody serves afterwards");
}

// req: C-KB-1
#[tokio::test]
async fn commands_use_the_running_server() {
    let server = Server::start().await;
    ingest_and_ask(&server.place).await;
    let names: Vec<_> =
        server.api.list("/api/documents", "documents").await.iter().map(|d| d["name"].clone()).collect();
    assert!(names.contains(&json!("handbook.md")), "the server has what the command brought: {names:?}");
}

// req: S1-FILE-1
#[tokio::test]
async fn extract_tells_what_is_read_and_what_is_not() {
    let place = Place::default();
    let ran = place.run(&["extract", fixture_path("hotel-guide-en.pdf").to_str().unwrap(), "--json"]).await;
    let read = ran.json();
    assert_eq!((ran.code, &read["status"], &read["cause"]), (Some(0), &json!("ok"), &Value::Null), "{ran:?}");
    let pages: Vec<_> =
        read["pages"].as_array().unwrap().iter().map(|p| (p["number"].as_u64(), p["status"].as_str())).collect();
    assert_eq!(pages, [1, 2, 3].map(|n| (Some(n), Some("ok"))));
    assert!(read["pages"][2]["text"].as_str().unwrap().contains("until 48 hours before arrival"));
    let ran = place.run(&["extract", fixture_path("scan.pdf").to_str().unwrap(), "--json"]).await;
    assert_eq!((ran.code, &ran.json()["status"]), (Some(1), &json!("failed")));
    assert!(ran.json()["cause"].as_str().unwrap().starts_with("extract.no_text_layer"), "{ran:?}");
    let ran = place.run(&["extract", "nowhere.pdf", "--json"]).await;
    assert_eq!((ran.code, &ran.json()["status"]), (Some(1), &json!("failed")));
    assert!(!place.data_dir().exists(), "reading needs no data folder");
}

// req: S1-OPS-1
#[tokio::test]
async fn doctor_finds_a_healthy_installation_with_and_without_a_server() {
    let mut server = Server::start().await;
    for serving in [true, false] {
        let ran = server.place.run(&["doctor", "--json"]).await;
        let report = ran.json();
        assert_eq!(
            (ran.code, &report["status"]),
            (Some(0), &json!("warn")),
            "no embedding model is a warning: {ran:?}"
        );
        let checks = report["checks"].as_array().unwrap();
        assert!(
            checks.iter().all(|c| c["status"] != "fail" && (c["status"] == "ok" || c["hint"].is_string())),
            "{report}"
        );
        let folder = checks.iter().find(|c| c["name"] == "data folder").unwrap()["message"].as_str().unwrap();
        assert_eq!(folder.contains("running server"), serving, "{folder}");
        if serving {
            server.stop().await;
        }
    }
    let wrong = Place::default().with("PORT", "eighty");
    let ran = wrong.run(&["doctor", "--json"]).await;
    assert_eq!((ran.code, &ran.json()["status"]), (Some(1), &json!("fail")), "a wrong configuration is a finding");
}

#[tokio::test]
async fn wrong_use_is_told_with_exit_code_2() {
    let place = Place::default();
    for args in [&["frobnicate"][..], &["ask"], &["ingest", "--kb", "k"], &["dead-letters", "replay"]] {
        let ran = place.run(args).await;
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{args:?}: {ran:?}");
        assert!(!ran.stderr.is_empty());
    }
    let ran = place.run(&["dead-letters", "show", "../agents"]).await;
    assert_eq!(ran.code, Some(2), "{ran:?}");
    let ran = place.run(&["ask", QUESTION, "--kb", "nothing"]).await;
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{ran:?}");
    for args in [&["--version"][..], &["--help"], &["serve", "--help"]] {
        assert_eq!(place.run(args).await.code, Some(0), "{args:?}");
    }
}
