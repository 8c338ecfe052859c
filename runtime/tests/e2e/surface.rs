//! What holds for the whole API: health, envelopes, headers, validation, pages.

use crate::support::server::Server;
use reqwest::{Method, StatusCode};
use serde_json::json;

// req: S2-HLT-1
// req: S0-HLT-1
// req: S1-OPS-1
#[tokio::test]
async fn health_is_open_to_monitors_and_figures_need_a_key() {
    let server = Server::start().await;
    let api = &server.api;
    for path in ["/health", "/api/health"] {
        let health = api.attempt(api.bare(Method::GET, path)).await.unwrap();
        // Without an embedding model it says so, and answers all the same.
        assert_eq!((health.status, &health.body["status"]), (StatusCode::OK, &json!("degraded")), "{path}");
        assert_eq!(health.body["services"], json!({ "store": "ok", "log": "ok", "retrieval": "words_only" }));
        assert!(health.body["hint"].as_str().unwrap().contains("colloquy models install"));
    }
    for path in ["/health/live", "/health/ready"] {
        let health = api.attempt(api.bare(Method::GET, path)).await.unwrap();
        assert_eq!((health.status, &health.body["status"]), (StatusCode::OK, &json!("ok")), "{path}");
    }
    let stranger = api.attempt(api.bare(Method::GET, "/health/detailed")).await.unwrap();
    assert_eq!(stranger.status, StatusCode::UNAUTHORIZED);
    let queues = &api.get("/health/detailed").await.body["queues"];
    for queue in ["log_lag", "inbox_pending", "outbox_backlog", "documents_pending", "dead_letters"] {
        assert_eq!(queues[queue], 0, "{queue}");
    }
}

// req: S0-ERR-1
// req: S3-ERR-1
// req: S0-SEC-1
#[tokio::test]
async fn every_refusal_has_the_same_envelope_and_every_answer_the_headers() {
    let server = Server::start().await;
    let api = &server.api;
    for (method, path, status, code) in [
        (Method::GET, "/api/nothing", 404, "NOT_FOUND"),
        (Method::PATCH, "/api/chat", 405, "METHOD_NOT_ALLOWED"),
        (Method::GET, "/api/agents/no-id", 400, "VALIDATION_FAILED"),
        (Method::GET, "/api/agents/0190a0a0-0000-7000-8000-000000000000", 404, "NOT_FOUND"),
        (Method::GET, "/api/conversations?page=0", 400, "VALIDATION_FAILED"),
        (Method::GET, "/api/conversations?limit=101", 400, "VALIDATION_FAILED"),
        (Method::POST, "/webhooks/0190a0a0-0000-7000-8000-000000000000", 404, "NOT_FOUND"),
        (Method::POST, "/webhooks/..%2F..%2Fapi", 404, "NOT_FOUND"),
    ] {
        let refused = api.attempt(api.request(method.clone(), path)).await.unwrap();
        assert_eq!((refused.status.as_u16(), &refused.body["code"]), (status, &json!(code)), "{method} {path}");
        assert_eq!((&refused.body["success"], &refused.body["message"]), (&json!(false), &refused.body["error"]));
        assert_eq!(refused.body["requestId"], refused.headers["x-request-id"].to_str().unwrap());
        assert_eq!(refused.headers["x-content-type-options"], "nosniff");
    }
    let text = api.request(Method::POST, "/api/chat").header("content-type", "text/plain").body("hello");
    assert_eq!(api.attempt(text).await.unwrap().status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let huge = json!({ "message": "x".repeat(5 << 20) });
    assert_eq!(api.chat(&huge).await.status, StatusCode::PAYLOAD_TOO_LARGE);
}

// req: S1-AGT-1
// req: S0-VAL-1
#[tokio::test]
async fn agents_are_made_changed_and_removed_and_all_mistakes_are_told_at_once() {
    let server = Server::start().await;
    let api = &server.api;
    let wrong = json!({
        "name": "", "language": "klingon", "model": { "provider": "oracle" }, "tools": ["time_travel"],
        "knowledge": ["nothing"], "min_cosine": 2.0, "deadline_seconds": 0,
    });
    let refused = api.post("/api/agents", &wrong).await;
    let mut fields = refused.fields();
    fields.sort();
    assert_eq!(
        fields,
        ["deadline_seconds", "knowledge[0]", "language", "min_cosine", "model", "name", "tools"],
        "{refused:?}"
    );
    let id = api.agent("Echo", "scripted", &[]).await;
    let path = format!("/api/agents/{id}");
    let changed = api.patch(&path, &json!({ "instructions": "Be brief.", "language": "fr" })).await.data();
    assert_eq!((&changed["name"], &changed["language"]), (&json!("Echo"), &json!("fr")), "what is absent stays");
    let first = api.chat(&json!({ "agent": "Echo", "session": "s", "message": "un" })).await.data();
    assert_eq!(first["reply"]["text"], "un");
    api.patch(&path, &json!({ "enabled": false })).await.data();
    let off = api.chat(&json!({ "agent": "Echo", "session": "s", "message": "deux" })).await.data();
    assert_eq!(off["outcome"], "handed_over", "the change holds at once: {off}");
    let used = api.delete(&path).await;
    assert_eq!((used.status, &used.body["code"]), (StatusCode::CONFLICT, &json!("CONFLICT")));
    assert!(used.body["message"].as_str().unwrap().contains("channels are answered by this agent"), "{used:?}");
    let channels = api.list("/api/channels", "channels").await;
    let own = channels.iter().find(|c| c["agent"] == *id).unwrap()["id"].as_str().unwrap();
    api.delete(&format!("/api/channels/{own}")).await.data();
    api.delete(&path).await.data();
    assert_eq!(api.get(&path).await.status, StatusCode::NOT_FOUND);
}

// req: S3-CNV-1
// req: S3-MSG-1
#[tokio::test]
async fn conversations_and_messages_come_in_pages() {
    let server = Server::start().await;
    let api = &server.api;
    api.agent("Echo", "scripted", &[]).await;
    for n in 0..5 {
        for text in ["hello", "again"] {
            let body = json!({ "agent": "Echo", "session": format!("s{n}"), "message": text });
            assert_eq!(api.chat(&body).await.data()["outcome"], "answered");
        }
    }
    let page = api.get("/api/conversations?limit=2&page=3").await.data();
    assert_eq!(page["pagination"], json!({ "page": 3, "limit": 2, "total": 5, "totalPages": 3 }));
    assert_eq!(page["conversations"][0]["peer"], "s0", "the one that was written to last comes first");
    let id = page["conversations"][0]["id"].as_str().unwrap();
    let last = api.get(&format!("/api/conversations/{id}/messages?limit=2")).await.data();
    let texts: Vec<_> = last["messages"].as_array().unwrap().iter().map(|m| m["text"].clone()).collect();
    assert_eq!((texts, &last["pagination"]["total"]), (vec![json!("again"); 2], &json!(4)));
}
