//! Files that people sent, brought in two steps.

use crate::support::{TOKEN, account, at, driver, with};
use colloquy_domain::{channel::Fetched, failure::Verdict};
use serde_json::{Value, json};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{header, path},
};

const BYTES: &[u8] = b"bytes of a file";

async fn whatsapp_file(told: Value) -> MockServer {
    let server = MockServer::start().await;
    let mut told = told;
    if told.get("url").is_none() {
        told["url"] = json!(format!("{}/lookaside/1", server.uri()));
    }
    let bearer = header("authorization", format!("Bearer {TOKEN}"));
    Mock::given(path("/v26.0/media-1"))
        .and(bearer)
        .respond_with(ResponseTemplate::new(200).set_body_json(told))
        .mount(&server)
        .await;
    server
}

async fn bytes_at(server: &MockServer, status: u16, times: u64) {
    Mock::given(path("/lookaside/1"))
        .and(header("authorization", format!("Bearer {TOKEN}")))
        .respond_with(ResponseTemplate::new(status).set_body_raw(BYTES, "image/jpeg"))
        .up_to_n_times(times)
        .mount(server)
        .await;
}

// req: C-CHN-1
#[tokio::test]
async fn whatsapp_tells_where_a_file_lies_and_again_when_the_address_got_too_old() {
    let server = whatsapp_file(json!({"mime_type": "image/png", "file_size": "15"})).await;
    bytes_at(&server, 404, 1).await;
    bytes_at(&server, 200, 9).await;
    let file = driver("whatsapp").fetch(&at(&server, "whatsapp"), "media-1", 100).await;
    assert_eq!(file, Ok(Fetched::File { bytes: BYTES.to_vec(), mime: Some("image/png".to_owned()) }));
    let asked = server.received_requests().await.expect("recorded");
    assert_eq!(asked.iter().filter(|r| r.url.path() == "/v26.0/media-1").count(), 2);
}

#[tokio::test]
async fn a_file_that_is_too_large_is_not_brought() {
    let server = whatsapp_file(json!({"file_size": 101})).await;
    bytes_at(&server, 200, 9).await;
    let told = driver("whatsapp").fetch(&at(&server, "whatsapp"), "media-1", 100).await.expect_err("too large");
    assert_eq!((told.code.as_str(), told.verdict), ("whatsapp.file_too_large", Verdict::Reject));
    // And if nobody said so before.
    let server = whatsapp_file(json!({})).await;
    bytes_at(&server, 200, 9).await;
    let found = driver("whatsapp").fetch(&at(&server, "whatsapp"), "media-1", 14).await.expect_err("too large");
    assert_eq!(found.verdict, Verdict::Reject, "{found}");
}

// req: S0-SEC-1
#[tokio::test]
async fn the_token_goes_to_metas_hosts_alone() {
    for url in
        ["http://127.0.0.1:9/x", "https://evil.example/x", "https://fbsbx.com.evil.example/x", "http://a.fbsbx.com/x"]
    {
        let server = whatsapp_file(json!({ "url": url })).await;
        let refused = driver("whatsapp").fetch(&at(&server, "whatsapp"), "media-1", 100).await.expect_err(url);
        assert_eq!((refused.code.as_str(), refused.verdict), ("whatsapp.foreign_file", Verdict::Reject), "{url}");
    }
}

// req: C-CHN-1
#[tokio::test]
async fn telegram_tells_the_path_of_a_file() {
    let server = MockServer::start().await;
    let told = json!({"ok": true, "result": {"file_id": "f", "file_size": 15, "file_path": "photos/file 1.jpg"}});
    Mock::given(path(format!("/bot{TOKEN}/getFile")))
        .respond_with(ResponseTemplate::new(200).set_body_json(told))
        .mount(&server)
        .await;
    Mock::given(path(format!("/file/bot{TOKEN}/photos/file%201.jpg")))
        .respond_with(ResponseTemplate::new(200).set_body_raw(BYTES, "application/octet-stream"))
        .mount(&server)
        .await;
    let account = with(account("telegram"), "api_base", &server.uri());
    let file = driver("telegram").fetch(&account, "f", 100).await;
    assert_eq!(file, Ok(Fetched::File { bytes: BYTES.to_vec(), mime: None }));
    let refused = driver("telegram").fetch(&account, "f", 14).await.expect_err("too large");
    assert_eq!(refused.code, "telegram.file_too_large");
}

#[tokio::test]
async fn the_files_of_pages_lie_where_their_payloads_say() {
    for kind in ["messenger", "instagram"] {
        let url = "https://cdn.example/a";
        assert_eq!(driver(kind).fetch(&account(kind), url, 1).await, Ok(Fetched::At(url.to_owned())));
    }
    let none = driver("webchat").fetch(&account("webchat"), "x", 1).await.expect_err("no files");
    assert_eq!(none.code, "channel.no_files");
}
