//! Documents that cannot be read, and ingestions that are interrupted.

use crate::support::{
    documents::{BIKES_TXT, HANDBOOK_MD, fixture, large_markdown},
    server::Server,
    wait::{USUAL, until},
};
use reqwest::{
    Method,
    multipart::{Form, Part},
};
use serde_json::json;

// req: S1-FILE-1
// req: C-ACT-2
#[tokio::test]
async fn what_cannot_be_read_fails_with_its_cause_and_holds_nobody_up() {
    let server = Server::start().await;
    let api = &server.api;
    let hopeless = [
        ("encrypted.pdf", fixture("encrypted.pdf"), "extract.encrypted"),
        ("scan.pdf", fixture("scan.pdf"), "extract.no_text_layer"),
        ("damaged.pdf", b"%PDF-1.7\nnothing of what follows is a PDF".to_vec(), "extract.damaged"),
        ("damaged.docx", b"PK\x03\x04 and then nothing that a zip file would have".to_vec(), "extract.damaged"),
        ("empty.txt", Vec::new(), "extract.empty"),
        ("blank.md", b" \n\n \n".to_vec(), "extract.empty"),
        ("picture.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec(), "extract.unknown_format"),
    ];
    let mut uploaded = Vec::new();
    for (name, content, code) in hopeless {
        uploaded.push((api.upload("house", name, content).await, code));
    }
    let fine = api.learn("house", "bikes.txt", BIKES_TXT).await;
    for (document, code) in uploaded {
        let end = api.finished(&document).await;
        assert_eq!((&end["status"], &end["cause"]["code"]), (&json!("failed"), &json!(code)), "{end}");
        let sentence = end["cause"]["message"].as_str().unwrap();
        assert!(sentence.len() > 10 && !sentence.contains('/'), "a sentence for people: {sentence}");
    }
    assert!(fine["chunks"].as_u64().unwrap() > 0);
    let scan = api.list("/api/documents", "documents").await.into_iter().find(|d| d["name"] == "scan.pdf").unwrap();
    let pages: Vec<_> = scan["pages"].as_array().unwrap().iter().map(|p| p["status"].clone()).collect();
    assert_eq!(pages, ["no_text_layer", "no_text_layer"], "each page is told");
}

// req: S0-VAL-1
#[tokio::test]
async fn wrong_uploads_are_refused_with_the_field_named() {
    let place = crate::support::server::Place::default().with("COLLOQUY_MAX_UPLOAD_MB", "1");
    let server = Server::start_on(place).await;
    let api = &server.api;
    let send =
        async |form: Form| api.attempt(api.request(Method::POST, "/api/documents").multipart(form)).await.unwrap();
    let file = |name: &str| Part::bytes(b"hello".to_vec()).file_name(name.to_owned());
    let none = send(Form::new().text("kb", "house")).await;
    assert_eq!((none.status.as_u16(), none.fields()), (400, vec!["file".to_owned()]));
    let nameless = send(Form::new().part("file", file(".."))).await;
    assert_eq!((nameless.status.as_u16(), nameless.fields()), (400, vec!["file".to_owned()]));
    let odd = send(Form::new().text("colour", "red").part("file", file("a.txt"))).await;
    assert_eq!((odd.status.as_u16(), odd.fields()), (400, vec!["colour".to_owned()]));
    let large = Part::bytes(vec![b'a'; 2 << 20]).file_name("large.txt");
    let large = send(Form::new().part("file", large)).await;
    assert_eq!((large.status.as_u16(), &large.body["code"]), (413, &json!("TOO_LARGE")), "{large:?}");
    assert!(api.list("/api/documents", "documents").await.is_empty());
}

// req: C-ACT-2
// req: C-KB-1
#[tokio::test]
async fn an_ingestion_that_was_killed_is_taken_up_again() {
    let mut server = Server::start().await;
    let large = server.api.upload("house", "stock.md", large_markdown(1200)).await;
    server.api.upload("house", "handbook.md", HANDBOOK_MD).await;
    let path = format!("/api/documents/{}", large["id"].as_str().unwrap());
    let mut interrupted = 0;
    for stage in ["extracting", "indexing"] {
        let status = until(&format!("the stage {stage}"), async || {
            let status = server.api.get(&path).await.data()["status"].clone();
            assert_ne!(status, "failed");
            (status == stage || status == "ready").then_some(status)
        })
        .await;
        server.kill().await;
        interrupted += usize::from(status != "ready");
        server.restart().await;
    }
    assert!(interrupted > 0, "it was over too soon for this test: make the document larger");
    server.idle(USUAL).await;
    for document in server.api.list("/api/documents", "documents").await {
        assert_eq!((&document["status"], &document["indexed"]), (&json!("ready"), &document["chunks"]), "{document}");
    }
    let answer = server.api.ask("house", "How much does the item with the number K00987 weigh?").await;
    assert!(answer["answer"].as_str().unwrap().contains("1087 grammes"), "{answer}");
    let quotes: Vec<_> = answer["citations"].as_array().unwrap().iter().map(|c| &c["quote"]).collect();
    let mut once = quotes.clone();
    once.dedup();
    assert_eq!(quotes, once, "no passage is there twice");
    let answer = server.api.ask("house", "How many days of paid leave do I have?").await;
    assert_eq!(answer["citations"][0]["document"], "handbook.md", "{answer}");
}

#[tokio::test]
async fn a_document_is_shown_passage_by_passage() {
    let server = Server::start().await;
    let api = &server.api;
    let document = api.learn("house", "articles.md", large_markdown(30)).await;
    let path = format!("/api/documents/{}/passages", document["id"].as_str().unwrap());
    let all = api.get(&format!("{path}?limit=100")).await.data();
    let passages = all["passages"].as_array().unwrap();
    assert_eq!(all["pagination"]["total"], document["chunks"], "{}", all["pagination"]);
    assert_eq!(passages.len(), document["chunks"].as_u64().unwrap() as usize);
    let offsets: Vec<u64> = passages.iter().map(|p| p["offset"].as_u64().unwrap()).collect();
    assert!(offsets.is_sorted(), "{offsets:?}");
    assert!(passages.iter().any(|p| p["text"].as_str().unwrap().contains("K00017")), "{passages:?}");
    let second = api.get(&format!("{path}?limit=1&page=2")).await.data();
    assert_eq!(second["passages"], json!([passages[1]]));
    let behind = api.get(&format!("{path}?limit=100&page=9")).await.data();
    assert_eq!((&behind["passages"], &behind["pagination"]["total"]), (&json!([]), &document["chunks"]));
    assert_eq!(api.get(&format!("{path}?page=0")).await.fields(), ["page"]);
}
